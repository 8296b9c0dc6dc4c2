"""Masks by diffusion: the fields of a lesion, from noise and the measurements that are told."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from radfoundry.diffusion.noise import Flow
from radfoundry.diffusion.objectives import OBJECTIVES, corrupted
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators.tscr.shape_error import shape_error
from radfoundry.networks.layers import seeded
from radfoundry.networks.value_unet import ValueUNet

LIMIT = 1.0  # of an estimate's absolute values: fields go no further
# Of the network see `networks.value_unet`; `factor` makes the coarse grid (see `fields`);
# `deformed` lesions are added (see there); `radiomics` weighs the error of what masks measure, of
# `measured` of a batch (see `shape_error`); `unknown` and `partial` are chances of telling less
# (see `mask_batches`); `calls` of the network draw a mask; the rest is
# `training.settings.Settings`.
TRAINING: Mapping[str, Mapping[str, Any]] = {
    "phantom": {  # crops of 32^3 on a CPU
        "network": {"haar": 2, "widths": [64, 128], "blocks": 1, "depth": 2, "side": 32,
                    "by_place": 16, "checkpoint": False},
        "factor": 2, "deformed": 96, "radiomics": 0.0, "measured": 4, "unknown": 0.05,
        "partial": 0.2, "calls": 10, "batch": 16, "steps": 300, "learning_rate": 2e-3,
        "warmup": 20, "schedule": "cosine", "ema": 0.99, "clip": 1.0,
    },
    "workstation": {  # crops of 64^3 on a GPU; this and the next have been counted, not trained
        "network": {"haar": 2, "widths": [128, 256], "blocks": 2, "depth": 4, "side": 64,
                    "by_place": 32, "checkpoint": False},
        "factor": 2, "deformed": 2000, "radiomics": 0.0, "measured": 8, "unknown": 0.05,
        "partial": 0.2, "calls": 20, "batch": 32, "steps": 40000, "learning_rate": 5e-4,
        "warmup": 500, "schedule": "cosine", "ema": 0.999, "clip": 1.0,
    },
    "paper": {  # crops of 128^3, drawn on 32^3
        "network": {"haar": 1, "widths": [128, 256, 512], "blocks": 2, "depth": 4, "side": 64,
                    "by_place": 32, "checkpoint": False},
        "factor": 4, "deformed": 10000, "radiomics": 0.0, "measured": 8, "unknown": 0.05,
        "partial": 0.2, "calls": 50, "batch": 32, "steps": 200000, "learning_rate": 1e-4,
        "warmup": 1000, "schedule": "cosine", "ema": 0.9999, "clip": 1.0,
    },
}  # fmt: skip


def network(
    card: Mapping[str, Any], generator: torch.Generator, drawing: bool = False
) -> ValueUNet:
    """Return an untrained network, its initial weights from the generator.

    Args:
        card: With `space`, `channels`, `table`.
        generator: Draws the initial weights.
        drawing: Whether weights will be loaded; the same network either way.
    """
    space = [side // int(card["factor"]) for side in card["space"]]
    told = len(card["table"]["names"]) + len(space)
    with seeded(generator):
        return ValueUNet(card["network"], Flow(), int(card["channels"]), told, space)


def loss(
    net: ValueUNet, batch: Mapping[str, Tensor], generator: torch.Generator, card: Mapping
) -> dict[str, Tensor]:
    """Return the error of the estimated fields, and that of what their masks measure.

    The latter counts the less the more noise there was: of a field that nothing is known of the
    best estimate is a blur, which measures as no lesion does.
    """
    flow = OBJECTIVES["flow"]
    noisy, times = corrupted(batch["clean"], flow, generator)
    estimate = net(noisy, times, batch["scores"], batch["known"])
    squared = (estimate - batch["clean"]).square().flatten(1).mean(1)
    terms = {"denoising": (flow.weight(times) * squared).mean()}
    if card["radiomics"]:
        error = shape_error(estimate, batch, card)
        terms["radiomics"] = float(card["radiomics"]) * ((1 - times[: len(error)]) * error).mean()
    return terms


def drawn(
    net: ValueUNet, scores: Tensor, known: Tensor, seeds: Sequence[int], card: Mapping[str, Any]
) -> Tensor:
    """Return fields (B, C, *coarse) of scores and what is told of them (B, n + axes)."""
    space = [side // int(card["factor"]) for side in card["space"]]
    streams = Streams(seeds, (int(card["channels"]), *space), scores.device)
    denoise = partial(_estimate, net, scores, known)
    return sample(denoise, streams, Flow(), Sampling(steps=int(card["calls"])))


def _estimate(
    net: ValueUNet, scores: Tensor, known: Tensor, noisy: Tensor, times: Tensor
) -> Tensor:
    with torch.no_grad():
        return net(noisy, times.to(noisy.device).float(), scores, known).clamp(-LIMIT, LIMIT)


def kept(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that drawing needs: all."""
    return dict(state)
