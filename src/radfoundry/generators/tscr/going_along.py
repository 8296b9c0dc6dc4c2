"""What goes along when some of a lesion's features change: regressions among real lesions.

A lesion of twice the volume has no longer the surface that it had, nor the energy.
"""

import numpy as np
from sklearn.linear_model import Ridge

RIDGE = 1.0  # in the sum of squares of a score over real lesions, which is about their number
FEWEST = 5  # real lesions of which what is needed is known; of fewer nothing can be said


def shifted(
    scores: np.ndarray, change: np.ndarray, given: np.ndarray, real: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Return a lesion's scores (n,) after some of them have changed: the others go along.

    Each changes by what ridge regression on those given expects, and keeps what is the lesion's
    own; it stays within what real lesions have, or where it was.

    Args:
        scores: (n,) as they were.
        change: (n,) by how much; read where given.
        given: (n,) bool: which are changed on purpose.
        real: (N, n) scores of real lesions.
        known: (N, n) bool: which of them are known.
    """
    whole = np.where(given, scores + change, scores).astype(float)
    use = known[:, given].all(1)
    if not given.any() or use.sum() < FEWEST:
        return whole
    for column in np.flatnonzero(~given):
        rows = use & known[:, column]
        if rows.sum() >= FEWEST:
            found = Ridge(alpha=RIDGE).fit(real[rows][:, given], real[rows, column])
            ends = np.append(real[rows, column], scores[column])
            moved = scores[column] + found.coef_ @ change[given]
            whole[column] = np.clip(moved, ends.min(), ends.max())
    return whole
