"""Gas of stomach, bowel and throat in a chest CT: air that is no lung.

Gas is as empty as the air of the room, and holds no vessels. Only a thin wall, which thick slices
blur, parts it from the lung above; so what touches is cut along the wall first. Bowel that holds
stool beside gas is no emptier than lung, but lies below the dome of a lung, with the diaphragm
between them.
"""

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from radfoundry.anatomy.chest_ct import morphology

Spacing = tuple[float, ...]

CORE_HU, CORE_MM = -650.0, 3.0  # a blurred wall is denser than that, and so thin
EMPTY_HU, EMPTY_PERCENTILE = -935.0, 75.0  # of gas; even destroyed lung has denser strands
BULLA_MM3 = 1.5e6  # emptiness this large is a destroyed lung
OVER_SHARE = 0.3  # of its columns have lung below them: a bulla
SMALL_MM3, SMALL_HU, DEEP = 1e5, -925.0, 0.6  # a small bubble is empty at least in its depth
POCKET_PERCENTILE = 10.0  # beside stool there is gas
UNDER_SHARE = 0.5  # of its columns have lung above them
MINOR = 0.25  # of the largest part; what is larger is a lung
THICK_MM = 8.0  # a recess of the lung below its dome is thinner


def gas(hu: np.ndarray, air: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return which parts of the air inside the body are gas.

    Args:
        hu: HU (X, Y, Z), RAS+.
        air: What is below -400 HU in the body, without the airways.
        spacing_mm: Voxel size.
    """
    out = np.zeros(air.shape, bool)
    smooth = morphology.smoothed(hu, 0.5 * max(spacing_mm), spacing_mm)
    deep = morphology.shrunk(air & (smooth < CORE_HU), CORE_MM, spacing_mm)
    cores, counts = morphology.parts(deep)
    empty = _empty(hu, cores, counts, spacing_mm)
    if not empty.any():
        return out
    markers = np.ascontiguousarray(np.where(empty[cores], 2, np.where(cores > 0, 1, 0)))
    basins = watershed(np.ascontiguousarray(smooth), markers, mask=np.ascontiguousarray(air))
    return basins == 2


def _empty(
    hu: np.ndarray, cores: np.ndarray, counts: np.ndarray, spacing_mm: Spacing
) -> np.ndarray:
    """Return by number which cores are as empty as gas, and no bulla: that has lung below it."""
    hollow = np.zeros(len(counts), bool)
    boxes = ndimage.find_objects(cores)
    for number in np.flatnonzero(counts * np.prod(spacing_mm) < BULLA_MM3):
        if number > 0:
            inside = hu[boxes[number - 1]][cores[boxes[number - 1]] == number]
            hollow[number] = float(np.percentile(inside, EMPTY_PERCENTILE)) < EMPTY_HU
    lung = (cores > 0) & ~hollow[cores]
    floor = np.where(lung.any(axis=2), lung.argmax(axis=2), lung.shape[2])
    for number in np.flatnonzero(hollow):
        box = boxes[number - 1]
        part = cores[box] == number
        over = floor[box[:2]] < box[2].start + part.argmax(axis=2)
        hollow[number] = float(over[part.any(axis=2)].mean()) < OVER_SHARE
    return hollow


def bubbles(
    hu: np.ndarray, labels: np.ndarray, kept: np.ndarray, counts: np.ndarray, spacing_mm: Spacing
) -> np.ndarray:
    """Return which parts of the air that passed for lung are bowel or throat after all.

    Args:
        hu: HU (X, Y, Z), RAS+.
        labels: Parts of the air, numbered from 1.
        kept: By number, whether a part passed for lung.
        counts: By number, its voxels.
        spacing_mm: Voxel size.

    Returns:
        Booleans by number.
    """
    out = np.zeros(len(kept), bool)
    sizes = np.where(kept, counts, 0)
    large = sizes >= max(1.0, MINOR * sizes.max())
    lung = large[labels]
    if not lung.any():
        return out
    top = int(np.flatnonzero(lung.any(axis=(0, 1)))[-1])
    over = np.where(lung.any(axis=2), lung.shape[2] - 1 - lung[:, :, ::-1].argmax(axis=2), -1)
    boxes = ndimage.find_objects(labels)
    for number in np.flatnonzero(kept & ~large):
        box = boxes[number - 1]
        part = labels[box] == number
        ceiling = box[2].start + part.shape[2] - 1 - part[:, :, ::-1].argmax(axis=2)
        under = float((over[box[:2]] > ceiling)[part.any(axis=2)].mean()) > UNDER_SHARE
        out[number] = box[2].start > top or _is_bowel(part, hu[box], spacing_mm, under)
    return out


def _is_bowel(part: np.ndarray, hu: np.ndarray, spacing_mm: Spacing, under: bool) -> bool:
    """Tell a small bubble, or bowel with stool under a lung, from a part of a lung."""
    depth = morphology.depth_mm(np.pad(part, 1), spacing_mm)[1:-1, 1:-1, 1:-1]
    small = part.sum() * np.prod(spacing_mm) < SMALL_MM3
    empty = float(np.median(hu[depth > DEEP * depth.max()])) < SMALL_HU
    pocket = float(np.percentile(hu[part], POCKET_PERCENTILE)) < EMPTY_HU
    return (empty and (small or under)) or (pocket and under and depth.max() > THICK_MM)
