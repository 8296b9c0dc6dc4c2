"""What TSCR's networks see: a cube of a case around a lesion, and the lesion in it.

A crop of a volume has three axes. A case of one plane has an axis of one voxel, wherever it lies:
its crops drop that axis, so that the networks see pictures, and `plane` says which one it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cc3d
import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions as vocabulary
from radfoundry.case import Case

RIM, CORE = 1, 2  # values of `Crop.regions`; where only the whole is outlined, it is all RIM
LESION = "tumour"  # of `labels.yaml`: two regions, `tumour_core` and `tumour_rim`
LEAST_VOXELS = 8  # a lesion of fewer has no shape
DEEPEST = 0.9  # of the greatest distance from the organ's border: among these a place is chosen
TRIES = 8  # places that are looked at before a case is given up
Voxel = tuple[int, int, int]
Window = tuple[float, float]


@dataclass(frozen=True)
class Crop:
    """A cube of a case; a square where the case is one plane.

    Attributes:
        image: float32 (X, Y, Z) or two of them, in [-1, 1]: the window's ends; clipped to it.
        organ: uint8 ids of the anatomy, as in the case.
        regions: uint8: 0 none, 1 the lesion's rim (or all of it, where only that is outlined), 2
            its core. Other lesions of the case are not in it.
        start: Index in the case of the crop's first voxel, along all three axes; negative where
            the crop begins before the case.
        spacing_mm: Length of a voxel along each axis that the crop has.
        window: Intensities that are -1 and 1.
        padded: Voxels before and after the case along each of three axes: repeated edge values.
        plane: The axis of one voxel that was dropped; None for volumes.
        case: Name of the case.
    """

    image: np.ndarray
    organ: np.ndarray
    regions: np.ndarray
    start: Voxel
    spacing_mm: tuple[float, ...]
    window: Window
    padded: tuple[tuple[int, int], ...]
    plane: int | None
    case: str

    def intensities(self, image: np.ndarray) -> np.ndarray:
        """Return an image of this crop in the case's own units, float32."""
        low, high = self.window
        return np.asarray((image + 1) * ((high - low) / 2) + low, np.float32)


@dataclass(frozen=True)
class Lesion:
    """One connected lesion of a case.

    Attributes:
        regions: uint8 on the case's grid, as in `Crop`; this lesion alone.
        center: The voxel nearest to its centre of mass.
    """

    regions: np.ndarray
    center: Voxel


def plane_of(shape: Sequence[int]) -> int | None:
    """Return the axis of one voxel, or None for a volume."""
    return list(shape).index(1) if 1 in shape else None


def regions_of(findings: np.ndarray, lesion: str = LESION) -> np.ndarray:
    """Return a case's findings as uint8 regions: 0 none, 1 rim or whole, 2 core.

    Args:
        findings: uint8 ids of a findings map.
        lesion: "tumour", or the name of a finding that is outlined as one region.
    """
    out = vocabulary.mask(findings, lesion).astype(np.uint8) * RIM
    rims = findings == vocabulary.label_id("tumour_rim")
    if lesion == LESION and rims.any():
        out[findings == vocabulary.label_id("tumour_core")] = CORE
    return out


def lesions(case: Case, lesion: str = LESION) -> list[Lesion]:
    """Return the connected lesions of a case (26 neighbours), the largest first.

    Those of fewer than `LEAST_VOXELS` voxels are left out.
    """
    found = regions_of(case.findings, lesion)
    parts = cc3d.connected_components((found > 0).astype(np.uint8), connectivity=26)
    sizes = np.bincount(parts.ravel())
    order = [part for part in np.argsort(-sizes, kind="stable") if part > 0]
    kept = [part for part in order if sizes[part] >= LEAST_VOXELS]
    masks = [np.where(parts == part, found, 0).astype(np.uint8) for part in kept]
    return [Lesion(mask, _center(mask > 0)) for mask in masks]


def around(
    case: Case,
    center: Voxel,
    size: int,
    window: Window = (0.0, 1.0),
    regions: np.ndarray | None = None,
) -> Crop:
    """Return the crop with a voxel in its middle (at index size // 2).

    Args:
        case: Read, never changed.
        center: Index of the voxel.
        size: Voxels along each axis, but for the axis of a single plane.
        window: Intensities that become -1 and 1; what lies beyond is clipped.
        regions: uint8 on the case's grid; none if left out.

    Raises:
        ValueError: The center lies outside of the case, or the window is empty.
    """
    shape, flat = case.image.voxels.shape, plane_of(case.image.voxels.shape)
    if not all(0 <= at < length for at, length in zip(center, shape, strict=True)):
        raise ValueError(f"{case.name}: the center {center} lies outside of {shape} voxels")
    low, high = window
    if not low < high:
        raise ValueError(f"the window is [{low}, {high}]; allowed: a lower and a higher value")
    counts = [1 if axis == flat else size for axis in range(3)]
    first, second, third = (int(at) - n // 2 for at, n in zip(center, counts, strict=True))
    start = (first, second, third)
    padded = tuple(
        (max(0, -begin), max(0, begin + n - length))
        for begin, n, length in zip(start, counts, shape, strict=True)
    )
    marks = np.zeros(shape, np.uint8) if regions is None else regions
    scaled = np.clip(
        2 * (_cut(case.image.voxels, start, counts, flat) - low) / (high - low) - 1, -1, 1
    )
    return Crop(
        scaled.astype(np.float32),
        _cut(case.anatomy, start, counts, flat),
        _cut(marks, start, counts, flat, edge=False),
        start,
        tuple(mm for axis, mm in enumerate(case.image.spacing_mm) if axis != flat),
        (float(low), float(high)),
        padded,
        flat,
        case.name,
    )


def centered(
    case: Case, size: int, window: Window = (0.0, 1.0), lesion: str = LESION
) -> list[Crop]:
    """Return the crop around each lesion of a case that it holds whole, the largest first.

    A lesion that reaches over the crop's edge is left out: its features would not be its own.
    """
    found = []
    for one in lesions(case, lesion):
        crop = around(case, one.center, size, window, one.regions)
        if np.count_nonzero(crop.regions) == np.count_nonzero(one.regions):
            found.append(crop)
    return found


def healthy(
    case: Case,
    regions: np.ndarray,
    rng: np.random.Generator,
    window: Window = (0.0, 1.0),
    organ: str = "organ",
    lesion: str = LESION,
) -> Crop | None:
    """Return a crop of healthy organ with a lesion's regions laid onto it; None if none is free.

    As TSCR's removal is taught: the image is untouched healthy tissue, the regions say where a
    lesion would be. The place is chosen among the deepest voxels of the organ without its lesions
    (of at least `DEEPEST` of the greatest distance to its border), of which no voxel of the mask
    lies in a lesion of the case.

    Args:
        case: With or without lesions.
        regions: uint8, a crop's, with the lesion in its middle; its length is the crop's size.
        rng: Chooses.
        window: As for `around`.
        organ: Region of `labels.yaml` where the lesion may lie; where a case has no anatomy, what
            is brighter than the window's lower tenth.
        lesion: As for `lesions`.
    """
    ill = vocabulary.mask(case.findings, lesion)
    free = _organ(case, organ, window) & ~ill
    if not free.any():
        return None
    flat = plane_of(free.shape)
    axes = [slice(None) if axis != flat else 0 for axis in range(3)]
    depth = np.zeros(free.shape)
    depth[tuple(axes)] = ndimage.distance_transform_edt(np.pad(free[tuple(axes)], 1))[
        tuple(slice(1, -1) for axis in range(3) if axis != flat)
    ]
    deep = np.argwhere(depth >= DEEPEST * depth.max())
    for at in deep[rng.permutation(len(deep))[:TRIES]]:
        center = (int(at[0]), int(at[1]), int(at[2]))
        crop = around(case, center, regions.shape[0], window, ill.astype(np.uint8))
        if not (crop.regions[regions > 0]).any():
            return replace(crop, regions=regions.copy())
    return None


def _organ(case: Case, organ: str, window: Window) -> np.ndarray:
    if case.anatomy.any():
        return vocabulary.mask(case.anatomy, organ)
    return case.image.voxels > window[0] + 0.1 * (window[1] - window[0])


def _center(mask: np.ndarray) -> Voxel:
    at = np.argwhere(mask).mean(axis=0)
    return tuple(int(n) for n in np.rint(at))  # type: ignore[return-value]


def _cut(
    array: np.ndarray, start: Sequence[int], counts: Sequence[int], flat: int | None, edge=True
) -> np.ndarray:
    """Return a box of an array; beyond the array its edge is repeated, or there are zeros."""
    places = [first + np.arange(n) for first, n in zip(start, counts, strict=True)]
    inside = [np.clip(at, 0, length - 1) for at, length in zip(places, array.shape, strict=True)]
    out = array[np.ix_(*inside)]
    if not edge:
        for axis, (at, kept) in enumerate(zip(places, inside, strict=True)):
            out = out * np.expand_dims(at == kept, [a for a in range(3) if a != axis])
    return out if flat is None else np.take(out, 0, axis=flat)
