"""Decode enhanced multi-frame CT and MR: one DICOM file whose frames are the slices.

Of its functional groups only place, size and rescaling are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radfoundry.data.gate import dicom, stacking
from radfoundry.data.gate.geometry import canonical, solid
from radfoundry.data.gate.source import MAX_VOXEL_BYTES, GateError, Raw, Source
from radfoundry.data.gate.tags import Dataset

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
WHERE = {  # where in the groups of a frame each tag stands
    "PixelSpacing": "PixelMeasuresSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
}
NEEDED = ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation", "PixelData", *GROUPS)


@dataclass(frozen=True)
class Frame:
    """Where one frame lies and how its values are rescaled; the rest as in `dicom.Slice`."""

    size: tuple[int, int]
    spacing_mm: np.ndarray
    cosines: np.ndarray
    position: np.ndarray
    scale: tuple[float, float]


def has_frames(source: Source) -> bool:
    """Return whether a DICOM file says that it holds several frames."""
    return dicom.frames_of(source) > 1


def decode(source: Source, modality: str) -> Raw:
    """Return the volume of a file of many frames, canonical and float32.

    Raises:
        GateError: dcm.header, dcm.modality, dcm.frames, dcm.photometric, dcm.truncated, dcm.codec,
            dcm.pixels, dcm.rescale, io.too_large, and those of `stacking`.
    """
    with dicom.unquoted():
        dataset = dicom.parsed(source.content, GROUPS)
        _check(dataset, modality)
        frames = _frames(dataset, modality)
        stacking.check_alike(frames)
        normal = stacking.normal_of(frames[0])
        order = np.argsort([float(normal @ one.position) for one in frames], kind="stable")
        places = np.array([frames[at].position for at in order])
        step, origin, uneven = stacking.even(places, normal, float(frames[0].spacing_mm.min()))
        voxels, padded = _voxels(dataset, frames, order, modality)
        affine = stacking.affine_of(frames[0], normal * step, origin)
        image, mended = canonical(voxels, affine)
        floats = solid(image).holding(np.ascontiguousarray(image.voxels))
        return Raw(
            floats, source.sha256, True, (*uneven, *padded, *mended), dicom.described(dataset)
        )


def _check(dataset: Dataset, modality: str) -> None:
    """Refuse what the header already tells to be unreadable, before pixels are touched."""
    kind, frames = str(dataset.get("Modality", "")), int(dataset.get("NumberOfFrames") or 1)
    if kind != modality:
        raise GateError("dcm.modality", f"the file is no {modality}")
    if not all(group in dataset for group in GROUPS):
        told = f"{frames} frames in one file that does not say where they lie"
        raise GateError("dcm.frames", f"{told}; save single slices or NIfTI")
    missing = [tag for tag in NEEDED if tag not in dataset]
    if missing:
        raise GateError("dcm.header", f"{', '.join(missing)} missing: cut off, or no image")
    if dataset.PhotometricInterpretation != "MONOCHROME2":
        raise GateError("dcm.photometric", "frames of a volume are MONOCHROME2")
    if len(dataset.PerFrameFunctionalGroupsSequence) != frames:
        count = len(dataset.PerFrameFunctionalGroupsSequence)
        raise GateError("dcm.frames", f"{frames} frames, and places of {count}")
    _check_size(dataset, frames)


def _check_size(dataset: Dataset, frames: int) -> None:
    voxels = frames * int(dataset.Rows) * int(dataset.Columns)
    if not 0 < 4 * voxels <= MAX_VOXEL_BYTES:
        raise GateError("io.too_large", f"{voxels} voxels; at most {MAX_VOXEL_BYTES // 4} are read")
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed and len(dataset.PixelData) * 8 < voxels * dataset.BitsAllocated:
        raise GateError("dcm.truncated", "there are fewer pixels than frames times their size")


def _frames(dataset: Dataset, modality: str) -> list[Frame]:
    shared = dataset.SharedFunctionalGroupsSequence
    common = shared[0] if len(shared) else {}
    size = int(dataset.Rows), int(dataset.Columns)
    return [
        Frame(
            size,
            _numbers(own, common, "PixelSpacing", 2),
            _numbers(own, common, "ImageOrientationPatient", 6),
            _numbers(own, common, "ImagePositionPatient", 3),
            _scale(own, common, modality),
        )
        for own in dataset.PerFrameFunctionalGroupsSequence
    ]


def _told(own: Dataset, common: Dataset, tag: str) -> object:
    """Return a tag of a frame: from its own groups, else from those of all frames."""
    for groups in (own, common):
        inside = groups.get(WHERE[tag])
        if inside and tag in inside[0]:
            return inside[0][tag].value
    return None


def _numbers(own: Dataset, common: Dataset, tag: str, count: int) -> np.ndarray:
    value = _told(own, common, tag)
    stored = [float(number) for number in value] if isinstance(value, Sequence) else []
    whole = len(stored) == count and np.isfinite(stored).all()
    return np.array(stored if whole else [np.nan] * count)


def _scale(own: Dataset, common: Dataset, modality: str) -> tuple[float, float]:
    slope, intercept = (_told(own, common, tag) for tag in ("RescaleSlope", "RescaleIntercept"))
    if modality == "CT" and (slope is None or intercept is None):
        raise GateError("dcm.rescale", "a CT without rescale slope and intercept has no HU")
    pair = float(1 if slope is None else slope), float(0 if intercept is None else intercept)  # type: ignore[arg-type]
    if not np.isfinite(pair).all() or pair[0] == 0:
        raise GateError("dcm.rescale", f"slope {pair[0]:g} and intercept {pair[1]:g} map nothing")
    return pair


def _voxels(
    dataset: Dataset, frames: Sequence[Frame], order: np.ndarray, modality: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return float32 voxels (columns, rows, slices) in the order of their places."""
    stored, cut = dicom.pixels_of(dataset)
    rows, columns = frames[0].size
    voxels = np.empty((columns, rows, len(frames)), np.float32, order="F")
    for place, at in enumerate(order):
        slope, intercept = frames[at].scale
        voxels[..., place] = (slope * stored[at].astype(np.float64) + intercept).T
    padding = dataset.get("PixelPaddingValue")
    if padding is None:
        return voxels, cut
    outside = (stored[order] == int(padding)).transpose(2, 1, 0)
    moved = bool((voxels[outside] != dicom.PADDED[modality]).any())
    voxels[outside] = dicom.PADDED[modality]
    return voxels, (*cut, *(("int.padding",) if moved else ()))
