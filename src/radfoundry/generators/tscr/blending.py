"""A drawn crop back in its case: what lies outside of the lesion stays as it was, bit for bit."""

import numpy as np

from radfoundry.anatomy import regions as vocabulary
from radfoundry.case import Case
from radfoundry.generators.tscr.crops import CORE, LESION, RIM, Crop


def pasted(image: np.ndarray, crop: Crop, drawn: np.ndarray) -> np.ndarray:
    """Return an image with what was drawn into a crop of it.

    What changes is added to what is there, so that intensities beyond the window stay what they
    are where little changes, and a voxel that was not drawn keeps its every bit. Whole numbers,
    such as HU, stay whole.

    Args:
        image: float32 (X, Y, Z), of the case; not changed.
        crop: Of that image.
        drawn: The crop's image, drawn: in [-1, 1].
    """
    low, high = crop.window
    change = (drawn.astype(np.float32) - crop.image) * np.float32((high - low) / 2)
    out, whole = image.copy(), np.array_equal(image, np.rint(image))
    own, there = windows(image.shape, crop)
    change = (change if crop.plane is None else np.expand_dims(change, crop.plane))[own]
    part = image[there] + change
    # what lies beyond the window was seen as its end: that is where a change starts from
    part = np.clip(part, min(low, image.min()), max(high, image.max()))
    out[there] = np.where(change != 0, np.rint(part) if whole else part, image[there])
    return out


def windows(shape: tuple[int, ...], crop: Crop) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the part of a crop that lies in its case, and the part of the case that it is."""
    counts = list(crop.image.shape)
    if crop.plane is not None:
        counts.insert(crop.plane, 1)
    own, there = [], []
    for first, n, length in zip(crop.start, counts, shape, strict=True):
        begin, end = max(0, first), min(length, first + n)
        there.append(slice(begin, end))
        own.append(slice(begin - first, end - first))
    return tuple(own), tuple(there)


def in_case(shape: tuple[int, ...], crop: Crop) -> np.ndarray:
    """Return a crop's regions on the grid of its case, uint8."""
    out = np.zeros(shape, np.uint8)
    own, there = windows(shape, crop)
    marks = crop.regions if crop.plane is None else np.expand_dims(crop.regions, crop.plane)
    out[there] = marks[own]
    return out


def labeled(findings: np.ndarray, regions: np.ndarray, lesion: str) -> np.ndarray:
    """Return a findings map with a lesion's regions, uint8; what was there before stays around it.

    Args:
        findings: uint8 ids, not changed.
        regions: uint8 on the same grid: 1 rim or whole, 2 core.
        lesion: "tumour", whose regions have ids of their own, or a finding of one region.
    """
    out = findings.copy()
    rim, core = ("tumour_rim", "tumour_core") if lesion == LESION else (lesion, lesion)
    out[regions == RIM] = vocabulary.label_id(rim)
    out[regions == CORE] = vocabulary.label_id(core)
    return out


def without(case: Case, image: np.ndarray, regions: np.ndarray) -> Case:
    """Return a case with another image and without the marks of a lesion."""
    findings = np.where(regions > 0, 0, case.findings).astype(np.uint8)
    return Case(case.name, case.image.holding(image), case.anatomy, findings, case.facts)
