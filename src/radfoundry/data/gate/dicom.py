"""Decode DICOM: a radiograph from one file, and the slices that a series is made of.

Only the tags that `tags.py` allows are ever parsed.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom import uid
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import get_decoder
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from radfoundry.data.gate import outside, pixels
from radfoundry.data.gate.source import MAX_PIXELS, GateError, Raw, Source
from radfoundry.data.gate.tags import COLOUR, GRAY, PARSED, facts, not_understood

NEEDED = ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation")
NO_RADIOGRAPH = frozenset(  # modalities of other pictures, and of no picture at all
    (
        *("CT", "MR", "PT", "NM", "US", "IVUS", "XC", "GM", "SM", "ES", "OP", "OPT", "OCT", "ECG"),
        *("DOC", "SR", "KO", "PR", "SEG", "REG", "RTDOSE", "RTPLAN", "RTSTRUCT", "AU"),
    )
)
DEFLATED = b"1.2.840.10008.1.2.1.99"
LOSSY = (
    *(uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless),
    *(uid.JPEG2000, uid.HTJ2K),
)
CODE = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
OLD_CHEST_CODES = ("51185008", "43799004", "T-D3000")  # that pydicom's table no longer holds
PADDED = {"CT": -1024.0, "MR": 0.0}  # what stands for no measurement
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
        picture, padding, warnings = _values(dataset, modality)
        hidden, shut = outside.hidden(dataset, padding.shape)
        known = facts(dataset, _meaning)
        padded = (outside.PADDING,) if padding.any() else ()
        told = (*warnings, *padded, *shut, *not_understood(dataset, known))
        image, sized, turned = pixels.frontal(dataset, picture)
        empty, _, _ = pixels.frontal(dataset, padding | hidden)
        lost = empty.voxels if empty.voxels.any() else None
        return Raw(image, source.sha256, sized, (*told, *turned), known, lost)


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
        rescaled, padding, warnings = _values(one.dataset, modality)
    if (rescaled[padding] != PADDED[modality]).any():
        rescaled[padding] = PADDED[modality]
        warnings = (*warnings, outside.PADDING)
    return rescaled, warnings


def technical_tags(one: Slice) -> dict[str, str]:
    """Return the allow-listed technical tags of a slice."""
    return described(one.dataset)


def described(dataset: Dataset) -> dict[str, str]:
    """Return the allow-listed technical tags of a file; see `tags.facts`."""
    with unquoted():
        return facts(dataset, _meaning)


def _vector(dataset: Dataset, tag: str, count: int) -> np.ndarray:
    stored = [float(number) for number in dataset.get(tag) or ()]
    whole = len(stored) == count and np.isfinite(stored).all()
    return np.array(stored if whole else [np.nan] * count)


def _values(dataset: Dataset, modality: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return rescaled values, which of them are padding (both rows, columns), and warnings."""
    words = _words(dataset)
    stored, cut = pixels.used(dataset, words, dataset.file_meta.TransferSyntaxUID in LOSSY)
    gray, warnings = pixels.gray(dataset, stored)
    rescaled = pixels.rescaled(dataset, gray, modality)
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        warnings = (*warnings, "privacy.burned_in")
    return rescaled, outside.padding(dataset, words, stored), (*cut, *warnings)


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
            uid.ExplicitVRLittleEndian,
            uid.ImplicitVRLittleEndian,
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


def _meaning(dataset: Dataset, tag: str, group: int) -> str:
    """Return what the first code of a sequence means: by the standard's table, or in its words."""
    items = list(dataset.get(tag) or [])
    if not items:
        return ""
    value, scheme, meaning = [str(items[0].get(part) or "") for part in CODE]
    stored = Code(value, scheme, meaning)
    if stored.value in OLD_CHEST_CODES:
        return "chest"
    known = getattr(codes, f"cid{group}").concepts.values()
    return next((code.meaning for code in known if code == stored), stored.meaning)


def _whole_words(dataset: Dataset) -> np.ndarray:
    """Return decoded pixels with all their bits, shifted where the image lies in the upper ones."""
    stored, high = dataset.get("BitsStored"), dataset.get("HighBit")
    syntax = dataset.file_meta.TransferSyntaxUID
    if stored is None or (syntax.is_compressed and syntax != uid.RLELossless):
        return dataset.pixel_array
    try:
        dataset.BitsStored = dataset.BitsAllocated  # or pydicom cuts bits off before they are seen
        whole = dataset.pixel_array
    finally:
        dataset.BitsStored = stored
    return whole >> max(0, int(stored if high is None else high + 1) - int(stored))


def pixels_of(dataset: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return pixels as stored, (frames, rows, columns) of several frames, and what was cut off.

    Raises:
        GateError: dcm.truncated, dcm.codec, dcm.pixels.
    """
    words = _words(dataset)
    return pixels.used(dataset, words, dataset.file_meta.TransferSyntaxUID in LOSSY)


def _words(dataset: Dataset) -> np.ndarray:
    """Return pixels with all their bits, (rows, columns[, 3]) or (frames, rows, columns)."""
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
        return _whole_words(dataset)
    except (ValueError, AttributeError, RuntimeError, OSError, EOFError) as error:
        raise GateError("dcm.pixels", f"pixels do not decode ({type(error).__name__})") from None
