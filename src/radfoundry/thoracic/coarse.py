"""Lungs in seconds, as coarse as a registration needs them."""

import numpy as np
from skimage.measure import block_reduce

from radfoundry.thoracic import air
from radfoundry.volume import Volume

COARSE_MM = 3.0  # voxels are averaged to about this size


def lungs(image: Volume) -> np.ndarray:
    """Return both lungs of a CT in HU as booleans on its grid, blocky at about 3 mm."""
    factors = tuple(max(1, round(COARSE_MM / step)) for step in image.spacing_mm)
    small = block_reduce(image.voxels, factors, np.mean, cval=air.PADDING_HU).astype(np.float32)
    steps = tuple(step * f for step, f in zip(image.spacing_mm, factors, strict=True))
    right, left = air.lungs(small, steps)
    found = right | left
    for axis, factor in enumerate(factors):
        found = found.repeat(factor, axis=axis)
    x, y, z = image.voxels.shape
    return found[:x, :y, :z]
