"""Radiographs to latents and back, and the latents of all cases, encoded once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.data.encoded import grids
from radfoundry.generators._latent import training
from radfoundry.generators._radiographs import maps, words
from radfoundry.generators._radiographs.maps import Shown
from radfoundry.networks.autoencoder.build import factors
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.training.acceleration import mixed
from radfoundry.weights import Weights


class Grid:
    """A grid coarser than the pixels, which a network draws on."""

    def __init__(self, factors: Sequence[int], blocks: int = 1):
        """Keep it.

        Args:
            factors: Pixels of a cell along each axis.
            blocks: Of what the cells along each axis are made a multiple.
        """
        self.factors = list(factors)
        self.multiple = [step * blocks for step in self.factors]

    def pooled(self, masks: np.ndarray) -> Tensor:
        """Return maps (K, X, Z) on this grid, see `maps.pooled`."""
        return maps.pooled(masks, self.factors, self.multiple)

    def decode(self, drawn: Tensor, shape: Sequence[int]) -> Tensor:
        """Return values (B, C, x, z) of cells on the pixels, (B, C, *shape), on the CPU.

        Cubic, for a line between two cells cuts what is small: of phantoms' nodules of 17 pixels
        the masks that come back from cells of 2 x 2 have a Dice of .73, and of .65 with lines.
        """
        sides = [side * step for side, step in zip(drawn.shape[2:], self.factors, strict=True)]
        wide = torch.nn.functional.interpolate(drawn.float().cpu(), sides, mode="bicubic")
        return wide[..., : shape[0], : shape[1]]


class Coder(Grid):
    """An autoencoder ready to encode and to decode pictures whose sides it need not divide."""

    def __init__(self, weights: Weights, device: str | torch.device = "cpu", blocks: int = 1):
        """Keep it.

        Args:
            weights: Of an autoencoder of radiographs.
            device: Where it runs.
            blocks: Of what the sides of latents are made multiples.
        """
        self.latents: Latents = training.rebuilt(weights, device)
        self.precision, self.device = weights.card["precision"], device
        super().__init__(factors(weights.card["size"]), blocks)

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the latents (B, C, x, z) of pictures (B, 1, X, Z) in [-1, 1]."""
        wide = widened(pictures, self.multiple).to(self.device)
        with torch.no_grad(), mixed(self.device, self.precision):
            return self.latents.encode(wide).float()

    def decode(self, latents: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the pictures (B, 1, *shape) in [-1, 1] of latents, on the CPU."""
        with torch.no_grad(), mixed(self.device, self.precision):
            found = self.latents.decode(latents.to(self.device)).float()
        return found[..., : shape[0], : shape[1]].clamp(-1, 1).cpu()

    def touched(self, masks: np.ndarray) -> Tensor:
        """Return 1 for the cells of latents in which a mask (K, X, Z) has any pixel, else 0.

        A nodule covers a part of its cells: by its share it would be held to what was there. XReal
        shrinks masks by cubic interpolation; what lies outside is pasted back all the same.
        """
        return (self.pooled(masks) > 0).float()


def picture(case: Case) -> Tensor:
    """Return the image of a radiograph (1, X, Z) in [-1, 1]."""
    return torch.from_numpy(2 * np.array(case.image.voxels[:, 0], np.float32) - 1)[None]


def widened(pictures: Tensor, multiple: Sequence[int]) -> Tensor:
    """Return pictures (B, C, X, Z) whose last rows are repeated up to a multiple."""
    (_, more_x), (_, more_z) = maps.margins(pictures.shape[2:], multiple)
    return torch.nn.functional.pad(pictures, (0, more_z, 0, more_x), mode="replicate")


def of_cases(cases: Sequence[Case], coder: Coder) -> Tensor:
    """Return the latents (n, C, x, z) of all cases, float16.

    Raises:
        ValueError: There is no case; cases are of several grids.
    """
    one_grid(cases)
    whole = (coder.encode(picture(cases[at])[None])[0].half() for at in range(len(cases)))
    return torch.stack([part.cpu() for part in whole])


def maps_of_cases(cases: Sequence[Case], grid: Grid) -> Shown:
    """Return the maps of all cases on a grid, float16, with what of them is known."""
    values, known = [], []
    for at in range(len(cases)):
        case = cases[at]
        whole = maps.of_case(case)
        values.append(grid.pooled(whole).half())
        known.append(torch.from_numpy(maps.known(whole, words.findings_of(case.facts))))
    return Shown(maps.channels(), torch.stack(values), torch.stack(known))


def one_grid(cases: Sequence[Case]) -> None:
    """Raise if there is no case, or if cases are of several grids."""
    if not len(cases):
        raise ValueError("there is no training case")
    if len(found := grids(cases)) > 1:
        listed = ", ".join(str(grid) for grid in sorted(found)[:3])
        raise ValueError(f"training cases are of {len(found)} grids ({listed}); allowed: one")


def blocked(weights: Weights, card: Mapping[str, Any], device: str | torch.device) -> Coder:
    """Return the autoencoder for latents that a network of a card can take."""
    return Coder(weights, device, int(card["blocks"]))
