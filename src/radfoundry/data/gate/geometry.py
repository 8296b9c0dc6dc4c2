"""Where voxels lie: sanity of an affine, canonical orientation, the plane of a radiograph."""

import math

import numpy as np
from nibabel import orientations

from radfoundry.data.gate import tolerances
from radfoundry.data.gate.source import GateError
from radfoundry.volume import Volume

SPACING_MM = (0.05, 20.0)


def canonical(voxels: np.ndarray, affine: np.ndarray) -> tuple[Volume, tuple[str, ...]]:
    """Return a volume with axes nearest to right, anterior, superior, and what was mended.

    Args:
        voxels: Array of three axes.
        affine: 4 x 4, voxel indices to millimetres in RAS+.

    Raises:
        GateError: geo.affine, geo.shear, geo.spacing.
    """
    sound, warnings = _sound(affine, voxels.shape)
    turns = orientations.io_orientation(sound)
    placed = sound @ orientations.inv_ornt_aff(turns, voxels.shape)
    return Volume(orientations.apply_orientation(voxels, turns), placed), warnings


def lps(directions: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Return the RAS+ affine of axes (3, 3), one per column in mm, and an origin stated in LPS."""
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions, origin
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def one_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape with three axes: trailing axes of one dropped, a plane given its third.

    Raises:
        GateError: geo.ndim, with how many images there are.
    """
    kept, rest = (*shape, 1)[:3] if len(shape) == 2 else shape[:3], shape[3:]
    volumes = math.prod(rest)
    if volumes > 1:
        raise GateError(
            "geo.ndim",
            f"shape {shape} holds {volumes} volumes (times, echoes or channels): give one by one",
        )
    if len(kept) != 3:
        raise GateError("geo.ndim", f"shape {shape} is no image of 2 or 3 axes")
    return kept


def squeezed(voxels: np.ndarray) -> np.ndarray:
    """Return an array as one image of three axes.

    Raises:
        GateError: geo.ndim.
    """
    return voxels.reshape(one_image(voxels.shape))


def solid(volume: Volume, slices: bool = False) -> Volume:
    """Return a volume that has at least two voxels along every axis.

    Args:
        volume: As it was read.
        slices: Let one axis be of one voxel: the image is a single plane.

    Raises:
        GateError: geo.ndim for a line, and for a plane where there may be none.
    """
    if sorted(volume.voxels.shape)[slices] < 2:
        raise GateError("geo.ndim", f"{volume.voxels.shape} voxels are one slice, not a volume")
    return volume


def coronal(volume: Volume) -> Volume:
    """Return a radiograph (X, 1, Z) of a canonical volume one voxel thick.

    A plane stored as (X, Y, 1) is a picture that a converter laid flat: its y points up.

    Raises:
        GateError: geo.ndim when no axis, or the wrong one, is one voxel thick.
    """
    shape = volume.voxels.shape
    if shape[1] == 1 and shape[0] > 1 and shape[2] > 1:
        return volume
    if shape[2] != 1 or shape[0] == 1 or shape[1] == 1:
        raise GateError("geo.ndim", f"a radiograph is one plane seen from the front, not {shape}")
    width, height, _ = volume.spacing_mm
    upright = np.ascontiguousarray(volume.voxels.transpose(0, 2, 1))
    return Volume(upright, np.diag([width, 1.0, height, 1.0]))


def check_spacing(spacing_mm: tuple[float, ...], shape: tuple[int, ...]) -> None:
    """Refuse voxel sizes outside what a scanner makes; an axis of one voxel may be any size.

    Raises:
        GateError: geo.spacing.
    """
    low, high = SPACING_MM
    for size, count in zip(spacing_mm, shape, strict=False):
        if count > 1 and not low <= size <= high:
            raise GateError("geo.spacing", f"{size:g} mm is outside {low} to {high} mm")


def _sound(affine: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    axes = np.asarray(affine, float)[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(affine).all() or lengths.min() == 0:
        raise GateError("geo.affine", "the affine holds NaN, infinity or an axis of no length")
    check_spacing(tuple(lengths), shape)
    directions = axes / lengths
    if abs(np.linalg.det(directions)) < tolerances.ANGLE:
        raise GateError("geo.affine", "the affine is singular: two axes point the same way")
    cosines = directions.T @ directions
    shear = float(np.abs(cosines - np.eye(3)).max())
    if shear > tolerances.ANGLE:
        raise GateError("geo.shear", f"axes are not at right angles (cosine {shear:.2g})")
    if shear <= tolerances.STRAIGHT:
        return np.asarray(affine, float), ()
    left, _, right = np.linalg.svd(directions)  # nearest rotation, by polar decomposition
    mended = np.array(affine, float)
    mended[:3, :3] = (left @ right) * lengths
    return mended, ("geo.orthonormalised",)
