"""Do the sample's lesions, and the tissue around them, measure as real ones do?

Of each finding a few features of its lesions (size, form, gray levels, texture) and of the shell
around them, up to `shell_mm` outside, are one vector. The score is the lowest of all findings, each
minus the larger of two numbers that are about 1 for a typical real lesion: the Mahalanobis distance
(Ledoit-Wolf covariance) to the real lesions of the train split over the root of the vector's
length, and the largest z-score of a single feature over the largest of as many independent ones.
The first sees features that do not go together, the second a single one out of bounds; the shell
sees a seam. A sample without a lesion has nothing to measure and scores 0, the highest; a real case
without one says nothing of a threshold, and a finding that is stated without a mask is no evidence.

Not seen: where a lesion lies, and whether it is the one that was asked for. A finding with fewer
than `least_cases` real lesions is no evidence.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.covariance import LedoitWolf

from radfoundry import radiomics
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.radiomics.surroundings import TISSUE, close_up
from radfoundry.volume import Volume

OPTIONS: Mapping[str, Any] = {
    "quantile": 0.05,
    "least_cases": 10,
    "shell_mm": 5.0,
    "settings": {},  # of pyradiomics, what differs
}
TUMOUR = "tumour"  # core and rim are one lesion
SHAPE = ("shape_MeshVolume", "shape_Sphericity", "shape_Elongation", "shape_Flatness")
SHAPE_2D = ("shape2D_MeshSurface", "shape2D_Sphericity", "shape2D_Elongation")
LOGARITHMIC = ("MeshVolume", "MeshSurface", "Contrast")  # twice as much is as far from any value
LEAST = 1e-6


def fit(cases: Iterable[Case], options: Mapping, device: str = "cpu") -> dict:
    """Return, by finding, center, spread and precision of the real lesions' features.

    And `hu`: whether intensities are HU, as most cases say.
    """
    del device
    options, rows, air = {**OPTIONS, **options}, dict[str, list[np.ndarray]](), list[bool]()
    for case in cases:
        air.append(bool(case.image.voxels.min() < -1))
        for name, vector in _vectors(case, options, air[-1]):
            if np.isfinite(vector).all():
                rows.setdefault(name, []).append(vector)
    kept = {name: own for name, own in sorted(rows.items()) if len(own) >= options["least_cases"]}
    known = {name: _model(np.array(own)) for name, own in kept.items()}
    return {"hu": 2 * sum(air) > len(air), "findings": known}


def score_real(case: Case, reference: Mapping, options: Mapping, device: str = "cpu") -> float:
    """Return the score of a real case, see `score`; NaN without a lesion."""
    return score(case, None, reference, options, device) if case.findings.any() else math.nan


def score(
    sample: Case, source: Case | None, reference: Mapping, options: Mapping, device: str = "cpu"
) -> float:
    """Return how real the lesions measure, 0 without any; NaN where that cannot be said."""
    del source, device
    if not sample.findings.any():
        unseen = not sample.anatomy.any() or bool(sample.facts.get("findings"))
        return math.nan if unseen else 0.0
    found = [
        _closeness(vector, reference["findings"].get(name))
        for name, vector in _vectors(sample, options, reference["hu"])
    ]
    return float(np.min(found))  # NaN of one finding is NaN of all


def _model(rows: np.ndarray) -> dict[str, Any]:
    center, spread = rows.mean(0), np.maximum(rows.std(0), LEAST)
    model = LedoitWolf(assume_centered=True).fit((rows - center) / spread)
    known = {"center": center, "spread": spread, "precision": model.precision_}
    return {"n": len(rows)} | {name: values.tolist() for name, values in known.items()}


def _closeness(vector: np.ndarray, known: Mapping | None) -> float:
    """Return minus the larger of the two distances of a vector; NaN where nothing is known."""
    if known is None or not np.isfinite(vector).all():
        return math.nan
    away = (vector - known["center"]) / known["spread"]
    whole = math.sqrt(max(0.0, float(away @ np.array(known["precision"]) @ away)) / len(away))
    return -max(whole, float(np.abs(away).max()) / math.sqrt(2 * math.log(2 * len(away))))


def _vectors(case: Case, options: Mapping, hu: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each finding that a case's map shows, with its features; NaN where undefined."""
    options, marks = {**OPTIONS, **options}, case.findings
    tumour = regions.mask(marks, TUMOUR)
    masks = {TUMOUR: tumour} | {
        label.name: marks == label.id
        for label in regions.vocabulary().findings
        if not (tumour & (marks == label.id)).any()
    }
    for name, mask in masks.items():
        if mask.any():
            yield name, _vector(case, mask, options, hu)


def _vector(case: Case, mask: np.ndarray, options: Mapping, hu: bool) -> np.ndarray:
    """Return the features of a lesion and of its shell, in the order of the names above."""
    image, lesion, around = close_up(case.image, mask, case.findings, options["shell_mm"])
    shape = SHAPE_2D if image.is_radiograph else SHAPE
    used = {**({} if hu else {"modality": "MR"}), **options["settings"]}  # bins of [0, 1]
    return np.concatenate(
        [_measured(image, lesion, (*shape, *TISSUE), used), _measured(image, around, TISSUE, used)]
    )


def _measured(
    image: Volume, mask: np.ndarray, names: Iterable[str], options: Mapping
) -> np.ndarray:
    wanted = list(names)
    try:
        found = radiomics.extract(image, mask, options)
    except radiomics.RadiomicsError:
        return np.full(len(wanted), np.nan)
    values = np.array([found[f"original_{name}"] for name in wanted])
    logs = np.array([name.endswith(LOGARITHMIC) for name in wanted])
    return np.where(logs, np.log(np.maximum(values, LEAST)), values)
