"""Can a classifier tell a painted film from a diseased one? A blind test with two answers.

    python benchmarks/blind_test.py DATA [FILMS]

Diseased films of FILMS patients against as many painted ones of the same collection, the painted
ones of healthy patients. Shown is the box around the lungs, or the box around the opacity that
radiologists outlined or the painter's mask tells; gray is standardized in each box. A random forest
sees texture, edges and coarse brightness, never a patient it has learned from. The same test with
the healthy films as they were says how well these collections are told apart without a painter: an
AUROC of 0.5 is a perfect painter, and one that paints nothing gets the third column. To judge an
earlier painter on the same films, put the `src` of its checkout first in PYTHONPATH.
"""

import sys
from pathlib import Path

import films
import numpy as np
from scipy import ndimage
from skimage.feature import hog, local_binary_pattern
from skimage.transform import resize
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.volume import picture

SIDE = 96
FOLDS = 5
DRAWS = 500
LEVELS = (1, 2, 4, 8)
BINARY = ((8, 1), (8, 3))  # neighbors and radius


def shown(case: Case, what: str) -> np.ndarray | None:
    """Return the box around lungs or opacity, in standard gray; None if there is nothing."""
    film, labels = picture(case.image.voxels), picture(case.anatomy)
    mask = regions.mask(labels, "lungs") if what == "lungs" else picture(case.findings) > 0
    if what != "lungs" and mask.any():  # the largest opacity
        parts, _ = ndimage.label(mask)
        mask = parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1
    if not mask.any():
        return None
    places = np.argwhere(mask)
    low, high = places.min(0), places.max(0) + 1
    box = resize(film[low[0] : high[0], low[1] : high[1]], (SIDE, SIDE), anti_aliasing=True)
    lower, middle, upper = np.quantile(box, [0.1, 0.5, 0.9])
    return np.clip((box - middle) / max(upper - lower, 0.02), -2, 2)


def described(box: np.ndarray) -> np.ndarray:
    """Return texture by zone, edges by zone and coarse brightness of a box."""
    zones = [box.reshape(4, SIDE // 4, 4, SIDE // 4).mean((1, 3)).ravel()]
    for level in LEVELS:
        band = ndimage.gaussian_filter(box, level) - ndimage.gaussian_filter(box, 2 * level)
        zones.append(np.log(1e-3 + band.reshape(3, SIDE // 3, 3, SIDE // 3).std((1, 3))).ravel())
    for neighbors, radius in BINARY:
        codes = local_binary_pattern((box * 64).astype(int), neighbors, radius, "uniform")
        zones.append(np.bincount(codes.astype(int).ravel(), minlength=neighbors + 2) / codes.size)
    edges = hog(box, orientations=6, pixels_per_cell=(24, 24), cells_per_block=(1, 1))
    return np.concatenate([*zones, edges])


def told_apart(diseased: list[Case], other: list[Case], what: str) -> str:
    """Return AUROC, its interval by patient, and n of both."""
    rows, truth, patients = [], [], []
    for label, cases in ((1, diseased), (0, other)):
        for case in cases:
            if (box := shown(case, what)) is not None:
                rows.append(described(box))
                truth.append(label)
                patients.append(case.facts["patient"])
    forest = RandomForestClassifier(150, min_samples_leaf=3, random_state=0, n_jobs=1)
    folds = GroupKFold(FOLDS, shuffle=True, random_state=0)
    guess = cross_val_predict(
        forest, np.array(rows), truth, groups=patients, cv=folds, method="predict_proba"
    )[:, 1]
    low, high = interval(np.array(truth), guess, np.array(patients))
    area = roc_auc_score(truth, guess)
    return f"{area:.3f} ({low:.3f} to {high:.3f}), n {sum(truth)} and {len(truth) - sum(truth)}"


def interval(truth: np.ndarray, guess: np.ndarray, patients: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of an AUROC, patients drawn again."""
    rng, areas = np.random.default_rng(0), []
    names = np.unique(patients)
    rows = [np.flatnonzero(patients == name) for name in names]
    for _ in range(DRAWS):
        drawn = np.concatenate([rows[i] for i in rng.integers(len(names), size=len(names))])
        if 0 < truth[drawn].sum() < len(drawn):
            areas.append(roc_auc_score(truth[drawn], guess[drawn]))
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)


def unpainted(samples: list[Case], healthy: list[Case]) -> list[Case]:
    """Return the samples as they were before, their masks kept."""
    before = {case.name: case.image for case in healthy}
    return [
        Case(s.name, before[s.facts["source"]], s.anatomy, s.findings, s.facts) for s in samples
    ]


def main(data: str, count: str = "80") -> None:
    """Print one row per collection."""
    sys.stdout.write(
        "| shown | diseased against painted | diseased against the same, unpainted |\n"
    )
    sys.stdout.write("|---|---|---|\n")
    outlined = films.masked(Path(data))
    for collection in ("nih", "kermany"):
        healthy, ill = (films.films(Path(data), collection, i, int(count)) for i in (False, True))
        samples = films.painted(healthy)
        pairs = [(f"lungs, {collection}", ill, "lungs")]
        if collection == "nih":
            pairs.append(("opacity, outlined films against nih", outlined, "opacity"))
        for name, diseased, what in pairs:
            cells = [told_apart(diseased, o, what) for o in (samples, unpainted(samples, healthy))]
            sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
