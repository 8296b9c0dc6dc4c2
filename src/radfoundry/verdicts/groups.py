"""What experts together accept, of samples and of real cases, by finding, side, severity and site.

Real cases are those of the tune split, on which thresholds were chosen: their acceptance flatters.
So each is judged again by thresholds from the other patients (`held_out`).
"""

from collections.abc import Mapping

import pandas as pd

from radfoundry.evaluation.metrics.statistics import wilson
from radfoundry.verdicts import KEPT, REJECTED, UNDECIDED, joint, thresholds

COLUMNS = (
    *("images", "group", "value", "accepted", "undecided", "n"),
    *("fraction", "low", "high", "note"),
)
GROUPS = ("finding", "side", "severity", "size", "site")
SIZES = 3  # groups of equally many samples


def judged(scores: pd.DataFrame, limits: pd.DataFrame) -> pd.Series:
    """Return the verdict on each sample or case, by its name: what `decide` says but for repeats.

    Args:
        scores: Columns sample, expert, score.
        limits: What `thresholds` returns.
    """
    stands = standings(scores, limits)
    found = pd.Series(UNDECIDED, stands.index, dtype=object)
    found[(stands == KEPT).all(axis=1)] = KEPT
    found[(stands == REJECTED).any(axis=1)] = REJECTED
    return found


def standings(scores: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """Return what each expert (columns) says of each sample or case (rows), as a verdict."""
    table = joint.by_case(scores, list(limits["expert"]))
    limit = limits.set_index("expert")["threshold"].astype(float)
    stands = pd.DataFrame(UNDECIDED, table.index, table.columns, dtype=object)
    return stands.mask(table >= limit, KEPT).mask(table < limit, REJECTED)


def held_out(
    real_scores: pd.DataFrame,
    quantiles: Mapping[str, float],
    accept_real: float | None,
    patients: Mapping[str, str],
) -> pd.Series:
    """Return the verdict on each real case by thresholds that its patient had no part in.

    Args:
        real_scores: Columns sample, expert, score, of the tune split.
        quantiles: As for `thresholds`.
        accept_real: As for `thresholds`.
        patients: Case to patient.
    """
    parts = joint.parts_of(list(real_scores["sample"]), patients)
    found = [pd.Series(dtype=object)]
    for part in sorted(set(parts)):
        limits = thresholds(real_scores[parts != part], quantiles, accept_real)
        found.append(judged(real_scores[parts == part], limits))
    return pd.concat(found)


def strata(facts: pd.DataFrame) -> pd.DataFrame:
    """Return which groups each image belongs to: columns sample, group, value; several rows each.

    An image with several findings is in the group of each; one without is in "no finding". What is
    not known is in no group.

    Args:
        facts: Columns sample, findings (a list of {name, side, severity}), site, and area in
            pixels, NaN where there is none; the areas are cut into `SIZES` groups.
    """
    sizes = _sizes(facts["area"]) if "area" in facts else pd.Series("", facts.index)
    rows: list[tuple[str, str, str]] = []
    for index, row in zip(facts.index, facts.to_dict("records"), strict=True):
        shown = {key: {str(one.get(key, "")) for one in row["findings"]}
                 for key in ("name", "side", "severity")}  # fmt: skip
        own = {"finding": shown["name"] or {"no finding"}, "side": shown["side"]}
        own |= {"severity": shown["severity"], "size": {sizes[index]}, "site": {row["site"]}}
        rows += [(row["sample"], group, value)
                 for group in GROUPS for value in sorted(own[group]) if value]  # fmt: skip
    return pd.DataFrame(rows, columns=["sample", "group", "value"])


def by_group(images: str, found: pd.Series, groups: pd.DataFrame, note: str = "") -> pd.DataFrame:
    """Return how many images are accepted, all together and in each group: `COLUMNS`.

    Args:
        images: What they are, such as "samples" or "real".
        found: The verdict on each, by name.
        groups: What `strata` returns.
        note: Of the row of all.
    """
    rows = [_row(images, "all", "all", found, note)]
    for (group, value), own in groups.groupby(["group", "value"], sort=False):
        rows.append(
            _row(images, str(group), str(value), found[found.index.isin(own["sample"])], "")
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = {group: n for n, group in enumerate(("all", *GROUPS))}
    key = table["group"].map(order)
    return table.assign(key=key).sort_values(["key", "value"]).drop(columns="key")


def _row(images: str, group: str, value: str, found: pd.Series, note: str) -> tuple:
    accepted, n = int((found == KEPT).sum()), len(found)
    counts = accepted, int((found == UNDECIDED).sum()), n
    return images, group, value, *counts, *wilson(accepted, n), note


def _sizes(areas: pd.Series) -> pd.Series:
    """Return the range of pixels that each area lies in; "" where there is none."""
    known = pd.to_numeric(areas, errors="coerce")
    known = known[known > 0]
    named = pd.Series("", areas.index, dtype=object)
    if known.nunique() < SIZES:
        return named
    place = pd.qcut(known, SIZES, labels=False, duplicates="drop")
    for _, own in known.groupby(place):
        named[own.index] = f"{own.min():.0f} to {own.max():.0f} pixels"
    return named
