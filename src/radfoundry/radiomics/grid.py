"""Resample an image and a lesion onto the grid of IBSI: centered, and independent of the crop."""

import numpy as np

from radfoundry.radiomics.guards import RadiomicsError, box
from radfoundry.volume import Volume

ORDERS = {"sitkNearestNeighbor": 0, "sitkLinear": 1, "sitkBSpline": 3}
MARGIN = 12  # voxels beside the lesion; a cubic spline's memory of its edge is 1e-7 by then


def resampled(
    volume: Volume, mask: np.ndarray, spacing_mm: tuple, interpolator: str, rounding: float | None
) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Return the voxels and mask around a lesion, on a new grid, and its spacing.

    Both grids share their center (IBSI reference manual 2.4, "align by center"). A voxel belongs to
    the lesion where the linearly interpolated mask is at least 0.5.

    Args:
        volume: The whole image.
        mask: Booleans on its grid, not empty.
        spacing_mm: Wanted length of a voxel along each axis; 0 keeps an axis as it is.
        interpolator: One of `ORDERS`, for the image.
        rounding: Step of intensity to which the result is rounded, or None.

    Raises:
        ValueError: If the interpolator is unknown.
        RadiomicsError: `rad.nonfinite` where the interpolation would spread a value not finite.
    """
    order = _order(interpolator)
    old = np.array(volume.spacing_mm)
    new = np.where(np.array(spacing_mm, float) == 0, old, spacing_mm)
    window = box(mask, MARGIN)
    if not np.isfinite(voxels := volume.voxels[window].astype(np.float64)).all():
        raise RadiomicsError("rad.nonfinite", "voxels beside the lesion are not finite")
    first, shape = _covering(np.array(volume.voxels.shape), old, new, window)
    step, offset = new / old, first - [part.start for part in window]
    image = _drawn(voxels, step, offset, shape, order)
    if rounding:
        image = np.round(image / rounding) * rounding
    lesion = _drawn(mask[window].astype(np.float64), step, offset, shape, 1)
    # an exact half is inside, whatever the last bit of the weights
    return image, lesion >= 0.5 - 1e-9, tuple(float(n) for n in new)


def _order(interpolator: str) -> int:
    """Return the degree of an interpolation."""
    if interpolator not in ORDERS:
        raise ValueError(f"interpolator is {interpolator!r}: choose from {', '.join(ORDERS)}")
    return ORDERS[interpolator]


def _covering(size: np.ndarray, old: np.ndarray, new: np.ndarray, window: tuple) -> tuple:
    """Return where (in old voxels) the part of the new grid over a window begins, and its shape."""
    count = np.ceil(size * old / new - 1e-9)
    origin = (size - 1) / 2 - (count - 1) / 2 * new / old
    edges = np.array([[part.start, part.stop - 1] for part in window])
    low = np.clip(np.ceil((edges[:, 0] - 0.5 - origin) * old / new), 0, count - 1)
    high = np.clip(np.floor((edges[:, 1] + 0.5 - origin) * old / new), low, count - 1)
    return origin + low * new / old, tuple((high - low + 1).astype(int))


def _drawn(
    voxels: np.ndarray, step: np.ndarray, offset: np.ndarray, shape: tuple, order: int
) -> np.ndarray:
    from scipy import ndimage  # a tenth of a second that only this path needs

    return ndimage.affine_transform(voxels, step, offset, shape, order=order, mode="nearest")
