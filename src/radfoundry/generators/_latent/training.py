"""Train an autoencoder for a generator, and make it again from its weights."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.generators._latent import adopted
from radfoundry.networks.autoencoder import losses
from radfoundry.networks.autoencoder.haar_autoencoder import HaarAutoencoder
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.networks.layers import seeded
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, Draw, Settings, train
from radfoundry.training.start import start_from
from radfoundry.weights import Weights

MEASURED = 64  # pictures that components, and latents' mean and spread, are taken from
SHOWN = 3
WEIGHTS = ("kl", "adversarial", "feature_matching")
PREFIX = "latents."


def fit(
    ahead: Draw,
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
    begun: Weights | None = None,
) -> Weights:
    """Return a trained autoencoder with a card that `rebuilt` can make it from.

    Args:
        ahead: Draws a batch of pictures (B, channels, *crop) in [-1, 1]; picklable.
        card: `options.chosen`, with `channels` of the pictures and what else is to be told.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
        begun: Weights to go on from, or None.

    Raises:
        WeightsError: Weights to go on from, or those of others that the card names, do not fit.
    """
    card = adopted.sized(card)
    network = _untrained(card, generator).to(device)
    if isinstance(network.latents.network, HaarAutoencoder):
        pictures = network.latents.cut(_drawn(ahead, card).to(device))
        network.latents.network.start_linear(pictures)
    told = start_from(network.latents, begun)
    told |= adopted.filled(network.latents.network, card)
    loss = partial(_loss, weights={name: float(card[name]) for name in WEIGHTS})
    chosen = settings(card)
    feed = Feed(ahead, chosen, generator.initial_seed(), callbacks.resume, callbacks.workers)
    callbacks = replace(callbacks, preview=partial(preview, ahead))
    try:
        done = train(network, feed, loss, chosen, generator, callbacks)
    finally:
        feed.close()
    network.load_state_dict(done.state)
    network.latents.eval().measure(_drawn(ahead, card).to(device))
    state = {name: value.cpu() for name, value in network.latents.state_dict().items()}
    kept = {key: value for key, value in card.items() if key not in ("weights", "folder")}
    return Weights(state, {**kept, **told, "losses": done.loss_curve()})


def settings(card: Mapping[str, Any]) -> Settings:
    """Return the loop's settings among the options."""
    known = [field.name for field in fields(Settings) if field.name in card]
    return Settings(**{name: card[name] for name in known})


def _untrained(card: Mapping[str, Any], generator: torch.Generator) -> losses.Adversaries:
    size, judge = card["size"], None
    with seeded(generator):
        latents = Latents(size, card["channels"])
        if card["adversarial"] or card["feature_matching"]:
            judge = losses.critic(size["dims"], size["channels"], *card["critic"])
    return losses.Adversaries(latents, judge)


def _loss(
    network: losses.Adversaries,
    pictures: Tensor,
    generator: torch.Generator,
    weights: Mapping[str, float],
) -> dict[str, Tensor]:
    device = next(network.parameters()).device
    return losses.loss(network, pictures.to(device), generator, weights)


def _drawn(ahead: Draw, card: Mapping[str, Any]) -> Tensor:
    """Return pictures that are drawn as those of the training, always the same."""
    chance = torch.Generator().manual_seed(0)
    return torch.cat([ahead(chance) for _ in range(-(-MEASURED // int(card["batch"])))])


def rebuilt(weights: Weights, device: str | torch.device = "cpu") -> Latents:
    """Return the autoencoder of weights that `fit` made, ready to encode and to decode."""
    latents = Latents(weights.card["size"], weights.card["channels"])
    latents.load_state_dict(dict(weights.state))
    return latents.to(device).eval().requires_grad_(False)


def preview(ahead: Draw, network: losses.Adversaries) -> np.ndarray:
    """Return planes of training pictures in [0, 1]: above as they are, below as decoded."""
    latents = network.latents
    real = ahead(torch.Generator().manual_seed(0))[:SHOWN].to(latents.center.device)
    return np.concatenate([_columns(part) for part in (real, latents.decode(latents.encode(real)))])


def _columns(pictures: Tensor) -> np.ndarray:
    """Return the first channel of (B, C, *space), of volumes a coronal plane, side by side."""
    seen = pictures[:, 0].detach().clamp(-1, 1).float().cpu()
    planes = seen[:, :, seen.shape[2] // 2].flip(-1).mT if seen.ndim == 4 else seen
    return np.concatenate(list((planes.numpy() + 1) / 2), axis=1)
