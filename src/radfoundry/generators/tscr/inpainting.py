"""Texture by diffusion inside the lesion alone, in a background that is real at every step.

As LeFusion (Zhang et al. 2025): the loss counts in the lesion and its margin, and while a texture
is drawn the real surroundings, diffused to the same time, stand around it. The network also sees
the surroundings as they are. Rectified flow on voxels, in units of their tissue (`tissue`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry.diffusion import preconditioning
from radfoundry.diffusion.guidance import Known
from radfoundry.diffusion.noise import Level
from radfoundry.diffusion.objectives import OBJECTIVES, Dropping, Objective, denoising_loss
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators.tscr.texture_material import (
    BESIDE,
    FACTS,
    REGIONS,
    Batch,
    Material,
    dilated,
)
from radfoundry.generators.tscr.tissue import TissueScale
from radfoundry.networks.texture_unet import ValueUNet

FLOW = OBJECTIVES["flow"]


class Inpainting(nn.Module):
    """Estimate a lesion's voxels, clean, from noisy ones and what lies around."""

    def __init__(self, card: Mapping[str, Any]) -> None:
        """Make an untrained network of a card with `network`, `features`, `margin` and `calls`."""
        super().__init__()
        self.margin, self.calls = int(card["margin"]), int(card["calls"])
        self.tissue = TissueScale()
        self.network = ValueUNet(
            card["network"], (1, 1 + BESIDE), (len(card["features"]), FACTS), REGIONS
        )

    def measure(self, material: Material) -> None:
        """Take the units of tissue, and how values go together, from the training crops."""
        self.tissue.measure(*([(c.image, c.regions) for c in part]
                              for part in (material.tumours, material.healthy)))  # fmt: skip
        known = torch.as_tensor(material.known)
        self.network.tokens.measure(torch.as_tensor(material.values), known)

    def forward(self, noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, 1, *space), in units of tissue."""
        level = Level.at(FLOW.schedule, times, noisy)
        scale, skip, out = preconditioning.coefficients(level)
        return skip * noisy + out * self.network(scale * noisy, times, **condition)

    def told(self, rows: Batch) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return pictures in units of tissue, where they are drawn, and the condition."""
        drawn = dilated(rows.regions, self.margin)
        normal = self.tissue.scaled(rows.images, torch.zeros_like(rows.regions))
        around, beside = torch.where(drawn, 0, normal), rows.beside(drawn)
        condition = {
            "values": rows.numbers(normal, drawn), "known": rows.known, "regions": rows.parts(),
            "concat": torch.cat([around, beside], 1),
        }  # fmt: skip
        return self.tissue.scaled(rows.images, rows.tissue), drawn, condition

    def loss(self, rows: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the mean squared error of the velocity in the lesion and its margin."""
        clean, drawn, condition = self.told(rows)
        counted = partial(_everywhere, drawn.to(clean))
        objective: Objective = replace(
            FLOW, weight=partial(preconditioning.weight, FLOW.schedule), voxel_weight=counted
        )
        errors = denoising_loss(self, clean, condition, objective, generator, Dropping(0))
        return {"velocity": errors.mean()}

    @torch.no_grad()
    def draw(self, rows: Batch, seeds: Sequence[int]) -> Tensor:
        """Return images (B, 1, *space) in [-1, 1]; outside the margin they are the source's."""
        clean, drawn, condition = self.told(rows)
        known = Known(clean, (~drawn).to(clean), noisy=True)
        streams = Streams(seeds, clean.shape[1:], clean.device)
        denoise = partial(self, **condition)
        sampling = Sampling("euler", self.calls, spacing="time")
        made = sample(denoise, streams, FLOW.schedule, sampling, known)
        return self.tissue.images(made, rows.tissue).clamp(-1, 1)


def _everywhere(counted: Tensor, _: Tensor) -> Tensor:
    return counted
