"""What the audit sees of cases: small pictures of whole images, of single lesions, and of masks."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import cc3d
import numpy as np
from scipy import ndimage
from skimage.measure import block_reduce
from skimage.transform import resize

from radfoundry.case import Case
from radfoundry.evaluation.metrics.similarity import HU, thumbnail
from radfoundry.evaluation.privacy.search import detail
from radfoundry.volume import Volume, picture

SHOWN = (1.0, 99.0)  # percentiles from black to white: brightness is no part of what is compared
LESION_SIDE = 32  # pixels of a lesion's picture
MARGIN = 0.15  # of a lesion's box, on each side
LESIONS = 4  # of a case, the largest ones
LEAST_VOXELS = 12  # of a lesion: smaller ones have no shape
FINEST = 96  # voxels along an axis of a volume in which copies are planted
WHATS = ("image", "lesion", "mask")  # what is compared


class Seen(NamedTuple):
    """Pictures of one kind, of n cases or lesions.

    Attributes:
        names: (n,) the case or the sample of each.
        owners: (n,) the patient of each; of a sample the patient whose image it is meant to
            resemble, "" for none. Pictures of one owner are never compared.
        pictures: (n, c, s, s) float16; of images in [0, 1], c = 1, or 3 views of a volume.
    """

    names: tuple[str, ...]
    owners: tuple[str, ...]
    pictures: np.ndarray

    def rows(self, which: Iterable[int] | np.ndarray) -> "Seen":
        """Return some of them."""
        rows = [int(row) for row in which]
        names, owners = ([part[row] for row in rows] for part in (self.names, self.owners))
        return Seen(tuple(names), tuple(owners), self.pictures[rows])


def gathered(cases: Iterable[Case], side: int, owner: str = "patient") -> dict[str, Seen]:
    """Return what is seen of cases, by `WHATS`; each case is read once and none is kept.

    Args:
        cases: Real ones, or samples.
        side: Pixels of the picture of a whole image.
        owner: The fact that is the owner, see `Seen`; "" for none.
    """
    found: dict[str, list[tuple[str, str, np.ndarray]]] = {what: [] for what in WHATS}
    for case in cases:
        own = str(case.facts.get(owner, case.name)) if owner else ""
        found["image"].append((case.name, own, whole(case.image, side)))
        found["lesion"] += [(case.name, own, lesion) for lesion in lesions(case)]
        if (case.findings > 0).sum() >= LEAST_VOXELS:
            found["mask"].append((case.name, own, mask(case)))
    return {what: _stacked(rows, what, side) for what, rows in found.items()}


def _stacked(rows: Sequence[tuple[str, str, np.ndarray]], what: str, side: int) -> Seen:
    length = side if what == "image" else LESION_SIDE
    if not rows:
        return Seen((), (), np.zeros((0, 1, length, length), np.float16))
    names, owners, pictures = zip(*rows, strict=True)
    return Seen(names, owners, np.stack(pictures).astype(np.float16))


def joined(parts: Sequence[Seen]) -> Seen:
    """Return several sets as one; they have pictures of one shape, or none."""
    full = [part for part in parts if len(part.names)] or list(parts[:1])
    names, owners, pictures = zip(*full, strict=True)
    return Seen(sum(names, ()), sum(owners, ()), np.concatenate(pictures))


def whole(image: Volume, side: int) -> np.ndarray:
    """Return an image's views, (c, side, side) in [0, 1]: one of a radiograph, three of a volume.

    A volume is seen as its means along each axis: from the side, from the front, from the feet. A
    part of a volume, or a single slice, is not compared. Each view goes from black to white between
    percentiles of its own.
    """
    values = np.asarray(image.voxels, np.float32)
    planes = _planes(values if image.is_radiograph else np.clip(values, *HU))
    return np.stack([thumbnail(_stretched(plane), side) for plane in planes])


def _planes(values: np.ndarray) -> list[np.ndarray]:
    """Return a radiograph's picture, or the means of a volume along x, y and z."""
    if values.shape[1] == 1:
        return [picture(values)]
    return [values.mean(axis)[::-1, ::-1].T for axis in (0, 1, 2)]


def _stretched(plane: np.ndarray) -> np.ndarray:
    low, high = np.percentile(plane, SHOWN)
    return np.clip((plane - low) / max(high - low, 1e-6), 0, 1)


def reduced(image: Volume) -> Volume:
    """Return a volume averaged to at most `FINEST` voxels along an axis; a radiograph as it is."""
    factors = [-(-length // FINEST) for length in image.voxels.shape]
    if image.is_radiograph or max(factors) == 1:
        return image
    voxels = block_reduce(np.asarray(image.voxels, np.float32), tuple(factors), np.mean)
    return Volume(voxels, image.affine @ np.diag([*factors, 1.0]))


def boxes(case: Case) -> Iterator[tuple[tuple[slice, ...], np.ndarray]]:
    """Yield the box of each lesion with its mask in it, the largest lesions first."""
    parts = cc3d.connected_components((case.findings > 0).astype(np.uint8), connectivity=26)
    sizes = np.bincount(parts.ravel())[1:]
    large = [
        number for number in np.argsort(-sizes, kind="stable") if sizes[number] >= LEAST_VOXELS
    ]
    places = ndimage.find_objects(parts)
    for number in large[:LESIONS]:
        box = tuple(map(_wider, places[number], parts.shape))
        yield box, parts[box] == number + 1


def _wider(extent: slice, length: int) -> slice:
    more = round(MARGIN * (extent.stop - extent.start))
    return slice(max(0, extent.start - more), min(length, extent.stop + more))


def lesions(case: Case) -> list[np.ndarray]:
    """Return the fine detail inside each lesion, (c, `LESION_SIDE`, `LESION_SIDE`), 0 outside it.

    Each lesion fills its picture, whatever its size. Of a volume the views are means of the box.
    """
    found = []
    for box, inside in boxes(case):
        values = np.asarray(case.image.voxels[box], np.float32)
        filled = np.where(inside, values, values[inside].mean())
        planes, covers = _planes(filled), _planes(inside.astype(np.float32))
        shape = (LESION_SIDE, LESION_SIDE)
        seen = [resize(_stretched(plane), shape, order=1, anti_aliasing=True) for plane in planes]
        cover = [resize(plane, shape, order=1, anti_aliasing=True) for plane in covers]
        found.append(detail(np.stack(seen)) * (np.stack(cover) > 0.5 * np.max(cover)))
    return found


def mask(case: Case) -> np.ndarray:
    """Return the shape of a case's findings in the middle, (c, `LESION_SIDE`, `LESION_SIDE`)."""
    planes = _planes((case.findings > 0).astype(np.float32))
    return np.stack([_centered(thumbnail(plane / plane.max(), LESION_SIDE)) for plane in planes])


def _centered(plane: np.ndarray) -> np.ndarray:
    total = plane.sum()
    if total <= 0:
        return plane
    middle = [
        float((np.indices(plane.shape)[axis] * plane).sum() / total) for axis in range(plane.ndim)
    ]
    away = [round((length - 1) / 2 - at) for length, at in zip(plane.shape, middle, strict=True)]
    return np.roll(plane, away, axis=(0, 1))
