"""Move an image from one grid to another in a single interpolation.

Whatever is done to a volume's geometry (crop, spacing, registration) is composed into one matrix
first, so that voxels are interpolated once. Arrays in, arrays out; no file is touched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radfoundry.volume import Volume, reordered

EXACT = 1e-4  # voxels: closer to a whole step than this, voxels are copied and not interpolated
FWHM = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian, in standard deviations
TIE = 1e-3  # voxels: halfway between two labels, rounding of an affine must not decide
REACH = 3.0  # standard deviations at which the Gaussian is cut off
SMALL = 1e-3  # of a voxel along an axis: what rounding of an affine may leave over


@dataclass(frozen=True)
class Grid:
    """Where voxels lie, without voxels.

    Attributes:
        shape: Voxels along x, y, z.
        affine: 4 x 4, from voxel indices to millimetres, RAS+.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray


@contextmanager
def in_one_thread() -> Iterator[None]:
    """Let SimpleITK work in one thread: some filters sum per thread and ignore their own setting.

    The toolkit's own default, which only a global call reaches, is put back afterwards.
    """
    import SimpleITK as sitk  # noqa: N813  costs jobs on radiographs 0.2 s

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def grid_of(volume: Volume) -> Grid:
    """Return the grid of a volume."""
    x, y, z = volume.voxels.shape
    return Grid((x, y, z), np.asarray(volume.affine, float))


def steps(target: Grid, source: Grid, transform: np.ndarray | None = None) -> np.ndarray:
    """Return the 4 x 4 matrix from voxel indices of a target grid to those of a source grid.

    Args:
        target: The grid to fill.
        source: The grid that is read.
        transform: 4 x 4, from the source's millimetres to the target's; None is the identity.
    """
    world = target.affine if transform is None else np.linalg.solve(transform, target.affine)
    return np.linalg.solve(source.affine, world)


def resampled(
    image: Volume,
    target: Grid,
    transform: np.ndarray | None = None,
    order: int = 1,
    outside: float = 0.0,
) -> Volume:
    """Return an image on another grid.

    Where the target's voxels are larger, intensities are smoothed first, by the Gaussian that makes
    a point of the source as wide as a voxel of the target (Cardoso et al., Scale factor point
    spread function matching, MICCAI 2015, equation 5). Labels (order 0) are never smoothed: a
    majority vote would erase thin vessels.

    Args:
        image: Intensities, or integer labels with order 0.
        target: The grid to fill.
        transform: 4 x 4, from the image's millimetres to the target's; None is the identity.
        order: 0 nearest neighbour, type kept; 1 linear, comes back as float32.
        outside: Value beyond the image.

    Raises:
        ValueError: The order is neither 0 nor 1.
    """
    if order not in (0, 1):
        raise ValueError(f"order {order}: choose 0 (nearest neighbour) or 1 (linear)")
    matrix = steps(target, grid_of(image), transform)
    shift = np.round(matrix[:3, 3]).astype(int)
    if np.abs(matrix[:3] - np.c_[np.eye(3), shift]).max() * max(target.shape) < EXACT:
        kept = image.voxels if order == 0 else image.voxels.astype(np.float32, copy=False)
        return Volume(_shifted(kept, shift, target.shape, outside), target.affine)
    widths = _widths(matrix) if order else np.zeros(3)
    part, matrix = _needed(image.voxels, matrix, target.shape, widths)
    if part.size == 0:
        kind = np.float32 if order else image.voxels.dtype
        return Volume(np.full(target.shape, outside, kind), target.affine)
    if order:
        part = _smoothed(part.astype(np.float32), widths)
    else:
        matrix[:3, 3] += TIE
    return Volume(_interpolated(part, matrix, target.shape, order, outside), target.affine)


def _shifted(
    voxels: np.ndarray, shift: np.ndarray, shape: tuple[int, int, int], outside: float
) -> np.ndarray:
    """Return voxels moved by whole steps: voxel i of the result is voxel i + shift."""
    moved = np.full(shape, outside, voxels.dtype)
    first = np.clip(-shift, 0, shape)
    last = np.clip(np.array(voxels.shape) - shift, first, shape)
    target = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    source = tuple(slice(a, b) for a, b in zip(first + shift, last + shift, strict=True))
    if (last > first).all():
        moved[target] = voxels[source]
    return moved


def _widths(matrix: np.ndarray) -> np.ndarray:
    """Return the Gaussian's standard deviation along each source axis, in source voxels."""
    step = np.linalg.norm(matrix[:3, :3], axis=1)
    return np.sqrt(np.maximum(step**2 - 1, 0)) / FWHM


def _needed(
    voxels: np.ndarray, matrix: np.ndarray, shape: tuple[int, int, int], widths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the box of the source that the target sees, and the matrix into it."""
    corners = np.array([[*c, 1] for c in np.ndindex(2, 2, 2)]) * [*(np.array(shape) - 1), 1]
    seen = corners @ matrix[:3].T
    pad = np.ceil(REACH * widths) + 2
    first = np.clip(np.floor(seen.min(0) - pad), 0, voxels.shape).astype(int)
    last = np.clip(np.ceil(seen.max(0) + pad) + 1, first, voxels.shape).astype(int)
    moved = matrix.copy()
    moved[:3, 3] -= first
    return voxels[tuple(slice(a, b) for a, b in zip(first, last, strict=True))], moved


def _smoothed(voxels: np.ndarray, widths: np.ndarray) -> np.ndarray:
    for axis, width in enumerate(widths):
        if width > SMALL:
            voxels = ndimage.gaussian_filter1d(voxels, width, axis, mode="nearest", truncate=REACH)
    return voxels


def _interpolated(
    voxels: np.ndarray,
    matrix: np.ndarray,
    shape: tuple[int, int, int],
    order: int,
    outside: float,
) -> np.ndarray:
    import SimpleITK as sitk  # noqa: N813  costs jobs on radiographs 0.2 s

    source = voxels.astype(np.uint8) if voxels.dtype == bool else voxels
    filler = sitk.ResampleImageFilter()
    filler.SetNumberOfThreads(1)
    filler.SetSize([int(count) for count in shape])
    filler.SetTransform(
        sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())
    )
    filler.SetInterpolator(sitk.sitkLinear if order else sitk.sitkNearestNeighbor)
    filler.SetDefaultPixelValue(float(outside))
    filled = sitk.GetArrayFromImage(
        filler.Execute(sitk.GetImageFromArray(reordered(source, "F").T))
    )
    return filled.T.astype(voxels.dtype, copy=False)
