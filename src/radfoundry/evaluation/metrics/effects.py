"""How far two groups of measurements lie apart, and whether luck would explain it.

A measurement that is not defined (NaN) belongs to no group. A group of fewer than two, or two
groups without any spread, have no effect size and no p: NaN.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from radfoundry.evaluation.metrics.statistics import Interval, difference, interval, patient_weights

NAN = float("nan")
FEWEST = 5  # fewer units, drawn again, make intervals that are far too narrow
Pair = tuple[np.ndarray, np.ndarray]
Groups = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]  # measurements and their weights


def welch(first: np.ndarray, second: np.ndarray) -> float:
    """Return the one-tailed p that the first group's mean is not above the second's.

    Two-sample t test in Welch's form: the groups may differ in spread, as those of a finding that
    is there and one that is not always do.

    Args:
        first: (n,) measurements; NaN is left out.
        second: (m,) measurements; NaN is left out.
    """
    groups = [values[np.isfinite(values)] for values in (first, second)]
    if min(map(len, groups)) < 2 or not any(np.ptp(values) for values in groups):
        return NAN
    return float(stats.ttest_ind(*groups, alternative="greater", equal_var=False).pvalue)


def hedges(means: Pair, variances: Pair, counts: Pair) -> np.ndarray:
    """Return Hedges' g, elementwise: difference of means over the pooled standard deviation.

    Corrected for small groups by 1 - 3 / (4 (n + m - 2) - 1) (Hedges 1981); NaN where
    either group has fewer than two, or neither has any spread.

    >>> one, three, nine = (np.array([n]) for n in (1.0, 3.0, 9.0))
    >>> hedges((three, one), (one, one), (nine, nine)).round(3)
    array([1.905])
    """
    freedom = counts[0] + counts[1] - 2
    squares = (counts[0] - 1) * variances[0] + (counts[1] - 1) * variances[1]
    defined = (counts[0] > 1) & (counts[1] > 1) & (squares > 0)
    pooled = np.sqrt(np.where(defined, squares, NAN) / np.where(defined, freedom, NAN))
    return (means[0] - means[1]) / pooled * (1 - 3 / (4 * freedom - 1))


def alike(values: Pair) -> bool:
    """Return whether two cases or more of each group measure the same, such as nothing."""
    both, counts = np.concatenate(values), [int(np.isfinite(own).sum()) for own in values]
    return min(counts) > 1 and bool(np.nanmin(both) == np.nanmax(both))


def separation(groups: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> Interval:
    """Return Hedges' g of two groups with its bootstrap interval.

    Args:
        groups: (n,) and (m,) measurements; NaN is left out.
        weights: (draws, n) and (draws, m): how often each counts in each bootstrap sample.

    Returns:
        g with percentile limits, which are widened to hold it: g of few cases drawn again is
        biased away from 0. Groups of fewer than `FEWEST` have no limits.
    """
    whole = tuple(np.ones((1, len(values))) for values in groups)
    value = float(_drawn(groups, whole)[0])
    if min(int(np.isfinite(values).sum()) for values in groups) < FEWEST:
        return Interval(value, NAN, NAN)
    found = interval(value, _drawn(groups, weights))
    return Interval(value, min(found.low, value), max(found.high, value))


def share(part: Groups, whole: Groups) -> Interval:
    """Return one effect as a share of another: the ratio of two Hedges' g of other samples.

    Args:
        part: Groups and weights, as `separation` takes them.
        whole: The same of the effect that it is a share of.

    Returns:
        The ratio with percentile limits, widened to hold it as in `separation`; below 0 where the
        effects point different ways, and 0 without limits where the part's groups are all alike.
        NaN where the whole has no interval or one that holds 0: of what may be nothing there is no
        share.
    """
    parts, wholes = separation(*part), separation(*whole)
    if not (wholes.low > 0 or wholes.high < 0):
        return Interval(NAN, NAN, NAN)
    value = 0.0 if alike((part[0][0], part[0][1])) else parts.value / wholes.value
    if not np.isfinite(parts.low):
        return Interval(value, NAN, NAN)
    found = interval(value, _drawn(*part) / _drawn(*whole))
    return Interval(value, min(found.low, value), max(found.high, value))


def _drawn(groups: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> np.ndarray:
    """Return g of every bootstrap sample, (draws,)."""
    parts = [_moments(values, own) for values, own in zip(groups, weights, strict=True)]
    means, variances, counts = zip(*parts, strict=True)
    return hedges(means, variances, counts)


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, unbiased variance and count of each draw, all (draws,)."""
    known = np.isfinite(values)
    values, weights = values[known], weights[:, known].astype(float)
    count = weights.sum(1)
    mean = np.divide(weights @ values, count, out=np.full(len(count), NAN), where=count > 0)
    squares = (weights * (values - np.nan_to_num(mean)[:, None]) ** 2).sum(1)
    return mean, np.divide(squares, count - 1, out=np.full(len(count), NAN), where=count > 1), count


def mean(
    values: np.ndarray, units: Sequence[str] | np.ndarray, draws: int, rng: np.random.Generator
) -> Interval:
    """Return the mean of the defined values with an interval; fewer than `FEWEST` units have none.

    Args:
        values: (n,) measurements; NaN is left out.
        units: (n,) what is drawn again as a whole: the patient, or the sample.
        draws: Bootstrap samples.
        rng: Source of chance.
    """
    known = np.isfinite(values)
    if not known.any():
        return Interval(NAN, NAN, NAN)
    return _interval(values[known], np.asarray(units, str)[known], draws, rng)


def _interval(values: np.ndarray, units: np.ndarray, draws: int, rng: np.random.Generator):
    value = float(values.mean())
    if len(np.unique(units)) < FEWEST:
        return Interval(value, NAN, NAN)
    return interval(value, _means(values, patient_weights(units, draws, rng)))


def _means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    count = weights.sum(1)
    return np.divide(weights @ values, count, out=np.full(len(count), NAN), where=count > 0)


def gain(
    groups: Sequence[np.ndarray],
    units: Sequence[np.ndarray],
    draws: int,
    rng: np.random.Generator,
) -> Interval:
    """Return the first group's mean less the second's, over the units that both measure.

    The interval is paired: units are drawn again with all that either group has of them.

    Args:
        groups: (n,) and (m,) measurements; NaN is left out.
        units: (n,) and (m,) the patient of each.
        draws: Bootstrap samples.
        rng: Source of chance.
    """
    known = [np.isfinite(values) for values in groups]
    named = [np.asarray(own, str) for own in units]
    shared = np.intersect1d(named[0][known[0]], named[1][known[1]])
    if not len(shared):
        return Interval(NAN, NAN, NAN)
    kept = [there & np.isin(own, shared) for own, there in zip(named, known, strict=True)]
    first, second = (values[own] for values, own in zip(groups, kept, strict=True))
    if len(shared) < FEWEST:
        return Interval(float(first.mean() - second.mean()), NAN, NAN)
    owners = np.concatenate([own[chosen] for own, chosen in zip(named, kept, strict=True)])
    weights = np.split(patient_weights(owners, draws, rng), [len(first)], axis=1)
    drawn = _means(first, weights[0]), _means(second, weights[1])
    return difference((float(first.mean()), float(second.mean())), drawn)
