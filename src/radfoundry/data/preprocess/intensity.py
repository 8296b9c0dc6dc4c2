"""Put the intensities of an MR on a common scale: shading evened out, robust range to [0, 1]."""

from collections.abc import Sequence

import numpy as np

from radfoundry.data.gate.source import GateError
from radfoundry.data.preprocess.resampling import Grid, grid_of, in_one_thread, resampled
from radfoundry.volume import Volume

# Shading varies over centimeters: at 4 mm N4 took seven times as long on a phantom, and left about
# as much of it.
SHRUNK_MM = 8.0
LEAST = 8  # voxels along an axis that the field's splines need
ITERATIONS = (50, 50, 30)


def without_shading(image: Volume, body: np.ndarray) -> Volume:
    """Return an MR without its bias field, by N4 (Tustison et al., IEEE TMI 2010).

    The field is found on voxels of about 8 mm within the body and divided out at full size. Its
    geometric mean within the body is 1; outside it stays within the range it has inside.

    Args:
        image: Intensities of any range; negative ones count as 0.
        body: Mask (X, Y, Z) of where there is tissue.
    """
    x, y, z = (
        min(count, max(LEAST, round(count * size / SHRUNK_MM)))
        for count, size in zip(image.voxels.shape, image.spacing_mm, strict=True)
    )
    grid = covering(image, (x, y, z))
    small = resampled(image, grid).voxels
    inside = resampled(Volume(body, image.affine), grid, order=0).voxels
    if not inside.any():
        return image
    field = _log_field(np.maximum(small, 0), inside)
    field -= field[inside].mean()
    ends = (field[inside].min(), field[inside].max())  # splines run away in the air around
    bounded = Volume(np.clip(field, *ends), grid.affine)
    whole = resampled(bounded, grid_of(image)).voxels
    return image.holding(image.voxels / np.exp(whole))


def covering(image: Volume, shape: tuple[int, int, int]) -> Grid:
    """Return a grid of other counts over the same box."""
    ratio = np.array(image.voxels.shape) / shape
    scale = np.diag([*ratio, 1.0])
    scale[:3, 3] = (ratio - 1) / 2
    return Grid(shape, image.affine @ scale)


def window(
    voxels: np.ndarray, body: np.ndarray, percentiles: Sequence[float]
) -> tuple[float, float]:
    """Return the intensities at two percentiles of the body; all voxels count where it is empty.

    Raises:
        GateError: int.constant.
    """
    low, high = np.percentile(voxels[body] if body.any() else voxels, percentiles)
    if not low < high:
        raise GateError("int.constant", "nearly every voxel has one value: there is no image")
    return float(low), float(high)


def stretched(voxels: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Return intensities with the window at [0, 1], clipped there, as float32.

    >>> stretched(np.array([0.0, 30.0, 90.0]), (20, 60))
    array([0.  , 0.25, 1.  ], dtype=float32)
    """
    low, high = window
    return np.clip((voxels - low) / (high - low), 0, 1).astype(np.float32)


def _log_field(voxels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    import SimpleITK as sitk  # noqa: N813  costs jobs on CT nothing this way

    floor = max(float(np.percentile(voxels[inside], 1)), 1e-3 * float(voxels[inside].mean()), 1e-6)
    image = sitk.GetImageFromArray(np.maximum(voxels, floor).astype(np.float32).T)
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetNumberOfThreads(1)
    corrector.SetMaximumNumberOfIterations(ITERATIONS)
    with in_one_thread():  # sums in one order: equal bits
        corrector.Execute(image, sitk.GetImageFromArray(inside.astype(np.uint8).T))
    return sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(image)).T.astype(np.float32)
