"""How well scores separate diseased from healthy, by image and by pixel.

Functions of one set of cases use scikit-learn. Those that take `weights` answer for many
re-weighted sets of the same cases at once, which is what a bootstrap asks for. Pixels are counted
in bins of the score, so that a test set is summed up by small tables and none is kept whole.
"""

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

# Edges of the bins that pixel scores (absolute residuals in [0, 1]) are counted in: 1 % of the
# smallest score of interest apart at first, 6 % apart above.
EDGES = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 120)])


def image_auroc(diseased: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve; NaN unless both classes are there."""
    if len(np.unique(diseased)) < 2:
        return float("nan")
    return float(roc_auc_score(diseased, scores))


def image_ap(diseased: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision; NaN unless both classes are there."""
    if len(np.unique(diseased)) < 2:
        return float("nan")
    return float(average_precision_score(diseased, scores))


def weighted_auroc(diseased: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve for every row of weights.

    The Mann-Whitney form: how often a diseased case scores above a healthy one, ties half.

    Args:
        diseased: (n,) booleans.
        scores: (n,) higher is more diseased.
        weights: (draws, n) how often each case counts.

    Returns:
        (draws,) in [0, 1]; NaN where a class has no weight.
    """
    diseased = np.asarray(diseased, bool)
    ill, well = scores[diseased][:, None], scores[~diseased][None]
    wins = (ill > well) + 0.5 * (ill == well)
    won = np.einsum("bi,bi->b", weights[:, diseased] @ wins, weights[:, ~diseased])
    pairs = weights[:, diseased].sum(1) * weights[:, ~diseased].sum(1)
    return _ratio(won, pairs)


def weighted_ap(diseased: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the average precision for every row of weights, shaped as `weighted_auroc` says."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    ill = np.where(np.asarray(diseased, bool)[order], weights[:, order], 0)
    precisions = average_precision(
        np.cumsum(ill, 1)[:, ends], np.cumsum(weights[:, order], 1)[:, ends]
    )
    one_class = ill.sum(1) == weights.sum(1)
    return np.where(one_class, np.nan, precisions)


def average_precision(hits: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """Return the average precision of cumulated counts: sum of (recall step x precision).

    Args:
        hits: (..., k) diseased items at or above each of k falling thresholds.
        marked: (..., k) all items at or above it.

    Returns:
        (...) in [0, 1]; NaN where there is no diseased item.
    """
    precision = np.divide(hits, marked, out=np.zeros(hits.shape), where=marked > 0)
    steps = np.diff(hits, axis=-1, prepend=0)
    return _ratio((steps * precision).sum(-1), hits[..., -1])


def binned(scores: np.ndarray, truth: np.ndarray, ignored: np.ndarray | None = None) -> np.ndarray:
    """Return how many healthy (row 0) and diseased (row 1) pixels fall in each bin of the score.

    Args:
        scores: Pixel scores in [0, 1]; values outside count in the first or last bin.
        truth: Booleans of the same shape.
        ignored: Where nothing counts, or None.

    Returns:
        (2, bins) integers, bins between `EDGES`.
    """
    if not np.isfinite(scores).all():
        raise ValueError("pixel scores must be finite")
    valid = np.ones(truth.shape, bool) if ignored is None else ~ignored.astype(bool)
    bins = len(EDGES) - 1
    place = np.clip(np.searchsorted(EDGES, scores[valid], side="right") - 1, 0, bins - 1)
    joint = place + bins * truth[valid].astype(bool)
    return np.bincount(joint, minlength=2 * bins).reshape(2, bins)


def binned_ap(tables: np.ndarray) -> np.ndarray:
    """Return the pixel average precision of counts from `binned`, summed over cases.

    Args:
        tables: (..., 2, bins).

    Returns:
        (...) in [0, 1]; NaN where there is no diseased pixel.
    """
    falling = np.asarray(tables, float)[..., ::-1]
    hits = np.cumsum(falling[..., 1, :], -1)
    return average_precision(hits, hits + np.cumsum(falling[..., 0, :], -1))


def best_threshold(table: np.ndarray) -> float:
    """Return the score at or above which marking pixels gives the best Dice over all pixels.

    Args:
        table: (2, bins) counts from `binned`, summed over the cases of the tune split.

    Returns:
        One of `EDGES`; NaN if there is no diseased pixel to choose by.
    """
    if table[1].sum() == 0:
        return float("nan")
    above = np.cumsum(table[:, ::-1], 1)[:, ::-1]
    overlap = 2 * above[1] / (above.sum(0) + table[1].sum())
    return float(EDGES[np.argmax(overlap)])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    whole = np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
