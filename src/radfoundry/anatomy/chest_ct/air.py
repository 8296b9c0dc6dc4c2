"""Body and lungs in a chest CT, from densities and shapes alone.

The lungs are the aerated parts of the body that are neither windpipe, nor gas of stomach or bowel.
Where they touch in front of or behind the heart, they are parted at the thinnest place.
"""

import fill_voids
import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from radfoundry.anatomy.chest_ct import bowel, morphology, rib_cage

Spacing = tuple[float, ...]

AIR_HU = -400.0  # halfway between lung and soft tissue
OUTSIDE_HU = -500.0
NO_LUNG_HU = -950.0  # what the edge of the image cuts is air of the room below, lung above
SHARED = 0.5  # of a cut cavity lies beside the cavity in the next slice
TABLE_MM = 4.0  # half of the thickest table top
RIB_MM, RIB_SHARE = 15.0, 0.12  # lung has bone so near to so much of its surface
FAINT_SHARE = 0.05  # the same where ribs hardly show
OTHER_LUNG = 3.0  # times as much of its surface may one lung have along ribs as the other
PADDING_HU = -1024.0  # scanners write -2000 or -3024 outside their field of view
LEAST_BODY = 0.02  # of the image; less is no body
PART_MM3 = 5e3  # smaller islands of air are no part of a lung
FAT_HU, RIM_MM = -140.0, 2.5  # fat is denser; half of what blurs at a surface
CLOSING_MM = 9.0  # vessels, and nodules at the pleura, belong to the lung
PARTING_MM = (1.0, 2.5, 4.0, 6.0, 9.0, 12.0, 16.0, 21.0, 27.0)  # erosions tried to part the lungs
SPINE_HU, SPINE_MM = 150.0, 45.0  # its bone, and its width
SPINE_MM2 = 600.0  # of bone in most axial slices of a spine; ribs have less
BACK_MM = 110.0  # the spine lies within it
CUT_MORE = 1.5  # the side of the image that cuts more of the body
CUT_SHARE = 0.8  # of the body's largest sagittal plane has a cut beside the middle
SLAB_MM = 55.0  # half width of the region in which lungs may touch


def body(hu: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return the body with all that it encloses, without table, clothes and tubes.

    Args:
        hu: HU (X, Y, Z), RAS+; padding of any value below -1024 counts as air.
        spacing_mm: Voxel size.
    """
    solid = hu > OUTSIDE_HU
    if solid.mean() < LEAST_BODY:
        return np.zeros(hu.shape, bool)
    # Tables and sheets are thin, or apart: opening cuts them off, the largest part is the body.
    core = morphology.largest(morphology.shrunk(solid, TABLE_MM, spacing_mm))
    trunk = morphology.grown(core, TABLE_MM + max(spacing_mm), spacing_mm) & solid
    filled = trunk.copy()
    for z in range(hu.shape[2]):
        filled[:, :, z] = _filled(trunk[:, :, z], hu[:, :, z])
    heights = range(1, hu.shape[2])
    for z, neighbor in [(z, z - 1) for z in heights] + [(z - 1, z) for z in heights[::-1]]:
        cavity = filled[:, :, neighbor] & ~trunk[:, :, neighbor]
        filled[:, :, z] |= _continued(filled[:, :, z], hu[:, :, z], cavity)
    return filled


def _filled(trunk: np.ndarray, hu: np.ndarray) -> np.ndarray:
    """Return an axial slice of the body with its holes, also those that the image's edge cuts."""
    fenced = np.pad(trunk, 1)
    for line, own in (
        (fenced[0], trunk[0]), (fenced[-1], trunk[-1]),
        (fenced[:, 0].T, trunk[:, 0]), (fenced[:, -1].T, trunk[:, -1]),
    ):  # fmt: skip
        met = np.flatnonzero(own)
        if len(met) > 0:
            line[met[0] + 1 : met[-1] + 2] = True
    inside = ndimage.binary_fill_holes(fenced)[1:-1, 1:-1]
    labels, count = ndimage.label(inside & ~trunk)
    for number in np.unique(labels[_at_edge(labels > 0)]):
        hole = labels == number
        if np.median(hu[hole]) < NO_LUNG_HU:  # air between arm and chest, say
            inside &= ~hole
    return inside


def _continued(filled: np.ndarray, hu: np.ndarray, cavity: np.ndarray) -> np.ndarray:
    """Return air of a slice that goes on from a cavity of the body in the next slice.

    Lung that the corner of the image cuts has no wall on two of its sides: nothing in its own
    slice tells it from the room but its density.
    """
    out = np.zeros(filled.shape, bool)
    if not cavity.any() or not _at_edge(filled).any():
        return out
    labels, count = ndimage.label(~filled)
    voxels = np.bincount(labels.ravel(), minlength=count + 1)
    shared = np.bincount(labels[cavity], minlength=count + 1)
    shared[0] = 0
    for number in np.flatnonzero(shared > SHARED * voxels):
        part = labels == number
        if np.median(hu[part]) >= NO_LUNG_HU:
            out |= part
    return out


def _at_edge(mask: np.ndarray) -> np.ndarray:
    """Return where a mask of a slice meets the image's edge."""
    edge = np.zeros(mask.shape, bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    return mask & edge


def lungs(
    hu: np.ndarray,
    spacing_mm: Spacing,
    inside: np.ndarray | None = None,
    airway: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the right and the left lung with the vessels and bronchi inside them.

    Args:
        hu: HU (X, Y, Z), RAS+: the x index grows to the patient's right.
        spacing_mm: Voxel size.
        inside: The body, if it is known already.
        airway: Windpipe and bronchi; without it they may be taken for lung.
    """
    inside = body(hu, spacing_mm) if inside is None else inside
    nothing = np.zeros(hu.shape, bool)
    if not inside.any():
        return nothing, nothing.copy()
    box = morphology.boxed(inside, 0.0, spacing_mm)
    right, left = nothing, nothing.copy()
    tree = None if airway is None else airway[box]
    aerated, gas = _aerated(hu[box], spacing_mm, inside[box], tree)
    middle = midline(hu[box], inside[box], spacing_mm)
    cores = sides(aerated, hu[box], spacing_mm, middle)
    right[box] = whole(cores[0], spacing_mm) & ~(cores[1] | gas)
    left[box] = whole(cores[1], spacing_mm) & ~(cores[0] | gas)
    overlap = right & left
    right &= ~overlap
    left &= ~overlap
    if airway is not None:
        # A bronchus that the lung does not surround on all sides lies outside it.
        loose = airway & ~morphology.shrunk(right | left, 2.0, spacing_mm)
        trunk = morphology.larger_than(loose, 2e3, spacing_mm)
        right, left = right & ~trunk, left & ~trunk
    return right, left


def whole(side: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return one lung closed round its vessels, without holes."""
    if not side.any():
        return side
    filled = morphology.closed(side, CLOSING_MM, spacing_mm)
    return fill_voids.fill(filled)


def midline(hu: np.ndarray, inside: np.ndarray, spacing_mm: Spacing) -> float:
    """Return the x index of the body's middle: the spine's where bone shows it, else the body's.

    Where one side of the body is cut through its thickness and no spine is in view, the middle lies
    beyond that side: then it is the image's edge (-0.5, or the number of columns less 0.5).
    """
    columns = np.flatnonzero(inside.any(axis=(1, 2)))
    middle = 0.5 * (columns[0] + columns[-1])
    rows = np.flatnonzero(inside.any(axis=(0, 2)))
    back = int(0.5 * (rows[0] + rows[-1]))
    if inside[:, -1].any():  # cut in front, half of it may not hold the spine
        back = max(back, int(rows[0] + BACK_MM / spacing_mm[1]))
    planes = inside.sum(axis=(1, 2))
    cut = planes[[0, -1]]
    if cut.any():  # its box is not centered
        middle, in_view = _spine(hu[:, :back], spacing_mm, middle)
        if not in_view and cut.max() > max(CUT_MORE * cut.min(), CUT_SHARE * planes.max()):
            return -0.5 if cut[0] > cut[1] else hu.shape[0] - 0.5
    reach = max(1, int(40 / spacing_mm[0]))
    low, high = max(0, int(middle) - reach), int(middle) + reach + 1
    bone = (hu[low:high, :back] > SPINE_HU).sum(axis=(1, 2), dtype=np.float64)
    return float(low + np.average(np.arange(len(bone)), weights=bone)) if bone.any() else middle


def _spine(behind: np.ndarray, spacing_mm: Spacing, middle: float) -> tuple[float, bool]:
    """Return the x index where most bone lies behind, within the width of a spine; if it is one.

    Every slice of a spine has much bone; ribs and shoulder blades come and go.
    """
    bone = (behind > SPINE_HU).sum(axis=1, dtype=np.float64)
    wide = max(1, round(SPINE_MM / spacing_mm[0]))
    thick = ndimage.convolve1d(bone, np.ones(wide), axis=0, mode="constant")
    area_mm2 = np.median(thick, axis=1).max() * spacing_mm[0] * spacing_mm[1]
    at = float(thick.sum(axis=1).argmax()) if bone.any() else middle
    return at, bool(area_mm2 > SPINE_MM2)


def _aerated(
    hu: np.ndarray, spacing_mm: Spacing, inside: np.ndarray, airway: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return air inside the body that is lung, and the gas of bowel beside it."""
    free = inside
    if airway is not None:
        free = inside & ~morphology.grown(airway, 1.2 + 0.5 * max(spacing_mm[:2]), spacing_mm)
    air = free & (hu < AIR_HU)
    gas = bowel.gas(hu, air, spacing_mm)
    air &= ~gas
    labels, counts = morphology.parts(air)
    volumes = counts * np.prod(spacing_mm)
    boxes = ndimage.find_objects(labels)
    along = np.zeros(len(counts))
    bones = morphology.depth_mm(~rib_cage.bones(hu, spacing_mm), spacing_mm)
    for number in np.flatnonzero(volumes >= PART_MM3):
        box = boxes[number - 1]
        along[number] = _along_ribs(labels[box] == number, bones[box], spacing_mm)
    # Ribs hardly show in thick voxels and in drawn images: where no part has many, fewer will do.
    keep = along > np.clip(along.max() / OTHER_LUNG, FAINT_SHARE, RIB_SHARE)
    keep &= ~bowel.bubbles(hu, labels, keep, counts, spacing_mm)
    lung = keep[labels]
    solid = free & ~air & ~morphology.grown(gas, RIM_MM + max(spacing_mm), spacing_mm)
    return lung | _dense(hu, lung, solid, spacing_mm), gas


def _dense(hu: np.ndarray, lung: np.ndarray, free: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return lung that holds little air: denser than lung, lighter than fat, and no mere rim."""
    light = free & ~lung & (morphology.smoothed(hu, 2.0, spacing_mm) < FAT_HU)
    thick = morphology.opened(light, max(RIM_MM, 1.1 * max(spacing_mm)), spacing_mm)
    return morphology.touching(thick | lung, lung) & thick


def _along_ribs(part: np.ndarray, bones_mm: np.ndarray, spacing_mm: Spacing) -> float:
    """Return how much of a part's surface lies along ribs, as lung does and bowel does not.

    All of it, where the image shows no bone at all.
    """
    depth = morphology.depth_mm(np.pad(part, 1), spacing_mm)[1:-1, 1:-1, 1:-1]
    rim = part & (depth <= 1.01 * max(spacing_mm))
    return float((bones_mm[rim] < RIB_MM).mean()) if np.isfinite(bones_mm).any() else 1.0


def sides(
    aerated: np.ndarray, hu: np.ndarray, spacing_mm: Spacing, middle: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return right and left parts of aerated lung; parts that span both are cut where thinnest."""
    labels, counts = morphology.parts(aerated)
    right = np.zeros(aerated.shape, bool)
    across = np.arange(aerated.shape[0]) > middle
    half = np.bincount(labels[across].ravel(), minlength=len(counts))
    half[0] = 0
    share = half / np.maximum(counts, 1)
    right |= (share >= 0.5)[labels] & aerated
    for number in np.flatnonzero((share > 0.12) & (share < 0.88) & (counts > 0.2 * counts.max())):
        part = labels == number
        right[part] = parted(part, hu, spacing_mm, middle)[part]
    return right, aerated & ~right


def parted(part: np.ndarray, hu: np.ndarray, spacing_mm: Spacing, middle: float) -> np.ndarray:
    """Return the right one of two lungs that touch; all or nothing if it is one lung."""
    depth = morphology.depth_mm(part, spacing_mm)
    markers = _markers(depth, part, middle)
    if markers is None:
        x = np.nonzero(part)[0]
        return part if x.mean() > middle else np.zeros_like(part)
    reach = int(SLAB_MM / spacing_mm[0])
    low, high = max(0, int(middle) - reach), min(part.shape[0], int(middle) + reach + 1)
    right = part.copy()
    right[: int(middle)] = False
    slab = slice(low, high)
    markers = np.ascontiguousarray(markers[slab])  # watershed misreads Fortran order
    markers[0][part[low]], markers[-1][part[high - 1]] = 2, 1  # beyond the slab sides are plain
    # The membrane between the lungs is denser than they are, and it is where they are thinnest.
    ridge = morphology.smoothed(hu[slab], 1.0, spacing_mm) - 20 * np.minimum(depth[slab], 15)
    mask = np.ascontiguousarray(part[slab])
    right[slab] = watershed(np.ascontiguousarray(ridge), markers, mask=mask) == 1
    return right


def _markers(depth: np.ndarray, part: np.ndarray, middle: float) -> np.ndarray | None:
    """Return 1 in the right and 2 in the left lung's core, or None if it does not fall in two."""
    for radius in PARTING_MM:
        labels, counts = morphology.parts(depth > radius)
        big = np.flatnonzero(counts > 0.1 * counts.sum())
        x = [np.nonzero(labels == n)[0].mean() for n in big]
        chosen = {n: 1 if at > middle else 2 for n, at in zip(big, x, strict=True)}
        if set(chosen.values()) == {1, 2}:
            table = np.zeros(len(counts), np.int32)
            for number, side in chosen.items():
                table[number] = side
            return table[labels]
    return None
