"""What texture is learned from: crops with a tumour, and crops of healthy organ with its mask.

As TSCR trains its removal: a healthy place with a tumour's mask pasted there, and no value known,
is to be drawn as it is. So no value known always means normal tissue; of a tumour's values any may
be left out, but never all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.anatomy.regions import ids
from radfoundry.weights import Weights

BESIDE, REGIONS, FACTS = 5, 3, 2  # channels of `beside` and of `parts`, facts among `numbers`
LEAST_SEEN = 16  # voxels of organ around a lesion, below which nothing is said of them
SHOWN = 3


class Cut(Protocol):
    """A crop, as `crops.Crop` is one; of a grid of one plane the last side may be 1.

    Attributes:
        image: float32 in [-1, 1].
        organ: uint8 labels of the anatomy.
        regions: uint8; 0 none, 1 tumour's rim (or all of it), 2 core.
    """

    @property
    def image(self) -> np.ndarray:
        """Return intensities."""

    @property
    def organ(self) -> np.ndarray:
        """Return the anatomy."""

    @property
    def regions(self) -> np.ndarray:
        """Return the tumour."""


@dataclass(frozen=True)
class Material:
    """The crops that a texture network is fitted to.

    Attributes:
        tumours: Each with its tumour's regions.
        values: (n, features) float32, standardized, of the tumours.
        known: (n, features) bool.
        healthy: Crops without tumour in the regions, which are where one was pasted.
        autoencoder: What the bridge stands on, of `region_autoencoder.fit_autoencoder`.
    """

    tumours: Sequence[Cut]
    values: np.ndarray
    known: np.ndarray
    healthy: Sequence[Cut]
    autoencoder: Weights | None = None


@dataclass(frozen=True)
class Batch:
    """Crops as tensors, one row each.

    Attributes:
        images: (B, 1, *space) in [-1, 1].
        regions: (B, 1, *space) long, as in `Cut`.
        anatomy: (B, 2, *space) 0 or 1: in an organ that tumours grow in; in any other structure.
        values: (B, features) standardized.
        known: (B, features) bool; nothing known asks for normal tissue.
    """

    images: Tensor
    regions: Tensor
    anatomy: Tensor
    values: Tensor
    known: Tensor

    @property
    def tissue(self) -> Tensor:
        """Return (B, 1, *space) which tissue is to be drawn, by the numbers of `tissue`."""
        tumour = self.known.any(1).reshape(-1, *[1] * (self.images.ndim - 1))
        return torch.where(tumour, self.regions, 0)

    def parts(self) -> Tensor:
        """Return (B, REGIONS, *space) 0 or 1: rim, core, and all else."""
        return torch.cat([self.regions == number for number in (1, 2, 0)], 1).to(self.images)

    def beside(self, drawn: Tensor) -> Tensor:
        """Return (B, BESIDE, *space): what is drawn, rim, core, and both of the anatomy."""
        return torch.cat([drawn.to(self.images), self.parts()[:, :2], self.anatomy], 1)

    def numbers(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return (B, features + FACTS): the values; mean and deviation of the organ around.

        Args:
            images: (B, 1, *space) in any unit.
            drawn: (B, 1, *space) bool.
        """
        seen = (self.anatomy[:, :1] * ~drawn).flatten(1)
        count, values = seen.sum(1, keepdim=True), images.flatten(1)
        mean = (values * seen).sum(1, keepdim=True) / count.clamp_min(1)
        power = ((values - mean) ** 2 * seen).sum(1, keepdim=True) / count.clamp_min(1)
        facts = torch.where(count >= LEAST_SEEN, torch.cat([mean, power.sqrt()], 1), 0)
        return torch.cat([self.values, facts], 1)

    def to(self, device: str | torch.device) -> "Batch":
        """Return the batch on a device."""
        parts = (self.images, self.regions, self.anatomy, self.values, self.known)
        return Batch(*(part.to(device) for part in parts))


def batch(crops: Sequence[Cut], values: np.ndarray, known: np.ndarray) -> Batch:
    """Return crops of one shape as tensors; a last side of 1 is left out."""
    images, regions, organ = (
        np.stack([flat(getattr(crop, name)) for crop in crops])[:, None]
        for name in ("image", "regions", "organ")
    )
    inside = np.isin(organ, ids("organ"))
    anatomy = np.concatenate([inside, (organ > 0) & ~inside], 1).astype(np.float32)
    return Batch(
        torch.from_numpy(images.astype(np.float32)),
        torch.from_numpy(regions.astype(np.int64)),
        torch.from_numpy(anatomy),
        torch.from_numpy(np.asarray(values, np.float32)),
        torch.from_numpy(np.asarray(known, bool)),
    )


def flat(array: np.ndarray) -> np.ndarray:
    """Return an array without its last axis, if that is one plane."""
    return array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array


def dilated(regions: Tensor, margin: int) -> Tensor:
    """Return (B, 1, *space) bool: where there is a region, or one within so many voxels."""
    inside = (regions > 0).float()
    pool: Any = functional.max_pool3d if regions.ndim == 5 else functional.max_pool2d
    return pool(inside, 2 * margin + 1, 1, margin) > 0


class Pairs:
    """Batches of tumours and of healthy places, mirrored at random; picklable."""

    def __init__(self, material: Material, card: Mapping[str, Any]) -> None:
        """Keep the crops.

        Args:
            material: Crops of one shape.
            card: `batch`, crops of a batch; `healthy`, the share of them that are healthy places;
                `dropping`, the chance that some of a tumour's values are left out; `patch`, the
                sides of the part of a crop that is seen, around any voxel of the lesion.

        Raises:
            ValueError: There are no tumours, no healthy places, or crops of several shapes.
        """
        shapes = {crop.image.shape for crop in (*material.tumours, *material.healthy)}
        if not (material.tumours and material.healthy) or len(shapes) != 1:
            counts = f"{len(material.tumours)} tumours and {len(material.healthy)} healthy places"
            raise ValueError(f"{counts} of shapes {sorted(shapes)}; needed: some, of one shape")
        _refuse_empty(material)
        rows = (len(material.tumours), *material.values.shape[1:])
        if not material.values.shape == material.known.shape == rows:
            given = f"{material.values.shape} and {material.known.shape}"
            raise ValueError(f"values and known are {given} for {rows[0]} tumours")
        count, whole = int(card["batch"]), flat(material.tumours[0].image).shape
        self.material, self.count, self.dropping = material, count, float(card["dropping"])
        self.space = tuple(min(side, int(card["patch"])) for side in whole)
        self.healthy = min(count - 1, max(1, round(card["healthy"] * count)))

    def __call__(self, generator: torch.Generator) -> Batch:
        """Return a batch; each row is mirrored along each axis with a chance of a half."""
        tumours, healthy = self.material.tumours, self.material.healthy
        rows = torch.randint(len(tumours), (self.count - self.healthy,), generator=generator)
        places = torch.randint(len(healthy), (self.healthy,), generator=generator).tolist()
        crops = [*(tumours[row] for row in rows.tolist()), *(healthy[row] for row in places)]
        values = np.zeros((self.count, self.material.values.shape[1]), np.float32)
        known = np.zeros(values.shape, bool)
        values[: len(rows)] = self.material.values[rows.numpy()]
        known[: len(rows)] = self._told(self.material.known[rows.numpy()], generator)
        whole = batch(crops, values, known)
        return mirrored(_patches(whole, self.space, generator), generator)

    def _told(self, known: np.ndarray, generator: torch.Generator) -> np.ndarray:
        """Return which values are told: all that are known, or any number of them but none."""
        chance, share = torch.rand(2, len(known), 1, generator=generator).numpy()
        rank = torch.rand(known.shape, generator=generator).numpy()
        first = np.where(known, rank, np.inf).argmin(1)
        kept = (chance >= self.dropping) | (rank < share)
        kept[np.arange(len(known)), first] = True
        return known & kept


def _refuse_empty(material: Material) -> None:
    for name in ("tumours", "healthy"):
        for index, crop in enumerate(getattr(material, name)):
            if not (crop.regions > 0).any():
                raise ValueError(f"{name}: crop {index} has no region")


def _patches(rows: Batch, space: Sequence[int], generator: torch.Generator) -> Batch:
    """Return a part of each crop, around a voxel of its lesion."""
    parts = []
    for row in range(len(rows.images)):
        inside = (rows.regions[row, 0] > 0).nonzero()
        middle = inside[int(torch.randint(len(inside), (), generator=generator))].tolist()
        sides = rows.images.shape[2:]
        starts = [
            min(max(0, at - want // 2), side - want)
            for at, want, side in zip(middle, space, sides, strict=True)
        ]
        box = tuple(slice(a, a + want) for a, want in zip(starts, space, strict=True))
        parts.append(part_of(rows, row, box))
    names = [field.name for field in fields(Batch)]
    return Batch(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def part_of(rows: Batch, row: int, box: tuple[slice, ...]) -> Batch:
    """Return a box of one crop, as a batch of one."""
    seen = (row, slice(None), *box)
    images, regions, anatomy = (
        getattr(rows, name)[seen][None] for name in ("images", "regions", "anatomy")
    )
    return Batch(images, regions, anatomy, rows.values[[row]], rows.known[[row]])


def box_around(regions: np.ndarray, reach: int, step: int) -> tuple[slice, ...]:
    """Return the least box that holds a lesion and what lies within `reach` voxels of it.

    Args:
        regions: Above 0 in the lesion; empty ones have the box of all.
        reach: Voxels, as far as the array goes.
        step: Of which the box's sides are multiples, as the array's are.

    >>> box_around(np.array([0, 0, 0, 0, 0, 1, 1, 0]), 1, 4)
    (slice(4, 8, None),)
    """
    box = []
    for axis, side in enumerate(regions.shape):
        others = tuple(other for other in range(regions.ndim) if other != axis)
        found = np.flatnonzero((regions > 0).any(axis=others))
        first, last = (found[0], found[-1] + 1) if len(found) else (0, side)
        first, last = max(0, int(first) - reach), min(side, int(last) + reach)
        want = min(side, -(-(last - first) // step) * step)
        first = min(max(0, (first + last - want) // 2), side - want)
        box.append(slice(first, first + want))
    return tuple(box)


def mirrored(rows: Batch, generator: torch.Generator) -> Batch:
    """Return the batch with each row mirrored along each axis, or not, by chance."""
    pictures = torch.cat([rows.images, rows.regions.to(rows.images), rows.anatomy], 1)
    for axis in range(2, pictures.ndim):
        turned = torch.rand(len(pictures), generator=generator) < 0.5
        shape = (-1, *[1] * (pictures.ndim - 1))
        pictures = torch.where(turned.reshape(shape), pictures.flip(axis), pictures)
    images, regions, anatomy = pictures.split([1, 1, 2], 1)
    return Batch(images, regions.long(), anatomy, rows.values, rows.known)


def planes(images: Tensor) -> np.ndarray:
    """Return middle planes of the first few images (B, 1, *space), side by side, in [0, 1]."""
    seen = images[:SHOWN, 0].detach().clamp(-1, 1).float().cpu()
    middle = seen[..., seen.shape[-1] // 2] if seen.ndim == 4 else seen
    return np.concatenate(list((middle.numpy() + 1) / 2), axis=1)
