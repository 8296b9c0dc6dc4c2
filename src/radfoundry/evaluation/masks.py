"""Are masks of findings like real ones in size, place and shape?

A mask is described in units of the patient's lungs, so that patients of any size and place on the
film compare. Sets of masks are compared finding by finding, by their energy distance in units of
the real masks' spread, n against n as `realism.distances` does it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from skimage.measure import label, perimeter, regionprops

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation.metrics import frechet
from radfoundry.evaluation.realism import distances
from radfoundry.evaluation.realism.distances import REAL, Rows

# side, height: of the center, from -1 (the patient's right, or the lungs' lowest row) to 1; size:
# root of the area in areas of the lungs; elongation: 0 (round) to 1; compactness: 4 pi area /
# perimeter^2; parts: the logarithm of how many it has.
FEATURES = ("side", "height", "size", "elongation", "compactness", "parts")
NAN = float("nan")
METRIC = "mask_distance"


def described(mask: np.ndarray, anatomy: np.ndarray) -> dict[str, float]:
    """Return `FEATURES` of a mask; NaN of an empty one, or of a patient without lungs.

    Args:
        mask: (X, Z), bool.
        anatomy: Anatomy map (X, Z), uint8.
    """
    lungs = regions.mask(anatomy, "lungs")
    if not (mask.any() and lungs.any()):
        return dict.fromkeys(FEATURES, NAN)
    places, whole = np.argwhere(lungs), regionprops(mask.astype(np.uint8))[0]
    low, high = places.min(0), places.max(0)
    side, height = 2 * (np.array(whole.centroid) - low) / np.maximum(high - low, 1) - 1
    around = perimeter(mask)
    return {
        "side": float(side),
        "height": float(height),
        "size": float(np.sqrt(mask.sum() / lungs.sum())),
        "elongation": float(whole.eccentricity),
        "compactness": min(1.0, 4 * np.pi * float(mask.sum()) / around**2) if around else 1.0,
        "parts": float(np.log(label(mask, connectivity=2, return_num=True)[1])),
    }


def inside(mask: np.ndarray, anatomy: np.ndarray, finding: str) -> float:
    """Return which share of a mask lies where labels.yaml allows the finding.

    NaN of an empty one, and where the map has nothing in which the finding may lie.

    Args:
        mask: (X, Z), bool.
        anatomy: Anatomy map (X, Z), uint8.
        finding: Of labels.yaml.
    """
    where = regions.mask(anatomy, regions.within(finding))
    return float((mask & where).sum() / mask.sum()) if mask.any() and where.any() else NAN


def table(cases: Iterable[Case], names: Sequence[str]) -> pd.DataFrame:
    """Return a row for each mask: case, patient, finding, `FEATURES`, and `inside`.

    Args:
        cases: Radiographs with findings maps; a drawn one without a patient is its own.
        names: Findings that are looked for.

    `inside` is the share of a mask where labels.yaml allows its finding; of masks that were cut to
    that, what it was before (the fact `mask_inside`), NaN of a finding that it does not name.
    """
    rows = []
    for case in cases:
        anatomy, marks = case.anatomy[:, 0], case.findings[:, 0]
        owner = {"case": case.name, "patient": case.facts.get("patient") or case.name}
        told = _told(case.facts)
        for name in names:
            mask = regions.mask(marks, name)
            if mask.any():
                share = inside(mask, anatomy, name) if told is None else told.get(name, NAN)
                found = described(mask, anatomy) | {"inside": share}
                rows.append({**owner, "finding": name, **found})
    return pd.DataFrame(rows, columns=["case", "patient", "finding", *FEATURES, "inside"])


def _told(facts: Mapping[str, str]) -> dict[str, float] | None:
    """Return the shares that a sample whose masks were cut brings; None of any other case."""
    if not str(facts.get("mask_draws", "")).isdigit():
        return None
    pairs = (part.rpartition(":") for part in str(facts.get("mask_inside", "")).split("|"))
    return {name: float(share) for name, _, share in pairs if name}


def compared(
    real: pd.DataFrame,
    arms: Mapping[str, pd.DataFrame],
    rng: np.random.Generator,
    options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how far the masks of every arm are from real ones, finding by finding.

    Args:
        real: As `table` returns it, of patients that no generator saw; units are patients.
        arms: The same of each arm, such as `synthetic` and `real_floor`; units are the cases of a
            drawn one, whose patient only lent the organs, and patients of any that begins with
            "real".
        rng: Source of chance.
        options: What differs from `realism.distances.OPTIONS`.

    Returns:
        Rows as `realism.distances.distances` returns them, with arms "arm/finding"; NaN where
        either set has too few masks, or the real ones do not differ in anything.
    """
    found = []
    for name in sorted(set(real["finding"]).union(*(rows["finding"] for rows in arms.values()))):
        sets = {REAL: real, **arms}
        own = {arm: rows[rows["finding"] == name] for arm, rows in sets.items()}
        own = {arm: rows[rows[list(FEATURES)].notna().all(axis=1)] for arm, rows in own.items()}
        scaled, _ = frechet.standardized([rows[list(FEATURES)] for rows in own.values()])
        pairs = zip(own.items(), scaled, strict=True)
        units = {arm: Rows(values, _units(arm, rows)) for (arm, rows), values in pairs}
        for arm in arms:  # one by one: n of one arm is not held down by another's few masks
            both = {REAL: units[REAL], arm: units[arm]}
            part = distances.of_measures(both, {METRIC: frechet.energy}, rng, options)
            found.append(part.assign(arm=f"{arm}/{name}"))
    return pd.concat(found, ignore_index=True) if found else _nothing()


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=list(distances.COLUMNS))


def _units(arm: str, rows: pd.DataFrame) -> list[str]:
    return rows["patient" if arm.startswith(REAL) else "case"].astype(str).tolist()
