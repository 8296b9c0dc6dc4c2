"""Whether super-resolution draws the detail that a coarse grid lacks, or regresses to its mean.

A coarse voxel keeps the mean of its block; what the voxels in it differ by is missing. Part of that
follows from the neighborhood (an edge goes on), the rest is chance. A network that draws adds it
anew with every seed; one that regresses returns the mean of all that may be there, whatever the
seed: close to the case voxel by voxel, and too smooth.
"""

import numpy as np

NAN = float("nan")


def missing(image: np.ndarray, factor: int) -> np.ndarray:
    """Return what an image (X, Y, Z) holds beyond the means of its blocks of `factor` voxels.

    >>> missing(np.array([1.0, 3.0]).reshape(2, 1, 1).repeat(2, 1).repeat(2, 2), 2)[:, 0, 0]
    array([-1.,  1.])

    Raises:
        ValueError: A side is no multiple of the factor.
    """
    if any(side % factor for side in image.shape):
        raise ValueError(f"sides {image.shape} must be multiples of {factor}")
    x, y, z = (side // factor for side in image.shape)
    blocks = image.astype(np.float64).reshape(x, factor, y, factor, z, factor)
    return (blocks - blocks.mean((1, 3, 5), keepdims=True)).reshape(image.shape)


def power_kept(real: np.ndarray, enlarged: np.ndarray, factor: int) -> float:
    """Return the power of an enlarged image's detail over that of the real one; 1 is as much.

    Detail is what lies beyond the means of blocks: the high frequencies. Power that is there need
    not have been drawn: an edge of a regression has some too. NaN where the real image has none.

    Args:
        real: (X, Y, Z) in HU.
        enlarged: (X, Y, Z) in HU.
        factor: Voxels along each side of a block.
    """
    lacking = np.mean(missing(real, factor) ** 2)
    return float(np.mean(missing(enlarged, factor) ** 2) / lacking) if lacking > 0 else NAN


def measured(
    real: np.ndarray, first: np.ndarray, second: np.ndarray, factor: int
) -> dict[str, float]:
    """Return how much of the missing detail two draws of one case take from chance.

    Args:
        real: (X, Y, Z) in HU.
        first: The case enlarged, in HU.
        second: The same with another seed.
        factor: Voxels along each side of a block.

    Returns:
        `missing_sd_hu`: standard deviation of the real detail that the coarse grid lacks.
        `seed_sd_hu`: standard deviation of a voxel from seed to seed.
        `detail_variance_kept`: the second's square over the first's. Below 1 even for a network
        that draws perfectly, for part of the detail can be foretold.
        `spread_to_error`: mean square between two draws over that between a draw and the real
        image: 1 if the real image could be one more draw, 0 for a regression (the ratio of spread
        and skill of ensemble forecasts, Fortin et al. 2014, for two members). All NaN but the
        first two where nothing is missing.
    """
    lacking = float(np.mean(missing(real, factor) ** 2))
    apart = float(np.mean((first.astype(np.float64) - second) ** 2))
    away = float(
        np.mean([np.mean((real - one.astype(np.float64)) ** 2) for one in (first, second)])
    )
    return {
        "missing_sd_hu": lacking**0.5,
        "seed_sd_hu": (apart / 2) ** 0.5,
        "detail_variance_kept": apart / 2 / lacking if lacking > 0 else NAN,
        "spread_to_error": apart / away if away > 0 else NAN,
    }
