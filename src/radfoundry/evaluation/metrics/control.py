"""How well what is measured follows what was asked for: rank and linear agreement, cross-talk."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from radfoundry.evaluation.metrics.statistics import Interval, interval, patient_weights

FEWEST = 5  # pairs: of fewer there is no figure
NAN = float("nan")


class Agreement(NamedTuple):
    """Asked against measured.

    Attributes:
        spearman: Rank correlation, its interval drawn by patient.
        slope: Of the line of measured on asked.
        r2: Share of the variance of what was measured that the line explains.
        concordance: Lin's: 1 where every value is the one asked for.
        mae: Mean absolute error, in the feature's unit.
        n: Pairs.
    """

    spearman: Interval
    slope: float
    r2: float
    concordance: float
    mae: float
    n: int


def agreement(
    asked: np.ndarray,
    measured: np.ndarray,
    patients: Sequence[str],
    draws: int,
    rng: np.random.Generator,
) -> Agreement:
    """Return how measured values follow those asked for; NaN of fewer than `FEWEST` pairs.

    Pairs of which one is NaN are left out.

    Args:
        asked: (n,).
        measured: (n,).
        patients: Whose sources they were drawn from; intervals are drawn by patient.
        draws: Bootstrap samples.
        rng: Source of chance.
    """
    known = np.isfinite(asked) & np.isfinite(measured)
    x, y, whose = asked[known], measured[known], np.asarray(patients, str)[known]
    if len(x) < FEWEST or np.ptp(x) == 0:
        return Agreement(Interval(NAN, NAN, NAN), NAN, NAN, NAN, NAN, len(x))
    weights = patient_weights(whose, draws, rng)
    found = interval(spearman(x, y), np.array([_resampled(x, y, row) for row in weights]))
    covariance = np.cov(x, y, bias=True)
    slope = covariance[0, 1] / covariance[0, 0]
    r2 = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1]) if np.ptp(y) else 0.0
    below = covariance[0, 0] + covariance[1, 1] + (x.mean() - y.mean()) ** 2
    same = 2 * covariance[0, 1] / below
    off = float(np.abs(x - y).mean())
    return Agreement(found, float(slope), float(r2), float(same), off, len(x))


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return the rank correlation; 0 where all values of one are equal: nothing follows.

    >>> spearman(np.array([1.0, 2, 3, 4]), np.array([10.0, 20, 25, 90]))
    1.0
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return round(float(stats.spearmanr(first, second).statistic), 12)


def _resampled(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> float:
    rows = np.repeat(np.arange(len(x)), counts)
    if len(rows) < FEWEST or np.ptp(x[rows]) == 0:
        return NAN
    return spearman(x[rows], y[rows])


def shuffled(asked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what was asked of other samples: values moved by at least one place, in random order.

    NaN stay where they are.
    """
    out, known = asked.copy(), np.flatnonzero(np.isfinite(asked))
    order = rng.permutation(known)
    out[order] = asked[np.roll(order, 1)]
    return out
