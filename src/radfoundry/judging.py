"""Turn volumes into the rows that `metrics.realism` compares: features, and radiomics of lungs."""

from collections.abc import Callable, Collection, Iterable

import numpy as np
import pandas as pd

from radfoundry import anatomy, radiomics
from radfoundry.case import Case
from radfoundry.metrics.realism import Rows, corrupted
from radfoundry.radiomics import vector_names
from radfoundry.volume import Volume

Features = Callable[[Iterable[Volume]], np.ndarray]
Segment = Callable[[Volume], np.ndarray]
Chance = Callable[[str], np.random.Generator]


def described(
    cases: Iterable[Case],
    features: Features,
    segment: Segment,
    measured: Collection[str],
    spoil: Chance | None = None,
) -> tuple[Rows, Rows]:
    """Return the features of CT volumes, and the radiomics of the lungs of some.

    One volume is in memory at a time. Lungs are those that one segmenter finds in the image, the
    same for all volumes; where it finds none, or they cannot be measured, the radiomics are NaN. A
    spoiled image keeps the lungs that were found before, moved with its slices: noise must be seen
    in the texture, not in a segmenter that fails.

    Args:
        cases: In HU; real ones are owned by the fact `patient`, drawn ones (fact `sample`) by
            themselves.
        features: As `featurenet.prepare` returns it.
        segment: Returns the anatomy map (uint8) of a CT on its grid.
        measured: Names of the volumes that are segmented and measured, which costs most.
        spoil: The chance of each case's name, to corrupt it with; None to leave cases as they are.
    """
    found, owners = [features(())], []
    texture, their = [], []
    for case in cases:
        wanted = case.name in measured
        labels = segment(case.image) if wanted else np.zeros_like(case.anatomy)
        seen = Case(case.name, case.image, labels, case.findings, case.facts)
        seen = seen if spoil is None else corrupted(seen, spoil(case.name))
        found.append(features([seen.image]))
        owners.append(case.name if "sample" in case.facts else str(case.facts["patient"]))
        if wanted:
            texture.append(lungs_of(seen))
            their.append(owners[-1])
    table = pd.DataFrame(texture, columns=list(vector_names(3, False)), dtype=float)
    return Rows(np.concatenate(found), owners), Rows(table, their)


def lungs_of(case: Case) -> pd.Series:
    """Return the radiomics of a CT's lungs; NaN, all of them, where they cannot be measured."""
    rows = radiomics.extract_many(case.image, {"lungs": anatomy.mask(case.anatomy, "lungs")}, {})
    return rows.iloc[0][list(vector_names(3, False))].astype(float)
