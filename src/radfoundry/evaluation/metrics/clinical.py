"""What a radiologist would measure in a chest: volumes, densities, airways, fluid, heart size.

Everything is read from a map of labels and from HU; nothing is segmented here. A structure that is
not labeled has no measurement: NaN, never 0. Only what was looked for and found to be lacking
(fluid, emphysema) is 0.

Lungs hold their vessels and bronchi, as in the reference densitometry of the Chest Imaging
Platform, and never the fluid around them.
"""

from collections.abc import Collection

import cc3d
import numpy as np

from radfoundry.anatomy import regions as words
from radfoundry.evaluation.metrics.clinical_measures import (
    LOBES,
    MEASURES,
    Measure,
    cropped,
    trusted,
)
from radfoundry.volume import Volume

__all__ = ["MEASURES", "Measure", "cropped", "measure", "trusted"]
NAN = float("nan")
NEVER_CUT_HU = -1024.0  # the lower end of HU as scanners store them
EMPHYSEMA_HU = -950  # thin slices at full inspiration, standard dose
TRAPPED_HU = -856  # at expiration; at inspiration it says how much lung is thin or overinflated
FLUID = ("pleural_space", "pleural_effusion")  # names under which pleural fluid is looked for


def measure(
    image: Volume,
    anatomy: np.ndarray,
    findings: np.ndarray | None = None,
    volume_scale: float = 1.0,
    looked_for: Collection[str] = (),
    lowest_hu: float = NEVER_CUT_HU,
) -> dict[str, float]:
    """Return every measurement of `MEASURES`; NaN where it is not defined.

    Args:
        image: CT in HU, or a radiograph (X, 1, Z), of which only the cardiothoracic ratio is taken.
        anatomy: Anatomy map on the image's grid.
        findings: Findings map on the same grid. What it marks as pleural effusion is not lung.
        volume_scale: Volumes are multiplied by it: what an affine registration to an atlas, or
            another change of size, is to be undone with.
        looked_for: Structures and findings that whoever labeled the case was asked for. Pleural
            fluid or emphysema among them, but not marked, is 0 in a case whose lungs were found;
            of fluid, on a side whose lung was found.
        lowest_hu: Where the image's window cut it from below. What lies below cannot be known: a
            share of lung below a limit that it took is NaN, and where it took -950 HU so are
            emphysema, the percentile and the mean.

    Raises:
        ValueError: Labels on another grid or not of the vocabulary; a scale that is not positive; a
            lowest HU that is NaN.
    """
    nothing = np.zeros(anatomy.shape, np.uint8)
    findings = nothing if findings is None else findings
    _checked(image, anatomy, findings, volume_scale)
    seen = _sees_emphysema(lowest_hu)
    values = dict.fromkeys(MEASURES, NAN)
    values["cardiothoracic_ratio"] = cardiothoracic_ratio(anatomy)
    if image.is_radiograph:
        return values
    voxel = abs(float(np.linalg.det(image.affine[:3, :3]))) * volume_scale
    fluid = words.mask(anatomy, "pleural_space") | words.mask(findings, "pleural_effusion")
    lungs = words.mask(anatomy, "lungs") & ~fluid
    values |= lung_volumes(np.where(fluid, 0, anatomy), voxel)
    values |= density(image.voxels[lungs], lowest_hu)
    values |= airways(words.mask(anatomy, "airway"), voxel)
    values["vessel_volume_cm3"] = volume_cm3(words.mask(anatomy, "lung_vessel"), voxel)
    known = {name for name in looked_for if lungs.any()}  # without a lung nothing could be seen
    values |= effusion(anatomy, fluid, voxel, not known.isdisjoint(FLUID))
    bullae = words.mask(findings, "emphysema")
    volume_ml = volume_cm3(bullae, voxel, "emphysema" in known)
    values["emphysema_volume_ml"] = volume_ml if seen else NAN
    return values


def volume_cm3(mask: np.ndarray, voxel_mm3: float, looked_for: bool = False) -> float:
    """Return the volume of a mask in cm3 (mL); empty is NaN, or 0 if it was looked for."""
    count = int(np.count_nonzero(mask))
    return count * voxel_mm3 / 1000 if count or looked_for else NAN


def lung_volumes(anatomy: np.ndarray, voxel_mm3: float) -> dict[str, float]:
    """Return the volumes of both lungs, of each lung and of each lobe in liters.

    The total is that of all labeled lung: also where the side is not known.
    """
    regions = {"lung": "lungs", "lung_right": "lung_right", "lung_left": "lung_left"}
    regions |= {name: name for name in LOBES}
    return {
        f"{name}_volume_l": volume_cm3(words.mask(anatomy, region), voxel_mm3) / 1000
        for name, region in regions.items()
    }


def low_attenuation(hu: np.ndarray, limit_hu: float) -> float:
    """Return the percentage of voxels strictly below a limit; NaN without voxels.

    >>> low_attenuation(np.array([-960, -950, -940, -900]), -950)
    25.0
    """
    return float(100 * np.mean(hu < limit_hu)) if hu.size else NAN


def density(hu: np.ndarray, lowest_hu: float = NEVER_CUT_HU) -> dict[str, float]:
    """Return the densitometry of the lungs' voxels (any shape, HU): %LAA, percentile, mean.

    A measurement that what was cut off below `lowest_hu` would have changed is NaN.
    """
    whole = bool(hu.size) and _sees_emphysema(lowest_hu)
    return {
        "laa_950": low_attenuation(hu, EMPHYSEMA_HU) if lowest_hu < EMPHYSEMA_HU else NAN,
        "laa_856": low_attenuation(hu, TRAPPED_HU) if lowest_hu < TRAPPED_HU else NAN,
        "percentile15_hu": float(np.percentile(hu, 15)) if whole else NAN,
        "mean_lung_hu": float(np.mean(hu, dtype=float)) if whole else NAN,
    }


def _sees_emphysema(lowest_hu: float) -> bool:
    if np.isnan(lowest_hu):
        raise ValueError("lowest_hu is NaN, it must be what the window cut at, or -inf")
    return lowest_hu < EMPHYSEMA_HU


def airways(mask: np.ndarray, voxel_mm3: float) -> dict[str, float]:
    """Return the volume of an airway tree and how far it hangs together.

    A tree is one 26-connected piece; leaks, gaps and inventions make more of them.
    """
    sizes = parts(mask)
    whole = bool(sizes.size)
    return {
        "airway_volume_cm3": volume_cm3(mask, voxel_mm3),
        "airway_largest_part": float(sizes.max() / sizes.sum()) if whole else NAN,
        "airway_parts": float(len(sizes)) if whole else NAN,
    }


def parts(mask: np.ndarray) -> np.ndarray:
    """Return the sizes in voxels of the 26-connected pieces of a mask (X, Y, Z)."""
    numbered = cc3d.connected_components(mask, connectivity=26)
    return np.bincount(numbered.ravel())[1:]


def effusion(
    anatomy: np.ndarray, fluid: np.ndarray, voxel_mm3: float, looked_for: bool = False
) -> dict[str, float]:
    """Return the volume of pleural fluid in mL, in all and on either side.

    Where there is fluid, the side without any has 0, if its lung was found: beside a lung that was
    not, fluid would not have been found either. All of it is known where both sides are.
    """
    cavities = sides(anatomy, fluid)
    known = bool(looked_for or fluid.any())
    right, left = (
        volume_cm3(fluid & side, voxel_mm3, known and bool((side & ~fluid).any()))
        for side in cavities
    )
    return {
        "effusion_volume_ml": right + left,
        "effusion_right_volume_ml": right,
        "effusion_left_volume_ml": left,
    }


def sides(anatomy: np.ndarray, fluid: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the right and the left pleural cavity: each lung, and what else is on its side.

    Fluid, and lung whose side is not known, is on the side of the plane midway between the centers
    of the two lungs; without two lungs, midway between the ends of all that is labeled. x grows to
    the patient's right. The nearest lung is no better guide: fluid beside the spine is often
    nearer to the lung of the other side.

    Args:
        anatomy: Anatomy map (X, Y, Z).
        fluid: More of the cavity than the map says, or None.
    """
    right, left = words.mask(anatomy, "lung_right"), words.mask(anatomy, "lung_left")
    rest = words.mask(anatomy, "pleural_cavity") | (fluid if fluid is not None else False)
    rest &= ~right & ~left
    if not rest.any():
        return right, left
    if right.any() and left.any():
        middle = np.mean([np.nonzero(lung)[0].mean() for lung in (right, left)])
    else:
        middle = np.flatnonzero((rest | (anatomy > 0)).any((1, 2)))[[0, -1]].mean()
    beyond = np.arange(len(rest))[:, None, None] > middle
    return right | (rest & beyond), left | (rest & ~beyond)


def cardiothoracic_ratio(anatomy: np.ndarray) -> float:
    """Return the width of the heart over the width of the inner thorax; NaN without either.

    CT, as MedSyn (Xu et al. 2024) defines it: the maximal width of the heart over the maximal
    width of the thorax on one and the same axial slice. That slice is the one where the heart is
    widest, among those that show the pleural cavity of both sides; of several, the one with the
    wider thorax. The inner thorax reaches from the outermost voxel of the right pleural cavity
    (lung or fluid) to that of the left.

    Radiograph (X, 1, Z): the widest extent of the heart's shadow over the film against the widest
    row of the inner thorax, as read on film; the two need not be at one height.

    Voxels of the heart apart from its largest piece do not count. The ratio is free of spacing.
    """
    heart = _largest(words.mask(anatomy, "heart"))
    right, left = (np.asarray(side.any(1)) for side in sides(anatomy))
    both = right.any(0) & left.any(0)
    thorax = np.where(both, _extent(right | left), 0)
    if not heart.any() or not both.any():
        return NAN
    if anatomy.shape[1] == 1:
        width = int(np.ptp(np.flatnonzero(heart.any((1, 2))))) + 1
        return width / int(thorax.max())
    widths = np.where(both, _extent(np.asarray(heart.any(1))), 0)
    if not widths.any():
        return NAN
    return int(widths.max()) / int(thorax[widths == widths.max()].max())


def _largest(mask: np.ndarray) -> np.ndarray:
    numbered = cc3d.largest_k(mask, k=1, connectivity=26) if mask.any() else mask
    return numbered.astype(bool)


def _extent(shadow: np.ndarray) -> np.ndarray:
    """Return how many voxels each column (X, Z) reaches from its first to its last; 0 if empty."""
    first, last = shadow.argmax(0), len(shadow) - shadow[::-1].argmax(0)
    return np.where(shadow.any(0), last - first, 0)


def _checked(image: Volume, anatomy: np.ndarray, findings: np.ndarray, scale: float) -> None:
    for kind, labels in (("structures", anatomy), ("findings", findings)):
        if labels.shape != image.voxels.shape:
            raise ValueError(f"{kind} are {labels.shape}, the image is {image.voxels.shape}")
        words.check(labels, kind)
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"volume_scale is {scale}, it must be a positive number")
