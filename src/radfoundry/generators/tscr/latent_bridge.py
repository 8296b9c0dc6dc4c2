"""Texture as TSCR publishes it: a Brownian bridge of latents, from an erased tumour to a real one.

It starts at the latents of the crop whose tumour is overwritten by one value for each region, and
leads to those of the real crop. The network sees both, and beside them the regions and the anatomy.
The whole crop goes through the autoencoder; what is drawn outside the lesion is not used.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.diffusion.bridge import Bridge, Crossing, bridge_loss, cross
from radfoundry.diffusion.samplers import Streams
from radfoundry.generators.tscr.texture_material import (
    BESIDE,
    FACTS,
    REGIONS,
    Batch,
    Material,
    dilated,
)
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.networks.texture_unet import ValueUNet

RIM_VALUE, CORE_VALUE = 1.0, 0.5  # what a tumour is overwritten by, as published


class LatentBridge(nn.Module):
    """Estimate the latents of a real crop from noisy ones and those of the erased crop."""

    def __init__(self, card: Mapping[str, Any], latents: Latents) -> None:
        """Make an untrained network.

        Args:
            card: With `network`, `features`, `margin`, `calls`, `variance` and `outside`.
            latents: The trained autoencoder; no part of this network's weights.
        """
        super().__init__()
        self.margin, self.outside = int(card["margin"]), float(card["outside"])
        self.bridge = Bridge(variance=float(card["variance"]))
        self.crossing = Crossing(int(card["calls"]))
        self._latents = (latents,)  # a tuple hides it: it is neither trained nor stored here
        count = latents.channels
        self.network = ValueUNet(
            card["network"], (count, count + BESIDE), (len(card["features"]), FACTS), REGIONS
        )

    def forward(self, noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        """Return the estimate of x0, shaped as `noisy`; the network gives x_t - x0 ("grad")."""
        return noisy - self.network(noisy, times, **condition)

    def measure(self, material: Material) -> None:
        """Take how values go together from the training crops; latents have units of their own."""
        known = torch.as_tensor(material.known)
        self.network.tokens.measure(torch.as_tensor(material.values), known)

    def told(self, rows: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the latents of the erased crops, and the condition."""
        start = self._latents[0].encode(erased(rows))
        drawn = dilated(rows.regions, self.margin)
        beside = coarse(rows.beside(drawn), start)
        condition = {
            "values": rows.numbers(rows.images, drawn), "known": rows.known,
            "regions": coarse(rows.parts(), start),
            "concat": torch.cat([start, beside], 1),
        }  # fmt: skip
        return start, condition

    def loss(self, rows: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the mean absolute error of x_t - x0, of which the lesion's counts most."""
        with torch.no_grad():
            clean = self._latents[0].encode(rows.images)
            start, condition = self.told(rows)
            counted = condition["concat"][:, -BESIDE:][:, :1]
            counted = torch.where(counted > 0, 1.0, self.outside)
        errors = bridge_loss(
            self, (clean, start), condition, generator, self.bridge, voxel_weight=counted
        )
        return {"absolute": errors.mean()}

    @torch.no_grad()
    def draw(self, rows: Batch, seeds: Sequence[int]) -> Tensor:
        """Return images (B, 1, *space) in [-1, 1]; all of a crop has been encoded and decoded."""
        start, condition = self.told(rows)
        streams = Streams(seeds, start.shape[1:], start.device)
        made = cross(partial(self, **condition), start, streams, self.bridge, self.crossing)
        return self._latents[0].decode(made).float().clamp(-1, 1)


def erased(rows: Batch) -> Tensor:
    """Return images with each region overwritten by one value."""
    rim, core = (rows.regions == number for number in (1, 2))
    return rows.images.masked_fill(rim, RIM_VALUE).masked_fill(core, CORE_VALUE)


def coarse(maps: Tensor, latents: Tensor) -> Tensor:
    """Return the share of each map in each place of the latents."""
    pool: Any = functional.adaptive_avg_pool3d if maps.ndim == 5 else functional.adaptive_avg_pool2d
    return pool(maps, latents.shape[2:])
