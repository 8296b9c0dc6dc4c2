"""How well lesions of whole cases are marked: overlap, and in how many cases they are found."""

from functools import partial

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics.few_shot import DICE, NAN, SHARE, Figure

FOUND = 0.1  # of a case's lesion voxels: with as many marked it counts as found
SIZES = ("small", "medium", "large")  # thirds of the tested cases, by their lesions' voxels


def sized(rows: pd.DataFrame, size: str) -> pd.Series:
    """Return which cases show a lesion of a size; "" for any.

    Sizes are thirds of the tested cases, by their lesions' voxels at the network's size: cases of
    unlike extent do not compare.
    """
    shown = rows["truth"] == 1
    if not size or not shown.any():
        return shown
    ends = rows.loc[shown, "voxels"].quantile([1 / 3, 2 / 3])
    return shown & (np.searchsorted(ends, rows["voxels"]) == SIZES.index(size))


def sensitivity(rows: pd.DataFrame, weights: np.ndarray, size: str = "") -> np.ndarray:
    """Return the share of cases whose lesion is found; NaN where there is none. For each row.

    Several lesions of a case are one; what is marked elsewhere does not count.
    """
    found = (rows["tp"] >= FOUND * (rows["tp"] + rows["fn"])).to_numpy(float)
    return _mean(np.where(rows["tp"].isna(), NAN, found), sized(rows, size).to_numpy(), weights)


def overlap(rows: pd.DataFrame, weights: np.ndarray, size: str = "") -> np.ndarray:
    """Return the mean Dice of cases with a lesion of a size, for every row of weights."""
    hit, extra, missed = rows[["tp", "fp", "fn"]].to_numpy(float).T
    whole = 2 * hit + extra + missed
    each = np.divide(2 * hit, whole, out=np.full(len(whole), NAN), where=whole > 0)
    return _mean(each, sized(rows, size).to_numpy(), weights)


def _mean(values: np.ndarray, chosen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    own = weights[:, chosen]
    total = own.sum(1)
    return np.divide(own @ values[chosen], total, out=np.full(len(total), NAN), where=total > 0)


def told(rows: pd.DataFrame, size: str) -> str:
    """Return how many cases a size has, and that there is no figure where it has none."""
    count = int(sized(rows, size).sum())
    return f"{count} cases, by thirds of size" if count else "not defined: no case of this size"


SENSITIVITY = Figure(
    "few_shot_sensitivity", f"{SHARE}_sensitivity", sensitivity, DICE.counts, DICE.lacking,
    lambda _: f"found: at least {FOUND:.0%} of a case's lesion is marked, whatever else is",
)  # fmt: skip
SIZED = tuple(
    figure._replace(
        name=f"{figure.name}_{size}", measured=partial(measured, size=size), compared=False,
        counts=partial(sized, size=size), told=partial(told, size=size),
    )
    for figure, measured in ((DICE, overlap), (SENSITIVITY, sensitivity))
    for size in SIZES
)  # fmt: skip
FIGURES = (DICE, SENSITIVITY, *SIZED)
