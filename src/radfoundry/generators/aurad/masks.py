"""Masks of findings: how large real ones are, where they may lie, and those of one sample.

A size is an area in areas of the patient's lungs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.generators._radiographs import maps, shapes
from radfoundry.volume import plane

LEVELS = (0.0, 0.01, *(n / 20 for n in range(1, 20)), 0.99, 1.0)  # quantiles that are kept
PLAUSIBLE = (0.01, 0.99)
SPECK = 0.1  # of the smallest real mask, and of the largest part: smaller parts are dropped
FEWEST = 10  # real masks of a finding; of fewer it is not known which sizes are plausible
NAN = float("nan")
Sizes = Mapping[str, Mapping]  # by finding: `n` real masks, `quantiles` of their sizes


@dataclass(frozen=True)
class Masks:
    """The masks of one sample.

    Attributes:
        masks: Of each finding that is asked for (n, X, Z), bool.
        inside: By finding, the share of its pixels where the vocabulary allows it, before they
            were cut to it; none of a finding that had no pixel.
        draws: How often they were drawn until they were plausible.
        implausible: Findings that were not in the last draw either: what was likeliest is kept, as
            large as a plausible one.
        donors: Cases that masks or pixels were taken of.
    """

    masks: np.ndarray
    inside: Mapping[str, float] = field(default_factory=dict)
    draws: int = 1
    implausible: Sequence[str] = ()
    donors: Sequence[str] = ()

    def facts(self) -> dict[str, str]:
        """Return what is known of them, for the table of samples."""
        return {
            "mask_inside": "|".join(f"{name}:{part:.4f}" for name, part in self.inside.items()),
            "mask_draws": str(self.draws),
            "implausible": "|".join(self.implausible),
            "donors": "|".join(dict.fromkeys(self.donors)),
        }


def real_sizes(cases: Sequence[Case]) -> dict[str, dict]:
    """Return how large the masks of cases are, see `Sizes`; a finding without any is left out."""
    found: dict[str, list[float]] = {}
    for at in range(len(cases)):
        case = cases[at]
        for name, mask in zip(maps.finding_names(), maps.of_findings(case.findings), strict=True):
            size = size_of(mask > 0, case.anatomy)
            if size > 0:
                found.setdefault(name, []).append(size)
    return {
        name: {"n": len(own), "quantiles": np.quantile(own, LEVELS).round(5).tolist()}
        for name, own in found.items()
    }


def size_of(mask: np.ndarray, anatomy: np.ndarray) -> float:
    """Return the size of a mask (X, Z); NaN in a patient without lungs."""
    lungs = regions.mask(anatomy, "lungs").sum()
    return float(mask.sum() / lungs) if lungs else NAN


def size_at(name: str, sizes: Sizes, level: float) -> float:
    """Return a quantile of the sizes of a finding.

    Raises:
        ValueError: No real mask of it is known.
    """
    if name not in sizes:
        known = ", ".join(sizes) or "none"
        raise ValueError(f"{name}: no training case has a mask of it; there are some of: {known}")
    return float(np.interp(level, LEVELS, sizes[name]["quantiles"]))


def bounds(name: str, sizes: Sizes) -> tuple[float, float]:
    """Return which sizes of a finding are plausible; any, where few real masks are known."""
    if sizes.get(name, {"n": 0})["n"] < FEWEST:
        return 0.0, float("inf")
    low, high = (size_at(name, sizes, level) for level in PLAUSIBLE)
    return low, high


def allowed(name: str, anatomy: np.ndarray, side: str = "") -> np.ndarray:
    """Return where a finding may lie (X, Z), bool; on one side if it is named.

    Raises:
        ValueError: Nowhere in this patient.
    """
    region = plane(shapes.allowed(name, side, anatomy))[:, 0]
    if not region.any():
        where = f"{side} side of the" if side else "whole"
        raise ValueError(f"{name}: the {where} anatomy map shows nowhere that it may be")
    return region


def shares_inside(
    masks: Sequence[np.ndarray], names: Sequence[str], anatomy: np.ndarray
) -> dict[str, float]:
    """Return by finding which share of the pixels of its masks (X, Z) is allowed."""
    whole = {name: np.zeros(anatomy[:, 0].shape, bool) for name in names}
    for mask, name in zip(masks, names, strict=True):
        whole[name] |= mask
    return {
        name: float((mask & allowed(name, anatomy)).sum() / mask.sum())
        for name, mask in whole.items()
        if mask.any()
    }


def read(
    values: np.ndarray, name: str, anatomy: np.ndarray, sizes: Sizes, side: str = ""
) -> tuple[np.ndarray, bool]:
    """Return the mask (X, Z) of a drawn channel where it is allowed, and whether it is plausible.

    Specks beside it are dropped. One that is too small or too large is what is likeliest, as large
    as a plausible one; one that is nowhere, where any size is plausible, as large as the middle one
    of the real masks.

    Args:
        values: (X, Z), above 0 where the finding is.
        name: Of the finding.
        anatomy: Anatomy map (X, 1, Z).
        sizes: Of real masks.
        side: On which it is asked for; "" for any. The network need not have read one.

    Raises:
        ValueError: The finding may lie nowhere in this patient; it was not drawn, and no real mask
            of it is known.
    """
    region, (low, high) = allowed(name, anatomy, side), bounds(name, sizes)
    lungs = int(regions.mask(anatomy, "lungs").sum())
    mask = _without_specks((values > 0) & region, SPECK * low * lungs)
    size = size_of(mask, anatomy)
    if mask.any() and (np.isnan(size) or low <= size <= high):
        return mask, True
    bound = high if size > high else low or size_at(name, sizes, 0.5)
    return _likeliest(values, region, max(1, round(bound * lungs))), False


def _without_specks(mask: np.ndarray, least: float) -> np.ndarray:
    """Return a mask without its parts of fewer pixels, or of few beside its largest part."""
    parts, _ = ndimage.label(mask)
    pixels = np.bincount(parts.ravel())
    return mask & (pixels >= max(least, SPECK * pixels[1:].max(initial=0)))[parts]


def _likeliest(values: np.ndarray, region: np.ndarray, wanted: int) -> np.ndarray:
    """Return so many pixels of a region, all if it has fewer, about the likeliest place.

    Estimates are bounded, so many are equal, and the highest by themselves would be specks all over
    the lungs: what is a radius away must be that much likelier.
    """
    around = ndimage.gaussian_filter(values.astype(float), 1.0)
    places, near = np.argwhere(region), around[region]
    away = np.linalg.norm(places - places[near.argmax()], axis=1) / np.sqrt(wanted / np.pi)
    spread = float(np.ptp(near)) or 1.0
    found = np.zeros(region.shape, bool)
    found[tuple(places[np.lexsort((away, away - near / spread))[:wanted]].T)] = True
    return found


def none(anatomy: np.ndarray) -> Masks:
    """Return the masks of a sample without findings."""
    return Masks(np.zeros((0, anatomy.shape[0], anatomy.shape[2]), bool))
