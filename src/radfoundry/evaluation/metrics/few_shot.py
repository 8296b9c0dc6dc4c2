"""What cases add to a few patients: areas or overlaps, their gains, and the share of real gain.

No network runs here. Each row of the bootstrap draws patients of the test set and draws of the k
patients again, both for all arms together, so that differences and their ratio are paired.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import boxes, lesions, utility
from radfoundry.evaluation.metrics.effects import FEWEST
from radfoundry.evaluation.metrics.resampling import aligned, reached, resampled
from radfoundry.evaluation.metrics.statistics import Interval, difference, interval

AUROC, SHARE = "few_shot_auroc", "share_of_real_gain"
BASELINE, CONTROL, ADDED = "real_repeated", "extra_real", "synthetic_added"
PRETRAINED, UNFILTERED, NULL = "synthetic_pretrained", "synthetic_unfiltered", "untrained"
UNFILTERED_PRETRAINED, NULL_PRETRAINED = "unfiltered_pretrained", "untrained_pretrained"
# What arms are compared to, beside the baseline: plain augmentation, further patients, and the same
# arm without what is claimed of it, which is the filter or all that networks learned.
RIVALS: Mapping[str, tuple[str, ...]] = {
    ADDED: ("real_augmented", CONTROL, "copy_paste", UNFILTERED, NULL),
    UNFILTERED: (NULL,),  # which no expert filters either
    PRETRAINED: (CONTROL, "copy_paste", UNFILTERED_PRETRAINED, NULL_PRETRAINED),
    UNFILTERED_PRETRAINED: (NULL_PRETRAINED,),
}
FILTERED = {(ADDED, NULL): UNFILTERED, (PRETRAINED, NULL_PRETRAINED): UNFILTERED_PRETRAINED}
NAN = float("nan")


class Figure(NamedTuple):
    """What is measured of an arm.

    Attributes:
        name: As a row of the scorecard.
        share: The same of the share of the real gain.
        measured: Returns (draws,) of one training, from its rows (columns truth, score, threshold
            or tp, fp, fn) and weights (draws, n); NaN where it is not defined.
        counts: Returns how many of the cases a figure is of.
        lacking: Returns why it is not defined for these cases; "" where it is.
        told: Returns what else there is to say of these cases.
        compared: Whether arms are compared by it.
        fewest: Of fewer trainings it has no interval: which patients were drawn to be taught by is
            most of what is not known, and so few draws say too little of it.
    """

    name: str
    share: str
    measured: Callable[[pd.DataFrame, np.ndarray], np.ndarray]
    counts: Callable[[pd.DataFrame], pd.Series]
    lacking: Callable[[int, int], str]
    told: Callable[[pd.DataFrame], str] = lambda _: ""
    compared: bool = True
    fewest: int = FEWEST


def area(rows: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve for every row of weights."""
    return utility.measured(rows, weights)[:, utility.METRICS.index("utility_auroc")]


def overlap(rows: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Return the mean Dice of cases that show the finding, for every row of weights.

    NaN where none of them has weight, or one was not marked.
    """
    shown = rows["truth"].to_numpy(float) == 1
    hit, extra, missed = rows.loc[shown, ["tp", "fp", "fn"]].to_numpy(float).T
    whole = 2 * hit + extra + missed
    each = np.divide(2 * hit, whole, out=np.full(len(whole), NAN), where=whole > 0)
    own = weights[:, shown]
    total = own.sum(1)
    return np.divide(own @ each, total, out=np.full(len(total), NAN), where=total > 0)


AREA = Figure(
    AUROC, SHARE, area, lambda rows: rows["truth"].notna(),
    lambda ill, n: "not defined: one kind only" if ill in (0, n) else "",
)  # fmt: skip
DICE = Figure(
    "few_shot_dice", f"{SHARE}_dice", overlap, lambda rows: rows["truth"] == 1,
    lambda ill, _: "" if ill else "not defined: no case with a mask of it",
)  # fmt: skip
LOOSE, STRICT = (
    Figure(
        f"few_shot_ap{round(100 * least)}", f"{SHARE}_ap{round(100 * least)}",
        partial(lesions.precision, least=least), lambda rows: rows["truth"].notna(),
        lambda ill, _: "" if ill else "not defined: no case with a mask of it", lesions.told,
    )
    for least in (boxes.LOOSE, boxes.STRICT)
)  # fmt: skip
SIZED = tuple(
    LOOSE._replace(
        name=f"{LOOSE.name}_{size}", measured=partial(lesions.precision, size=size), compared=False
    )
    for size in boxes.BINS
)
PRECISIONS = (LOOSE, STRICT, *SIZED)  # of one size arms stand beside each other, with their counts


def summarised(
    predictions: pd.DataFrame, draws: int, rng: np.random.Generator, figure: Figure = AREA
) -> pd.DataFrame:
    """Return the figure of every arm, paired differences, and the share of the real gain.

    A value is the mean over draws of the k patients; of fewer than `FEWEST` it has no interval. The
    share is what samples gain on k real
    patients, repeated, in parts of what as many further patients gain; it is NaN where the
    interval of that gain is not wholly above 0: there is nothing to be measured by.

    Args:
        predictions: arm, seed (the draw), case, patient, cohort, finding (`target/k`), truth
            (1, 0, NaN if not known), samples, extra, note, and what the figure is made from; every
            arm and seed has the same cases.
        draws: Bootstrap samples.
        rng: Source of chance.
        figure: What is measured.

    Returns:
        metric, arm (for differences `other-baseline`), test (the cohort), findings (`target/k`),
        value, low, high, n (cases that the figure is of), patients, note.
    """
    rows: list[dict] = []
    known = predictions[predictions["truth"].notna()]
    for (cohort, finding), cases in known.groupby(["cohort", "finding"], sort=False):
        where = {"test": str(cohort), "findings": str(finding)}
        rows += [where | row for row in _rows(cases, figure, draws, rng)]
    return pd.DataFrame(rows, columns=list(utility.COLUMNS))


def share(
    added: np.ndarray, control: np.ndarray, baseline: np.ndarray
) -> tuple[Interval, Interval]:
    """Return (added - baseline) / (control - baseline) with its interval, and the control's gain.

    Args:
        added: (1 + draws,) of the arm with samples: the value, then its paired draws.
        control: The same with further real cases.
        baseline: The same of neither.

    Returns:
        The share, NaN where the control's interval is not above 0; and that gain.
    """
    gain = difference((control[0], baseline[0]), (control[1:], baseline[1:]))
    if not gain.low > 0:
        return Interval(NAN, NAN, NAN), gain
    below = control - baseline
    parts = np.divide(added - baseline, below, out=np.full(len(below), NAN), where=below != 0)
    found = interval(parts[0], parts[1:])
    # A ratio's draws are skewed: the interval is made to hold the value.
    return Interval(found.value, min(found.low, found.value), max(found.high, found.value)), gain


def _rows(
    cases: pd.DataFrame, figure: Figure, draws: int, rng: np.random.Generator
) -> Iterator[dict]:
    order = cases.drop_duplicates("case").sort_values("case")
    drawn = _drawn(cases, order, figure, (draws, rng))
    counted = order[figure.counts(order)]
    about = {"n": len(counted), "patients": counted["patient"].nunique()}
    arms = {str(arm): own for arm, own in cases.groupby("arm", sort=False)}
    notes = {arm: _note(order, own, figure) for arm, own in arms.items()}
    for arm, values in drawn.items():
        found = interval(values[0], values[1:])
        yield {"metric": figure.name, "arm": arm, "note": notes[arm], **found._asdict(), **about}
    if figure.compared:
        for row in _compared(drawn, arms, notes, figure):
            yield row | about


def _compared(
    drawn: Mapping[str, np.ndarray],
    arms: Mapping[str, pd.DataFrame],
    notes: Mapping[str, str],
    figure: Figure,
) -> Iterator[dict]:
    """Yield what arms gain on each other, and the share of the real gain."""
    for arm, other in _pairs(list(drawn)):
        pair = drawn[arm], drawn[other]
        gain = difference((pair[0][0], pair[1][0]), (pair[0][1:], pair[1][1:]))
        note = notes[arm] if np.isfinite(pair[1][0]) else notes[other]
        if unlike := _unlike(arms[arm], arms[other]):
            gain, note = Interval(NAN, NAN, NAN), f"{note}; {unlike}"
        if sibling := FILTERED.get((arm, other)):
            note += f"; the null arm passes no filter: {sibling} stands beside it unfiltered"
        row = {"metric": f"{figure.name}_gain", "arm": f"{arm}-{other}", "note": note}
        yield {**row, **gain._asdict()}
    if {ADDED, CONTROL, BASELINE} <= set(drawn):
        found, gain = share(drawn[ADDED], drawn[CONTROL], drawn[BASELINE])
        row = {"metric": figure.share, "arm": ADDED, "note": f"{notes[ADDED]}; {_measure(gain)}"}
        yield {**row, **found._asdict()}


def _drawn(
    cases: pd.DataFrame, order: pd.DataFrame, figure: Figure, chance: tuple
) -> Mapping[str, np.ndarray]:
    """Return (1 + draws,) of every arm: the value, then draws that are paired between arms."""
    seeds = sorted(cases["seed"].unique())
    drawn = resampled(order["patient"].to_numpy(), len(seeds), *chance)
    arms = aligned(cases, list(order["case"]), seeds)
    return {arm: reached(rows, figure.measured, drawn, figure.fewest) for arm, rows in arms.items()}


def _pairs(arms: list[str]) -> list[tuple[str, str]]:
    pairs = [(arm, BASELINE) for arm in arms if arm != BASELINE]
    pairs += [(arm, rival) for arm, rivals in RIVALS.items() for rival in rivals]
    return [(arm, other) for arm, other in pairs if {arm, other} <= set(arms)]


def _unlike(own: pd.DataFrame, other: pd.DataFrame) -> str:
    """Return why two arms are not compared: samples teach both, and not equally many; or ""."""
    counts = [rows.groupby("seed")["samples"].first() for rows in (own, other)]
    if not min(count.max() for count in counts) or counts[0].equals(counts[1]):
        return ""
    return f"not compared: {' against '.join(map(_span, counts))} samples of each kind"


def _span(counts: pd.Series) -> str:
    """Return a number, or the least and the most of several: "4 to 9"."""
    least, most = int(counts.min()), int(counts.max())
    return str(most) if least == most else f"{least} to {most}"


def _measure(gain: Interval) -> str:
    """Return what a share is measured by, and why there is none."""
    if not np.isfinite(gain.low):
        return "not defined: the gain of further real cases is not known"
    words = f"the gain of further real cases, {gain.value:.3f} ({gain.low:.3f} to {gain.high:.3f})"
    return f"in parts of {words}" if gain.low > 0 else f"not defined: {words}, is not above 0"


def _note(order: pd.DataFrame, own: pd.DataFrame, figure: Figure) -> str:
    """Return who stands against whom, what was added, and why a figure is missing."""
    ill, draws = int((order["truth"] == 1).sum()), own["seed"].nunique()
    parts = [f"{ill} positive, {len(order) - ill} negative", f"{draws} draws of patients"]
    for column, words in (("samples", "samples"), ("extra", "further patients")):
        if own[column].max():
            parts.append(f"{_span(own[column])} {words} of each kind")
    parts += filter(None, [figure.told(order), figure.lacking(ill, len(order))])
    return "; ".join([*parts, *sorted(set(own["note"]) - {""})])
