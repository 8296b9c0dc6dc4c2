"""Five lobes of the lungs, cut along the fissures that are seen or else where anatomy has them.

A lobe's border is a surface over the lung's columns (`fissures`), not a set of voxels: it crosses
the gaps of a fissure smoothly. A lobe outside the field of view is empty.
"""

from collections.abc import Mapping, Sequence

import edt
import numpy as np
from scipy import ndimage

from radfoundry.anatomy.chest_ct import fissures
from radfoundry.anatomy.chest_ct.vessels import blood_share

PARTS = {"right": ("upper", "middle", "lower"), "left": ("upper", "lower")}
# Atlas: the oblique fissure's height in the lung's middle, and its fall from back to front, in
# shares of the lung's extent: from three quarters of the height at the back to the front's floor.
OBLIQUE = {"right": (0.47, -0.95), "left": (0.5, -1.0)}
MIDDLE_SHARE = 0.38  # middle lobe's part of what lies above the oblique fissure
HORIZONTAL = 0.5  # the horizontal fissure's height where the lung is cut off
TALLNESS = 1.3  # a lung's height over its depth, where its end lies outside the field
CUT_OFF = 0.25  # of the largest section: a lung that ends so wide goes on outside the field
REACH_MM = {"oblique": 50.0, "horizontal": 25.0}
RIM_VOXELS = 1.45  # the chest wall shines into the outermost layer of the lung
SLIVER = 0.01  # of a lung; less is no lobe but a slip of the cut


def lobes(
    hu: np.ndarray,
    right: np.ndarray,
    left: np.ndarray,
    vessels: np.ndarray,
    airway: np.ndarray,
    spacing_mm: Sequence[float],
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the lobes by their names in the vocabulary, and how each side was cut.

    Args:
        hu: (X, Y, Z) Hounsfield units, RAS+: x grows to the patient's right.
        right: (X, Y, Z) booleans, the right lung with its vessels; may be empty.
        left: (X, Y, Z) booleans, the left lung.
        vessels: (X, Y, Z) booleans, vessels inside the lungs.
        airway: (X, Y, Z) booleans, trachea and bronchi.
        spacing_mm: Voxel size along each axis.

    Returns:
        Five boolean masks that fill both lungs without overlap; and for each side one of
        "fissures" (all seen), "oblique fissure" or "horizontal fissure" (the other by the atlas),
        "atlas" (none seen) and "absent".
    """
    _check(hu, {"right": right, "left": left, "vessels": vessels, "airway": airway})
    masks: dict[str, np.ndarray] = {}
    how: dict[str, str] = {}
    for side, lung in (("right", right), ("left", left)):
        parts, how[side] = _cut(hu, lung, vessels | airway, spacing_mm, side)
        masks |= {f"lung_{name}_lobe_{side}": part for name, part in parts.items()}
    return masks, how


def _check(hu: np.ndarray, masks: Mapping[str, np.ndarray]) -> None:
    for name, mask in masks.items():
        if mask.shape != hu.shape or hu.ndim != 3:
            raise ValueError(f"{name} {mask.shape} and image {hu.shape} must be one 3D grid")


def _cut(
    hu: np.ndarray,
    lung: np.ndarray,
    trees: np.ndarray,
    spacing_mm: Sequence[float],
    side: str,
) -> tuple[dict[str, np.ndarray], str]:
    """Return the lobes of one lung, and how they were cut."""
    masks = {name: np.zeros(lung.shape, bool) for name in PARTS[side]}
    if not lung.any():
        return masks, "absent"
    box = ndimage.find_objects(lung.astype(np.uint8))[0]
    inside = lung[box]
    stack = _stack(hu[box], inside, trees[box], spacing_mm)
    over = fissures.terms(*_places(inside, side))
    low, height, whole = _extent(lung, box, spacing_mm)
    middle, fall = OBLIQUE[side]
    flat = low + height * (middle + fall * over[2])
    oblique, seen = _surface(stack, flat, over, "oblique")
    z = np.arange(inside.shape[2])
    below = {"lower": z < oblique[..., None]}
    found = {"oblique": seen}
    if side == "right":
        level = _level(inside & ~below["lower"]) if whole else low + HORIZONTAL * height
        flat = np.full(over[0].shape, level)
        horizontal, found["horizontal"] = _surface(stack, flat, over, "horizontal")
        below["middle"] = z < horizontal[..., None]
    for name, part in _parted(inside, below).items():
        masks[name][box] = part
    return masks, _note(found)


def _note(found: Mapping[str, bool]) -> str:
    seen = [name for name, yes in found.items() if yes]
    if len(seen) == len(found):
        return "fissures"
    return f"{seen[0]} fissure" if seen else "atlas"


def _parted(inside: np.ndarray, below: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the lobes from what lies below each surface; slivers go to the largest lobe."""
    parts, rest = {}, inside
    for name, under in below.items():
        parts[name], rest = rest & under, rest & ~under
    parts["upper"] = rest
    sizes = {name: int(part.sum()) for name, part in parts.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    for name, size in sizes.items():
        if 0 < size < SLIVER * sum(sizes.values()):
            parts[largest] = parts[largest] | parts[name]
            parts[name] = np.zeros_like(inside)
    return parts


def _stack(
    hu: np.ndarray, inside: np.ndarray, trees: np.ndarray, spacing_mm: Sequence[float]
) -> fissures.Stack:
    """Return what the search may look at: lung off its rim and off vessels and bronchi."""
    share = blood_share(np.asarray(hu, np.float32), inside, spacing_mm)
    depth = edt.edt(inside, anisotropy=tuple(map(float, spacing_mm)))
    usable = (depth > RIM_VOXELS * min(spacing_mm)) & ~ndimage.binary_dilation(trees)
    weight = usable.astype(np.float32)
    bright = np.clip(share, -0.2, 0.4) * weight
    return fissures.Stack(bright, weight, (trees & inside).astype(np.float32), spacing_mm)


def _places(inside: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Return u (X, 1) from the mediastinum to the ribs, v (1, Y) from back to front, in [0, 1]."""
    u, v = (_scaled(inside, axis) for axis in (0, 1))
    return (u if side == "right" else 1 - u)[:, None], v[None]


def _scaled(inside: np.ndarray, axis: int) -> np.ndarray:
    low, high = _ends(inside, axis)
    return (np.arange(inside.shape[axis], dtype=np.float32) - low) / (high - low)


def _ends(inside: np.ndarray, axis: int) -> tuple[int, int]:
    """Return where a lung begins and ends along an axis; a spur of half a percent counts not."""
    counts = np.cumsum(inside.sum(tuple({0, 1, 2} - {axis}), dtype=np.int64))
    low, high = np.searchsorted(counts / counts[-1], (0.005, 0.995))
    return int(low), max(int(high), int(low) + 1)


def _extent(
    lung: np.ndarray, box: tuple[slice, ...], spacing_mm: Sequence[float]
) -> tuple[float, float, bool]:
    """Return the lung's lowest level and height in voxels of its box, and whether all is there.

    A lung cut off by the field of view is as tall as its depth from back to front tells.
    """
    inside = lung[box]
    areas = inside.sum((0, 1))
    low, high = _ends(inside, 2)
    ends_low = box[2].start > 0 or areas[0] < CUT_OFF * areas.max()
    ends_high = box[2].stop < lung.shape[2] or areas[-1] < CUT_OFF * areas.max()
    if ends_low and ends_high:
        return low, high - low, True
    back, front = _ends(inside, 1)
    tall = TALLNESS * (front - back) * spacing_mm[1] / spacing_mm[2]
    tall = max(tall, high - low)
    start = low if ends_low else high - tall
    if not ends_low and not ends_high:
        start = 0.5 * (low + high - tall)
    return start, tall, False


def _level(above: np.ndarray) -> float:
    """Return the height below which the middle lobe's share of what lies above the cut is."""
    counts = np.cumsum(above.sum((0, 1), dtype=np.int64))
    return float(np.searchsorted(counts, MIDDLE_SHARE * counts[-1]))


def _surface(
    stack: fissures.Stack, expected: np.ndarray, over: np.ndarray, name: str
) -> tuple[np.ndarray, bool]:
    """Return a fissure's surface as seen, or else as expected, and whether it was seen."""
    expected = expected.astype(np.float32)
    seen = fissures.find(stack, expected, over, REACH_MM[name])
    return (expected, False) if seen is None else (seen, True)
