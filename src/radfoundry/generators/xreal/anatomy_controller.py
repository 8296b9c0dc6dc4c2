"""The anatomy controller: a second autoencoder that makes a radiograph of organs, or of itself.

Trained as XReal's: it is given the organs or, as likely, the image, and must return the image. What
it makes of organs alone lies right and is blurred: nobody told it more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.case import Case
from radfoundry.generators._latent.training import settings
from radfoundry.generators._radiographs import latents, maps
from radfoundry.networks.autoencoder.build import build, factors
from radfoundry.networks.autoencoder.losses import divergence
from radfoundry.networks.layers import seeded
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, train
from radfoundry.training.start import start_from
from radfoundry.weights import Weights

SHOWN = 3  # radiographs of a preview
CHANNELS = 1 + len(maps.ORGANS)  # the image, then the organs


class Pairs:
    """Batches of radiographs with their organs (B, 5, X, Z); picklable."""

    def __init__(self, cases: Sequence[Case], card: Mapping[str, Any]) -> None:
        """Keep the cases; of `card` batch and size count.

        Raises:
            ValueError: There is no case, or they are of several grids.
        """
        latents.one_grid(cases)
        self.cases, self.batch = cases, int(card["batch"])
        self.factors = factors(card["size"])

    def __call__(self, generator: torch.Generator) -> Tensor:
        """Return a batch: the image in [-1, 1], the organs -1 or 1."""
        rows = torch.randint(len(self.cases), (self.batch,), generator=generator)
        return torch.stack([self._one(self.cases[row]) for row in rows.tolist()])

    def _one(self, case: Case) -> Tensor:
        whole = torch.cat([latents.picture(case), organs(case.anatomy)])
        return latents.widened(whole[None], self.factors)[0]


def organs(anatomy: np.ndarray) -> Tensor:
    """Return the organs (4, X, Z) of an anatomy map (X, 1, Z), -1 or 1."""
    return torch.from_numpy(2 * maps.of_organs(anatomy) - 1)


def fit(
    cases: Sequence[Case],
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
    begun: Weights | None = None,
) -> Weights:
    """Return the trained controller with a card that `rebuilt` can make it from.

    Args:
        cases: Radiographs of one grid with their anatomy maps.
        card: See `options.of_controller`.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
        begun: Weights to go on from, or None.
    """
    card = {**card, "size": {**card["size"], "channels": CHANNELS}}
    pairs = Pairs(cases, card)
    with seeded(generator):
        network = build(card["size"]).to(device)
    card |= start_from(network, begun)
    callbacks = replace(callbacks, preview=partial(preview, pairs))
    chosen, loss = settings(card), partial(_loss, kl=float(card["kl"]), chance=card["organs"])
    feed = Feed(pairs, chosen, generator.initial_seed(), callbacks.resume, callbacks.workers)
    try:
        done = train(network, feed, loss, chosen, generator, callbacks)
    finally:
        feed.close()
    return Weights(done.state, card | {"losses": done.loss_curve()})


def shown(pairs: Tensor, alone: Tensor) -> Tensor:
    """Return what the controller is given: organs without the image, or the image without them.

    Args:
        pairs: As `Pairs` draws them.
        alone: (B,), where the organs are given alone.
    """
    image, rest = pairs[:, :1], pairs[:, 1:]
    at = alone.to(pairs.device)[:, None, None, None]
    return torch.cat([torch.where(at, 0, image), torch.where(at, rest, 0)], 1)


def _loss(
    network: Any, pairs: Tensor, generator: torch.Generator, kl: float, chance: float
) -> dict[str, Tensor]:
    """Return how far the image is from what is made of it, or of the organs; and the prior."""
    pairs = pairs.to(next(network.parameters()).device)
    alone = torch.rand(len(pairs), generator=generator, device=generator.device) < chance
    mean, deviation = network.encode(shown(pairs, alone))
    noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean)
    made = network.decode(mean + deviation * noise)[:, :1]
    apart = (made.float() - pairs[:, :1]).abs().mean()
    return {"absolute": apart, "kl": kl * divergence(mean, deviation)}


def preview(pairs: Pairs, network: Any) -> np.ndarray:
    """Return training radiographs in [0, 1]: above as they are, below as made of their organs."""
    real = pairs(torch.Generator().manual_seed(0))[:SHOWN].to(next(network.parameters()).device)
    given = shown(real, torch.ones(len(real), dtype=torch.bool))
    both = real[:, 0], network.decode(network.encode(given)[0])[:, 0]
    seen = [(part.float().clamp(-1, 1).cpu().numpy() + 1) / 2 for part in both]
    return np.concatenate([np.concatenate([o[::-1, ::-1].T for o in s], 1) for s in seen])


def rebuilt(weights: Weights, device: str | torch.device = "cpu") -> nn.Module:
    """Return the controller of weights that `fit` made, ready to be asked."""
    network: nn.Module = build(weights.card["size"])
    network.load_state_dict(dict(weights.state))
    return network.to(device).eval().requires_grad_(False)


def estimated(network: Any, anatomy: Sequence[np.ndarray], card: Mapping[str, Any]) -> Tensor:
    """Return a radiograph (B, 1, X, Z) in [-1, 1] of organs alone, on the CPU; no chance in it.

    Args:
        network: As `rebuilt` returns it.
        anatomy: Anatomy maps (X, 1, Z), all of one shape.
        card: Of its weights.
    """
    whole = torch.stack([organs(one) for one in anatomy])
    sides = whole.shape[2:]
    pairs = torch.cat([torch.zeros_like(whole[:, :1]), whole], 1)
    wide = latents.widened(pairs, factors(card["size"]))
    wide = shown(wide, torch.ones(len(wide), dtype=torch.bool))
    device = next(network.parameters()).device
    with torch.no_grad():
        mean, _ = network.encode(wide.to(device))
        made = network.decode(mean)[:, :1, : sides[0], : sides[1]]
    return made.float().clamp(-1, 1).cpu()
