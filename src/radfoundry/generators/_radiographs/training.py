"""Train the text encoder and the denoising network, and make the latter again from its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from radfoundry.diffusion.noise import Schedule
from radfoundry.generators._latent.training import settings
from radfoundry.generators._radiographs import previews
from radfoundry.generators._radiographs.task import Task, objective
from radfoundry.networks.diffusion_unet import DiffusionUNet
from radfoundry.networks.layers import seeded
from radfoundry.networks.shift_unet.text_features import TextFeatures
from radfoundry.networks.shift_unet.unet import ShiftUNet
from radfoundry.text.encoder import finding_task, local_model, model, pretraining
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.training.start import start_from
from radfoundry.weights import Weights

PREDICTS = {"flow": "velocity", "published": "noise"}


def text(
    prompts: Sequence[str],
    start: Weights | None,
    options: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
) -> Weights:
    """Return the text encoder, trained on the distinct prompts; untrained with `steps` 0.

    Args:
        prompts: Of the training cases, and of reports without images; empty ones are left out.
        start: Weights to go on from, or None.
        options: See `options.of_text`.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: Nothing is said of any case.
    """
    texts = list(dict.fromkeys(prompt for prompt in prompts if prompt.strip()))
    if not texts:
        raise ValueError("no training case has a finding: state diffusion: {text: false}")
    if options.get("folder"):
        start = local_model.adopted(options["folder"], generator)
    if options.get("steps") == 0:
        return start or model.untrained(texts, options["size"], generator)
    known = {field.name for field in fields(Settings)}
    own = {name: value for name, value in options.items() if name in known}
    chosen = replace(pretraining.SETTINGS[options["defaults"]], **own)
    learn = finding_task.fit if options["reading"] else pretraining.fit
    return learn(texts, start or options["size"], chosen, generator, device, callbacks)


def denoiser(
    task: Task,
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
    begun: Weights | None = None,
) -> Weights:
    """Return the trained denoising network with a card that `rebuilt` can make it from.

    Args:
        task: Draws batches and says what the loss is.
        card: The network's options, with `text_width`, `read`, `blocks` and `wording`; what the
            prompts that it learned from state comes to it as `stated`.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
        begun: Weights to go on from, or None for a network drawn anew.
    """
    card = {**card, "channels": task.pictures.shape[1], "space": [*task.pictures.shape[2:]]}
    card |= {"classes": list(task.shown.classes) if task.shown is not None else []}
    card |= {"stated": list(task.said.stated)}
    with seeded(generator):
        network = built(card)
    network = network.to(device)
    if isinstance(network, ShiftUNet):
        network.measure(task.pictures.float().to(device))
        if network.text_features is not None:
            _read(network.text_features, task.reader)
    card |= start_from(network, begun)
    chosen, first = settings(card), generator.initial_seed()
    callbacks = replace(callbacks, preview=partial(previews.drawn, task))
    feed = Feed(task.ahead, chosen, first, callbacks.resume, callbacks.workers)
    try:
        done = train(network, lambda _: task.ready(feed()), task.loss, chosen, generator, callbacks)
    finally:
        feed.close()
    return Weights(done.state, card | {"losses": done.loss_curve()})


def built(card: Mapping[str, Any]) -> ShiftUNet | DiffusionUNet:
    """Return the untrained denoising network of a card; on the `meta` device nothing is computed.

    Raises:
        ValueError: There is no such design.
    """
    size, schedule = card["size"], schedule_of(card)
    concat = 2 * len(card["classes"])
    if size["design"] == "shift":
        known = card["text_width"], card["read"]
        return ShiftUNet(size, schedule, card["channels"], concat, known, card["space"])
    if size["design"] != "diffusion":
        raise ValueError(f"no design {size['design']!r}: choose from shift, diffusion")
    wiring = card["channels"], concat, card["text_width"]
    return DiffusionUNet(size, schedule, PREDICTS[card["objective"]], *wiring)


def schedule_of(card: Mapping[str, Any]) -> Schedule:
    """Return how noisy latents of a network are at a time."""
    return objective(card).schedule


def rebuilt(weights: Weights, device: str | torch.device = "cpu") -> nn.Module:
    """Return the network of weights that `denoiser` made, ready to draw."""
    network = built(weights.card)
    network.load_state_dict(dict(weights.state))
    return network.to(device).eval().requires_grad_(False)


def _read(layer: TextFeatures, reader: Mapping[str, Any]) -> None:
    """Give a layer the text encoder's reader, where it has one."""
    for buffer, part in ((layer.reader, "weight"), (layer.bias, "bias")):
        if part in reader:
            buffer.copy_(torch.tensor(reader[part]).reshape(buffer.shape))


give_reader = _read  # for others: a change of the name above would train every network again
