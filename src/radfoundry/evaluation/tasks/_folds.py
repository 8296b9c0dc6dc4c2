"""The folds that classifiers are tested in, and training sets with as many of each kind."""

from collections.abc import Sequence
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold


def folds_of(labels: np.ndarray, patients: Sequence[str], count: int) -> np.ndarray:
    """Return the fold of every case: no patient in two, findings spread as evenly as can be.

    Nothing is drawn: equal cases in equal order have equal folds, so all arms are tested alike.

    Args:
        labels: (n, k) 1, 0 or NaN.
        patients: (n,) the patient of each case.
        count: Folds wanted; there are never more than patients.

    Returns:
        (n,) integers from 0; all 0 where there are fewer than two patients.
    """
    folds = np.zeros(len(labels), int)
    count = min(count, len(set(patients)))
    if count < 2:
        return folds
    rare = np.argsort(np.nansum(labels, 0), kind="stable")  # what is rare must be spread first
    shown = labels[:, rare] == 1
    kinds = np.where(shown.any(1), 1 + shown.argmax(1), 0)
    spread = np.bincount(kinds).max() >= count
    splitter = StratifiedGroupKFold(count) if spread else GroupKFold(count)
    with catch_warnings():  # a finding with fewer cases than folds is no news here
        simplefilter("ignore", UserWarning)
        parts = list(splitter.split(labels, kinds, patients))
    for fold, (_, held) in enumerate(parts):
        folds[held] = fold
    return folds


def balanced(labels: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return labels of as many images with a finding as without, for each finding; NaN elsewhere.

    Args:
        labels: (n, k) 1, 0 or NaN.
        most: Images with, and images without, at most.
        rng: Chooses among them.

    Returns:
        (n, k); a column is all NaN where one of the two kinds is missing.
    """
    chosen = np.full(labels.shape, np.nan)
    for finding, column in enumerate(labels.T):
        kinds = [np.flatnonzero(column == value) for value in (1, 0)]
        count = min(most, *map(len, kinds))
        for value, rows in zip((1, 0), kinds, strict=True):
            chosen[rng.permutation(rows)[:count], finding] = value
    return chosen
