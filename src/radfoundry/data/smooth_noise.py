"""Noise of a given smoothness, and a soft threshold: what ragged borders are drawn with."""

import numpy as np
from scipy import ndimage


def smooth_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise of mean 0 and standard deviation 1 whose patches are `sigma` pixels wide."""
    # Noise this smooth is drawn coarsely and enlarged: the same look for a tenth of the time.
    step = max(1, int(sigma / 3))
    coarse = [-(-n // step) + 1 for n in shape]
    noise = ndimage.gaussian_filter(rng.normal(size=coarse), sigma / step, mode="wrap")
    if step > 1:
        noise = ndimage.zoom(noise, step, order=1, grid_mode=True, mode="nearest")
    noise = noise[: shape[0], : shape[1]]
    return (noise - noise.mean()) / max(float(noise.std()), 1e-12)


def smoothstep(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below `low`, 1 above `high` and a smooth rise between.

    >>> smoothstep(np.array([0.0, 0.5, 2.0]), 0, 1)
    array([0. , 0.5, 1. ])
    """
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
