"""Radiographs for an autoencoder of 2D: crops in training, and whole ones there and back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.generators._latent import training
from radfoundry.networks.autoencoder.build import factors
from radfoundry.weights import Weights


class RadiographCrops:
    """Batches of crops (B, 1, *crop) in [-1, 1], from anywhere in a radiograph; picklable."""

    def __init__(self, cases: Sequence[Case], options: Mapping[str, Any]) -> None:
        """Keep the cases, with images in [0, 1].

        Args:
            cases: Radiographs.
            options: `batch`; `crop`, of which less is cut where the first case has less; `size`.

        Raises:
            ValueError: A radiograph is smaller than the crop.
        """
        self.cases, self.batch = cases, int(options["batch"])
        sides, steps = cases[0].image.voxels[:, 0].shape, factors(options["size"])
        self.crop = [
            min(want, side // step * step)
            for want, side, step in zip(options["crop"], sides, steps, strict=True)
        ]

    def __call__(self, generator: torch.Generator) -> Tensor:
        """Return a batch."""
        rows = torch.randint(len(self.cases), (self.batch,), generator=generator)
        return torch.stack([self._cut(self.cases[row], generator) for row in rows.tolist()])

    def _cut(self, case: Case, generator: torch.Generator) -> Tensor:
        whole, box = case.image.voxels[:, 0], []
        for side, want in zip(whole.shape, self.crop, strict=True):
            if side < want:
                raise ValueError(f"{case.name} is {whole.shape}, smaller than the crop {self.crop}")
            start = int(torch.randint(side - want + 1, (), generator=generator))
            box.append(slice(start, start + want))
        cut = np.array(whole[tuple(box)], np.float32)
        return torch.from_numpy(2 * cut - 1)[None]


def round_trip(weights: Weights, device: str = "cpu") -> Callable[[Case], Case]:
    """Return what encodes and decodes a radiograph; the case that comes back has no labels."""
    latents, steps = training.rebuilt(weights, device), factors(weights.card["size"])

    def again(case: Case) -> Case:
        whole = np.asarray(case.image.voxels[:, 0], np.float32)
        more = [(0, -side % step) for side, step in zip(whole.shape, steps, strict=True)]
        wide = torch.from_numpy(np.pad(2 * whole - 1, more, mode="edge"))[None, None].to(device)
        with torch.no_grad():
            found = latents.decode(latents.encode(wide))[0, 0].float().clamp(-1, 1)
        back = (found.cpu().numpy()[: whole.shape[0], : whole.shape[1]] + 1) / 2
        empty = np.zeros_like(case.anatomy)
        return Case(case.name, case.image.holding(back[:, None]), empty, empty, case.facts)

    return again
