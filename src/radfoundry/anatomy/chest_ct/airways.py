"""Windpipe and bronchi in a chest CT by region growing that notices when it leaks.

The windpipe is the round tube of air near the middle that goes on for the most slices. It comes
down between the lungs from above their tops, or from where the scan ends; gas of the bowel does
neither, and the throat ends above the lungs. A scan may hold any length of neck. From there air is
followed at thresholds that rise step by step, until the volume jumps: the wall has given way and
the lung has been entered. What was found one step before is the tree.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radfoundry.anatomy.chest_ct import morphology

Spacing = tuple[float, ...]

SEED_HU = (-650.0, -800.0, -880.0, -920.0)  # tried in turn: coarse voxels blur the lumen
AREA_MM2 = (35.0, 750.0)  # cross sections of windpipes
ROUND, FORK = (2.3, 0.55), (3.2, 0.38)  # of sections: length to width, and share of their box
LEAST_LENGTH_MM = 14.0
LONE_MM = 60.0  # where no lung is in the scan a shorter tube may be bowel
BELOW_TOP_MM = 15.0  # how far below the tops of the lungs, or the scan's, a short one may start
ABOVE_LUNGS_MM = 100.0  # a windpipe is no longer above the lungs; higher up lies the throat
CORE_MM = 12.0  # no windpipe is as thick, no lung as thin
GAS_HU, GAS_SHARE = -950.0, 0.8  # so much air is gas of stomach or bowel, not lung
LEAST_CORE_MM3 = 1e4
ASIDE_MM = 45.0  # how far from the middle a windpipe may run
DRIFT_MM = 5.0  # how far its middle may move per slice or per 5 mm
GROWTH_HU = np.arange(-980.0, -560.0, 20.0)
LEAK_MM3 = 9e3  # no threshold step adds as much unless it enters the lung
FIRST_MM3 = 7e4  # but the first one, which adds the bronchi to the windpipe
LARGEST_MM3 = 2.2e5
WALL_HU = -500.0


@dataclass(frozen=True)
class Section:
    """One cross section of air: slice, middle in mm, area in mm2, label there, round or a fork."""

    z: int
    at: tuple[float, float]
    area: float
    number: int
    fork: bool = False


def airways(
    hu: np.ndarray, spacing_mm: Spacing, inside: np.ndarray, middle: float | None = None
) -> np.ndarray:
    """Return windpipe and bronchi; empty where no windpipe is in the scan.

    They end at the larynx: throat and mouth above it are air, but no airway of the lungs.

    Args:
        hu: HU (X, Y, Z), RAS+.
        spacing_mm: Voxel size.
        inside: The body.
        middle: x index of the body's middle; by default the middle of its box.
    """
    box = morphology.boxed(inside, 0.0, spacing_mm)
    out = np.zeros(hu.shape, bool)
    shift = box[0].start
    center = 0.5 * (box[0].stop - shift) if middle is None else middle - shift
    seed = windpipe(hu[box], spacing_mm, inside[box], center)
    if seed.any():
        below = inside[box] & (np.arange(seed.shape[2]) <= _ends(seed)[1] + 1)
        out[box] = lumen(grown(hu[box], spacing_mm, below, seed), hu[box], spacing_mm)
    return out


def _ends(mask: np.ndarray) -> tuple[int, int]:
    """Return the lowest and the highest slice of a mask that is not empty."""
    z = np.flatnonzero(mask.any(axis=(0, 1)))
    return int(z[0]), int(z[-1])


def lungs_top(hu: np.ndarray, spacing_mm: Spacing, inside: np.ndarray) -> float:
    """Return the z index of the upper end of the lungs: the highest if one reaches higher.

    Lungs are air too thick for a windpipe, and not as empty as gas of the bowel. NaN where there
    are none, as in an abdomen.
    """
    step = tuple(max(1, int(3.0 / mm)) for mm in spacing_mm)
    thin = tuple(slice(n // 2, None, n) for n in step)
    small, steps_mm = hu[thin], tuple(mm * n for mm, n in zip(spacing_mm, step, strict=True))
    core = morphology.shrunk(inside[thin] & (small < WALL_HU), CORE_MM, steps_mm)
    labels, counts = morphology.parts(core)
    gas = np.bincount(labels.ravel(), (small < GAS_HU).ravel())
    lung = (counts * np.prod(steps_mm) >= LEAST_CORE_MM3) & (gas <= GAS_SHARE * counts)
    lung[0] = False
    if not lung.any():
        return float("nan")
    return min(_ends(lung[labels])[1] * step[2] + CORE_MM / spacing_mm[2], hu.shape[2] - 1.0)


def windpipe(hu: np.ndarray, spacing_mm: Spacing, inside: np.ndarray, middle: float) -> np.ndarray:
    """Return the longest tube of round cross sections near the middle, or nothing.

    Where a scan starts little above the carina, the windpipe in it is no longer than it is wide;
    so where lungs but no tube are seen, sections as wide as a fork may prolong one.
    """
    top = lungs_top(hu, spacing_mm, inside)
    if np.isnan(top):
        return _tube(hu, spacing_mm, inside, (middle, hu.shape[2] - 1.0), LONE_MM)
    tube = _tube(hu, spacing_mm, inside, (middle, top), LEAST_LENGTH_MM)
    if tube.any():
        return tube
    return _tube(hu, spacing_mm, inside, (middle, top), LEAST_LENGTH_MM, forks=True)


def _tube(
    hu: np.ndarray,
    spacing_mm: Spacing,
    inside: np.ndarray,
    places: tuple[float, float],
    least: float,
    forks: bool = False,
) -> np.ndarray:
    """Return the longest tube near `places` (x of the middle, z of the top), at least so long."""
    middle, top = places
    best, length = np.zeros(hu.shape, bool), least
    for level in SEED_HU:
        labels = np.zeros(hu.shape, np.int32)
        sections = []
        air = inside & (hu < level)
        for z in range(hu.shape[2]):
            labels[:, :, z], _ = ndimage.label(air[:, :, z])
            near = (z - top) * spacing_mm[2] < ABOVE_LUNGS_MM
            found = _sections(labels[:, :, z], z, spacing_mm, middle, forks) if near else []
            sections.append(found)
        track = _longest(sections, spacing_mm, top)
        reach = len(track) * spacing_mm[2]
        if not track or (top - track[0].z) * spacing_mm[2] > max(BELOW_TOP_MM, reach / 3):
            continue  # gas of the bowel: a windpipe goes up to the tops of the lungs
        if reach > 1.15 * length or (not best.any() and reach >= length):
            length = max(reach, length)
            best = np.zeros(hu.shape, bool)
            for one in track:
                best[:, :, one.z] = labels[:, :, one.z] == one.number
    return best


def _sections(
    plane: np.ndarray, z: int, spacing_mm: Spacing, middle: float, forks: bool
) -> list[Section]:
    """Return the round cross sections of a slice, and if asked for those of a fork."""
    found = []
    pixel = spacing_mm[0] * spacing_mm[1]
    for number, where in enumerate(ndimage.find_objects(plane), start=1):
        region = plane[where] == number
        area = float(region.sum() * pixel)
        sides = [s * n for s, n in zip(spacing_mm, region.shape, strict=False)]
        x, y = (
            start.start + line.mean() for start, line in zip(where, np.nonzero(region), strict=True)
        )
        tube = _is_filled(area, sides, spacing_mm, ROUND)
        fork = forks and sides[0] > sides[1] and _is_filled(area, sides, spacing_mm, FORK)
        near = abs(x - middle) * spacing_mm[0] < ASIDE_MM
        good = (tube or fork) and near and not _cut(where, plane.shape)
        if AREA_MM2[0] <= area <= AREA_MM2[1] and good:
            at = (x * spacing_mm[0], y * spacing_mm[1])
            found.append(Section(z, at, area, number, not tube))
    return found


def _is_filled(
    area: float, sides: list[float], spacing_mm: Spacing, shape: tuple[float, float]
) -> bool:
    """Tell whether a section is no longer than allowed and fills enough of its box."""
    longest, least = shape
    full = area > least * sides[0] * sides[1]
    return bool(full and max(sides) < longest * min(sides) + spacing_mm[0])


def _cut(where: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    """Tell whether the image's edge cuts a box: what is left of a lung may look round."""
    return any(part.start == 0 or part.stop == n for part, n in zip(where, shape, strict=True))


def _longest(sections: list[list[Section]], spacing_mm: Spacing, below: float) -> list[Section]:
    """Return the best chain of cross sections from slice to slice, from above downwards.

    It ends at or below the slice `below`, where the lungs are: the throat does not. A chain scores
    its length, less for thin tubes: the gullet's air is thinner than the windpipe's.
    """
    reach = DRIFT_MM * max(1.0, spacing_mm[2] / 5)
    best: list[Section] = []
    best_score = 0.0
    running: list[tuple[float, list[Section]]] = []
    for plane in sections[::-1]:
        following = []
        for one in plane:
            gain = min(1.0, one.area / 150.0)
            score, chain = max(
                ((s, c) for s, c in running if _follows(c[-1], one, reach)),
                key=lambda item: item[0], default=(0.0, []),
            )  # fmt: skip
            if chain or not one.fork:  # a windpipe lies above its fork
                following.append((score + gain, [*chain, one]))
        for score, chain in following:
            if score > best_score and chain[-1].z <= below:
                best_score, best = score, chain
        running = following
    return best


def _follows(above: Section, below: Section, reach: float) -> bool:
    """Tell whether two cross sections of neighboring slices belong to one tube."""
    moved = np.hypot(above.at[0] - below.at[0], above.at[1] - below.at[1])
    return bool(moved < reach and 0.4 < above.area / below.area < 2.5)


def grown(hu: np.ndarray, spacing_mm: Spacing, inside: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Return all air reached from the windpipe below the threshold at which it leaks."""
    voxel = float(np.prod(spacing_mm))
    tree, volume = seed, float(seed.sum()) * voxel
    top = np.percentile(hu[seed], 50)
    for level in GROWTH_HU[top < GROWTH_HU]:
        reached = morphology.touching(inside & (hu < level) | seed, seed)
        now = float(reached.sum()) * voxel
        allowed = FIRST_MM3 if tree is seed else max(LEAK_MM3, 0.35 * volume)
        if now - volume > allowed or now > LARGEST_MM3:
            break
        tree, volume = reached, now
    return tree


def lumen(tree: np.ndarray, hu: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return the tree widened to the half height of its wall where it lies in soft tissue."""
    rim = ndimage.binary_dilation(tree) & ~tree & (hu < WALL_HU)
    solid = ndimage.maximum_filter(hu, 3) > -300
    return ndimage.binary_closing(tree | (rim & solid)) | tree
