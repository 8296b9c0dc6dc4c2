"""Build a volume of the DICOM files in a folder: one series, no slice missing, twice or askew."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from radfoundry.data.gate import dicom
from radfoundry.data.gate.dicom import Slice
from radfoundry.data.gate.geometry import canonical, check_spacing, lps, solid
from radfoundry.data.gate.source import MAX_VOXEL_BYTES, GateError, Raw, guarded, opened, within

MAX_FILES = 5000
BESIDE = (
    ".txt",
    ".md",
    ".json",
    ".csv",
    ".xml",
    ".html",
    ".pdf",
    ".log",
)  # what lies beside slices
BESIDE_NAMES = ("DICOMDIR", "LICENSE", "VERSION", "SHA256SUMS")
EVEN = 0.01  # of the distance between slices
STRAIGHT = 1e-3  # sine between the stack and the normal of its slices
PARALLEL = 1e-3  # between direction cosines of two slices
SAME_SPACING = 1e-3  # of a pixel


def read(folder: str | Path, root: str | Path | None, modality: str) -> Raw:
    """Return the volume of the one series in a folder, canonical and float32.

    Localizers, objects of other modalities and text files are left out, with a warning for the
    first two. The digest is that of the sorted digests of the slices: names change nothing.

    Args:
        folder: Holds the files themselves, not further folders of them.
        root: Where given, every file's real place must lie under it.
        modality: "CT" or "MR".

    Raises:
        GateError: dcm.series, dcm.spacing, dcm.duplicate, dcm.tilt, dcm.orientation, dcm.rescale,
            geo.ndim, io.too_large, and the codes of reading one file.
    """
    every = [_slice(path, root, modality) for path in _files(folder, root)]
    slices, left_out = _of_one_series(every, modality)
    _check_alike(slices)
    normal = _normal(slices[0])
    slices = sorted(slices, key=lambda one: float(normal @ one.position))
    step = _step(np.array([one.position for one in slices]), normal)
    stack, warnings = _stacked(slices, modality)
    image, mended = canonical(stack, _affine(slices[0], normal * step))
    image = solid(image)
    floats = image.holding(np.ascontiguousarray(image.voxels))
    codes = tuple(dict.fromkeys((*left_out, *warnings, *mended)))
    return Raw(floats, _digest(slices), True, codes, dicom.technical_tags(slices[0]))


def _files(folder: str | Path, root: str | Path | None) -> list[Path]:
    """Return what must be DICOM in a folder: all files but hidden ones and accompanying texts."""
    real = within(folder, root)
    try:
        entries = sorted(os.scandir(real), key=lambda entry: entry.name)
    except OSError:
        raise GateError("io.perm", "the folder may not be listed by this user") from None
    files = [
        Path(entry.path)
        for entry in entries
        if not entry.is_dir()
        and not entry.name.startswith(".")
        and entry.name.upper() not in BESIDE_NAMES
        and not entry.name.lower().endswith(BESIDE)
    ]
    if not files:
        raise GateError("dcm.series", "the folder holds no file that could be a slice")
    if len(files) > MAX_FILES:
        raise GateError("io.too_large", f"{len(files)} files; a series has at most {MAX_FILES}")
    if sum(file.stat().st_size for file in files if file.exists()) > MAX_VOXEL_BYTES:
        raise GateError("io.too_large", f"the files hold more than {MAX_VOXEL_BYTES} bytes")
    return files


def _slice(path: Path, root: str | Path | None, modality: str) -> Slice:
    source = opened(path, root)
    if source.kind != "dicom":
        raise GateError(
            "dcm.series", f"among the slices lies a file of another kind: {source.kind}"
        )
    return guarded(dicom.slice_of, source, modality)


def _of_one_series(every: Sequence[Slice], modality: str) -> tuple[list[Slice], tuple[str, ...]]:
    """Return the slices of the only series there is, and what was left out."""
    own = [one for one in every if one.modality == modality]
    slices = [one for one in own if not one.localizer]
    if not slices:
        raise GateError("dcm.series", f"none of {len(every)} files is a slice of a {modality}")
    count = len({one.series for one in slices})
    if count > 1:
        raise GateError(
            "dcm.series", f"the folder holds {count} series: give each a folder of its own"
        )
    codes = [
        *(["dcm.other_objects"] if len(own) < len(every) else []),
        *(["dcm.localizer"] if len(slices) < len(own) else []),
    ]
    return slices, tuple(codes)


def _check_alike(slices: Sequence[Slice]) -> None:
    """Refuse slices without a place, or of different size, spacing or direction."""
    first = slices[0]
    cosines = np.array([one.cosines for one in slices])
    spacings = np.array([one.spacing_mm for one in slices])
    if np.isnan(cosines).any():
        raise GateError("dcm.orientation", "a slice does not tell its orientation")
    if np.isnan(spacings).any() or any(np.isnan(one.position).any() for one in slices):
        raise GateError("dcm.spacing", "a slice does not tell its position or its pixel spacing")
    if any(one.size != first.size for one in slices):
        raise GateError("dcm.series", f"slices of {len({one.size for one in slices})} sizes")
    if np.abs(cosines - cosines[0]).max() > PARALLEL:
        raise GateError("dcm.orientation", "slices are not parallel: several stacks, or a scout?")
    if np.abs(spacings - spacings[0]).max() > SAME_SPACING * np.abs(spacings[0]).min():
        raise GateError("dcm.spacing", "the pixel spacing differs between slices")
    voxels = len(slices) * first.size[0] * first.size[1]
    if 4 * voxels > MAX_VOXEL_BYTES:
        raise GateError("io.too_large", f"{voxels} voxels; at most {MAX_VOXEL_BYTES // 4} are read")
    height, width = spacings[0]
    check_spacing((height, width), first.size)


def _normal(one: Slice) -> np.ndarray:
    """Return the direction of growing slices, of length one, in LPS."""
    axes = np.reshape(one.cosines, (2, 3))
    if np.abs(axes @ axes.T - np.eye(2)).max() > PARALLEL:
        raise GateError("dcm.orientation", "row and column are no directions at right angles")
    normal = np.cross(*axes)
    return normal / np.linalg.norm(normal)


def _step(positions: np.ndarray, normal: np.ndarray) -> float:
    """Return the distance between slices in mm, which must be even and along the normal.

    Args:
        positions: (n, 3) in mm, sorted along the normal.
        normal: (3,) of length one.

    Raises:
        GateError: geo.ndim, dcm.duplicate, dcm.tilt, dcm.spacing.
    """
    if len(positions) < 2:
        raise GateError("geo.ndim", "the series has one slice: there is no volume")
    along = positions @ normal
    steps = np.diff(along)
    step = float(np.median(steps[steps > EVEN * steps.max()])) if steps.max() > 0 else 0.0
    same = int((steps <= EVEN * step).sum())
    if same:
        raise GateError(
            "dcm.duplicate",
            f"{same} of {len(positions)} slices lie where another lies (several phases or echoes?)",
        )
    moved = positions - positions[0]
    aside = np.linalg.norm(moved - np.outer(moved @ normal, normal), axis=1).max()
    if aside > STRAIGHT * (along[-1] - along[0]):
        degrees = np.degrees(np.arctan2(aside, along[-1] - along[0]))
        raise GateError(
            "dcm.tilt", f"slices slide by {aside:.3g} mm ({degrees:.2g} degrees): gantry tilt"
        )
    uneven = steps[np.abs(steps - step) > EVEN * step]
    if uneven.size:
        lost = int(np.rint(uneven / step - 1).clip(0).sum())
        hint = f"{lost} slices seem to be missing" if lost else "slices are unevenly spaced"
        raise GateError("dcm.spacing", f"{hint}: {uneven[0]:.4g} mm beside {step:.4g} mm")
    return float((along[-1] - along[0]) / (len(along) - 1))


def _stacked(slices: Sequence[Slice], modality: str) -> tuple[np.ndarray, list[str]]:
    """Return float32 voxels (columns, rows, slices), each slice rescaled by its own tags."""
    stack = np.empty((slices[0].size[1], slices[0].size[0], len(slices)), np.float32, order="F")
    warnings: list[str] = []
    for place, one in enumerate(slices):
        picture, codes = guarded(dicom.values, one, modality)
        stack[..., place] = picture.T
        warnings += codes
    return stack, warnings


def _affine(first: Slice, through: np.ndarray) -> np.ndarray:
    """Return the RAS+ affine of a stack; DICOM counts in LPS, and columns run along a row."""
    row, column = np.reshape(first.cosines, (2, 3))
    height, width = first.spacing_mm
    return lps(np.column_stack([row * width, column * height, through]), first.position)


def _digest(slices: Sequence[Slice]) -> str:
    return hashlib.sha256("\n".join(sorted(one.sha256 for one in slices)).encode()).hexdigest()
