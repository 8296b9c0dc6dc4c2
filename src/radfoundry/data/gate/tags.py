"""Which DICOM tags may be read, and what of them may be passed on.

Only the tags named here are ever parsed: names, dates and private tags never become values.
"""

import re
from collections.abc import Mapping
from typing import Any

Dataset = Any  # anything whose `get` takes a keyword of the standard

PIXEL_TAGS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation", "NumberOfFrames"),
    *("PixelData", "RescaleSlope", "RescaleIntercept"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
)
PLACE_TAGS = (
    *("PixelSpacing", "ImagerPixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"),
    *("PatientOrientation", "SliceThickness"),
)
SERIES_TAGS = (
    "SeriesInstanceUID",
    "ImageType",
)  # group files and name scouts, never leave the gate
FACT_TAGS = (
    *("Modality", "ViewPosition", "BodyPartExamined", "ImageLaterality", "PatientSex"),
    *("PatientAge", "BurnedInAnnotation"),
)
PARSED = (*PIXEL_TAGS, *PLACE_TAGS, *FACT_TAGS, *SERIES_TAGS)
GRAY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
OLDEST = 90  # ages above are given as 90: the few people who reach them can be found by their age

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


def facts(dataset: Dataset) -> dict[str, str]:
    """Return the allow-listed technical tags of a file: values outside their sets are dropped."""
    found = {}
    for name, (tag, allowed) in ALLOWED.items():
        value = str(dataset.get(tag) or "").strip().upper()
        if value in allowed:
            found[name] = value
    age = re.fullmatch(r"(\d{3})([DWMY])", str(dataset.get("PatientAge") or "").strip())
    if age:
        years = int(age[1]) / {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}[age[2]]
        found["age"] = f"{min(years, OLDEST):.3g}"
    return found
