"""Masks by a GAN: the fields of a lesion from noise and the measurements that are told, at once.

As TSCR's first stage: hinge loss, gradient penalty, a matching-aware term and the error of what
drawn masks measure. Its code pairs every mask with its own measurements in the matching-aware term;
here a mask is shown with those of the next one, so that the critic learns what belongs together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from radfoundry.generators.tscr.shape_error import shape_error
from radfoundry.networks.layers import seeded
from radfoundry.networks.value_gan import ValueAdversaries

CRITIC = "critic."
# Of the network see `networks.value_gan`; `penalty` weighs the critic's slope at real masks,
# `matching` masks with measurements of others, `radiomics` the error of what masks measure; the
# rest as in `mask_diffusion`.
TRAINING: Mapping[str, Mapping[str, Any]] = {
    "phantom": {  # crops of 32^3 on a CPU
        "network": {"haar": 2, "widths": [64, 128], "blocks": 1, "depth": 2, "side": 32,
                    "latent": 32, "critic": [64, 128]},
        "factor": 2, "deformed": 96, "penalty": 1.0, "matching": 0.5, "radiomics": 5.0,
        "measured": 8, "unknown": 0.05, "partial": 0.2, "batch": 8, "steps": 300,
        "learning_rate": 2e-3, "betas": [0.0, 0.99], "warmup": 20, "schedule": "cosine",
        "ema": 0.98, "clip": 10.0,
    },
    "workstation": {  # crops of 64^3 on a GPU; this and the next have been counted, not trained
        "network": {"haar": 2, "widths": [128, 256], "blocks": 2, "depth": 4, "side": 64,
                    "latent": 128, "critic": [128, 256]},
        "factor": 2, "deformed": 2000, "penalty": 1.0, "matching": 0.5, "radiomics": 5.0,
        "measured": 16, "unknown": 0.05, "partial": 0.2, "batch": 16, "steps": 100000,
        "learning_rate": 2e-4, "betas": [0.0, 0.99], "warmup": 500, "schedule": "constant",
        "ema": 0.999, "clip": 10.0,
    },
    "paper": {  # crops of 128^3, drawn on 32^3; steps, batch and latents are the published ones
        "network": {"haar": 1, "widths": [128, 256, 512], "blocks": 2, "depth": 4, "side": 32,
                    "latent": 512, "critic": [128, 256, 512]},
        "factor": 4, "deformed": 10000, "penalty": 1.0, "matching": 0.1, "radiomics": 4.0,
        "measured": 8, "unknown": 0.05, "partial": 0.2, "batch": 8, "steps": 500000,
        "learning_rate": 5e-6, "betas": [0.5, 0.9], "warmup": 500, "schedule": "constant",
        "ema": 0.9999, "clip": 10.0,
    },
}  # fmt: skip


def network(
    card: Mapping[str, Any], generator: torch.Generator, drawing: bool = False
) -> ValueAdversaries:
    """Return untrained players, their initial weights from the generator.

    Args:
        card: With `space`, `channels`, `table`.
        generator: Draws the initial weights.
        drawing: Whether the critic is left out.
    """
    space = [side // int(card["factor"]) for side in card["space"]]
    told = len(card["table"]["names"]) + len(space)
    with seeded(generator):
        made = ValueAdversaries(card["network"], int(card["channels"]), told, space)
    if drawing:
        made.critic = torch.nn.Identity()
    return made


def loss(
    net: ValueAdversaries, batch: Mapping[str, Tensor], generator: torch.Generator, card: Mapping
) -> dict[str, Tensor]:
    """Return the terms of both players; one backward pass gives each its own gradient.

    The critic judges drawn fields cut from the generator, and the generator sees a copy of the
    critic whose weights take no gradient.

    Returns:
        `critic`, hinge; `matching`: real masks beside measurements of others, as if drawn;
        `penalty`: half the squared slope at real masks (Mescheder et al. 2018); `generator`;
        `radiomics`.
    """
    told = batch["scores"], batch["known"]
    chance: dict[str, Any] = {"generator": generator, "device": generator.device}
    latents = torch.randn(len(told[0]), net.latent, **chance).to(told[0])
    drawn = net(latents, *told)
    real, fake = net.shown(batch["clean"]).requires_grad_(), net.shown(drawn)
    judged = net.critic(real, *told)
    (slope,) = torch.autograd.grad(judged.sum(), real, create_graph=True)
    hinge = functional.relu(1 - judged) + functional.relu(1 + net.critic(fake.detach(), *told))
    frozen = {name: value.detach() for name, value in net.critic.named_parameters()}
    terms = {
        "critic": hinge.mean(),
        "matching": float(card["matching"]) * mismatched(net, real.detach(), told),
        "penalty": float(card["penalty"]) / 2 * slope.flatten(1).square().sum(1).mean(),
        "generator": -functional_call(net.critic, frozen, (fake, *told)).mean(),
    }
    if card["radiomics"]:
        terms["radiomics"] = float(card["radiomics"]) * shape_error(drawn, batch, card).mean()
    return terms


def mismatched(net: ValueAdversaries, real: Tensor, told: tuple[Tensor, Tensor]) -> Tensor:
    """Return the hinge of real masks beside what is told of the next one in the batch.

    Pairs of which the same is told, as of one lesion drawn twice, are no mismatch and do not count.
    """
    others = [part.roll(1, 0) for part in told]
    shown = told[0] * told[1], others[0] * others[1]
    differ = (shown[0] != shown[1]).any(1) & (told[1] & others[1])[:, : -(real.ndim - 2)].any(1)
    judged = functional.relu(1 + net.critic(real, *others))
    return (judged * differ).sum() / differ.sum().clamp_min(1)


def drawn(
    net: ValueAdversaries,
    scores: Tensor,
    known: Tensor,
    seeds: Sequence[int],
    card: Mapping[str, Any],
) -> Tensor:
    """Return fields (B, C, *coarse) of scores and what is told of them (B, n + axes)."""
    del card  # all that it says is in the network
    sources = [torch.Generator().manual_seed(seed) for seed in seeds]
    latents = torch.stack([torch.randn(net.latent, generator=source) for source in sources])
    with torch.no_grad():
        return net(latents.to(scores), scores, known)


def kept(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that drawing needs: all but the critic's."""
    return {name: value for name, value in state.items() if not name.startswith(CRITIC)}
