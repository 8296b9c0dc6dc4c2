"""The autoencoder on whose latents the bridge stands: taught most where tumours are.

TSCR's VQ-GAN halves every axis and weighs the absolute error in a tumour tenfold. Here it is
`networks.autoencoder`, whose latents need no codebook, with that weight; there is no critic, which
the paper lets count a thousandth. Its round trip is the best that texture drawn on it can reach.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.generators._latent.training import rebuilt, settings
from radfoundry.generators.tscr.texture_material import Batch, Material, Pairs, planes
from radfoundry.networks.autoencoder.build import factors
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.networks.autoencoder.losses import divergence
from radfoundry.networks.layers import seeded
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, train
from radfoundry.training.start import start_from
from radfoundry.weights import Weights

MEASURED = 64  # crops that components, and latents' mean and spread, are taken from
ALIKE: Mapping[str, Any] = {"healthy": 0.5, "dropping": 0.0}  # as many crops without a tumour

__all__ = ["fit_autoencoder", "rebuilt", "region_loss"]


def fit_autoencoder(
    material: Material,
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
    begun: Weights | None = None,
) -> Weights:
    """Return a trained autoencoder with a card that `rebuilt` can make it from.

    Args:
        material: Crops of tumours and of healthy places, all of one shape.
        card: `texture_options.autoencoder`, with what else is to be told.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
        begun: Weights to go on from, or None.

    Raises:
        ValueError: Crops lack, are of several shapes, or are no multiples of what its latents are
            coarser by.
    """
    pairs = Pairs(material, {**card, **ALIKE})
    _refuse_sides(pairs, card["size"])
    pictures = _drawn(pairs).to(device)
    with seeded(generator):
        latents = Latents(card["size"], 1).to(device)
    latents.network.start_linear(latents.cut(pictures))
    told = start_from(latents, begun)
    loss = partial(_loss, weights={name: float(card[name]) for name in ("kl", "region")})
    chosen = settings(card)
    feed = Feed(pairs, chosen, generator.initial_seed(), callbacks.resume, callbacks.workers)
    callbacks = replace(callbacks, preview=partial(preview, pairs))
    try:
        done = train(latents, feed, loss, chosen, generator, callbacks)
    finally:
        feed.close()
    latents.load_state_dict(done.state)
    latents.eval().measure(pictures)
    state = {name: value.cpu() for name, value in latents.state_dict().items()}
    return Weights(state, {**card, "channels": 1, **told, "losses": done.loss_curve()})


def _refuse_sides(pairs: Pairs, size: Mapping[str, Any]) -> None:
    sides, steps = pairs.space, factors(size)
    if len(sides) != len(steps) or any(a % b for a, b in zip(sides, steps, strict=True)):
        raise ValueError(f"crops are {sides}; allowed: {len(steps)} sides, multiples of {steps}")


def _drawn(pairs: Pairs) -> Tensor:
    """Return images of training batches, always the same."""
    chance = torch.Generator().manual_seed(0)
    return torch.cat([pairs(chance).images for _ in range(-(-MEASURED // pairs.count))])


def _loss(
    latents: Latents, rows: Batch, generator: torch.Generator, weights: Mapping[str, float]
) -> dict[str, Tensor]:
    return region_loss(latents, rows.to(latents.center.device), generator, weights)


def region_loss(
    latents: Latents, rows: Batch, generator: torch.Generator, weights: Mapping[str, float]
) -> dict[str, Tensor]:
    """Return the terms of the loss of a batch of crops.

    Args:
        latents: The autoencoder.
        rows: Images and regions.
        generator: Draws the latents.
        weights: `kl`, and `region`, of the absolute error in the regions.

    Returns:
        `absolute`, `region` and `kl`, each times its weight.
    """
    mean, deviation = latents.moments(rows.images)
    noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean)
    decoded = latents.pictures(mean + deviation * noise).float()
    errors, inside = (decoded - latents.cut(rows.images)).abs(), rows.regions > 0
    return {
        "absolute": errors.mean(),
        "region": weights["region"] * errors[inside].sum() / inside.sum().clamp_min(1),
        "kl": weights["kl"] * divergence(mean, deviation),
    }


def preview(pairs: Pairs, latents: Latents) -> np.ndarray:
    """Return middle planes of training crops in [0, 1]: above as they are, below as decoded."""
    real = pairs(torch.Generator().manual_seed(0)).images.to(latents.center.device)
    return np.concatenate([planes(part) for part in (real, latents.decode(latents.encode(real)))])
