"""Find the body in a volume, coarsely: where to crop, and which intensities to stretch."""

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

COARSE_MM = 4.0
BODY_HU = -500.0  # halfway between air and soft tissue
SHEET_MM = 6.0  # thinner things (table top, blankets, lines) are no body
COUNTED = 0.2  # of the largest part's size: two legs are both body


def coarse_body(voxels: np.ndarray, spacing_mm: tuple[float, ...], modality: str) -> np.ndarray:
    """Return a mask of the body in blocks of about 4 mm, see `blocks`.

    A CT's body is what is denser than -500 HU and thicker than 6 mm; an MR's what is brighter than
    Otsu's threshold of the logarithm, since fat-suppressed tissue is near the noise. The largest
    part counts, and those of a fifth of its size. Lungs are not filled.

    Args:
        voxels: (X, Y, Z) HU, or MR intensities.
        spacing_mm: Their size.
        modality: "CT" or "MR".

    Returns:
        Booleans, all false where there is no body.
    """
    counts = blocks(voxels.shape, spacing_mm)
    means = _block_means(voxels, counts)
    if modality == "CT":
        dense = means > BODY_HU
    else:
        levels = np.log1p(means - means.min())
        dense = levels > threshold_otsu(levels)
    reach = SHEET_MM / 2 / (np.array(spacing_mm) * counts)
    return _largest(_opened(dense, reach))


def blocks(shape: tuple[int, ...], spacing_mm: tuple[float, ...]) -> tuple[int, ...]:
    """Return how many voxels make up a block along each axis; a last, smaller block is left out.

    >>> blocks((512, 512, 60), (0.7, 0.7, 2.5))
    (5, 5, 1)
    """
    axes = zip(shape, spacing_mm, strict=True)
    return tuple(max(1, min(int(COARSE_MM / size), count // 4)) for count, size in axes)


def box(body: np.ndarray, shape: tuple[int, ...], counts: tuple[int, ...]) -> np.ndarray | None:
    """Return first and last + 1 voxel (2, 3) of a coarse body on the full grid, None if empty."""
    inside = np.argwhere(body)
    if not len(inside):
        return None
    ends = np.array([inside.min(0), inside.max(0) + 1]) * counts
    ends[1] = np.where(inside.max(0) + 1 == body.shape, shape, ends[1])
    return ends


def spread(body: np.ndarray, shape: tuple[int, ...], counts: tuple[int, ...]) -> np.ndarray:
    """Return a coarse mask on the full grid."""
    at = [
        np.minimum(np.arange(n) // k, m - 1)
        for n, k, m in zip(shape, counts, body.shape, strict=True)
    ]
    return body[np.ix_(*at)]


def _block_means(voxels: np.ndarray, counts: tuple[int, ...]) -> np.ndarray:
    means = voxels
    for axis, count in enumerate(counts):
        whole = means.shape[axis] // count
        trimmed = np.take(means, range(whole * count), axis) if means.shape[axis] % count else means
        split = (*means.shape[:axis], whole, count, *means.shape[axis + 1 :])
        means = trimmed.reshape(split).mean(axis + 1, dtype=np.float32)
    return means


def _opened(mask: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Return a mask without what is thinner than twice the reach (in blocks) along some axis."""
    sides = [2 * max(0, round(float(one))) + 1 for one in reach]
    padded = np.pad(mask, [(side, side) for side in sides], mode="edge")  # the scan cuts the body
    opened = ndimage.binary_opening(padded, np.ones(sides, bool))
    return opened[tuple(slice(side, -side) for side in sides)]


def _largest(mask: np.ndarray) -> np.ndarray:
    parts, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= COUNTED * sizes.max())[parts] & mask
