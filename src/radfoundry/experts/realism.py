"""Do the sample's intensities and textures lie among those of real images?

The score is minus the Mahalanobis distance (Ledoit-Wolf covariance) of a small vector of statistics
to the real training images, divided by the root of its length, so that about -1 is typical.
It sees wrong contrast, noise, blur and density of the lungs. It does not see wrong anatomy, and a
finding rarer than the training images hold lowers it: the reference should hold abnormal ones too.
The lungs are those of the case's labels; in a CT without any, those that the segmenter finds.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy import ndimage
from sklearn.covariance import LedoitWolf

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics import similarity
from radfoundry.volume import picture

OPTIONS: Mapping[str, Any] = {
    "quantile": 0.05,
    "least_cases": 10,
    "segmenter": "threshold",  # of the lungs of a CT without labels
    "segmenter_options": {},
}
SCALES = (0.0, 1.0, 2.0, 4.0, 8.0)  # pixels of a 256-pixel picture: bands between neighbors
NOMINAL = 256
VOXELS = (0.0, 1.0, 2.0, 4.0)  # the same in a CT, in voxels
NO_AIR_HU = -500.0
LEVELS = (0.1, 0.5, 0.9)  # quantiles of intensity


def fit(cases: Iterable[Case], options: Mapping, device: str = "cpu") -> dict:
    """Return center, scale and precision of the real images' statistics, and their number.

    With fewer than `least_cases` images that have lungs, only the number: scores are then NaN.
    """
    options = {**OPTIONS, **options}
    found = [statistics(case, options, device) for case in cases]
    rows = np.array([list(f.values()) for f in found if np.isfinite(list(f.values())).all()])
    if len(rows) < options["least_cases"]:
        return {"n": len(rows)}
    center, spread = rows.mean(0), np.maximum(rows.std(0), 1e-6)
    model = LedoitWolf(assume_centered=True).fit((rows - center) / spread)
    return {
        "n": len(rows),
        "features": list(found[0]),
        "center": center.tolist(),
        "spread": spread.tolist(),
        "precision": model.precision_.tolist(),
    }


def score_real(case: Case, reference: Mapping, options: Mapping, device: str = "cpu") -> float:
    """Return the score of a real case; see `score`."""
    return score(case, None, reference, options, device)


def score(
    sample: Case, source: Case | None, reference: Mapping, options: Mapping, device: str = "cpu"
) -> float:
    """Return minus the distance to the real images; NaN without lungs or without a reference."""
    if "precision" not in reference:
        return float("nan")
    values = np.array(list(statistics(sample, options, device).values()))
    away = (values - reference["center"]) / reference["spread"]
    return -float(np.sqrt(away @ np.array(reference["precision"]) @ away / len(away)))


def statistics(case: Case, options: Mapping, device: str = "cpu") -> dict[str, float]:
    """Return named statistics of the body and of the lungs; NaN where a region is missing.

    Quantiles of intensity, and for every band between two scales of blur the logarithm of its
    standard deviation; inside the lungs also the kurtosis of the finest band, which stamps change.
    """
    flat = case.image.is_radiograph
    image, masks = _radiograph(case) if flat else _volume(case, {**OPTIONS, **options}, device)
    unit = max(image.shape) / NOMINAL if flat else 1.0
    scales = SCALES if flat else VOXELS
    blurred = [ndimage.gaussian_filter(image, s * unit) if s else image for s in scales]
    found: dict[str, float] = {}
    for name, region in masks.items():
        values = image[region] if region.any() else np.array([np.nan])
        for level in LEVELS:
            found[f"{name}_q{round(100 * level)}"] = float(np.quantile(values, level))
        for fine, coarse, scale in zip(blurred, blurred[1:], scales[1:], strict=False):
            band = (fine - coarse)[region] if region.any() else np.array([np.nan])
            found[f"{name}_log_sd_{scale:g}"] = float(np.log(band.std() + 1e-5))
    fine = (blurred[0] - blurred[1])[masks["lungs"]]
    tail = np.mean(((fine - fine.mean()) / (fine.std() + 1e-9)) ** 4) if fine.size else np.nan
    return found | {"lungs_log_kurtosis_1": float(np.log(tail + 1e-3))}


def _radiograph(case: Case) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the picture, and where its body and lungs are."""
    image = picture(case.image.voxels).astype(float)
    unit = max(image.shape) / NOMINAL
    body = ndimage.binary_erosion(image > 0, iterations=max(1, round(4 * unit)))
    return image, {"body": body, "lungs": regions.mask(picture(case.anatomy), "lungs")}


def _volume(case: Case, options: Mapping, device: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return a CT as gray in [0, 1], and where its body (less air and lungs) and lungs are.

    The lungs are without their outermost voxel, where segmenters differ and density says little.
    """
    labels = case.anatomy
    if not labels.any():
        module = load("segmenters", options["segmenter"])
        labels = module.prepare(options["segmenter_options"], None, device)(case.image)
    lungs = ndimage.binary_erosion(regions.mask(labels, "lungs"))
    return similarity.gray(case.image), {"body": case.image.voxels > NO_AIR_HU, "lungs": lungs}
