"""Which DICOM tags may be read, and what of them may be passed on.

Only the tags named here are ever parsed: names, dates and private tags never become values.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from radfoundry.data.gate import terms

Dataset = Any  # anything whose `get` takes a keyword of the standard
Meaning = Callable[[Dataset, str, int], str]

PIXEL_TAGS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation", "NumberOfFrames"),
    *("PixelData", "RescaleSlope", "RescaleIntercept"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("PresentationIntentType", "PresentationLUTShape", "PixelIntensityRelationshipSign"),
)
SHUTTER_TAGS = tuple(
    tag.format(device)
    for device in ("Shutter", "Collimator")
    for tag in (
        *("{}Shape", "{}LeftVerticalEdge", "{}RightVerticalEdge", "{}UpperHorizontalEdge"),
        *("{}LowerHorizontalEdge", "CenterOfCircular{}", "RadiusOfCircular{}"),
        "VerticesOfThePolygonal{}",
    )
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
    *("PatientAge", "BurnedInAnnotation", "ViewCodeSequence", "AnatomicRegionSequence"),
    "SOPClassUID",
)
PARSED = (*PIXEL_TAGS, *SHUTTER_TAGS, *PLACE_TAGS, *FACT_TAGS, *SERIES_TAGS)
GRAY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
OLDEST = 90  # ages above are given as 90: the few people who reach them can be found by their age
RAW_DETECTOR = "FOR PROCESSING"

# A value outside these sets is dropped: free text may hold a name.
ALLOWED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "photometric": ("PhotometricInterpretation", GRAY + COLOUR),
    "laterality": ("ImageLaterality", ("L", "R", "U", "B")),
    "sex": ("PatientSex", ("F", "M", "O")),
    "modality": ("Modality", ("MG", "IO", "PX", "BMD")),  # of one body part that is no chest
    "intent": ("PresentationIntentType", (RAW_DETECTOR,)),
}
TERMS: Mapping[str, tuple[str, Callable[[str], str | None]]] = {
    "view": ("ViewPosition", terms.view_of),
    "body_part": ("BodyPartExamined", terms.body_part_of),
}
CODES: Mapping[str, tuple[str, int, Callable[[str], str | None]]] = {
    "view_code": ("ViewCodeSequence", 4010, terms.view_of),
    "region_code": ("AnatomicRegionSequence", 4031, terms.body_part_of),
}
CLASSES = {  # storage classes whose images show one body part that is no chest: PS3.4 B.5
    "1.2.840.10008.5.1.4.1.1.1.2": "MG",
    "1.2.840.10008.5.1.4.1.1.1.3": "IO",
    "1.2.840.10008.5.1.4.1.1.13.1.3": "MG",
    "1.2.840.10008.5.1.4.1.1.13.1.4": "MG",
}
NO_TERM = {"view": "pose.view", "body_part": "dcm.body_part"}


def facts(dataset: Dataset, meaning: Meaning) -> dict[str, str]:
    """Return the allow-listed technical tags of a file: values outside their sets are dropped.

    Args:
        dataset: Of the file.
        meaning: From a dataset, a sequence of one code and a context group of PS3.16 to what the
            code means, in words; "" for no code.
    """
    found = {}
    for name, (tag, allowed) in ALLOWED.items():
        value = str(dataset.get(tag) or "").strip().upper()
        if value in allowed:
            found[name] = value
    stored = str(dataset.get("SOPClassUID") or "")
    told = {"modality": next((kind for uid, kind in CLASSES.items() if stored.startswith(uid)), "")}
    told |= {name: meant(str(dataset.get(tag) or "")) or "" for name, (tag, meant) in TERMS.items()}
    for name, (tag, group, meant) in CODES.items():
        told[name] = meant(meaning(dataset, tag, group)) or ""
    told |= {"orientation": _orientation(dataset), "age": _age(dataset)}
    return {name: value for name, value in told.items() if value} | found


def not_understood(dataset: Dataset, known: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning for each view or body part that is stated in no term of the standard."""
    return tuple(
        f"{code} - {TERMS[name][0]} holds no single term of the standard"
        for name, code in NO_TERM.items()
        if str(dataset.get(TERMS[name][0]) or "").strip() and name not in known
    )


def _age(dataset: Dataset) -> str:
    age = re.fullmatch(r"(\d{3})([DWMY])", str(dataset.get("PatientAge") or "").strip())
    if not age:
        return ""
    years = int(age[1]) / {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}[age[2]]
    return f"{min(years, OLDEST):.3g}"


def _orientation(dataset: Dataset) -> str:
    """Return where rows and columns lead, as "L/F": letters of the standard and nothing else."""
    stated = dataset.get("PatientOrientation") or ()
    words = [str(word).strip().upper() for word in stated]
    sound = len(words) == 2 and all(re.fullmatch("[LRAPHF]{1,3}", word) for word in words)
    return "/".join(words) if sound else ""
