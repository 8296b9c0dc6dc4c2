"""Tumour texture of asked radiomics, or normal tissue in its place, drawn into a mask.

Two kinds behind one contract: `inpainting`, diffusion inside the lesion alone, and `bridge`, the
published latent Brownian bridge. Only voxels of the lesion and its margin ever change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.generators.tscr import pasting, texture_material
from radfoundry.generators.tscr.inpainting import Inpainting
from radfoundry.generators.tscr.latent_bridge import LatentBridge
from radfoundry.generators.tscr.region_autoencoder import rebuilt
from radfoundry.generators.tscr.texture_material import (
    Batch,
    Cut,
    Material,
    Pairs,
    box_around,
    flat,
    part_of,
    planes,
)
from radfoundry.networks.layers import seeded
from radfoundry.networks.texture_unet import multiple
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.training.start import start_from
from radfoundry.weights import Weights

Network = Inpainting | LatentBridge
CONTEXT = 4  # voxels around what is drawn that the network sees


def fit_texture(
    material: Material,
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
    begun: Weights | None = None,
) -> Weights:
    """Return a trained texture network with a card that `prepared` can make it from.

    Args:
        material: Crops of tumours and of healthy places, all of one shape.
        card: `texture_options.chosen`, with `features`, the names of the values, and what else is
            to be told of them.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
        begun: Weights to go on from, or None.

    Raises:
        ValueError: Crops lack, are of several shapes or cannot be halved as often as the network
            halves them; it is a bridge, and the material has no autoencoder.
    """
    pairs = Pairs(material, card)
    for sides in (pairs.space, flat(material.tumours[0].image).shape):
        _refuse_sides(card, sides)
    with seeded(generator):
        network = _built(card, material.autoencoder, device)
    network.measure(material)
    told = start_from(network, begun)
    settings = Settings(**{f.name: card[f.name] for f in fields(Settings) if f.name in card})
    feed = Feed(pairs, settings, generator.initial_seed(), callbacks.resume, callbacks.workers)
    callbacks = replace(callbacks, preview=partial(preview, pairs))
    try:
        done = train(network.to(device), feed, _loss, settings, generator, callbacks)
    finally:
        feed.close()
    return Weights(done.state, {**card, **told, "losses": done.loss_curve()})


def _built(card: Mapping[str, Any], autoencoder: Weights | None, device: Any) -> Network:
    """Return the untrained network of a card."""
    if card["kind"] == "inpainting":
        return Inpainting(card)
    if autoencoder is None:
        raise ValueError("texture: the bridge stands on an autoencoder: there is none")
    return LatentBridge(card, rebuilt(autoencoder, device))


def _refuse_sides(card: Mapping[str, Any], sides: Sequence[int]) -> None:
    if any(side % _step(card) for side in sides):
        raise ValueError(f"crops are {tuple(sides)}; allowed: multiples of {_step(card)} voxels")


def _step(card: Mapping[str, Any]) -> int:
    """Return of what the sides of crops must be multiples; latents are half as fine."""
    return (2 if card["kind"] == "bridge" else 1) * multiple(card["network"])


def _loss(network: Network, rows: Batch, generator: torch.Generator) -> dict[str, Tensor]:
    return network.loss(rows.to(_device(network)), generator)


def _device(network: Network) -> torch.device:
    return next(network.parameters()).device


@dataclass(frozen=True)
class Texture:
    """A texture network, ready to draw."""

    network: Network
    step: int
    device: str | torch.device

    def draw(
        self,
        crops: Sequence[Cut],
        values: np.ndarray,
        known: np.ndarray,
        seeds: Sequence[int],
    ) -> list[np.ndarray]:
        """Return the crops' images with what is asked for in their regions, float32.

        Further from the regions than the network's margin every voxel is the source's, bit for
        bit. Each crop has its own stream of chance: which others are drawn beside it changes
        nothing.

        Args:
            crops: Sources of one shape, with the regions to be drawn.
            values: (n, features) standardized.
            known: (n, features) bool; a row that knows nothing is drawn as normal tissue.
            seeds: One for each crop.
        """
        rows = texture_material.batch(crops, values, known).to(self.device)
        return [self._drawn(crop, rows, row, seeds[row]) for row, crop in enumerate(crops)]

    def _drawn(self, crop: Cut, rows: Batch, row: int, seed: int) -> np.ndarray:
        """Return one crop's image; the network sees the lesion and what lies near it.

        One by one, for on a CPU a batch takes as long and rounds otherwise than its rows.
        """
        regions = flat(crop.regions)
        box = box_around(regions, self.network.margin + CONTEXT, self.step)
        made = self.network.draw(part_of(rows, row, box), [seed]).cpu().numpy()[0, 0]
        drawn = flat(crop.image).copy()
        drawn[box] = made
        whole = drawn.reshape(crop.image.shape)
        return pasting.pasted(crop.image, whole, crop.regions, self.network.margin)


def prepared(
    weights: Weights, device: str | torch.device = "cpu", autoencoder: Weights | None = None
) -> Texture:
    """Return the network of weights that `fit_texture` made, ready to draw.

    Raises:
        ValueError: It is a bridge, and the autoencoder that it stands on is not given.
    """
    network = _built(weights.card, autoencoder, device)
    network.load_state_dict(dict(weights.state))
    network = network.to(device).eval().requires_grad_(False)
    return Texture(network, _step(weights.card), device)


def preview(pairs: Pairs, network: Network) -> np.ndarray:
    """Return middle planes of training crops in [0, 1]: above as they are, below as drawn."""
    rows = pairs(torch.Generator().manual_seed(0)).to(_device(network))
    made = network.draw(rows, range(len(rows.images)))
    return np.concatenate([planes(part) for part in (rows.images, made)])
