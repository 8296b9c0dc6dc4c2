"""Pleural fluid in a chest CT.

Fluid is soft tissue inside the rib cage where aerated lung should be. It has the density of water,
lies on the chest wall and, in a patient on the back, has no air behind it. An airless lobe is
denser than water (blood, more so with contrast medium), and as thick as it is wide. Fat between
ribs and pleura, or around a kidney, is as dense as water where muscle runs through it; but then
part of it is fat.
"""

import numpy as np

from radfoundry.anatomy.chest_ct import morphology, rib_cage

Spacing = tuple[float, ...]

FLUID_HU = (-20.0, 33.0)
FAT_SHARE, FAT_EDGE = 0.2, 0.4  # of the tissue around a voxel of fluid, and at the fluid's edge
LEAST_MEDIAN_HU, MEDIAN_FAT = -5.0, 0.12  # of a whole effusion: noise shifts no median
ASIDE_MM = 22.0  # the mediastinum is at least as wide, to each side
CLOSING_MM = 6.0
EDGE_HU = 45.0  # between fluid and muscle or liver
LEAST_MM3, LEAST_THICK_MM = 1e4, 2.5
SLIVER_MM = 3.0  # fluid has no air behind it, but for slivers
FLOATING = 0.35  # share of that area with lung before it; a kidney or spleen has none
SHEET = 1.5  # area on the back wall, in squares of its thickness; a round opacity has less


def fluid(
    hu: np.ndarray, spacing_mm: Spacing, lungs: tuple[np.ndarray, np.ndarray], middle: float
) -> np.ndarray:
    """Return fluid between lung and chest wall of a patient lying on the back.

    Args:
        hu: HU (X, Y, Z), RAS+.
        spacing_mm: Voxel size.
        lungs: Right and left aerated lung.
        middle: x index of the body's middle.
    """
    both = lungs[0] | lungs[1]
    out = np.zeros(hu.shape, bool)
    if not both.any():
        return out
    soft = rib_cage.tissue_hu(hu, spacing_mm, both)
    tissue = (hu > -400) & (hu < 200) & ~both
    watery = (soft > FLUID_HU[0]) & (soft < FLUID_HU[1]) & tissue
    fat = rib_cage.fat_share(hu, spacing_mm, both)
    watery &= ~_medial(both, middle, spacing_mm) & (fat < FAT_SHARE)
    tissue &= ~np.maximum.accumulate(morphology.shrunk(both, SLIVER_MM, spacing_mm), axis=1)
    for half in rib_cage.halves(hu, spacing_mm, lungs, middle):
        found = _sheets(watery & tissue & half.cavity, both, spacing_mm)
        found = _without_fat(found, hu, fat)
        if found.any():
            allowed = tissue & half.cavity & (fat < FAT_EDGE)
            out |= _completed(found, hu, allowed, spacing_mm)
    return out


def _without_fat(found: np.ndarray, hu: np.ndarray, fat: np.ndarray) -> np.ndarray:
    """Return the parts that are fluid throughout: neither as light as fat nor full of it."""
    labels, counts = morphology.parts(found)
    keep = np.zeros(len(counts), bool)
    for number in np.flatnonzero(counts):
        part = labels == number
        watery = float(np.median(hu[part])) > LEAST_MEDIAN_HU
        keep[number] = watery and float(np.median(fat[part])) < MEDIAN_FAT
    return keep[labels]


def _completed(
    found: np.ndarray, hu: np.ndarray, allowed: np.ndarray, spacing_mm: Spacing
) -> np.ndarray:
    """Return fluid with what noise, vessels and the blur at lung and ribs left out of it."""
    fine = morphology.smoothed(hu, 0.6 * max(spacing_mm), spacing_mm) < EDGE_HU
    near = morphology.grown(found, 1.5 * max(spacing_mm), spacing_mm)
    filled = morphology.closed(found | (near & fine & allowed), CLOSING_MM, spacing_mm)
    return filled & allowed


def _medial(lungs: np.ndarray, middle: float, spacing_mm: Spacing) -> np.ndarray:
    """Return the mediastinum: near the middle, and what has lung to its side in the same row."""
    across = np.arange(lungs.shape[0]) - middle
    right = np.maximum.accumulate(lungs[::-1], axis=0)[::-1]  # lung at higher x
    left = np.maximum.accumulate(lungs, axis=0)
    beside = np.where((across > 0)[:, None, None], right, left)
    return beside | (np.abs(across) * spacing_mm[0] < ASIDE_MM)[:, None, None]


def _sheets(watery: np.ndarray, lungs: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return the parts that lie on the back wall like a sheet, with lung floating before them."""
    core = morphology.opened(watery, max(LEAST_THICK_MM, 1.01 * max(spacing_mm)), spacing_mm)
    labels, counts = morphology.parts(core)
    lung_ahead = np.maximum.accumulate(lungs[:, ::-1], axis=1)[:, ::-1]
    keep = np.zeros(len(counts), bool)
    for number in np.flatnonzero(counts * np.prod(spacing_mm) >= LEAST_MM3):
        part = labels == number
        columns = part.sum(axis=1)
        thick = np.percentile(columns[columns > 0], 90) * spacing_mm[1]
        area = (columns > 0).sum() * spacing_mm[0] * spacing_mm[2]
        floating = (part & lung_ahead).any(axis=1).sum() / (columns > 0).sum()
        keep[number] = area > SHEET * thick**2 and floating > FLOATING
    return keep[labels]
