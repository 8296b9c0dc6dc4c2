"""Train MedSyn's three networks, and make them again from their weights; see `batches`."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.data import channels
from radfoundry.generators._latent import training as shared
from radfoundry.generators.medsyn import batches, previews
from radfoundry.generators.medsyn.batches import LowResolutionTask, SuperResolutionTask
from radfoundry.generators.medsyn.options import TABLES, tones
from radfoundry.networks import build
from radfoundry.networks.autoencoder.latents import Latents
from radfoundry.networks.blocks import GeometryEmbedding
from radfoundry.networks.shift_unet.text_features import TextFeatures
from radfoundry.networks.shift_unet.unet import ShiftUNet
from radfoundry.networks.super_resolution import SuperResolution
from radfoundry.networks.wavelet_unet.gaussian_prior import GaussianPrior
from radfoundry.networks.wavelet_unet.unet import WaveletUNet
from radfoundry.text.encoder import finding_task, local_model, model, pretraining
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.training.start import start_from
from radfoundry.weights import Weights, WeightsError

MOST = 512  # pictures whose mean and components are taken
CROPS = 64  # from which a coarse voxel's neighborhood is learned


def settings(options: Mapping[str, Any], base: Settings | None = None) -> Settings:
    """Return the loop's settings among a network's options; others are left out."""
    known = {field.name for field in fields(Settings)}
    chosen: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in options.items() if name in known
    }
    return Settings(**chosen) if base is None else replace(base, **chosen)


def text(
    reports: Sequence[str],
    start: Weights | None,
    options: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
) -> Weights:
    """Return the text encoder, trained on the distinct reports; untrained without any, or steps.

    Args:
        reports: Of the training cases and without images; empty ones are left out.
        start: Weights to go on from, or None for an encoder drawn anew.
        options: `size`, a name of `model.SIZES`; `folder` of a local BERT to go on from, such as
            CXR-BERT; and what `Settings` has.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks.
    """
    texts = list(dict.fromkeys(report for report in reports if report.strip()))
    if options.get("folder"):
        start = local_model.adopted(options["folder"], generator)
    if options.get("steps") == 0 or not texts:
        return start or model.untrained(texts, options["size"], generator)
    chosen = settings(options, pretraining.SETTINGS[options["size"]])
    train_text = finding_task.fit if options["reading"] else pretraining.fit
    return train_text(texts, start or options["size"], chosen, generator, device, callbacks)


def counted(words: Weights, reports: Sequence[str]) -> Weights:
    """Return a text encoder whose card tells the reports without images that it learned from.

    Args:
        words: As `text` returns them.
        reports: Texts without images; where there are none the card is left as it is.
    """
    if not reports:
        return words
    joined = "\0".join(sorted(set(reports))).encode()
    told = {"count": len(set(reports)), "sha256": hashlib.sha256(joined).hexdigest()}
    return Weights(words.state, {**words.card, "reports_without_images": told})


def denoiser(
    task: LowResolutionTask | SuperResolutionTask,
    card: dict[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
    begun: Weights | None = None,
) -> Weights:
    """Return a trained denoising network with a card that `rebuilt` can make it from.

    Args:
        task: Draws batches and says what the loss is.
        card: The network's options, with `network` ("low_resolution" or "super_resolution"),
            `channels` and `text_width`.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
        begun: Weights to go on from, or None for a network drawn anew.
    """
    card = {**card, "size": build.named(TABLES[card["network"]], card["size"])}
    if isinstance(task, LowResolutionTask):
        card["space"] = list(task.pictures.shape[2:])
    start = build.initial(generator, card["size"], card["objective"], **wiring(card))
    network: nn.Module = start.to(device)
    if isinstance(task, SuperResolutionTask):
        network = super_resolution(network, card).to(device)
    _measure(network, task, device)
    card |= start_from(network, begun)
    _read_words(network, task)  # as this text encoder has it, not as that of the start
    callbacks = replace(callbacks, preview=partial(previewed(task), task))
    ready: Callable = task.ready
    chosen, first = settings(card), generator.initial_seed()
    feed = Feed(task.ahead, chosen, first, callbacks.resume, callbacks.workers)
    try:
        done = train(network, lambda _: ready(feed()), task.loss, chosen, generator, callbacks)
    finally:
        feed.close()
    state = stored(done.state, network, card["weights_dtype"])
    return Weights(state, card | {"losses": done.loss_curve()})


def stored(state: Mapping[str, Tensor], network: nn.Module, weights: str) -> dict[str, Tensor]:
    """Return a state whose learned numbers have 32 or 16 bits; what was measured keeps its own.

    Args:
        state: Tensors by name.
        network: Whose parameters are learned.
        weights: "float32" or "float16", which moves a number by at most 1/2048 of itself.
    """
    learned = {name for name, _ in network.named_parameters()}
    chosen = getattr(torch, weights)
    return {name: part.to(chosen) if name in learned else part for name, part in state.items()}


def previewed(task: LowResolutionTask | SuperResolutionTask) -> Callable[..., np.ndarray]:
    """Return what draws a network's preview from its task and itself."""
    low = isinstance(task, LowResolutionTask)
    return previews.low_resolution if low else previews.super_resolution


def rebuilt(weights: Weights, device: str | torch.device) -> nn.Module:
    """Return the network of weights that `denoiser` made, ready to draw.

    Raises:
        WeightsError: It was trained on another tone curve, so its images would be read back wrong.
    """
    card = weights.card
    _check_tones(card)
    network: nn.Module = build.build(card["size"], card["objective"], **wiring(card))
    if card["network"] == "super_resolution":
        network = super_resolution(network, card)
    network.load_state_dict(dict(weights.state))
    return network.to(device).eval()


def rebuilt_autoencoder(weights: Weights, device: str | torch.device) -> Latents:
    """Return the autoencoder of weights, ready to encode and to decode.

    Raises:
        WeightsError: As for `rebuilt`.
    """
    _check_tones(weights.card)
    return shared.rebuilt(weights, device)


def _check_tones(card: Mapping[str, Any]) -> None:
    known = [tones(name) for name in channels.CURVES]
    if (curve := card.get("tones", "that its card does not tell")) not in known:
        message = f"{card['network']} was trained on a tone curve {curve}"
        raise WeightsError(f"{message}, but images are read back by {known}: train it again")


def wiring(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return channels, channels beside them, text's width, grid, geometry of a network."""
    low = card["network"] == "low_resolution"
    shown = 2 * (card["channels"] > 1 and card["given"] > 0) if low else 1
    drawn = card.get("latent_channels", card["channels"])
    space = {"space": tuple(card.get("space", ())), "read": card.get("read", 0)} if low else {}
    given = {"channels": drawn, "concat": drawn * shown, "text_width": card["text_width"]}
    return given | space | {"geometry": bool(card.get("geometry"))}


def super_resolution(network: nn.Module, card: Mapping[str, Any]) -> SuperResolution:
    """Return a super-resolution network with what it starts from."""
    return SuperResolution(network, card["channels"], card["factor"], card["residual_scale"])


def _measure(
    network: nn.Module, task: LowResolutionTask | SuperResolutionTask, device: str | torch.device
) -> None:
    """Let a network take from clean pictures and their texts what it computes, not learns."""
    for layer in network.modules():
        if isinstance(layer, GeometryEmbedding):
            layer.measure(task.geometry.to(device))
    if isinstance(network, SuperResolution) and isinstance(task, SuperResolutionTask):
        chosen = torch.Generator().manual_seed(0)
        turns = range(-(-CROPS // task.options["batch"]))
        drawn = torch.cat([task.ahead.drawn(chosen)[0] for _ in turns])
        # As noisy as what it will be drawn from, not as the training's: noise makes it cautious.
        low = task.ahead.blurred(drawn, task.options["conditioning_noise"], chosen)
        fine, low = (batches.laid(part, task.options).to(device) for part in (drawn, low))
        network.measure(fine, low)
        if isinstance(network.network, WaveletUNet):
            network.network.measure(network.beyond(fine, network.expected(low)))
    elif isinstance(network, ShiftUNet) and isinstance(task, LowResolutionTask):
        network.measure(task.pictures[:MOST].float().to(device))
    elif isinstance(network, WaveletUNet) and isinstance(task, LowResolutionTask):
        _read_words(network, task)
        pictures, reports = task.pictures[:MOST].float(), task.reports[:MOST]
        tokens = () if task.encode is None else task.encode(reports)
        network.measure(*(part.to(device) for part in (pictures, *tokens)))


def _read_words(network: nn.Module, task: LowResolutionTask | SuperResolutionTask) -> None:
    """Give the layer that reads texts the text encoder's reader, where there are both."""
    layer = getattr(network, "gaussian_prior", None) or getattr(network, "text_features", None)
    if isinstance(layer, TextFeatures | GaussianPrior) and isinstance(task, LowResolutionTask):
        _read(layer, task.reader)


def _read(layer: TextFeatures | GaussianPrior, reader: Mapping[str, Any]) -> None:
    for buffer, part in ((layer.reader, "weight"), (layer.bias, "bias")):
        if part in reader:
            buffer.copy_(torch.tensor(reader[part]).reshape(buffer.shape))
