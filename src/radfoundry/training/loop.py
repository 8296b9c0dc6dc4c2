"""The one training loop: every network of every recipe and task is fitted here.

A caller states what a batch is and what the loss is; the loop knows neither. It draws all chance
from one generator, refuses to go on with losses that are not finite, and can stop and resume at
any step with the same result. It opens no files: a checkpoint is a value handed to a callback.

Inside a process group (torch.distributed) the processes train one network together. Each batch of
a step has a stream of chance of its own, so that two processes do in a step what one does with
twice the `accumulate`, and a training may be resumed by another number of processes.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from radfoundry.networks.layers import reseed
from radfoundry.training import acceleration, processes
from radfoundry.training.callbacks import CallbackRunner
from radfoundry.training.settings import (
    Callbacks,
    Draw,
    Loss,
    Settings,
    Stopped,
    TrainingData,
    TrainingError,
    learning_rate,
)

__all__ = [
    "Draw",
    "Callbacks",
    "Loss",
    "TrainingData",
    "Settings",
    "Stopped",
    "Trained",
    "TrainingError",
]
__all__ += ["learning_rate", "train"]

INTERCHANGEABLE = ("gradient_checkpointing", "compile")  # a state goes on with either


@dataclass(frozen=True)
class Trained:
    """What training leaves: weights (the moving average, on the CPU) and the terms per step."""

    state: dict[str, Tensor]
    history: dict[str, list[float]] = field(default_factory=dict)

    def loss_curve(self, points: int = 50) -> dict[str, list[float]]:
        """Return at most `points` means of each term along the training, for the card."""
        parts = {n: np.array_split(v, min(points, len(v))) for n, v in self.history.items() if v}
        return {n: [round(float(np.mean(part)), 5) for part in p] for n, p in parts.items()}


def train(
    network: nn.Module,
    draw: Draw,
    loss: Loss,
    settings: Settings,
    generator: torch.Generator,
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Trained:
    """Fit a network in place and return the average of its weights, and the loss along the way.

    Args:
        network: On the device where it is to be trained.
        draw: Makes the next batch from the generator.
        loss: Takes the network, a batch and the generator; its named terms, the same ones at
            every step, are added up.
        settings: Steps, optimizer, precision.
        generator: The source of all chance: equal generators give equal weights. Processes that
            train together are given equal ones, and draw different batches from them.
        callbacks: Callbacks; a state to resume from.

    Raises:
        TrainingError: With code "train.nonfinite" after more than `settings.skips` steps whose
            loss or gradient was not finite, or "train.mismatch" if the state to resume from was
            made with other settings or by a number of processes that cannot be divided by ours;
            see also `acceleration.prepare`.
        Stopped: With code "train.stopped", when `callbacks.stop` asked for it.
    """
    state = TrainingState(network, settings, generator)
    if callbacks.resume is not None:
        state.load(callbacks.resume)
    runner = CallbackRunner(state, callbacks)
    gpus = range(torch.cuda.device_count()) if state.device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        while state.step < settings.steps:
            runner.report(state.advance(draw, loss))
    return Trained(state.averaged(), state.history)


class TrainingState:
    """Everything that changes from step to step, so that it can be saved and put back."""

    def __init__(self, network: nn.Module, settings: Settings, generator: torch.Generator) -> None:
        self.network, self.settings = network, settings
        self.device = next(network.parameters()).device
        acceleration.prepare(network, settings, self.device)
        self.scaler = acceleration.loss_scaler(self.device, settings.precision)
        self.shared = processes.shared(network)
        self.generators = _streams(generator, settings.accumulate)
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            betas=settings.betas,
            fused=True,
        )
        averages = settings.ema > 0 and processes.rank() == 0
        self.average = AveragedModel(network, multi_avg_fn=self._blend) if averages else None
        self.step = self.skipped = 0
        self.history: dict[str, list[float]] = {}

    def _blend(self, averages: Any, weights: Any, seen: Tensor | int) -> None:
        # A short memory at first, or a run of a few hundred steps would average in its start.
        decay = min(self.settings.ema, (1 + int(seen)) / (10 + int(seen)))
        torch._foreach_lerp_(averages, weights, 1 - decay)

    def advance(self, draw: Draw, loss: Loss) -> dict[str, float]:
        self.shared.train()
        self.optimizer.zero_grad(set_to_none=True)
        terms = [self._backward(place, draw, loss) for place in range(len(self.generators))]
        means = processes.mean(torch.stack([torch.stack(list(t.values())) for t in terms]).mean(0))
        values = dict(zip(terms[0], means.tolist(), strict=True))
        if not (torch.isfinite(means).all() and self._follow()):
            self._skip(values)
        self.step += 1
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        return values

    def _backward(self, place: int, draw: Draw, loss: Loss) -> dict[str, Tensor]:
        """Add the gradient of one batch of the step; return the terms of its loss."""
        generator = self.generators[place]
        reseed(generator)  # for dropout, which takes no generator
        with processes.unsent(self.shared, place == len(self.generators) - 1):
            with acceleration.mixed(self.device, self.settings.precision):
                terms = self.shared(lambda network: loss(network, draw(generator), generator))
            total = torch.stack([term.float() for term in terms.values()]).sum()
            self.scaler.scale(total / len(self.generators)).backward()
        return {name: term.detach().float() for name, term in terms.items()}

    def _follow(self) -> bool:
        """Take the optimizer's step, or none if the gradient is not finite.

        Say no in that case, unless the scale of the loss was too high and has been lowered: at a
        scale of 1 the gradient is what it is.
        """
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        if not torch.isfinite(norm):
            before = self.scaler.get_scale()
            self.scaler.update()
            return 1 <= self.scaler.get_scale() < before
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.settings)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return True

    def _skip(self, values: dict[str, float]) -> None:
        self.skipped += 1
        if self.skipped > self.settings.skips:
            raise TrainingError(
                "train.nonfinite",
                f"step {self.step} of {self.settings.steps} is the {self.skipped}th whose loss or "
                f"gradient is not finite ({self.settings.skips} allowed): {values}",
            )

    def chosen(self) -> nn.Module:
        return self.network if self.average is None else self.average.module

    def averaged(self) -> dict[str, Tensor]:
        plain = torch.contiguous_format  # as messages must be
        found = self.chosen().state_dict().items()
        state = {name: tensor.detach().clone(memory_format=plain) for name, tensor in found}
        processes.overwrite(state.values())
        return {name: tensor.cpu() for name, tensor in state.items()}

    def state(self) -> dict:
        """Return all of it, on the CPU; every process must ask, and the first gets it."""
        streams = processes.gathered([generator.get_state() for generator in self.generators])
        if processes.rank() > 0:
            return {}
        return {
            "settings": asdict(self.settings),
            "step": self.step,
            "skipped": self.skipped,
            "history": {name: list(values) for name, values in self.history.items()},
            "generators": streams,
            "network": _held(self.network.state_dict()),
            "optimizer": _held(self.optimizer.state_dict()),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else _held(self.average.state_dict()),
        }

    def load(self, state: Mapping) -> None:
        _refuse_other(state, self.settings)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(deepcopy(state["optimizer"]))
        self.scaler.load_state_dict(dict(state.get("scaler", {})))  # older states have none
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        here = len(state["generators"]) // processes.size()
        mine = state["generators"][processes.rank() * here :][:here]
        device = self.generators[0].device
        self.generators += [torch.Generator(device) for _ in mine[len(self.generators) :]]
        del self.generators[here:]
        for generator, kept in zip(self.generators, mine, strict=True):
            generator.set_state(kept)
        self.step, self.skipped = state["step"], state["skipped"]
        self.history = {name: list(values) for name, values in state["history"].items()}


def _streams(generator: torch.Generator, count: int) -> list[torch.Generator]:
    """Return this process's streams of chance, one per batch; the very first is the given one."""
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    seeds = torch.randint(2**62, (count * processes.size(),), generator=copy, device=copy.device)
    places = range(processes.rank() * count, (processes.rank() + 1) * count)
    made = [torch.Generator(generator.device).manual_seed(int(seeds[place])) for place in places]
    return [generator, *made[1:]] if processes.rank() == 0 else made


def _refuse_other(state: Mapping, settings: Settings) -> None:
    """Raise if a state was made with other settings, or cannot be shared out among us."""
    mine = {key: value for key, value in asdict(settings).items() if key not in INTERCHANGEABLE}
    differs = [k for k in mine if mine[k] != state["settings"].get(k)]
    if differs:
        changes = ", ".join(f"{k} {state['settings'].get(k)!r} -> {mine[k]!r}" for k in differs)
        raise TrainingError("train.mismatch", f"the checkpoint has other settings: {changes}")
    batches, count = len(state["generators"]), processes.size()
    if batches % count:
        message = f"{batches} batches per step cannot be shared by {count} processes"
        raise TrainingError("train.mismatch", f"the checkpoint's {message}")


def _held(tree: Any) -> Any:
    """Return a copy on the CPU: on a GPU a second copy of a large network may not fit."""
    if isinstance(tree, Tensor):
        return tree.detach().to("cpu", copy=True)
    if isinstance(tree, Mapping):
        return {key: _held(value) for key, value in tree.items()}
    return [_held(value) for value in tree] if isinstance(tree, list) else tree
