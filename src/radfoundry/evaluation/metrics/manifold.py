"""Where one set of feature vectors lies among those of another: precision and recall.

Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models" (2019):
a set covers the balls around its rows that reach to their third nearest neighbor in the set.
Precision is the share of samples within what real cases cover, recall the share of real cases
within what samples cover. Few rows make wide balls: compare sets of one size only.
"""

import numpy as np
from scipy.spatial.distance import cdist

NEIGHBORS = 3


def within(rows: np.ndarray, others: np.ndarray, neighbors: int = NEIGHBORS) -> np.ndarray:
    """Return which rows lie within what other rows cover, as floats 1 or 0.

    Args:
        rows: (n, d) that are asked for.
        others: (m, d) that cover.
        neighbors: Up to which neighbor a ball reaches.

    Returns:
        (n,); NaN, all of them, where there are not more others than neighbors.

    >>> line = np.arange(6.0)[:, None]
    >>> within(np.array([[2.5], [9.0]]), line)
    array([1., 0.])
    """
    if len(others) <= neighbors:
        return np.full(len(rows), np.nan)
    radii = np.sort(cdist(others, others), axis=1)[:, neighbors]  # the row itself comes first
    return (cdist(rows, others) <= radii).any(1).astype(float)
