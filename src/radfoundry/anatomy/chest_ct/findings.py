"""Findings of a labeled chest CT: pleural fluid and emphysema, whoever labeled the anatomy."""

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct import morphology
from radfoundry.volume import Volume

MARKED = ("pleural_effusion", "emphysema")  # what `marked` marks

EMPHYSEMA_HU = -950.0  # Gevenois et al., AJRCCM 1996: agrees with pathology
LEAST_EMPHYSEMA_MM3 = 300.0  # smaller clusters are noise
GRAIN_MM = 1.2  # averaged before thresholding: single voxels of noise pass -950 HU in any lung
LEAST_FLUID_MM3 = 1e4


def marked(image: Volume, labels: np.ndarray) -> np.ndarray:
    """Return a findings map (uint8): pleural effusion, and emphysema inside the lungs.

    An image that a window cut at -950 HU or above (none of its voxels lies below) shows no
    emphysema, and none is marked. That it has none is then not known: `clinical.measure` says NaN.

    Args:
        image: HU (X, Y, Z), RAS+.
        labels: Anatomy map on the same grid; regions `lungs`, `airway` and `pleural_space` count.

    Raises:
        ValueError: Image and labels are not on one grid.
    """
    if labels.shape != image.voxels.shape:
        raise ValueError(f"labels are {labels.shape}, the image is {image.voxels.shape}")
    found = np.zeros(labels.shape, np.uint8)
    fluid = regions.mask(labels, "pleural_space")
    fluid = morphology.larger_than(fluid, LEAST_FLUID_MM3, image.spacing_mm)
    found[emphysema(image, labels)] = regions.label_id("emphysema")
    found[fluid] = regions.label_id("pleural_effusion")
    return found


def emphysema(image: Volume, labels: np.ndarray) -> np.ndarray:
    """Return clusters of lung below -950 HU, neither airway nor noise."""
    lungs = regions.mask(labels, "lungs")
    airway = regions.mask(labels, "airway")
    out = np.zeros(labels.shape, bool)
    if not lungs.any():
        return out
    spacing = image.spacing_mm
    box = morphology.boxed(lungs, 3.0, spacing)
    smooth = morphology.smoothed(image.voxels[box], max(GRAIN_MM, 0.6 * min(spacing)), spacing)
    near_airway = morphology.grown(airway[box], 1.01 * max(spacing), spacing)
    dark = lungs[box] & ~near_airway & (smooth < EMPHYSEMA_HU)
    out[box] = morphology.larger_than(dark, LEAST_EMPHYSEMA_MM3, spacing)
    return out


def laid_over(given: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Return findings that came with a case, with a segmenter's in place of those it can mark.

    Lesions that readers outlined stay and lie on top; effusion and emphysema of theirs give way.

    Args:
        given: Findings map (uint8) that came with the case; 0 where nothing is known.
        marks: What `marked` returned, of the same shape.
    """
    kept = (given > 0) & ~np.isin(given, [regions.label_id(name) for name in MARKED])
    return np.where(kept, given, marks)
