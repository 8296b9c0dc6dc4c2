"""What every arm reaches in each subgroup of the test patients: by sex, age, view and site.

No network runs here: figures are those of predictions that were made. Patients and trainings are
drawn again once for all arms and groups, so that differences are paired. A group is small, and
there are many of them: a gap between two is a question to ask, and no test of fairness.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.metrics.few_shot import Figure
from radfoundry.evaluation.metrics.resampling import Resampled, aligned, reached, resampled
from radfoundry.evaluation.metrics.statistics import LEVEL, interval

UNKNOWN = "unknown"
ANY = "any"  # of findings, where a task asks for no one in particular
AREAS = ("utility_auroc", "image_auroc")  # of tasks whose trainings differ in chance alone
FIGURES: Mapping[str, Figure] = {
    figure.name: figure
    for figure in (
        few_shot.AREA, few_shot.DICE, few_shot.LOOSE, few_shot.STRICT,
        *(few_shot.AREA._replace(name=name, fewest=1) for name in AREAS),
    )
}  # fmt: skip
COLUMNS = (
    *("metric", "arm", "test", "findings", "attribute", "group"),
    *("value", "low", "high", "n", "patients", "positives", "note"),
)
Found = dict[tuple[str, str], np.ndarray]  # metric and arm to (1 + draws,): a value, and its draws


class Question(NamedTuple):
    """What is asked of subgroups.

    Attributes:
        figures: Names in `FIGURES`.
        baseline: The arm that the others are compared to.
        fewest: Patients that a group must have for a figure.
    """

    figures: Sequence[str]
    baseline: str
    fewest: int


class Part(NamedTuple):
    """Test cases of one cohort, or of a group of them, with what all arms say of each.

    Attributes:
        order: (n rows) case, patient, truth.
        arms: Of each arm the rows of its trainings, in that order.
        drawn: These cases and trainings, drawn again.
    """

    order: pd.DataFrame
    arms: Mapping[str, Sequence[pd.DataFrame]]
    drawn: Resampled

    def at(self, inside: np.ndarray) -> "Part":
        """Return some of the cases, by (n,) booleans; draws stay those of all cases."""
        arms = {arm: [rows[inside] for rows in own] for arm, own in self.arms.items()}
        drawn = Resampled(self.drawn.weights[:, inside], self.drawn.shares)
        return Part(self.order[inside], arms, drawn)


def groups_of(cases: pd.DataFrame, by: Sequence[str], age_bands: Sequence[int]) -> pd.DataFrame:
    """Return the group of each case, for every attribute that some case states.

    >>> cases = pd.DataFrame({"cohort": "a", "case": ["x", "y"], "sex": ["F", ""]})
    >>> cases["age"] = [17.9, 70]
    >>> groups_of(cases, ["sex", "age", "view"], [18, 65])
      cohort case      sex          age
    0      a    x        F     under 18
    1      a    y  unknown  65 and over

    Args:
        cases: Rows of the table `cases`, with the cohort; a column that is missing states nothing.
        by: Attributes wanted: columns of it.
        age_bands: Ages, in years, at which a new band begins; ascending.

    Returns:
        cohort, case, and ordered categories of each attribute, `unknown` the last of them.
    """
    found = {}
    for name in (name for name in by if name in cases):
        own = _bands(cases[name], age_bands) if name == "age" else _named(cases[name])
        if own.notna().any():
            found[name] = own.cat.add_categories(UNKNOWN).fillna(UNKNOWN)
    return cases[["cohort", "case"]].assign(**found)


def compared(
    predictions: pd.DataFrame,
    groups: pd.DataFrame,
    question: Question,
    chance: tuple[int, np.random.Generator],
) -> pd.DataFrame:
    """Return what every arm reaches in each group, gains on the baseline, and the widest gaps.

    Args:
        predictions: Rows of every arm and seed as `few_shot.summarised` takes them; without a
            truth, a case with any of its `findings` counts as positive.
        groups: What `groups_of` returns, of the cases tested and others.
        question: What is asked.
        chance: Bootstrap samples, and their source of chance.

    Returns:
        `COLUMNS`. `<metric>` and `<metric>_gain` (arm `other-baseline`) of each group, NaN where it
        has fewer than `fewest` patients or where its cases define no figure, and why; and, as
        `<metric>_gap` and `<metric>_gain_gap`, how far the highest group lies above the lowest
        (group `M minus F`), `unknown` left out. That interval is as wide as it must be for every
        pair of groups at once (Bonferroni), for the pair is chosen after looking. An attribute in
        which all tested cases of a cohort agree has no rows.
    """
    known, rows = _known(predictions), []
    for (cohort, finding), own in known.groupby(["cohort", "finding"], sort=False):
        tested = _whole(own, chance)
        labels = tested.order[["cohort", "case"]].merge(groups, "left", ["cohort", "case"])
        for attribute in labels.columns[2:]:
            where = {"test": str(cohort), "findings": str(finding), "attribute": attribute}
            own_groups = labels[attribute].fillna(UNKNOWN)
            rows += [where | row for row in _rows(tested, own_groups, question)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _named(stated: pd.Series) -> pd.Series:
    """Return what is stated as categories, in order; NaN where nothing is."""
    text = stated.astype(object).where(stated.notna() & ~stated.isin(["", UNKNOWN]))
    return text.astype(pd.CategoricalDtype(sorted(text.dropna().unique()), ordered=True))


def _bands(ages: pd.Series, edges: Sequence[int]) -> pd.Series:
    """Return the band of each age; NaN where it is not known."""
    inner = [f"{low} to {high - 1}" for low, high in pairwise(edges)]
    names = [f"under {edges[0]}", *inner, f"{edges[-1]} and over"]
    return pd.cut(pd.to_numeric(ages), [-np.inf, *edges, np.inf], right=False, labels=names)


def _known(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose truth is known, each with what it was asked for."""
    if "truth" in predictions:
        return predictions[predictions["truth"].notna()]
    ill = (predictions["findings"] != "").astype(float)
    return predictions.assign(truth=ill, finding=ANY)


def _whole(cases: pd.DataFrame, chance: tuple[int, np.random.Generator]) -> Part:
    order = cases.drop_duplicates("case").sort_values("case", ignore_index=True)
    seeds = sorted(cases["seed"].unique())
    drawn = resampled(order["patient"].to_numpy(), len(seeds), *chance)
    return Part(order, aligned(cases, list(order["case"]), seeds), drawn)


def _rows(tested: Part, labels: pd.Series, question: Question) -> Iterator[dict]:
    """Yield the rows of one attribute, whose group each case has in `labels`."""
    names = [name for name in labels.cat.categories if (labels == name).any()]
    parts = {name: tested.at((labels == name).to_numpy()) for name in names}
    for figure in (FIGURES[name] for name in question.figures if len(names) > 1):
        sized: dict[str, tuple[Found, dict[str, int]]] = {}
        for name, part in parts.items():
            about, why = _about(part, figure, question.fewest)
            found = _found(part, figure, question.baseline, why)
            for (metric, arm), values in found.items():
                note = why or (_notes(part, arm) if np.isnan(values[0]) else "")
                row = {"metric": metric, "arm": arm, "group": name, "note": note}
                yield row | about | interval(values[0], values[1:])._asdict()
            if not why and name != UNKNOWN:
                sized[name] = (found, about)
        yield from _gaps(sized)


def _about(part: Part, figure: Figure, fewest: int) -> tuple[dict[str, int], str]:
    """Return how many a figure is of, and why there is none; "" where there is."""
    counted = part.order[figure.counts(part.order)]
    ill, patients = int((part.order["truth"] == 1).sum()), counted["patient"].nunique()
    about = {"n": len(counted), "patients": patients, "positives": ill}
    few = f"fewer than {fewest} patients" if patients < fewest else ""
    return about, "; ".join(filter(None, [few, figure.lacking(ill, len(part.order))]))


def _found(part: Part, figure: Figure, baseline: str, why: str) -> Found:
    """Return what arms reach and gain; NaN where there is a reason why not."""
    nothing = np.full(len(part.drawn.weights), np.nan)
    arms = {
        arm: nothing if why else reached(rows, figure.measured, part.drawn, figure.fewest)
        for arm, rows in part.arms.items()
    }
    found = {(figure.name, arm): values for arm, values in arms.items()}
    others = [arm for arm in arms if arm != baseline and baseline in arms]
    gains = {f"{arm}-{baseline}": arms[arm] - arms[baseline] for arm in others}
    return found | {(f"{figure.name}_gain", pair): values for pair, values in gains.items()}


def _gaps(groups: Mapping[str, tuple[Found, Mapping[str, int]]]) -> Iterator[dict]:
    """Yield how far the highest of some groups lies above the lowest, for each metric and arm."""
    for metric, arm in next((found for found, _ in groups.values()), {}):
        values = {name: found[metric, arm] for name, (found, _) in groups.items()}
        ranked = sorted((v[0], name) for name, v in values.items() if np.isfinite(v[0]))
        if len(ranked) < 2:
            continue
        (_, lowest), *_, (_, highest) = ranked
        gap, pairs = values[highest] - values[lowest], len(ranked) * (len(ranked) - 1) // 2
        about = [groups[name][1] for _, name in ranked]
        counts = {name: sum(each[name] for each in about) for name in about[0]}
        note = f"interval wide enough for all {pairs} pairs of {len(ranked)} groups"
        row = {"metric": f"{metric}_gap", "arm": arm, "group": f"{highest} minus {lowest}"}
        limits = interval(gap[0], gap[1:], 1 - (1 - LEVEL) / pairs)
        yield row | counts | {"note": note * (pairs > 1)} | limits._asdict()


def _notes(part: Part, arm: str) -> str:
    """Return why an arm, or one of two, has no figure, as its trainings tell."""
    told = [rows["note"] for own in arm.split("-") for rows in part.arms[own] if "note" in rows]
    return "; ".join(sorted({str(note) for notes in told for note in notes} - {""}))
