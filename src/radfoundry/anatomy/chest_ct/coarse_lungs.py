"""Blocks of voxels averaged, labeled, and brought back; lungs as coarse as registration needs."""

import numpy as np
from skimage.measure import block_reduce

from radfoundry.anatomy.chest_ct import air
from radfoundry.volume import Volume, reordered

COARSE_MM = 3.0  # voxels are averaged to about this size


def reduced(voxels: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """Return the means of blocks of voxels as float32; the last blocks repeat the border.

    Args:
        voxels: HU, or booleans, of which the share in each block comes out.
        factors: Voxels in a block along each axis.
    """
    ordered = reordered(voxels, "C", np.float32)  # as masks are: mixed orders take long
    hu = np.clip(ordered, air.PADDING_HU, 3071)
    if max(factors) == 1:
        return hu
    more = [(0, -size % factor) for size, factor in zip(hu.shape, factors, strict=True)]
    hu = np.pad(hu, more, mode="edge")
    return block_reduce(hu, factors, np.mean, func_kwargs={"dtype": np.float32})


def enlarged(labels: np.ndarray, factors: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return labels of blocks on the finer grid of `shape` that was cut into them."""
    for axis, factor in enumerate(factors):
        if factor > 1:
            labels = labels.repeat(factor, axis=axis)
    return np.ascontiguousarray(labels[tuple(slice(0, size) for size in shape)])


def lungs(image: Volume) -> np.ndarray:
    """Return both lungs of a CT in HU as booleans on its grid, blocky at about 3 mm."""
    factors = tuple(max(1, round(COARSE_MM / step)) for step in image.spacing_mm)
    small = block_reduce(image.voxels, factors, np.mean, cval=air.PADDING_HU).astype(np.float32)
    steps = tuple(step * f for step, f in zip(image.spacing_mm, factors, strict=True))
    right, left = air.lungs(small, steps)
    return enlarged(right | left, factors, image.voxels.shape)
