"""The networks of XReal that a recipe has if it names them: see `_radiographs.variants`.

`controlnet` is the baseline that XReal compares itself with: the base as it is, told of organs and
findings by a copy of its encoder, and no controllers. The others stand for the base itself.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from radfoundry.generators._radiographs import (
    fitting,
    pretrained,
    training,
    variant_options,
    variants,
)
from radfoundry.generators._radiographs.latents import blocked
from radfoundry.generators._radiographs.task import LatentTask
from radfoundry.generators.xreal.options import BROUGHT, checked
from radfoundry.training.loop import Callbacks
from radfoundry.weights import Weights

if TYPE_CHECKING:
    from radfoundry.training.loop import TrainingData

BASE = ("text", "autoencoder")


def fit(
    network: str,
    data: "TrainingData",
    options: Mapping,
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
) -> Weights:
    """Return one of the networks that are named to be had; arguments are those of XReal's `fit`.

    Raises:
        ValueError: Unknown options; options that do not go together; a network is missing.
    """
    told, concat = {"wording": checked(options)}, bool(options.get("concat", False))
    chances = generator, device, callbacks
    if network == "averaged":
        if "edm" not in data.networks:
            raise ValueError("averaged needs the weights of edm; state train: edm: {traces: ...}")
        return variants.averaged(data.networks["edm"], variant_options.of_averaged(options))
    if network == "pretrained":
        own = variant_options.of_pretrained(options)
        known = {"network": network, "precision": own["precision"], **told}
        return pretrained.adopted(own["folder"], own["sha256"], data.cases, known)
    if network == "controlnet":
        if concat or options.get("text_only"):
            raise ValueError("train: controlnet beside concat or text_only; allowed: one of them")
        card = variant_options.of_controlnet(options, BROUGHT) | told
        return variants.controlnet(data, card, *chances)
    if network == "edm":
        return variants.preconditioned(
            data, variant_options.of_edm(options, concat, BROUGHT) | told, *chances
        )
    card = variant_options.of_guide(options, concat, BROUGHT) | told
    card, encoder = fitting.told(card, data, BASE)
    coder = blocked(data.networks["autoencoder"], card, device)
    task = LatentTask(data.cases, card, coder, encoder, device)
    return training.denoiser(task, card, *chances, data.networks.get(network))
