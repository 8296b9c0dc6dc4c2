"""Bright tubes and sheets of an image, from the curvature of its smoothed intensities.

Curvatures are computed at the voxels asked for only: a whole volume's Hessian costs six images.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

LEAST_SIGMA = 0.5  # voxels; a narrower gaussian cannot be sampled


def smoothed(image: np.ndarray, sigma_mm: float, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return the image (float32) after a gaussian of `sigma_mm`, at least half a voxel wide."""
    sigma = [max(sigma_mm / step, LEAST_SIGMA) for step in spacing_mm]
    return ndimage.gaussian_filter(image, sigma, output=np.float32, mode="nearest", truncate=3.0)


def curvatures(
    image: np.ndarray, voxels: Sequence[np.ndarray], sigma_mm: float, spacing_mm: Sequence[float]
) -> np.ndarray:
    """Return the Hessian's eigenvalues at some voxels.

    Args:
        image: (X, Y, Z) intensities, smoothed with `sigma_mm`.
        voxels: Three arrays of n indices, as `np.nonzero` gives them.
        sigma_mm: Scales the curvatures (Lindeberg): scales can be compared.
        spacing_mm: Of the grid.

    Returns:
        (n, 3) float32, ascending: bright ridges are negative.
    """
    return np.linalg.eigvalsh(_hessian(image, voxels, spacing_mm) * np.float32(sigma_mm**2))


def _hessian(image: np.ndarray, voxels: Sequence, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return (n, 3, 3) central second differences, per mm^2; the border repeats itself."""
    padded = np.pad(image, 1, mode="edge")
    strides = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    here = sum((np.asarray(v) + 1) * stride for v, stride in zip(voxels, strides, strict=True))
    flat = padded.ravel()
    out = np.empty((len(here), 3, 3), np.float32)
    for i, (a, first) in enumerate(zip(strides, spacing_mm, strict=True)):
        out[:, i, i] = (flat[here + a] - 2 * flat[here] + flat[here - a]) / first**2
        for j in range(i):
            b, area = strides[j], 4 * first * spacing_mm[j]
            mixed = flat[here + a + b] - flat[here + a - b] - flat[here - a + b]
            out[:, i, j] = out[:, j, i] = (mixed + flat[here - a - b]) / area
    return out


def tubeness(eigenvalues: np.ndarray, strength: float) -> np.ndarray:
    """Return how much each point looks like a bright tube or its fork, in [0, 1].

    Jerman et al., Enhancement of vascular structures, IEEE TMI 35:2107 (2016), equation 12: the
    answer hardly falls from the axis of a vessel to its wall and at a fork, and is 0 on a sheet.

    Args:
        eigenvalues: (n, 3), ascending.
        strength: Curvature that counts as a full-grown ridge; weaker ones are damped.
    """
    middle, steep = -eigenvalues[:, 1], -eigenvalues[:, 0]
    steep = np.maximum(steep, strength)
    ratio = (3 / np.maximum(middle + steep, 1e-6)) ** 3
    answer = np.maximum(middle, 0) ** 2 * (steep - middle) * ratio
    return np.where(middle >= steep / 2, 1.0, np.clip(answer, 0, 1)).astype(np.float32)
