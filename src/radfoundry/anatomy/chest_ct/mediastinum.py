"""The heart in a chest CT, with or without contrast medium.

It is the largest thick body of blood and muscle between the lungs, below the carina, in front of
the spine and above the diaphragm. Where it rests on the diaphragm no density tells them apart: the
bases of the lungs beside it say how high the diaphragm is.
"""

import numpy as np
from scipy import ndimage
from skimage.morphology import convex_hull_image

from radfoundry.anatomy.chest_ct import morphology, rib_cage

Spacing = tuple[float, ...]

REACH_MM = (-115.0, 80.0)  # of the middle: to the patient's left and right
BELOW_CARINA_MM = 10.0
BEFORE_SPINE_MM, SPINE_MM = 6.0, 40.0  # where gullet and aorta lie; half width
LEFT_OVER_RIGHT_MM = 5.0
BLOOD_HU, BLOOD_SHARE = (0.0, 12.0), 0.3  # least density of heart, and its share of the core's
SAG_MM = 5.0  # of the diaphragm between its domes
BONE_HU, BONE_OVER_BLOOD_HU = 150.0, 80.0  # contrast medium may be as dense as spongy bone
THICK_MM = 9.0
LEAST_MM3 = 6e4
LOOK_UP_MM = 40.0  # lungs this far above still flank the heart
CARINA_SHARE = 0.62  # height in the lungs, where no windpipe shows it


def heart(
    hu: np.ndarray,
    spacing_mm: Spacing,
    lungs: tuple[np.ndarray, np.ndarray],
    other: np.ndarray,
    places: tuple[float, float],
) -> np.ndarray:
    """Return the heart, or nothing where too little of it is in the scan.

    Args:
        hu: HU (X, Y, Z), RAS+.
        spacing_mm: Voxel size.
        lungs: Right and left lung.
        other: What is known to be something else: airway, fluid.
        places: x index of the body's middle, z index of the carina (NaN if it is not seen).
    """
    out = np.zeros(hu.shape, bool)
    both = lungs[0] | lungs[1]
    if not (lungs[0].any() and lungs[1].any()):
        return out
    low, high = _heights(both, places[1], spacing_mm)
    middle = places[0]
    left, right = (int(middle + reach / spacing_mm[0]) for reach in REACH_MM)
    box = np.s_[max(0, left) : max(0, min(right, hu.shape[0])), :, low:high]
    if high - low < 2 or box[0].stop - box[0].start < 2:
        return out
    free = _between(both, box, spacing_mm) & ~(both | other)[box]
    free &= _above_floor(both, box, middle, spacing_mm) & (hu[box] > -150)
    behind = _spine_front(hu, both, middle, spacing_mm) + BEFORE_SPINE_MM / spacing_mm[1]
    near = int(SPINE_MM / spacing_mm[0])
    center = int(middle) - box[0].start
    free[max(0, center - near) : center + near, : max(0, int(behind))] = False
    out[box] = _blob(rib_cage.tissue_hu(hu[box], spacing_mm, both[box]), free, spacing_mm)
    return out


def carina(airway: np.ndarray, spacing_mm: Spacing) -> float:
    """Return the z index where the windpipe has divided, seen from above; NaN where it has not."""
    pixel = spacing_mm[0] * spacing_mm[1]
    apart = 0
    for z in np.flatnonzero(airway.any(axis=(0, 1)))[::-1]:
        labels, count = ndimage.label(airway[:, :, z])
        sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1] * pixel
        apart = apart + 1 if count > 1 and sizes[1] > max(25.0, 0.2 * sizes[0]) else 0
        if apart * spacing_mm[2] > 4.0 and apart > 1:
            return float(z + apart - 1)
    return float("nan")


def _heights(both: np.ndarray, split: float, spacing_mm: Spacing) -> tuple[int, int]:
    """Return the lowest and the highest slice in which the heart is sought."""
    z = np.flatnonzero(both.any(axis=(0, 1)))
    high = z[0] + CARINA_SHARE * (z[-1] - z[0])
    if np.isfinite(split):
        high = split
    return int(z[0]), int(min(high - BELOW_CARINA_MM / spacing_mm[2], z[-1] + 1))


def _between(both: np.ndarray, box: tuple, spacing_mm: Spacing) -> np.ndarray:
    """Return the convex hull of the lungs of each slice and of those little above it."""
    up = max(1, int(LOOK_UP_MM / spacing_mm[2]))
    out = np.zeros(both[box].shape, bool)
    step = max(1, round(4.0 / spacing_mm[2]))
    low, high = box[2].start, box[2].stop
    for z in range(low, high, step):
        flank = both[:, :, z : z + up].any(axis=2)
        if flank.any():
            hull = convex_hull_image(flank)[box[0]]
            out[:, :, z - low : z - low + step] = hull[:, :, None]
    return out


def _above_floor(both: np.ndarray, box: tuple, place: float, spacing_mm: Spacing) -> np.ndarray:
    """Return what lies above the line between the tops of the diaphragm's domes (x, 1, z)."""
    x = np.arange(box[0].start, box[0].stop)
    tops = [rib_cage.dome(both, place, sign, spacing_mm) for sign in (-1, 1)]
    # A large heart hides the left dome; the right one, over the liver, is seldom the lower.
    highest = tops[1][1] + LEFT_OVER_RIGHT_MM / spacing_mm[2]
    tops[0] = tops[0][0], min(tops[0][1], highest)
    line = np.interp(x, [at for at, _ in tops], [top for _, top in tops])
    line = line - SAG_MM / spacing_mm[2]
    return np.arange(box[2].start, box[2].stop)[None, None] >= line[:, None, None]


def _spine_front(hu: np.ndarray, both: np.ndarray, middle: float, spacing_mm: Spacing) -> float:
    """Return the y index of the front of the vertebral bodies."""
    rows = np.flatnonzero(both.any(axis=(0, 2)))
    z = np.flatnonzero(both.any(axis=(0, 1)))
    half = int(0.5 * (rows[0] + rows[-1]))
    reach = max(1, int(10 / spacing_mm[0]))
    middle = max(middle, reach)  # cut beside the spine, the middle may lie on the border
    front = hu[int(middle) - reach : int(middle) + reach + 1, half : half + 2 * reach, z[0] : z[-1]]
    blood = front[(front > 0) & (front < 500)]
    level = max(BONE_HU, float(np.median(blood)) + BONE_OVER_BLOOD_HU if len(blood) else 0.0)
    column = hu[int(middle) - reach : int(middle) + reach + 1, :half, z[0] : z[-1] + 1] > level
    dense = column.mean(axis=0) > 0.2
    fronts = [np.flatnonzero(line)[-1] for line in dense.T if line.any()]
    return float(np.median(fronts)) if fronts else float(rows[0])


def _blob(soft: np.ndarray, free: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return the largest thick part of the free space that is as dense as its core."""
    core = free & (soft > BLOOD_HU[0])
    deep = morphology.depth_mm(core, spacing_mm)
    if not core.any() or deep.max() < THICK_MM:
        return np.zeros_like(free)
    middle = np.median(soft[deep > 0.7 * deep.max()])
    dense = core & (soft > np.clip(BLOOD_SHARE * middle, *BLOOD_HU))
    body = morphology.largest(morphology.shrunk(dense, THICK_MM, spacing_mm))
    body = morphology.grown(body, THICK_MM + 0.5 * min(spacing_mm), spacing_mm) & free
    body = morphology.closed(body, THICK_MM, spacing_mm) & free
    enough = body.sum() * np.prod(spacing_mm) >= LEAST_MM3
    return body if enough else np.zeros_like(free)
