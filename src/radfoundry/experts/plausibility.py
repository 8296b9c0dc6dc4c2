"""Does the sample obey the rules that any body obeys?

The score is minus the number of rules that are broken, of those that the labels let one ask: sides,
sizes and pieces of organs, the cardiothoracic ratio, densities, and where lesions lie. Each limit
is so wide that disease stays within it; what real cases break all the same, by a labeler's
mistakes, lowers the threshold, which is a quantile of theirs. It cannot see what no rule asks for,
an organ that is missing included, and it trusts the labels that a sample carries: whether these fit
the image, and none is lost, is what `anatomy` asks.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation.metrics import clinical

OPTIONS: Mapping[str, Any] = {
    "quantile": 0.05,
    "lung_balance": 0.2,  # the smaller lung over the larger one, at least
    "lung_liters": [0.5, 10.0],  # both, in CT
    "lung_hu": [-950.0, -400.0],  # their mean in CT, without lesions
    "cardiothoracic_ratio": [0.25, 0.85],
    "one_piece": 0.9,  # of an organ: its largest part, at least
    "airway_piece": 0.8,
    "inside": 0.5,  # of a lesion: in the region that `labels.yaml` allows it, at least
    "range_hu": [-1100.0, 4000.0],  # of 999 in 1,000 voxels of a CT
}
WHOLE = ("brain", "heart", "lung_right", "lung_left")  # organs that are one piece
REACH = 2  # voxels beyond a region that still count as inside
SEEN = (0.0005, 0.9995)  # quantiles of intensity that are held against the range
Rules = Mapping[str, Callable[[Case, Mapping], bool | None]]


def fit(cases: Iterable[Case], options: Mapping, device: str = "cpu") -> dict:
    """Return whether intensities are HU, as the first case says; rules are not learned."""
    del options, device
    first = next(iter(cases), None)
    return {"hu": first is not None and _has_air(first)}


def score_real(case: Case, reference: Mapping, options: Mapping, device: str = "cpu") -> float:
    """Return the score of a real case; see `score`."""
    return score(case, None, reference, options, device)


def score(
    sample: Case, source: Case | None, reference: Mapping, options: Mapping, device: str = "cpu"
) -> float:
    """Return minus the rules that are broken; NaN without any label. The log names them."""
    del source, device
    if not (sample.anatomy.any() or sample.findings.any()):
        return math.nan
    limits = {**OPTIONS, **options, "hu": reference["hu"]}
    broken = [name for name, rule in RULES.items() if rule(sample, limits) is False]
    if broken:
        logging.info("%s breaks rules: %s", sample.name, ", ".join(broken))
    return float(0 - len(broken))


def sides(case: Case, _: Mapping) -> bool | None:
    """Return whether the right lung lies to the right of the left one."""
    both = [_places(case, name) for name in ("lung_right", "lung_left")]
    if len(case.anatomy) == 1 or not all(map(len, both)):
        return None
    return bool(both[0].mean() > both[1].mean())


def heart(case: Case, _: Mapping) -> bool | None:
    """Return whether the heart's center lies between the centers of the lungs."""
    right, left, own = (_places(case, name) for name in ("lung_right", "lung_left", "heart"))
    if len(case.anatomy) == 1 or not (len(right) and len(left) and len(own)):
        return None
    low, high = sorted((left.mean(), right.mean()))
    return bool(low < own.mean() < high)


def balance(case: Case, limits: Mapping) -> bool | None:
    """Return whether neither lung is missing beside the other, or much smaller."""
    small, large = sorted(
        np.count_nonzero(regions.mask(case.anatomy, name)) for name in ("lung_right", "lung_left")
    )
    return None if not large else bool(small >= limits["lung_balance"] * large)


def ratio(case: Case, limits: Mapping) -> bool | None:
    """Return whether the cardiothoracic ratio is one that occurs."""
    if _is_slice(case):
        return None
    found = clinical.cardiothoracic_ratio(case.anatomy)
    low, high = limits["cardiothoracic_ratio"]
    return None if math.isnan(found) else low <= found <= high


def pieces(case: Case, limits: Mapping) -> bool | None:
    """Return whether organs that are one piece are; of a slice of a volume nobody can say."""
    masks = [regions.mask(case.anatomy, name) for name in WHOLE]
    shown = [mask for mask in masks if mask.any()]
    if not shown or _is_slice(case):
        return None
    return all(_largest_share(mask) >= limits["one_piece"] for mask in shown)


def airway(case: Case, limits: Mapping) -> bool | None:
    """Return whether the airways hang together, in CT."""
    mask = regions.mask(case.anatomy, "airway")
    if 1 in mask.shape or not mask.any():
        return None
    return _largest_share(mask) >= limits["airway_piece"]


def liters(case: Case, limits: Mapping) -> bool | None:
    """Return whether the lungs of a CT have a volume that occurs."""
    lungs, (low, high) = regions.mask(case.anatomy, "lungs"), limits["lung_liters"]
    if 1 in lungs.shape or not limits["hu"] or not lungs.any():
        return None
    found = clinical.volume_cm3(lungs, float(np.prod(case.image.spacing_mm))) / 1000
    return low <= found <= high


def density(case: Case, limits: Mapping) -> bool | None:
    """Return whether the lungs of a CT are as dense as aerated lung is."""
    lungs = regions.mask(case.anatomy, "lungs") & (case.findings == 0)
    if not limits["hu"] or not lungs.any():
        return None
    low, high = limits["lung_hu"]
    return bool(low <= case.image.voxels[lungs].mean() <= high)


def intensities(case: Case, limits: Mapping) -> bool:
    """Return whether intensities differ, are finite and lie in the range of their kind."""
    voxels = case.image.voxels
    if not np.isfinite(voxels).all():
        return False
    low, high = limits["range_hu"] if limits["hu"] else (0.0, 1.0)
    least, most = np.quantile(voxels, SEEN)
    return bool(low <= least < most <= high)


def inside(case: Case, limits: Mapping) -> bool | None:
    """Return whether every lesion lies mostly where its finding may lie, which must be there."""
    shares = []
    for label in regions.vocabulary().findings:
        lesion = case.findings == label.id
        if lesion.any() and label.within:
            region = regions.mask(case.anatomy, label.within)
            near = ndimage.binary_dilation(region, iterations=REACH)
            shares.append((lesion & near).sum() / lesion.sum())
    return None if not shares else bool(min(shares) >= limits["inside"])


RULES: Rules = {
    "sides": sides, "heart": heart, "balance": balance, "ratio": ratio, "pieces": pieces,
    "airway": airway, "liters": liters, "density": density, "intensities": intensities,
    "inside": inside,
}  # fmt: skip


def _places(case: Case, name: str) -> np.ndarray:
    """Return where a structure's voxels lie along x, which grows to the patient's right."""
    return np.nonzero(regions.mask(case.anatomy, name))[0]


def _largest_share(mask: np.ndarray) -> float:
    sizes = clinical.parts(mask)
    return float(sizes.max() / sizes.sum())


def _is_slice(case: Case) -> bool:
    return 1 in case.anatomy.shape and not case.image.is_radiograph


def _has_air(case: Case) -> bool:
    return bool(case.image.voxels.min() < -1)  # or fat; radiographs and MR are in [0, 1]
