"""Is the sample still the chest it was made from, and does its lesion lie where it may?

The score is the lowest of three shares in [0, 1]: the Dice overlap of a fresh segmentation of the
sample with the labels it carries, in the worst structure; the share of the lesion inside the region
that `labels.yaml` allows it; and 1 or 0 for areas within their limits.
On a real case the image is segmented after a slight shift and noise, so the threshold follows the
segmenter's own repeatability. It cannot see that labels and segmenter err alike.

The lesion itself is no evidence against the anatomy: segmenters do worse under a real pneumonia
too, and a filter that minds refuses whatever looks like one. So an edit is judged outside the edit:
the lesion and a margin around it get back the pixels of the source before the sample is segmented.
What else was changed is still seen. A sample without a source is compared outside its lesion.

In a CT the labels were drawn together with the image, so a structure that only one of the two shows
counts as no overlap, and one that every real case has may not be missing. The shift of a real case
is not undone there: labels drawn as far astray pass, where a segmenter that made the labels itself
would ask for near identity. Real findings are outlined, not drawn, and are left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import ndimage

from radfoundry import seeds
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics.overlap import dice
from radfoundry.volume import Volume

OPTIONS: Mapping[str, Any] = {
    "quantile": 0.05,
    "segmenter": "pbtseg",
    "segmenter_options": {},
    "structures": ["lung_right", "lung_left"],
    "noise": 0.02,  # of a radiograph's range
    "noise_hu": 20.0,  # of a CT
    "shift": 0.02,
    "repeats": 3,
    "tolerance": 0.02,
    "lesion_fraction": [0.002, 0.95],
    "lesion_margin": 0.02,  # of the longest side: an edit may fade out around its lesion
    "area_margin": 1.5,
}
LEAST_LEFT = 0.1  # share of a structure that must not be left out to be compared


def fit(cases: Iterable[Case], options: Mapping, device: str = "cpu") -> dict:
    """Return the share of the image that each structure takes in real cases, and their number."""
    options = {**OPTIONS, **options}
    shares: dict[str, list[float]] = {name: [] for name in options["structures"]}
    n, volumes = 0, False
    for case in cases:
        n, volumes = n + 1, not case.image.is_radiograph
        for name, own in shares.items():
            own.append(float(regions.mask(case.anatomy, name).mean()))
    areas = {}
    for name, own in shares.items():
        seen = [share for share in own if share]
        # A volume may lack a structure; radiographs that show none say nothing.
        areas[name] = [min(own if volumes else seen), max(own)] if seen else []
    return {"n": n, "areas": areas}


def score_real(case: Case, reference: Mapping, options: Mapping, device: str = "cpu") -> float:
    """Return the score of a real case whose image was shifted and made noisy, mean of repeats."""
    options = {**OPTIONS, **options}
    segment = segmenter(options, device)
    if not case.image.is_radiograph:
        case = replace(case, findings=np.zeros_like(case.findings))
    scores = []
    for repeat in range(options["repeats"]):
        rng = np.random.default_rng(seeds.seed(0, "anatomy", f"{case.name}/{repeat}"))
        found = _segmented_shifted(case.image, segment, options, rng)
        scores.append(_assess_one(case, found, reference, options, _lesion(case)))
    return float(np.mean(scores))


def score(
    sample: Case, source: Case | None, reference: Mapping, options: Mapping, device: str = "cpu"
) -> float:
    """Return the score of a sample; NaN if it carries no label of any structure."""
    options = {**OPTIONS, **options}
    image, left_out = sample.image, _lesion(sample)
    if source is not None and source.image.voxels.shape == image.voxels.shape:
        edit = lesion_and_margin(sample, options["lesion_margin"])
        image = image.holding(np.where(edit, source.image.voxels, image.voxels))
        left_out = np.zeros_like(left_out)
    return _assess_one(sample, segmenter(options, device)(image), reference, options, left_out)


def lesion_and_margin(case: Case, margin: float) -> np.ndarray:
    """Return the findings of a case and what lies within a share of its longest side of them."""
    lesion, spacing = _lesion(case), case.image.spacing_mm
    if not lesion.any():
        return lesion
    sides = zip(lesion.shape, spacing, strict=True)
    reach = margin * max(n * size for n, size in sides if n > 1)
    return ndimage.distance_transform_edt(~lesion, sampling=spacing) <= reach


def segmenter(options: Mapping, device: str = "cpu") -> Callable[[Volume], np.ndarray]:
    """Return the segmenter that the options name, ready; `weights` among them is handed on."""
    module = load("segmenters", options["segmenter"])
    return module.prepare(options["segmenter_options"], options.get("weights"), device)


def agreement(
    found: np.ndarray, labels: np.ndarray, left_out: np.ndarray, structures: Sequence[str]
) -> float:
    """Return the lowest Dice of the structures that the labels have, where nothing is left out.

    NaN if the labels have none of them, or what is left out leaves too little of any. In a volume
    whose labels have one, a structure that only the segmentation has is an overlap of 0.
    """
    overlaps = []
    compared = ~left_out & (labels != regions.vocabulary().ignore)
    for name in structures:
        expected, again = regions.mask(labels, name), regions.mask(found, name)
        if expected.any():
            enough = (expected & compared).sum() >= LEAST_LEFT * expected.sum()
            overlaps.append(dice(again, expected, ~compared) if enough else np.nan)
        elif again.any() and labels.shape[1] > 1:
            overlaps.append(0.0)
    labeled = any(regions.mask(labels, name).any() for name in structures)
    return float(np.min(overlaps)) if labeled else np.nan


def share_inside(sample: Case, tolerance: float) -> float:
    """Return the share of the findings inside the regions they may lie in; 1 if there are none.

    Args:
        sample: Its findings are held against its own anatomy.
        tolerance: How far outside still counts, as a share of the image's longest side.
    """
    reach = max(1, round(tolerance * max(sample.image.voxels.shape)))
    total = inside = 0
    for label in regions.vocabulary().findings:
        lesion = sample.findings == label.id
        if lesion.any() and label.within:
            region = regions.mask(sample.anatomy, label.within)
            allowed = ndimage.binary_dilation(region, iterations=reach)
            total, inside = total + int(lesion.sum()), inside + int((lesion & allowed).sum())
    return inside / total if total else 1.0


def areas_plausible(sample: Case, reference: Mapping, options: Mapping) -> bool:
    """Return whether structures and lesion have areas that occur.

    Structures: within the range of real cases, widened by the factor `area_margin`. The lesion, if
    there is one: within `lesion_fraction` of the lungs; in a volume, where a nodule is less than a
    thousandth of them, only the upper limit counts.
    """
    margin = options["area_margin"]
    for name, limits in reference["areas"].items():
        share = regions.mask(sample.anatomy, name).mean()
        known = bool(limits) and (share > 0 or not sample.image.is_radiograph)
        if known and not limits[0] / margin <= share <= limits[1] * margin:
            return False
    lungs = regions.mask(sample.anatomy, "lungs").sum()
    lesion = _lesion(sample).sum()
    low, high = options["lesion_fraction"]
    low = low if sample.image.is_radiograph else 0.0
    return not lesion or (lungs > 0 and low <= lesion / lungs <= high)


def _assess_one(
    case: Case, found: np.ndarray, reference: Mapping, options: Mapping, left_out: np.ndarray
) -> float:
    if not (case.image.is_radiograph or case.anatomy.any()):
        return float("nan")  # drawn without labels: nothing to hold the image against
    overlap = agreement(found, case.anatomy, left_out, options["structures"])
    inside = share_inside(case, options["tolerance"])
    plausible = float(areas_plausible(case, reference, options))
    # A broken rule is evidence enough, whatever the segmentation could not show.
    return plausible if not plausible else float(np.minimum(overlap, inside))


def _lesion(case: Case) -> np.ndarray:
    known = [label.id for label in regions.vocabulary().findings]
    return np.isin(case.findings, known)


def _segmented_shifted(
    image: Volume, segment: Callable, options: Mapping, rng: np.random.Generator
) -> np.ndarray:
    """Return the segmentation of a shifted, noisy image; that of a radiograph is shifted back."""
    flat = image.is_radiograph
    strength = options["noise"] if flat else options["noise_hu"]
    limits = (0, 1) if flat else (image.voxels.min(), image.voxels.max())
    reach = max(1, round(options["shift"] * max(image.voxels.shape)))
    by = [int(rng.integers(-reach, reach + 1)) if n > 1 else 0 for n in image.voxels.shape]
    noise = strength * rng.standard_normal(image.voxels.shape)
    moved = np.clip(ndimage.shift(image.voxels, by, order=0, mode="nearest") + noise, *limits)
    found = segment(image.holding(moved.astype(image.voxels.dtype)))
    return ndimage.shift(found, [-n for n in by], order=0, mode="constant") if flat else found
