"""What lesions and the tissue around them measure, drawn ones beside real ones.

One row for each lesion: all radiomics of the lesion, and of the shell of tissue around it what
would show a seam.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from radfoundry import radiomics
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.radiomics.surroundings import GRAY, CloseUp, close_up, rim_gradient

REAL, FLOOR, DRAWN = SETS = ("real", "real_floor", "synthetic")
LESION, SHELL = "lesion_", "shell_"
RIM = f"{SHELL}rim_gradient"
ENGINE = "original_"  # how names of the engine begin


def of_real(
    cases: Iterable[Case], lesion: str, modality: str, held_out: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Yield the row of each case's largest lesion; cases without one have none.

    Args:
        cases: With the fact `patient`.
        lesion: Region of `labels.yaml`.
        modality: As the cohort states it.
        held_out: Cases of the set `real`; all others are of `real_floor`.
    """
    apart = set(held_out)
    for case in cases:
        for _, mask in islice(_parts(case, lesion), 1):
            yield _row(case, mask, REAL if case.name in apart else FLOOR, modality)


def of_drawn(sample: Case, source: Case, lesion: str, modality: str) -> Iterator[dict[str, Any]]:
    """Yield the row of the lesion with most voxels that are not the source's; none without one.

    Args:
        sample: On the grid of its source.
        source: With the fact `patient`.
        lesion: Region of `labels.yaml`.
        modality: As the cohort states it.
    """
    changed = sample.image.voxels != source.image.voxels
    found = [(int((changed & mask).sum()), mask) for _, mask in _parts(sample, lesion)]
    count, mask = max(found, key=lambda one: one[0], default=(0, np.zeros(0)))
    if count:
        yield _row(sample, mask, DRAWN, modality) | {"patient": str(source.facts["patient"])}


def _parts(case: Case, lesion: str) -> Iterator[tuple[int, np.ndarray]]:
    return radiomics.lesions(regions.mask(case.findings, lesion), case.image.spacing_mm, 0)


def _row(case: Case, mask: np.ndarray, kind: str, modality: str) -> dict[str, Any]:
    known = {"set": kind, "case": case.name, "patient": str(case.facts.get("patient", ""))}
    return known | dict(measured(close_up(case.image, mask, case.findings), modality))


def measured(near: CloseUp, modality: str) -> Mapping[str, float]:
    """Return the radiomics of a lesion and of its shell by name; NaN where one is not defined."""
    masks = {LESION: near.lesion, SHELL: near.shell}
    rows = radiomics.extract_many(near.image, masks, {"modality": modality})
    every = list(radiomics.vector_names(2 if near.image.is_radiograph else 3, False))
    own = rows[every].to_numpy(float)[0]
    around = rows[[ENGINE + name for name in GRAY]].to_numpy(float)[1]
    named = dict(zip([LESION + name.removeprefix(ENGINE) for name in every], own, strict=True))
    return {
        **named, **dict(zip([SHELL + name for name in GRAY], around, strict=True)),
        RIM: rim_gradient(near),
    }  # fmt: skip


def columns_of(table: pd.DataFrame, part: str) -> list[str]:
    """Return the columns of `LESION` or of `SHELL`."""
    return [str(name) for name in table if str(name).startswith(part)]
