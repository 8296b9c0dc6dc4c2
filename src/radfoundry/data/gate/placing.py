"""Put a mask on the grid of the image it was drawn on, or say why it does not lie there."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from radfoundry import volume
from radfoundry.data.gate import raster, tolerances, volumes
from radfoundry.data.gate.geometry import canonical, coronal
from radfoundry.data.gate.source import GateError, Source, guarded
from radfoundry.volume import Volume

NO_PLACE = "geo.no_codes"
CLOSE = f"at most {tolerances.PLACE:g} is allowed"


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
        values, rounded = _whole(mask.voxels)
        return Placed(
            _set_in(mask.holding(values), grid), (*warnings, "geo.cropped_mask", *rounded)
        )
    apart = _apart(mask.affine, grid, grid.voxels.shape)
    if apart > tolerances.PLACE:
        raise GateError("geo.mismatch", f"mask and image lie {apart:.3g} voxels apart; {CLOSE}")
    values, rounded = _whole(mask.voxels)
    snapped = ("geo.snapped",) if apart > tolerances.UNTOLD else ()
    return Placed(np.ascontiguousarray(values), (*warnings, *snapped, *rounded))


def _mismatch(shape: tuple[int, ...], grid: Volume) -> GateError:
    return GateError("geo.mismatch", f"mask {shape}, image {grid.voxels.shape}")


def _apart(affine: np.ndarray, grid: Volume, shape: tuple[int, ...]) -> float:
    """Return how far from its place an affine puts any corner, in the grid's smallest voxel."""
    corners = np.array([[*corner, 1] for corner in product(*((0, size - 1) for size in shape))])
    mm = np.linalg.norm(((affine - grid.affine) @ corners.T)[:3], axis=0).max()
    return float(mm / min(grid.spacing_mm))


def _set_in(mask: Volume, grid: Volume) -> np.ndarray:
    """Return the mask's integers where the two grids, of one lattice, overlap."""
    own, whole = mask.voxels.shape, grid.voxels.shape
    first = np.rint(np.linalg.solve(grid.affine, mask.affine[:, 3])[:3]).astype(int)
    shifted = grid.affine.copy()
    shifted[:3, 3] += grid.affine[:3, :3] @ first
    apart = _apart(mask.affine, Volume(grid.voxels, shifted), own)
    if apart > tolerances.PLACE:
        told = f"do not share one lattice ({apart:.3g} voxels apart; {CLOSE})"
        raise GateError("geo.mismatch", f"mask {own} and image {whole} {told}")
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
    marks = mask.voxels
    values = np.zeros(whole, marks.dtype)
    values[target] = marks[taken]
    if marks.any() and not values.any():
        raise GateError("geo.mismatch", "nothing that the mask marks lies within the image")
    return values


def _whole(voxels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return values as integers, and a warning where they had to be rounded to be whole."""
    if np.issubdtype(voxels.dtype, np.integer):
        return voxels, ()
    whole = np.rint(voxels)
    off = float(np.abs(voxels - whole).max()) if np.isfinite(voxels).all() else np.inf
    if off > 0 and not tolerances.apart(voxels, whole) <= 1:
        told = f"values are up to {off:.3g} from whole numbers; allowed is {tolerances.VALUE:g}"
        raise GateError("mask.noninteger", f"{told} of the value (was the mask resampled?)")
    if np.abs(whole).max() >= 2**31:
        raise GateError("mask.label", "values are too large for labels")
    return whole.astype(np.int32), ("mask.rounded",) if off else ()
