"""Networks that a recipe may have beside the one that draws latents, or in its place.

* `controlnet`: that one as it is, with a copy of its encoder that sees organs and findings.
* `preconditioned`: taught as EDM is, with a log-variance that is learned beside it.
* `averaged`: the same with weights averaged over a width that is chosen afterwards.

`data` is `training.loop.TrainingData` throughout. Training and the task itself are those of every
other network; what is said of each argument there holds here.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from radfoundry.diffusion.objectives import OBJECTIVES, Objective, logit_normal
from radfoundry.diffusion.preconditioning import LogVariance, uncertain, weight
from radfoundry.generators._latent.training import settings
from radfoundry.generators._radiographs import fitting, previews, training
from radfoundry.generators._radiographs.latents import blocked
from radfoundry.generators._radiographs.task import LatentTask, Task
from radfoundry.networks.controlnet import (
    PREFIX,
    ControlledDiffusionUNet,
    ControlledShiftUNet,
    learned,
)
from radfoundry.networks.layers import seeded
from radfoundry.networks.power_averages import PowerAverages, combined, filled
from radfoundry.networks.preconditioned_unet import PreconditionedUNet
from radfoundry.networks.shift_unet.unet import ShiftUNet
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, Trained, train
from radfoundry.training.start import start_from
from radfoundry.weights import Weights, WeightsError

if TYPE_CHECKING:
    from radfoundry.training.loop import TrainingData

KEPT = "kept."  # begins the names of averages among a network's tensors
# What a copy has of its base's card: it draws the same latents from the same words.
INHERITED = (
    "size", "objective", "text", "text_width", "read", "blocks", "logit_mean", "log_snr_range",
    "channels", "space", "wording", "stated",
)  # fmt: skip


class UncertainTask(LatentTask):
    """Batches of latents, whose loss is EDM's with the learned log-variance of a `Learner`."""

    def loss(
        self, network: nn.Module, batch: tuple[Tensor, dict], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the weighted error over e^u, and u; the network's averages are followed first."""
        learner: Any = network
        learner.follow()
        times = objective(self.options).draw(len(batch[0]), generator).to(self._device(network))
        own = copy(self)
        own.objective = uncertain(objective(self.options), learner.doubt, times)
        found = super(UncertainTask, own).loss(network, batch, generator)
        return found | {"log_variance": learner.doubt(times).mean()}

    @staticmethod
    def _device(network: nn.Module) -> torch.device:
        return next(network.parameters()).device


class Learner(nn.Module):
    """A network in training, and what is learned of how uncertain each noise level is."""

    def __init__(self, network: nn.Module, doubt: LogVariance, card: Mapping[str, Any]) -> None:
        super().__init__()
        self.doubt, self.network = doubt, network
        if card["traces"]:
            total = int(card["steps"]) * int(card.get("accumulate", 1))
            self.network = PowerAverages(network, card["traces"], total)

    def forward(self, *given: Any, **more: Any) -> Any:
        """Return what the network estimates."""
        return self.network(*given, **more)

    def follow(self) -> None:
        """Take the network's weights into its averages, if any are kept."""
        if isinstance(self.network, PowerAverages):
            self.network.follow()

    def own(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the network's tensors of a state of this, and the averages that are kept."""
        averages = isinstance(self.network, PowerAverages)
        begins = "network.network." if averages else "network."
        own = {n.removeprefix(begins): v for n, v in state.items() if n.startswith(begins)}
        if not isinstance(self.network, PowerAverages):
            return own
        return own | {f"{KEPT}{name}": value for name, value in self.network.kept().items()}


def objective(options: Mapping[str, Any]) -> Objective:
    """Return EDM's objective in the flow's terms: t = s / (1 + s), and ln s is normal."""
    flow = OBJECTIVES["flow"]
    draw = partial(logit_normal, logit_mean=options["logit_mean"])
    return replace(flow, draw=draw, weight=partial(weight, flow.schedule))


def preconditioned(
    data: "TrainingData",
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
) -> Weights:
    """Return the trained network with a card that `rebuilt` can make it from.

    Args:
        data: Cases; the networks `text` and `autoencoder`, and its own where it goes on from one.
        card: See `variant_options.of_edm`.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
    """
    card, encoder = fitting.told(card, data, ("text", "autoencoder"))
    coder = blocked(data.networks["autoencoder"], card, device)
    task = UncertainTask(data.cases, card, coder, encoder, device)
    card = _shaped(card, task)
    with seeded(generator):
        network, doubt = built(card).to(device), LogVariance(training.schedule_of(card)).to(device)
    if isinstance(network, ShiftUNet):
        network.measure(task.pictures.float().to(device))
        if network.text_features is not None:
            training.give_reader(network.text_features, task.reader)
    card |= start_from(network, data.networks.get(card["network"]))
    learner = Learner(network, doubt, card)
    done = _trained(learner, task, card, generator, callbacks)
    learner.follow()  # what the last step learned
    return Weights(learner.own(done.state), card | {"losses": done.loss_curve()})


def averaged(edm: Weights, width: float) -> Weights:
    """Return a network of `preconditioned` with its weights averaged over a relative width.

    Args:
        edm: With averages that were kept along its training.
        width: Standard deviation of the average's times, in units of the training's length.

    Raises:
        ValueError: No averages were kept; no average is as wide.
    """
    if f"{KEPT}averages" not in edm.state:
        raise ValueError("averaged: edm kept no averages; state train: edm: {traces: [0.05, 0.1]}")
    network = rebuilt(edm)
    kept = edm.state[f"{KEPT}averages"], edm.state[f"{KEPT}points"]
    state = filled(network, combined(*kept, width)).state_dict()
    return Weights(state, {**edm.card, "network": "averaged", "width": width, "traces": []})


def built(card: Mapping[str, Any]) -> nn.Module:
    """Return the untrained network of a card of `preconditioned`."""
    if card["size"]["design"] == "shift":
        return training.built(card)
    wiring = card["channels"], 2 * len(card["classes"]), card["text_width"]
    return PreconditionedUNet(card["size"], training.schedule_of(card), *wiring)


def rebuilt(weights: Weights, device: str | torch.device = "cpu") -> nn.Module:
    """Return the network of weights of `preconditioned` or `averaged`, ready to draw."""
    network = built(weights.card)
    network.load_state_dict({n: v for n, v in weights.state.items() if not n.startswith(KEPT)})
    return network.to(device).eval().requires_grad_(False)


def controlnet(
    data: "TrainingData",
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    callbacks: Callbacks,
) -> Weights:
    """Return the copy, trained beside a base that stays as it is; `controlled` joins the two.

    Args:
        data: Cases; the networks `text`, `autoencoder` and `diffusion`, which is the base, and its
            own where it goes on from one.
        card: See `variant_options.of_controlnet`.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: A network is missing; the base sees maps itself.
    """
    base = data.networks.get("diffusion")
    if base is None:
        raise ValueError("controlnet needs the weights of diffusion, whose encoder it copies")
    if base.card["maps"]:
        raise ValueError("controlnet: its base is shown the maps itself; allowed: concat: false")
    card = {**card, **{key: base.card[key] for key in INHERITED}}
    _, encoder = fitting.told(card, data, ("text", "autoencoder"))
    coder = blocked(data.networks["autoencoder"], card, device)
    task = LatentTask(data.cases, card, coder, encoder, device)
    card |= {"classes": list(task.shown.classes) if task.shown is not None else []}
    with seeded(generator):
        network = _beside(card, base)
    card |= start_from(network, data.networks.get(card["network"]))
    done = _trained(network.to(device), task, card, generator, callbacks)
    state = {name: value for name, value in done.state.items() if name.startswith(PREFIX)}
    return Weights(state, card | {"losses": done.loss_curve()})


def controlled(base: Weights, copied: Weights, device: str | torch.device = "cpu") -> nn.Module:
    """Return a base with the copy that `controlnet` trained beside it, ready to draw.

    Raises:
        WeightsError: The copy is of a base of other sizes.
    """
    network = _beside(copied.card, base)
    if learned(network).keys() != copied.state.keys():
        raise WeightsError("controlnet: its tensors are not those of a copy of this base")
    network.load_state_dict(dict(copied.state), strict=False)
    return network.to(device).eval().requires_grad_(False)


def _beside(
    card: Mapping[str, Any], base: Weights
) -> ControlledShiftUNet | ControlledDiffusionUNet:
    """Return a base with an untrained copy of its encoder."""
    size, schedule, shown = card["size"], training.schedule_of(card), 2 * len(card["classes"])
    network: ControlledShiftUNet | ControlledDiffusionUNet
    if size["design"] == "shift":
        known = (card["text_width"], card["read"]), card["space"]
        network = ControlledShiftUNet(size, schedule, card["channels"], shown, *known)
    else:
        predicts = training.PREDICTS[card["objective"]]
        wiring = card["channels"], shown, card["text_width"]
        network = ControlledDiffusionUNet(size, schedule, predicts, *wiring)
    own = {**learned(network), **base.state}
    network.load_state_dict(own)
    network.copy()
    return network


def _shaped(card: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """Return a card with what a network is built by, as `training.denoiser` has it."""
    classes = list(task.shown.classes) if task.shown is not None else []
    drawn = {"channels": task.pictures.shape[1], "space": [*task.pictures.shape[2:]]}
    return {**card, **drawn, "classes": classes, "stated": list(task.said.stated)}


def _trained(
    network: nn.Module,
    task: Task,
    card: Mapping[str, Any],
    generator: torch.Generator,
    callbacks: Callbacks,
) -> Trained:
    """Return what a network learns of a task; as in `training.denoiser`, whose code is watched."""
    chosen, first = settings(card), generator.initial_seed()
    callbacks = replace(callbacks, preview=partial(previews.drawn, task))
    feed = Feed(task.ahead, chosen, first, callbacks.resume, callbacks.workers)
    try:
        return train(network, lambda _: task.ready(feed()), task.loss, chosen, generator, callbacks)
    finally:
        feed.close()
