"""Decode a DICOM radiograph or slice, keeping allow-listed technical tags and no others.

Only the tags named here are ever parsed: names, dates and private tags never become values.
"""

import io
import re
from collections.abc import Mapping

import numpy as np
import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import get_decoder

from radfoundry import volume
from radfoundry.gate.geometry import canonical, check_spacing
from radfoundry.gate.source import MAX_PIXELS, GateError, Raw, Source
from radfoundry.volume import Volume

PIXEL_TAGS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation", "NumberOfFrames"),
    *("PixelData", "RescaleSlope", "RescaleIntercept"),
)
PLACE_TAGS = (
    *("PixelSpacing", "ImagerPixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PatientOrientation", "SliceThickness"),
)
FACT_TAGS = (
    *("Modality", "ViewPosition", "BodyPartExamined", "ImageLaterality", "PatientSex"),
    *("PatientAge", "BurnedInAnnotation"),
)
NEEDED = ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation")
GRAY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
NO_RADIOGRAPH = ("CT", "MR", "PT", "NM", "US")
DEFLATED = b"1.2.840.10008.1.2.1.99"
OLDEST = 90  # ages above are told as 90: the few people who reach them can be found by their age

# A value outside these sets is dropped: free text may hold a name.
ALLOWED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "view": (
        "ViewPosition",
        ("PA", "AP", "LL", "RL", "LAT", "LATERAL", "LPO", "RPO", "LAO", "RAO"),
    ),
    "photometric": ("PhotometricInterpretation", GRAY + COLOUR),
    "body_part": ("BodyPartExamined", ("CHEST", "THORAX", "LUNG", "ABDOMEN", "RIB", "HEART")),
    "laterality": ("ImageLaterality", ("L", "R", "U", "B")),
    "sex": ("PatientSex", ("F", "M", "O")),
}


def decode(source: Source, modality: str) -> Raw:
    """Return the image of a DICOM file, rescaled, MONOCHROME1 inverted.

    Raises:
        GateError: dcm.deflated, dcm.truncated, dcm.header, dcm.modality, dcm.frames,
            dcm.photometric, dcm.codec, dcm.pixels, dcm.rescale, io.too_large, geo.*.
    """
    with disable_value_validation():  # its warnings quote what stands in the tags
        return _decoded(source, modality)


def _decoded(source: Source, modality: str) -> Raw:
    dataset = _parsed(source.content)
    _check_header(dataset, modality)
    stored = _stored(dataset)
    values, warnings = _rescaled(dataset, *_gray(dataset, stored), modality)
    if modality == "CXR":
        image, known, turned = _radiograph(dataset, values)
    else:
        image, known, turned = _slice(dataset, values)
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        warnings = (*warnings, "privacy.burned_in")
    return Raw(image, source.sha256, known, (*warnings, *turned), _facts(dataset))


def _parsed(content: bytes) -> Dataset:
    if DEFLATED in content[:4096]:
        raise GateError("dcm.deflated", "deflated files unpack without limit: store them plain")
    try:
        dataset = pydicom.dcmread(
            io.BytesIO(content), force=True, specific_tags=[*PIXEL_TAGS, *PLACE_TAGS, *FACT_TAGS]
        )
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
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise GateError("dcm.frames", f"{dataset.NumberOfFrames} frames; one image is read")
    if dataset.PhotometricInterpretation not in GRAY + COLOUR:
        raise GateError("dcm.photometric", f"neither of {', '.join(GRAY + COLOUR)}")
    pixels = int(dataset.Rows) * int(dataset.Columns)
    if pixels > MAX_PIXELS:
        raise GateError("io.too_large", f"{pixels} pixels; at most {MAX_PIXELS} are decoded")
    if pixels == 0:
        raise GateError("dcm.header", f"{dataset.Rows} x {dataset.Columns} pixels")


def _stored(dataset: Dataset) -> np.ndarray:
    """Return pixels as stored, (rows, columns) or (rows, columns, 3)."""
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


def _rescaled(
    dataset: Dataset, values: np.ndarray, warnings: tuple[str, ...], modality: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    if modality == "CT" and not ("RescaleSlope" in dataset and "RescaleIntercept" in dataset):
        raise GateError("dcm.rescale", "a CT without rescale slope and intercept has no HU")
    slope = float(dataset.get("RescaleSlope", 1))
    intercept = float(dataset.get("RescaleIntercept", 0))
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise GateError("dcm.rescale", f"slope {slope:g} and intercept {intercept:g} map nothing")
    return (slope * values + intercept).astype(np.float32), warnings


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


def _slice(dataset: Dataset, picture: np.ndarray) -> tuple[Volume, bool, tuple[str, ...]]:
    """Return one slice of a scanner, canonical; DICOM counts in LPS, volumes in RAS."""
    spacing = dataset.get("PixelSpacing")
    if spacing is None:
        raise GateError("geo.spacing", "a slice without PixelSpacing has no size")
    height, width = (float(size) for size in spacing)
    cosines = np.array(dataset.get("ImageOrientationPatient") or [1, 0, 0, 0, 1, 0], float)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = cosines[:3] * width, cosines[3:] * height
    affine[:3, 2] = np.cross(cosines[:3], cosines[3:]) * float(dataset.get("SliceThickness") or 1)
    affine[:3, 3] = np.array(dataset.get("ImagePositionPatient") or [0, 0, 0], float)
    image, mended = canonical(picture.T[..., None], np.diag([-1.0, -1, 1, 1]) @ affine)
    return image, True, mended


def _facts(dataset: Dataset) -> dict[str, str]:
    facts = {}
    for name, (tag, allowed) in ALLOWED.items():
        value = str(dataset.get(tag) or "").strip().upper()
        if value in allowed:
            facts[name] = value
    age = re.fullmatch(r"(\d{3})([DWMY])", str(dataset.get("PatientAge") or "").strip())
    if age:
        years = int(age[1]) / {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}[age[2]]
        facts["age"] = f"{min(years, OLDEST):.3g}"
    return facts
