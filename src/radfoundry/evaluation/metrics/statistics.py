"""Intervals and paired differences, with patients as the unit that is drawn again."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95


class Interval(NamedTuple):
    """A value with its confidence limits; NaN where they are not defined."""

    value: float
    low: float
    high: float


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Return a fraction with Wilson's score interval; NaN if n is 0.

    >>> [round(x, 3) for x in wilson(8, 10)]
    [0.8, 0.49, 0.943]
    """
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    limits = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    return Interval(successes / n, float(limits.low), float(limits.high))


def patient_weights(
    patients: Sequence[str] | np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how often each case counts when patients are drawn again with replacement.

    All cases of a patient come and go together: exams of one person are not independent.

    Args:
        patients: (n,) the patient of each case.
        draws: How many bootstrap samples.
        rng: Source of chance.

    Returns:
        (draws, n) integers.
    """
    owners, owner = np.unique(np.asarray(patients, str), return_inverse=True)
    if len(owners) == 0:
        return np.zeros((draws, 0), int)
    chances = np.full(len(owners), 1 / len(owners))
    return rng.multinomial(len(owners), chances, size=draws)[:, owner]


def interval(value: float, drawn: np.ndarray, level: float = LEVEL) -> Interval:
    """Return a value with the percentile interval of its bootstrap draws.

    Draws where the metric is not defined are left out; if more than half are, the limits are NaN.
    """
    defined = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or 2 * len(defined) < max(1, len(drawn)):
        return Interval(float(value), float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high))


def difference(
    values: tuple[float, float], drawn: tuple[np.ndarray, np.ndarray], level: float = LEVEL
) -> Interval:
    """Return first minus second with a paired interval: draw by draw over the same patients.

    Args:
        values: The two methods' values on all cases.
        drawn: (draws,) of each, made from the same `patient_weights`.
        level: Confidence of the interval.
    """
    if drawn[0].shape != drawn[1].shape:
        raise ValueError(f"draws are not paired: {drawn[0].shape} and {drawn[1].shape}")
    return interval(values[0] - values[1], drawn[0] - drawn[1], level)
