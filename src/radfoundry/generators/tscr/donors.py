"""Real lesions with their pixels, which the baselines take masks and texture of.

It is kept as a network is, and learns nothing. It holds patients' images: it must be in no bundle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from radfoundry.generators.tscr import asking
from radfoundry.generators.tscr.crops import Crop
from radfoundry.generators.tscr.features import Table
from radfoundry.generators.tscr.lesion_bank import Bank, Example
from radfoundry.weights import Weights


@dataclass(frozen=True)
class Donors:
    """Real lesions in the middle of their crops, in the order of the bank.

    Attributes:
        regions: (n, *crop) uint8.
        images: (n, *crop) float32 in [-1, 1].
        spacings: (n, axes): mm.
    """

    regions: np.ndarray
    images: np.ndarray
    spacings: np.ndarray


def fit(examples: Sequence[Example], card: Mapping[str, Any]) -> Weights:
    """Return the lesions of a train split."""
    crops = [one.crop for one in examples]
    state = {
        "regions": torch.from_numpy(np.stack([crop.regions for crop in crops])),
        "images": torch.from_numpy(np.stack([crop.image for crop in crops])).half(),
        "spacings": torch.tensor([crop.spacing_mm for crop in crops]).double(),
    }
    return Weights(state, {**card, "cases": [crop.case for crop in crops]})


def rebuilt(weights: Weights) -> Donors:
    """Return the donors of weights that `fit` made."""
    parts = {name: part.numpy() for name, part in weights.state.items()}
    return Donors(parts["regions"], parts["images"].astype(np.float32), parts["spacings"])


def nearest(bank: Bank, table: Table, scores: np.ndarray, known: np.ndarray) -> int:
    """Return the lesion whose scores are nearest to those that are known; the first if none is.

    A score that a lesion lacks counts as the mean.
    """
    if not known.any():
        return 0
    real = np.stack([asking.told(values, table)[0] for values in bank.values])
    return int(np.argmin(((real - scores)[:, known] ** 2).sum(1)))


@dataclass(frozen=True)
class WarpedMasks:
    """The nearest real mask, mirrored by chance and scaled to the size that is asked for."""

    table: Table
    bank: Bank
    donors: Donors

    def draw(
        self,
        scores: np.ndarray,
        known: np.ndarray,
        spacings_mm: Sequence[Sequence[float]],
        seeds: Sequence[int],
    ) -> np.ndarray:
        """Return regions (B, *crop) uint8; see `drawers.Shapes`."""
        rows = zip(scores, known, spacings_mm, seeds, strict=True)
        return np.stack([self._one(*row) for row in rows])

    def _one(
        self, scores: np.ndarray, known: np.ndarray, spacing: Sequence[float], number: int
    ) -> np.ndarray:
        at = nearest(self.bank, self.table, scores, known)
        rng = np.random.default_rng(number)
        mask = self.donors.regions[at]
        mask = np.flip(mask, tuple(axis for axis in range(mask.ndim) if rng.random() < 0.5))
        size = next(name for name in self.table.names if name.startswith("whole_shape"))
        asked = asking.features.decode(scores, known, self.table).get(size)
        real = self.bank.values[at][size]
        grown = 1.0 if asked is None else (asked / real) ** (1 / mask.ndim)
        return scaled(mask, grown * self.donors.spacings[at] / np.asarray(spacing))


def scaled(mask: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Return a map scaled about its middle (index n // 2), nearest neighbor, on its own grid."""
    middle = np.array([n // 2 for n in mask.shape])
    return ndimage.affine_transform(
        mask, np.diag(1 / factors), middle - middle / factors, order=0, output=np.uint8
    )


@dataclass(frozen=True)
class CopyPaste:
    """The nearest real lesion's pixels, stretched into the mask; normal tissue is smoothed in."""

    table: Table
    bank: Bank
    donors: Donors

    def draw(
        self, crops: Sequence[Crop], scores: np.ndarray, known: np.ndarray, seeds: Sequence[int]
    ) -> list[np.ndarray]:
        """Return the crops' images; see `drawers.Textures`."""
        rows = zip(crops, scores, known, seeds, strict=True)
        return [
            self._pasted(crop, row, told) if told.any() else smoothed(crop, number)
            for crop, row, told, number in rows
        ]

    def _pasted(self, crop: Crop, scores: np.ndarray, known: np.ndarray) -> np.ndarray:
        at = nearest(self.bank, self.table, scores, known)
        whole = self.donors.regions[at] > 0
        _, places = ndimage.distance_transform_edt(~whole, return_indices=True)
        pixels = self.donors.images[at][tuple(places)]  # beyond the lesion its nearest voxel
        from_box, to_box = (
            ndimage.find_objects(m.astype(np.uint8))[0] for m in (whole, crop.regions > 0)
        )
        factors, offsets = [], []
        for donor, own in zip(from_box, to_box, strict=True):
            factor = (donor.stop - donor.start) / (own.stop - own.start)
            factors.append(factor)
            offsets.append(donor.start - factor * own.start)
        stretched = ndimage.affine_transform(
            pixels, np.diag(factors), offsets, order=1, mode="nearest", output=np.float32
        )
        return np.where(crop.regions > 0, stretched, crop.image)


def smoothed(crop: Crop, number: int, reach: float = 3.0) -> np.ndarray:
    """Return a crop whose lesion is filled with the mean of what lies around, and its noise."""
    inside = crop.regions > 0
    around = ndimage.binary_dilation(inside, iterations=3) & ~inside
    weight = (~inside).astype(np.float32)
    total = ndimage.gaussian_filter(crop.image * weight, reach)
    amount = ndimage.gaussian_filter(weight, reach)
    mean = np.where(amount > 1e-3, total / np.maximum(amount, 1e-3), crop.image[around].mean())
    grain = np.std(crop.image[around] - mean[around])
    noise = np.random.default_rng(number).normal(size=inside.shape) * grain
    return np.where(inside, np.clip(mean + noise, -1, 1), crop.image).astype(np.float32)
