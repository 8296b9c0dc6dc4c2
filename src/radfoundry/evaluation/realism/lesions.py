"""What lesions and the tissue around them measure, drawn ones beside real ones.

One row for each lesion: all radiomics of the lesion, what tissue is compared by of the shell around
it, and how steep its rim is. Bins are those that radiomics have by default for the modality.

A generator that changes little but the lesion leaves most of the shell as it was: there the shell
says whether lesions lie in tissue as real ones do, and the rim whether there is a seam.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from radfoundry import radiomics
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.radiomics.surroundings import TISSUE, CloseUp, close_up, rim_gradient

REAL, FLOOR, DRAWN = "real", "real_floor", "synthetic"
LESION, SHELL = "lesion_", "shell_"
RIM = f"{SHELL}rim_gradient"
EDIT = "edit"  # the operation that draws where a lesion was
ENGINE = "original_"  # how names of the engine begin


def of_real(
    cases: Iterable[Case], lesion: str, modality: str, splits: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the row of each case's largest lesion; cases without one have none.

    Args:
        cases: With the fact `patient`.
        lesion: Region of `labels.yaml`.
        modality: As the cohort states it.
        splits: Of each case; those of `train` are the set `real_floor`, all others `real`.
    """
    for case in cases:
        whole = regions.mask(case.findings, lesion)
        for _, mask in islice(radiomics.lesions(whole, case.image.spacing_mm, 0), 1):
            yield _row(case, mask, FLOOR if splits[case.name] == "train" else REAL, modality)


def of_drawn(
    sample: Case, source: Case, operation: str, lesion: str, modality: str
) -> Iterator[dict[str, Any]]:
    """Yield the row of the lesion that was drawn; none where no voxel of one was.

    Of an edit it is the part with most voxels that are not the source's; of all else the largest
    part of what was no lesion before: an old one beside it is no part of it.

    Args:
        sample: On the grid of its source.
        source: With the fact `patient`.
        operation: What was done.
        lesion: Region of `labels.yaml`.
        modality: As the cohort states it.
    """
    changed = sample.image.voxels != source.image.voxels
    own = regions.mask(sample.findings, lesion)
    if operation != EDIT:
        own &= ~regions.mask(source.findings, lesion)
    parts = [mask for _, mask in radiomics.lesions(own, sample.image.spacing_mm, 0)]
    drawn = max(parts, key=lambda mask: int((changed & mask).sum()), default=None)
    if drawn is not None and (changed & drawn).any():
        row = _row(sample, drawn, DRAWN, modality)
        yield row | {"patient": str(source.facts["patient"]), "operation": operation}


def _row(case: Case, mask: np.ndarray, kind: str, modality: str) -> dict[str, Any]:
    whose = str(case.facts.get("patient", ""))
    known = {"set": kind, "case": case.name, "patient": whose, "operation": ""}
    return known | dict(measured(close_up(case.image, mask, case.findings), modality))


def measured(near: CloseUp, modality: str) -> Mapping[str, float]:
    """Return the radiomics of a lesion and of its shell by name; NaN where one is not defined."""
    masks = {LESION: near.lesion, SHELL: near.shell}
    rows = radiomics.extract_many(near.image, masks, {"modality": modality})
    every = list(radiomics.vector_names(2 if near.image.is_radiograph else 3, False))
    own = rows[every].to_numpy(float)[0]
    around = rows[[ENGINE + name for name in TISSUE]].to_numpy(float)[1]
    named = dict(zip([LESION + name.removeprefix(ENGINE) for name in every], own, strict=True))
    return {
        **named, **dict(zip([SHELL + name for name in TISSUE], around, strict=True)),
        RIM: rim_gradient(near),
    }  # fmt: skip


def columns_of(table: pd.DataFrame, part: str) -> list[str]:
    """Return the columns of `LESION` or of `SHELL`."""
    return [str(name) for name in table if str(name).startswith(part)]
