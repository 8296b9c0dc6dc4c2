"""How several raters judge the same things: agreement, and differences between what is ranked."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats


class Ranked(NamedTuple):
    """Friedman's test of k treatments in n blocks.

    Attributes:
        chi2: The statistic, corrected for ties; NaN where the test is not defined.
        p: Of chi2 with k - 1 degrees of freedom.
        w: Kendall's coefficient of concordance, 0 (none) to 1 (all blocks rank alike).
        n: Blocks.
        note: Why nothing is defined; "" where it is.
    """

    chi2: float
    p: float
    w: float
    n: int
    note: str


def friedman(scores: np.ndarray) -> Ranked:
    """Return whether treatments are ranked alike in all blocks: Friedman (1937), Kendall's W.

    W = chi2 / (n (k - 1)), Kendall and Babington Smith (1939).

    Args:
        scores: (n, k) scores or ranks; one row for each block, such as a rater or a set of images.
            Ties share their mean rank.

    Returns:
        All NaN with a note for a missing score, fewer than two blocks, fewer than three
        treatments, or where every block ties all of them.
    """
    n, k = scores.shape
    note = _not_defined(scores)
    if note:
        return Ranked(float("nan"), float("nan"), float("nan"), n, note)
    chi2, p = stats.friedmanchisquare(*scores.T)
    return Ranked(float(chi2), float(p), float(np.clip(chi2 / (n * (k - 1)), 0, 1)), n, "")


def _not_defined(scores: np.ndarray) -> str:
    n, k = scores.shape
    if n < 2 or k < 3:
        return f"Friedman's test needs 2 blocks and 3 treatments; there are {n} and {k}"
    if not np.isfinite(scores).all():
        return f"{int((~np.isfinite(scores)).any(axis=1).sum())} of {n} blocks lack a score"
    if (scores == scores[:, :1]).all():
        return "every block ties all treatments"
    return ""


class Pair(NamedTuple):
    """Two treatments: their columns, first less second on average, and p after Bonferroni."""

    first: int
    second: int
    difference: float
    p: float


def bonferroni_pairs(scores: np.ndarray) -> list[Pair]:
    """Return each pair of treatments by Wilcoxon's signed-rank test, p times the number of pairs.

    Args:
        scores: (n, k), one row for each block.

    Returns:
        Pairs in the order of the columns. p is NaN where a score is missing or no block tells the
        two apart: there is nothing to test.
    """
    pairs = list(combinations(range(scores.shape[1]), 2))
    return [_pair(scores, first, second, len(pairs)) for first, second in pairs]


def _pair(scores: np.ndarray, first: int, second: int, pairs: int) -> Pair:
    apart = scores[:, first] - scores[:, second]
    difference = float(apart.mean()) if len(apart) else float("nan")
    if not (np.isfinite(apart).all() and apart.any()):
        return Pair(first, second, difference, float("nan"))
    return Pair(first, second, difference, min(1.0, pairs * float(stats.wilcoxon(apart).pvalue)))


def fleiss_kappa(counts: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the agreement of several raters beyond chance: Fleiss (1971), equations 1 to 7.

    Args:
        counts: (n, k) how many raters put item i into category j; equally many for every item.
        weights: (n,) how often each item counts, as of a bootstrap; once each if left out.

    Returns:
        1 for full agreement, 0 for that of chance; NaN with fewer than two raters, without items,
        or where all ratings fall into one category.

    Raises:
        ValueError: If items were rated by different numbers of raters.
    """
    raters = counts.sum(axis=1)
    if len(counts) == 0 or raters.min() < 2:
        return float("nan")
    if raters.min() != raters.max():
        raise ValueError(
            f"items have {raters.min()} to {raters.max()} ratings; allowed: as many each"
        )
    m, weighed = raters[0], np.ones(len(counts)) if weights is None else np.asarray(weights, float)
    if not weighed.sum():
        return float("nan")
    agreed = ((counts**2).sum(axis=1) - m) / (m * (m - 1))
    share = weighed @ counts / (weighed.sum() * m)
    chance = float((share**2).sum())
    if np.isclose(chance, 1):
        return float("nan")
    return (float(weighed @ agreed / weighed.sum()) - chance) / (1 - chance)
