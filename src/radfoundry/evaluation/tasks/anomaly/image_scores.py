"""How suspicious what a network would change in a picture makes the whole picture.

The default is `highest` over a tenth of the picture. Pneumonia of real films is mostly diffuse and
of both sides: the highest hundredth of it saturates, and `highest_and_one_sided` counts it at half
(docs/results.md has the figures, by which the fraction was chosen on two hospitals of four).
"""

from collections.abc import Callable, Mapping

import numpy as np


def mean_square(residual: np.ndarray, smoothed: np.ndarray, fraction: float) -> float:
    """Return the mean squared residual: ART-ASyn's score. Noise moves it more than an opacity.

    Args:
        residual: (rows, columns) picture minus reconstruction.
        smoothed: Its absolute value, smoothed.
        fraction: Of the picture, where only the highest values count; not used here.
    """
    return float((residual**2).mean())


def highest(residual: np.ndarray, smoothed: np.ndarray, fraction: float) -> float:
    """Return the mean of the highest fraction of the smoothed residual, at least one pixel."""
    n = max(1, round(fraction * smoothed.size))
    return float(np.partition(smoothed.ravel(), -n)[-n:].mean())


def highest_and_one_sided(residual: np.ndarray, smoothed: np.ndarray, fraction: float) -> float:
    """Return `highest`, plus the same of what a side shows more than its mirror image.

    What a network would change alike on both sides is more often exposure than disease; so disease
    of one side gets twice the score, of both sides the score of `highest`.
    """
    one_sided = np.clip(smoothed - smoothed[:, ::-1], 0, None)
    return highest(residual, smoothed, fraction) + highest(residual, one_sided, fraction)


SCORES: Mapping[str, Callable[[np.ndarray, np.ndarray, float], float]] = {
    "top": highest,
    "sides": highest_and_one_sided,
    "published": mean_square,
}
