"""Put a mask on the grid of the image it was drawn on, or say why it does not lie there."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from radfoundry import volume
from radfoundry.data.gate import raster, volumes
from radfoundry.data.gate.geometry import canonical, coronal
from radfoundry.data.gate.source import GateError, Source, guarded
from radfoundry.volume import Volume

SAME_MM = 1e-5  # rounding of affines kept in 32 bit
SNAP_MM = 1e-3  # grids whose corners lie closer are the same
NO_PLACE = "geo.no_codes"


@dataclass(frozen=True)
class Placed:
    """Integers on the grid of an image, and codes of what was mended to get there."""

    values: np.ndarray
    warnings: tuple[str, ...] = ()


def placed(source: Source, grid: Volume) -> Placed:
    """Return a mask's integers on the image's grid.

    A mask that was cropped from the image's grid, or reaches beyond it, is set in its place:
    outside the mask nothing is marked, outside the image nothing is kept.

    Raises:
        GateError: geo.mismatch, mask.noninteger, and the codes of decoding.
    """
    if source.kind == "raster":
        values = guarded(raster.labels, source)
        if not grid.is_radiograph or values.shape != volume.picture(grid.voxels).shape:
            raise _mismatch(values.shape, grid)
        return Placed(volume.plane(values))
    if source.kind not in volumes.GRIDS:
        raise GateError(
            "io.format", "masks are read from PNG, TIFF, NIfTI, NRRD and MetaImage, not from DICOM"
        )
    voxels, affine, codes = guarded(volumes.grid, source)
    mask, mended = canonical(voxels, affine)
    mask = coronal(mask) if grid.is_radiograph else mask
    warnings = (*codes, *mended)
    if mask.voxels.shape != grid.voxels.shape:
        if grid.is_radiograph or NO_PLACE in warnings:
            raise _mismatch(mask.voxels.shape, grid)
        return Placed(_set_in(mask, grid), (*warnings, "geo.cropped_mask"))
    apart = _apart(mask.affine, grid.affine, grid.voxels.shape)
    if apart > SNAP_MM:
        raise GateError("geo.mismatch", f"mask and image lie {apart:.3g} mm apart")
    values = np.ascontiguousarray(_whole(mask.voxels))
    return Placed(values, (*warnings, *(("geo.snapped",) if apart > SAME_MM else ())))


def _mismatch(shape: tuple[int, ...], grid: Volume) -> GateError:
    return GateError("geo.mismatch", f"mask {shape}, image {grid.voxels.shape}")


def _apart(first: np.ndarray, second: np.ndarray, shape: tuple[int, ...]) -> float:
    """Return how far apart two affines place any corner of a grid, in mm."""
    corners = np.array([[*corner, 1] for corner in product(*((0, size - 1) for size in shape))])
    return float(np.linalg.norm(((first - second) @ corners.T)[:3], axis=0).max())


def _set_in(mask: Volume, grid: Volume) -> np.ndarray:
    """Return the mask's integers where the two grids, of one lattice, overlap."""
    own, whole = mask.voxels.shape, grid.voxels.shape
    first = np.rint(np.linalg.solve(grid.affine, mask.affine[:, 3])[:3]).astype(int)
    shifted = grid.affine.copy()
    shifted[:3, 3] += grid.affine[:3, :3] @ first
    apart = _apart(mask.affine, shifted, own)
    if apart > SNAP_MM:
        raise GateError(
            "geo.mismatch",
            f"mask {own} and image {whole} do not share one lattice ({apart:.3g} mm apart)",
        )
    inside = all(
        (at >= 0 and at + n <= size) or (at <= 0 and at + n >= size)
        for at, n, size in zip(first, own, whole, strict=True)
    )
    if not inside:
        raise GateError("geo.mismatch", f"mask {own} lies partly beside the image {whole}")
    target = tuple(
        slice(max(at, 0), min(at + n, size)) for at, n, size in zip(first, own, whole, strict=True)
    )
    taken = tuple(
        slice(part.start - at, part.stop - at) for part, at in zip(target, first, strict=True)
    )
    marks = _whole(mask.voxels)
    values = np.zeros(whole, marks.dtype)
    values[target] = marks[taken]
    if marks.any() and not values.any():
        raise GateError("geo.mismatch", "nothing that the mask marks lies within the image")
    return values


def _whole(voxels: np.ndarray) -> np.ndarray:
    """Return values as integers; those of real type must be whole."""
    if np.issubdtype(voxels.dtype, np.integer):
        return voxels
    if not np.isfinite(voxels).all() or (voxels != np.rint(voxels)).any():
        raise GateError(
            "mask.noninteger", "values are not whole (was the mask scaled or resampled?)"
        )
    if np.abs(voxels).max() >= 2**31:
        raise GateError("mask.label", "values are too large for labels")
    return voxels.astype(np.int32)
