"""Whether a drawn lesion is what was asked for: features, what is left of a removed one, outside.

One row for each sample and measurement, asked beside measured. A sample that could not be drawn is
a row too: `failed`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case

MARGIN = 3  # voxels around a lesion, old or new, that may change
OUTSIDE = "outside_identical_fraction"
RESIDUAL = "removal_residual_fraction"
FAILED = "failed"
GONE = ("remove", "move")  # operations that leave nothing where a lesion was
NAN = float("nan")
Row = dict[str, Any]


def rows(
    sample: Case,
    source: Case,
    asked: Mapping[str, float],
    measured: Mapping[str, float],
    left: float | None = None,
) -> Iterator[Row]:
    """Yield the rows of one sample: sample, organ, feature, asked (NaN if not), measured.

    Args:
        sample: As drawn.
        source: What it was drawn from.
        asked: By feature.
        measured: By feature; empty where no lesion was drawn.
        left: `residual`, where a lesion was removed.
    """
    known = {"sample": sample.name, "organ": organ_of(sample, source)}
    for name, value in measured.items():
        yield known | {"feature": name, "asked": asked.get(name, NAN), "measured": value}
    yield known | {"feature": OUTSIDE, "asked": 1.0, "measured": untouched(sample, source)}
    if left is not None:
        yield known | {"feature": RESIDUAL, "asked": 0.0, "measured": left}


def failed(sample: str) -> Iterator[Row]:
    """Yield the row of a sample that could not be drawn."""
    yield {"sample": sample, "organ": "-", "feature": FAILED, "asked": NAN, "measured": 1.0}


def beside(rows: pd.DataFrame, requests: pd.DataFrame, patients: pd.Series) -> pd.DataFrame:
    """Return rows with what each sample's request says: source, patient and operation.

    Args:
        rows: Of all samples.
        requests: By their ids.
        patients: Patient of each case.
    """
    own = requests.loc[rows["sample"]]
    operations = [operation_of(text) for text in own["parameters"]]
    sources = own["source"].to_list()
    whose = patients.loc[sources].to_list()
    return rows.assign(source=sources, patient=whose, operation=operations)


def operation_of(parameters: object) -> str:
    """Return what the `parameters` of a request say is done: add, edit, remove or move."""
    return str(json.loads(str(parameters))["operation"])


def untouched(sample: Case, source: Case, margin: int = MARGIN) -> float:
    """Return the share of voxels far from any lesion, old or new, that are the source's bits.

    Args:
        sample: On the grid of its source.
        source: Not changed.
        margin: Voxels around lesions that may change.
    """
    lesions = (sample.findings > 0) | (source.findings > 0)
    near = (
        ndimage.binary_dilation(lesions, np.ones((3, 3, 3)), margin) if lesions.any() else lesions
    )
    outside = ~near
    if not outside.any():
        return NAN
    return float((sample.image.voxels == source.image.voxels)[outside].mean())


def residual(
    sample: Case, source: Case, reader: Callable[[Case], np.ndarray], lesion: str
) -> float:
    """Return what a reader still sees where a lesion was removed, in parts of what it saw there.

    NaN where it did not see the lesion in the source either: that proves nothing.

    Args:
        sample: After the removal.
        source: With the lesion.
        reader: Returns the mask of lesions in an image; it sees no map.
        lesion: Region of `labels.yaml`.
    """
    gone = regions.mask(source.findings, lesion) & ~regions.mask(sample.findings, lesion)
    before = np.count_nonzero(reader(source) & gone)
    if not before:
        return NAN
    return np.count_nonzero(reader(sample) & gone) / before


def organ_of(sample: Case, source: Case) -> str:
    """Return the structure in which most of what changed lies; "-" where nothing says."""
    changed = sample.image.voxels != source.image.voxels
    inside = source.anatomy[changed & (source.anatomy > 0)]
    if not inside.size:
        return "-"
    number = int(np.bincount(inside).argmax())
    names = {label.id: label.name for label in regions.vocabulary().structures}
    return names.get(number, "-")
