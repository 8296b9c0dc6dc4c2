"""Spoil a real image as bad generators spoil theirs: what every distance must be able to see."""

import numpy as np
from scipy import ndimage

from radfoundry.case import Case

BLUR = 1 / 64  # of the grid's length; what spoils must be seen at any resolution
NOISE_HU = 100.0
NOISE_GRAY = 0.06  # of a radiograph in [0, 1]: as much of its range
SHIFT = 1 / 32  # of the grid's width, at most
DOUBLED = 0.2  # share of slices that repeat the one below


def corrupted(case: Case, rng: np.random.Generator) -> Case:
    """Return a case spoiled as bad generators spoil: blurred, noisy, slices out of place.

    Blur of 1/64 of each side, noise of 100 HU (0.06 in a radiograph), every axial slice (row) moved
    in its plane by up to 1/32 of its width, and a fifth of the slices (rows) replaced by the one
    below. Maps move with their slices.
    """
    x, y, z = (case.image.voxels.shape[axis] for axis in range(3))
    moves = [rng.integers(-round(n * SHIFT), round(n * SHIFT) + 1, size=z) for n in (x, y)]
    source = np.maximum(np.arange(z) - (rng.random(z) < DOUBLED), 0)
    rows = np.clip(np.arange(x)[:, None] + moves[0], 0, x - 1)[:, None, :]
    columns = np.clip(np.arange(y)[:, None] + moves[1], 0, y - 1)[None, :, :]
    place = rows, columns, source
    widths = [BLUR * n for n in (x, y, z)]
    image = ndimage.gaussian_filter(case.image.voxels.astype(np.float32), widths)
    noise = NOISE_GRAY if case.image.is_radiograph else NOISE_HU
    image = image[place] + rng.normal(0, noise, (x, y, z)).astype(np.float32)
    maps = case.anatomy[place], case.findings[place]
    return Case(case.name, case.image.holding(image), *maps, case.facts)
