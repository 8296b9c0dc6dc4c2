"""Where a lesion lies in its crop and which way it points: taken away before a network sees it.

Every lesion is turned so that its longest axis lies along the first one, and the shortest along the
last: what is left to learn is shape. A drawn lesion is turned at random, or, where diameters along
the crop's axes are asked for, the way of several that fits them best.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from radfoundry.generators.tscr.crops import CORE, RIM
from radfoundry.generators.tscr.fields import depths_of
from radfoundry.radiomics.mesh import diameters

POSES = 6  # ways of which one is chosen where the crop's axes matter
ORIENTED = ("Maximum2DDiameterSlice", "Maximum2DDiameterColumn", "Maximum2DDiameterRow")


def canonical(regions: np.ndarray, spacing_mm: Sequence[float], channels: int) -> np.ndarray:
    """Return the depths (channels, *space) of a lesion in its own axes, in voxels.

    Voxels are cubes there, as large as those of the crop; its center of mass is in the middle.

    Args:
        regions: uint8 (*space): 0 none, 1 rim or whole, 2 core.
        spacing_mm: Length of a voxel along each axis.
        channels: 2, or 1 for the whole alone.
    """
    aspect = np.array(spacing_mm) / unit_mm(spacing_mm)
    places = np.argwhere(regions > 0) * aspect
    center = places.mean(0)
    axes = np.linalg.eigh(np.cov((places - center).T))[1][:, ::-1]
    matrix = axes / aspect[:, None]  # from own places to the crop's voxels
    return _resampled(depths_of(regions, channels, aspect.tolist()), matrix, center / aspect)


def unit_mm(spacing_mm: Sequence[float]) -> float:
    """Return the side of a cube as large as a voxel."""
    return float(np.exp(np.mean(np.log(spacing_mm))))


def posed(
    depths: np.ndarray,
    spacing_mm: Sequence[float],
    rng: np.random.Generator,
    asked: Mapping[str, float],
) -> np.ndarray:
    """Return the regions (*space) uint8 of depths in a lesion's own axes, turned at random.

    Args:
        depths: (C, *space) in voxels, above 0 inside.
        spacing_mm: Length of a voxel of the crop along each axis.
        rng: Turns it.
        asked: Diameters in mm among `ORIENTED` of the whole: of `POSES` ways the one that fits them
            best is taken. If there are none, it is the first one that lies whole in the crop.
    """
    aspect = np.array(spacing_mm) / unit_mm(spacing_mm)
    dims = depths.ndim - 1
    best, lowest = np.zeros(depths.shape[1:], np.uint8), np.inf
    for _ in range(POSES):
        turned = np.linalg.qr(rng.normal(size=(dims, dims)))[0]
        # own places = turned @ (aspect * (voxel - middle)) + middle
        middle = (np.array(depths.shape[1:]) - 1) / 2
        regions = _regions(_resampled(depths, turned * aspect, middle))
        error = misfit(regions, spacing_mm, asked)
        if error < lowest:
            best, lowest = regions, error
        if lowest == 0:
            break
    return best


def misfit(regions: np.ndarray, spacing_mm: Sequence[float], asked: Mapping[str, float]) -> float:
    """Return how far diameters are from what is asked, and voxels at the crop's edge."""
    mask = regions > 0
    cut = np.count_nonzero(mask) - np.count_nonzero(mask[(slice(1, -1),) * mask.ndim])
    if not asked or not mask.any() or mask.ndim == 2:
        return float(cut)
    found = diameters(np.pad(mask.T, 1), np.array(spacing_mm[::-1]))
    own = dict(zip(ORIENTED, found, strict=False))
    return cut + sum(abs(np.log(own[name] / max(mm, 1e-6))) for name, mm in asked.items())


def _resampled(depths: np.ndarray, matrix: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Return depths at matrix @ (index - middle) + center, on a grid of the same shape."""
    middle = (np.array(depths.shape[1:]) - 1) / 2
    offset = center - matrix @ middle
    return np.stack(
        [ndimage.affine_transform(one, matrix, offset, order=1, mode="nearest") for one in depths]
    )


def _regions(depths: np.ndarray) -> np.ndarray:
    """Return the regions of depths: of the whole its largest part, of the core what lies in it."""
    whole = depths[0] > 0
    parts, count = ndimage.label(whole, np.ones((3,) * whole.ndim))
    if count > 1:
        whole = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    regions = whole.astype(np.uint8) * RIM
    if len(depths) > 1:
        regions[whole & (depths[1] > 0)] = CORE
    return regions
