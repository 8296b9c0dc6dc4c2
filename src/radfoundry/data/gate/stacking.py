"""Where the slices of a series lie: alike, parallel, and on one even grid fitted to all of them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from radfoundry.data.gate import tolerances
from radfoundry.data.gate.geometry import check_spacing, lps
from radfoundry.data.gate.source import MAX_VOXEL_BYTES, GateError

SAME_PLACE = 0.01  # of the distance between slices: nearer, they lie where another lies
ROUNDED = 0.2  # of it: positions written in whole millimeters may be off by so much
QUANTA_MM = (1.0, 0.5, 0.1)  # what positions are rounded to
TOLD = 0.01  # of it: what is less uneven is no news


class Placed(Protocol):
    """A slice or a frame, as far as it lies somewhere: see `dicom.Slice`."""

    @property
    def size(self) -> tuple[int, int]:
        """Return rows and columns."""
        ...

    @property
    def spacing_mm(self) -> np.ndarray:
        """Return the distance of rows and of columns (2,)."""
        ...

    @property
    def cosines(self) -> np.ndarray:
        """Return the directions of a row and of a column in LPS (6,)."""
        ...

    @property
    def position(self) -> np.ndarray:
        """Return where the first pixel's center lies in LPS, mm (3,)."""
        ...


def check_alike(slices: Sequence[Placed]) -> None:
    """Refuse slices without a place, or of different size, spacing or direction.

    Raises:
        GateError: dcm.orientation, dcm.spacing, dcm.series, io.too_large, geo.spacing.
    """
    first = slices[0]
    cosines = np.array([one.cosines for one in slices])
    spacings = np.array([one.spacing_mm for one in slices])
    if np.isnan(cosines).any():
        raise GateError("dcm.orientation", "a slice does not tell its orientation")
    if np.isnan(spacings).any() or any(np.isnan(one.position).any() for one in slices):
        raise GateError("dcm.spacing", "a slice does not tell its position or its pixel spacing")
    if any(one.size != first.size for one in slices):
        raise GateError("dcm.series", f"slices of {len({one.size for one in slices})} sizes")
    if np.abs(cosines - cosines[0]).max() > tolerances.ANGLE:
        raise GateError("dcm.orientation", "slices are not parallel: several stacks, or a scout?")
    if np.abs(spacings - spacings[0]).max() > tolerances.SPACING * np.abs(spacings[0]).min():
        raise GateError("dcm.spacing", "the pixel spacing differs between slices")
    voxels = len(slices) * first.size[0] * first.size[1]
    if 4 * voxels > MAX_VOXEL_BYTES:
        raise GateError("io.too_large", f"{voxels} voxels; at most {MAX_VOXEL_BYTES // 4} are read")
    height, width = spacings[0]
    check_spacing((height, width), first.size)


def normal_of(one: Placed) -> np.ndarray:
    """Return the direction of growing slices, of length one, in LPS.

    Raises:
        GateError: dcm.orientation.
    """
    axes = np.reshape(one.cosines, (2, 3))
    if np.abs(axes @ axes.T - np.eye(2)).max() > tolerances.ANGLE:
        raise GateError("dcm.orientation", "row and column are no directions at right angles")
    normal = np.cross(*axes)
    return normal / np.linalg.norm(normal)


def affine_of(first: Placed, through: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Return the RAS+ affine of a stack; DICOM counts in LPS, and columns run along a row."""
    row, column = np.reshape(first.cosines, (2, 3))
    height, width = first.spacing_mm
    return lps(np.column_stack([row * width, column * height, through]), origin)


def even(
    positions: np.ndarray, normal: np.ndarray, pixel_mm: float, names: Sequence[str] = ()
) -> tuple[float, np.ndarray, tuple[str, ...]]:
    """Return the distance of slices in mm, where the first one lies, and what there is to warn of.

    Judged is how far any slice lies from an even grid fitted to all of them, so that rounding and
    jitter of single positions do not add up.

    Args:
        positions: (n, 3) in mm, sorted along the normal.
        normal: (3,) of length one.
        pixel_mm: The smaller side of a pixel.
        names: Of the slices' files, in the same order, for the error; none where frames share one.

    Raises:
        GateError: geo.ndim, dcm.duplicate, dcm.tilt, dcm.spacing.
    """
    if len(positions) < 2:
        raise GateError("geo.ndim", "the series has one slice: there is no volume")
    along = positions @ normal
    steps = np.diff(along)
    step = float(np.median(steps[steps > SAME_PLACE * steps.max()])) if steps.max() > 0 else 0.0
    _check_apart(steps <= SAME_PLACE * step, names)
    _check_straight(positions, normal, pixel_mm)
    lost = int((np.rint(steps / step) - 1).clip(0).sum())
    if lost:
        told = f"{lost} slices seem to be missing: {steps.max():.4g} mm beside {step:.4g} mm"
        raise GateError("dcm.spacing", told)
    return _fitted(positions, along, normal)


def _check_apart(double: np.ndarray, names: Sequence[str]) -> None:
    """Refuse slices that lie where the one before lies; `double` is of each but the first."""
    if same := int(double.sum()):
        pairs = [f"{names[at]} and {names[at + 1]}" for at in np.flatnonzero(double)[:3] if names]
        told = f"{same} of {len(double) + 1} slices lie where another lies, with other pixels"
        told = ", ".join([*pairs, told])
        raise GateError("dcm.duplicate", f"{told} (several phases or echoes?)")


def _fitted(
    positions: np.ndarray, along: np.ndarray, normal: np.ndarray
) -> tuple[float, np.ndarray, tuple[str, ...]]:
    """Return what `even` does, of slices none of which is missing."""
    count = np.arange(len(along))
    step, start = (float(number) for number in np.polyfit(count, along, 1))
    off = float(np.abs(along - start - step * count).max())
    rounding = max([mm / 2 for mm in QUANTA_MM if _multiples(along, mm)], default=0.0)
    allowed = max(tolerances.PLACE * step, min(rounding, ROUNDED * step))
    if off > allowed * (1 + tolerances.VALUE):
        told = f"slices are unevenly spaced: up to {off:.3g} mm beside an even grid of {step:.4g}"
        raise GateError("dcm.spacing", f"{told} mm; at most {allowed:.3g} mm is allowed")
    if off <= TOLD * step:
        return float((along[-1] - along[0]) / (len(along) - 1)), positions[0], ()
    return step, positions[0] + (start - along[0]) * normal, ("dcm.uneven",)


def _multiples(along: np.ndarray, mm: float) -> bool:
    """Return whether all places are a multiple of a length apart."""
    apart = (along - along[0]) / mm
    return bool(np.abs(apart - np.rint(apart)).max() < tolerances.VALUE)


def _check_straight(positions: np.ndarray, normal: np.ndarray, pixel_mm: float) -> None:
    """Refuse slices that slide sideways, all alike or one of them."""
    moved = positions - positions[0]
    along = moved @ normal
    aside = np.linalg.norm(moved - np.outer(along, normal), axis=1).max()
    if aside > max(tolerances.ANGLE * along[-1], tolerances.PLACE * pixel_mm):
        degrees = np.degrees(np.arctan2(aside, along[-1]))
        told = f"slices slide by {aside:.3g} mm ({degrees:.2g} degrees): gantry tilt"
        raise GateError("dcm.tilt", told)
