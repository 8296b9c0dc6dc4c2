"""Decode DICOM: a radiograph from one file, and the slices that a series is made of.

Only the tags that `tags.py` allows are ever parsed.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import get_decoder

from radfoundry import volume
from radfoundry.data.gate.geometry import check_spacing
from radfoundry.data.gate.source import MAX_PIXELS, GateError, Raw, Source
from radfoundry.data.gate.tags import COLOUR, GRAY, PARSED, facts
from radfoundry.volume import Volume

NEEDED = ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation")
NO_RADIOGRAPH = ("CT", "MR", "PT", "NM", "US")
DEFLATED = b"1.2.840.10008.1.2.1.99"
PADDED = {"CT": -1024.0, "MR": 0.0}  # what stands for no measurement
PADDING = "int.padding"
unquoted = disable_value_validation  # a context: warnings would quote what stands in the tags


@dataclass(frozen=True)
class Slice:
    """What a series has to know of one of its files; no value in it leaves the gate.

    Attributes:
        sha256: Of the file.
        series: Which series it says it belongs to, or nothing.
        modality: As in the file, such as "CT".
        localizer: Whether it is a scout view.
        size: Rows and columns.
        spacing_mm: Of rows and of columns (2,); NaN where the file states nothing, as below.
        cosines: Directions of a row and of a column in LPS (6,).
        position: Of the first pixel's center in LPS, mm (3,).
        dataset: The allowed tags, for decoding.
        kind: Of file, as in `Source`.
    """

    sha256: str
    series: str
    modality: str
    localizer: bool
    size: tuple[int, int]
    spacing_mm: np.ndarray
    cosines: np.ndarray
    position: np.ndarray
    dataset: Dataset
    kind: str = "dicom"


def decode(source: Source, modality: str) -> Raw:
    """Return the radiograph of a DICOM file, rescaled, MONOCHROME1 inverted.

    Raises:
        GateError: geo.ndim for a CT or MR, dcm.deflated, dcm.truncated, dcm.header, dcm.modality,
            dcm.frames, dcm.photometric, dcm.codec, dcm.pixels, dcm.rescale, io.too_large, geo.*.
    """
    with unquoted():
        dataset = parsed(source.content)
        _check_header(dataset, modality)
        if modality != "CXR":
            raise GateError("geo.ndim", "one slice is no volume: give the folder of its series")
        values, warnings = _values(dataset, modality)
        image, known, turned = _radiograph(dataset, values)
        return Raw(image, source.sha256, known, (*warnings, *turned), facts(dataset))


def slice_of(source: Source, modality: str) -> Slice:
    """Return where one slice lies, its pixels still packed.

    Raises:
        GateError: dcm.deflated, dcm.truncated, dcm.header, dcm.frames, dcm.photometric,
            io.too_large.
    """
    with unquoted():
        dataset = parsed(source.content)
        kind = str(dataset.get("Modality", ""))
        if kind == modality:
            _check_header(dataset, modality)
        return Slice(
            source.sha256,
            str(dataset.get("SeriesInstanceUID", "")),
            kind,
            "LOCALIZER" in [str(word).upper() for word in dataset.get("ImageType") or ()],
            (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
            _vector(dataset, "PixelSpacing", 2),
            _vector(dataset, "ImageOrientationPatient", 6),
            _vector(dataset, "ImagePositionPatient", 3),
            dataset,
        )


def values(one: Slice, modality: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a slice's float32 values (rows, columns), and what was mended.

    Raises:
        GateError: dcm.truncated, dcm.codec, dcm.pixels, dcm.rescale.
    """
    with unquoted():
        return _values(one.dataset, modality)


def technical_tags(one: Slice) -> dict[str, str]:
    """Return the allow-listed technical tags of a slice."""
    with unquoted():
        return facts(one.dataset)


def _vector(dataset: Dataset, tag: str, count: int) -> np.ndarray:
    stored = [float(number) for number in dataset.get(tag) or ()]
    whole = len(stored) == count and np.isfinite(stored).all()
    return np.array(stored if whole else [np.nan] * count)


def _values(dataset: Dataset, modality: str) -> tuple[np.ndarray, tuple[str, ...]]:
    stored = pixels_of(dataset)
    gray, warnings = _gray(dataset, stored)
    rescaled = _rescaled(dataset, gray, modality)
    padding = _padding(dataset, stored) if modality in PADDED else np.zeros(1, bool)
    if padding.any() and (rescaled[padding] != PADDED[modality]).any():
        rescaled[padding] = PADDED[modality]
        warnings = (*warnings, PADDING)
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        warnings = (*warnings, "privacy.burned_in")
    return rescaled, warnings


def _padding(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Return which pixels were written outside the scan, as the file's padding values say."""
    bits, signed = int(dataset.BitsAllocated), bool(dataset.get("PixelRepresentation"))
    ends = []
    for tag in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        number = dataset.get(tag)
        if number is not None:
            number = int(number) % 2**bits  # some writers store the unsigned twin of -2000
            ends.append(number - 2**bits if signed and number >= 2 ** (bits - 1) else number)
    if not ends or stored.ndim != 2:
        return np.zeros(stored.shape[:2], bool)
    return (stored >= min(ends)) & (stored <= max(ends))


def frames_of(source: Source) -> int:
    """Return how many frames a file says it holds: 1 where it says nothing or cannot be read."""
    try:
        with unquoted():
            head = pydicom.dcmread(
                io.BytesIO(source.content),
                force=True,
                stop_before_pixels=True,
                specific_tags=["NumberOfFrames"],
            )
            return int(head.get("NumberOfFrames") or 1)
    except Exception:  # what cannot be read is told by who reads it as a slice
        return 1


def parsed(content: bytes, also: Sequence[str] = ()) -> Dataset:
    """Return the allowed tags of a file, and others asked for by keyword.

    Raises:
        GateError: dcm.deflated, dcm.truncated.
    """
    if DEFLATED in content[:4096]:
        raise GateError("dcm.deflated", "deflated files unpack without limit: store them plain")
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), force=True, specific_tags=[*PARSED, *also])
    except (EOFError, OSError) as error:
        raise GateError("dcm.truncated", f"the file ends early ({type(error).__name__})") from None
    meta = getattr(dataset, "file_meta", None) or FileMetaDataset()
    if "TransferSyntaxUID" not in meta:
        implicit, _ = dataset.original_encoding
        explicit_uid, implicit_uid = (
            pydicom.uid.ExplicitVRLittleEndian,
            pydicom.uid.ImplicitVRLittleEndian,
        )
        meta.TransferSyntaxUID = implicit_uid if implicit else explicit_uid
    dataset.file_meta = meta
    return dataset


def _check_header(dataset: Dataset, modality: str) -> None:
    missing = [tag for tag in NEEDED if tag not in dataset]
    if missing:
        raise GateError("dcm.header", f"{', '.join(missing)} missing: cut off, or no image")
    kind = str(dataset.get("Modality", ""))
    if modality == "CXR" and kind in NO_RADIOGRAPH:
        raise GateError("dcm.modality", f"a file of modality {kind} is no radiograph")
    if modality != "CXR" and kind and kind != modality:
        raise GateError("dcm.modality", f"the file is no {modality}")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        frames = int(dataset.NumberOfFrames)
        raise GateError("dcm.frames", f"{frames} frames in one file; save single images or NIfTI")
    if dataset.PhotometricInterpretation not in GRAY + COLOUR:
        raise GateError("dcm.photometric", f"neither of {', '.join(GRAY + COLOUR)}")
    pixels = int(dataset.Rows) * int(dataset.Columns)
    if pixels > MAX_PIXELS:
        raise GateError("io.too_large", f"{pixels} pixels; at most {MAX_PIXELS} are decoded")
    if pixels == 0:
        raise GateError("dcm.header", f"{dataset.Rows} x {dataset.Columns} pixels")


def pixels_of(dataset: Dataset) -> np.ndarray:
    """Return pixels as stored, (rows, columns), (rows, columns, 3) or (frames, rows, columns).

    Raises:
        GateError: dcm.truncated, dcm.codec, dcm.pixels.
    """
    if "PixelData" not in dataset:
        raise GateError("dcm.truncated", "there are no pixels: cut off, or a report")
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        samples = int(dataset.get("SamplesPerPixel") or 1) * int(dataset.BitsAllocated) // 8
        if len(dataset.PixelData) < int(dataset.Rows) * int(dataset.Columns) * samples:
            raise GateError("dcm.truncated", "there are fewer pixels than rows times columns")
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise GateError("dcm.codec", f"no decoder for {syntax.name}: save the file uncompressed")
    try:
        return dataset.pixel_array
    except (ValueError, AttributeError, RuntimeError, OSError, EOFError) as error:
        raise GateError("dcm.pixels", f"pixels do not decode ({type(error).__name__})") from None


def _gray(dataset: Dataset, stored: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return stored values with white as dense, and what was mended."""
    if stored.ndim == 3:
        return stored.astype(np.float64) @ [0.299, 0.587, 0.114], ("rgb_to_gray",)  # ITU-R BT.601
    if dataset.PhotometricInterpretation != "MONOCHROME1":
        return stored.astype(np.float64), ()
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    signed = int(dataset.get("PixelRepresentation") or 0)
    mirror = -1 if signed else 2**bits - 1  # lowest and highest storable value change places
    return mirror - stored.astype(np.float64), ("monochrome1_inverted",)


def _rescaled(dataset: Dataset, gray: np.ndarray, modality: str) -> np.ndarray:
    if modality == "CT" and not ("RescaleSlope" in dataset and "RescaleIntercept" in dataset):
        raise GateError("dcm.rescale", "a CT without rescale slope and intercept has no HU")
    slope = float(dataset.get("RescaleSlope", 1))
    intercept = float(dataset.get("RescaleIntercept", 0))
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise GateError("dcm.rescale", f"slope {slope:g} and intercept {intercept:g} map nothing")
    return (slope * gray + intercept).astype(np.float32)


def _radiograph(dataset: Dataset, picture: np.ndarray) -> tuple[Volume, bool, tuple[str, ...]]:
    """Return the picture as a frontal volume, turned as its patient orientation says."""
    spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    known = spacing is not None and len(spacing) == 2
    height, width = (float(size) for size in spacing) if known else (1.0, 1.0)
    if known:
        check_spacing((height, width), picture.shape)
    across, down = [*(dataset.get("PatientOrientation") or ()), "", ""][:2]
    turned: tuple[str, ...] = ()
    if str(across).startswith("R"):
        picture, turned = picture[:, ::-1], ("mirrored_by_orientation",)
    if str(down).startswith("H"):
        picture, turned = picture[::-1], (*turned, "upended_by_orientation")
    return Volume(volume.plane(picture), np.diag([width, 1.0, height, 1.0])), known, turned
