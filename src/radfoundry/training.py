"""The one training loop: every network of every recipe and task is fitted here.

A caller states what a batch is and what the loss is; the loop knows neither. It draws all chance
from one generator, refuses to go on with losses that are not finite, and can stop and resume at
any step with the same result. It opens no files: a checkpoint is a value handed to a callback.
"""

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from radfoundry.networks import reseed

Draw = Callable[[torch.Generator], Any]
Loss = Callable[[Any, Any, torch.Generator], Mapping[str, Tensor]]

SCHEDULES = ("constant", "cosine", "steps")
PRECISIONS = ("float32", "bfloat16")


class TrainingError(RuntimeError):
    """Training cannot go on; `code` says why, for tables and logs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Stopped(TrainingError):  # noqa: N818 - nothing went wrong
    """Training was asked to stop, and handed over a checkpoint first."""


@dataclass(frozen=True)
class Settings:
    """How a network is fitted.

    Attributes:
        steps: Optimizer steps.
        learning_rate: The highest; AdamW.
        weight_decay: AdamW's.
        warmup: Steps over which the learning rate rises from 0.
        schedule: "constant", "cosine" (to 0) or "steps" (times 0.1 at each of `milestones`).
        milestones: Steps at which the "steps" schedule falls.
        clip: Largest norm of the gradient; longer ones are shortened.
        ema: Decay of the moving average of the weights; 0 keeps the last weights instead.
        precision: "float32", or "bfloat16" for automatic mixed precision.
        skips: How many steps may be left out because their loss or gradient is not finite.
    """

    steps: int
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    warmup: int = 0
    schedule: str = "constant"
    milestones: tuple[int, ...] = ()
    clip: float = 1.0
    ema: float = 0.999
    precision: str = "float32"
    skips: int = 5

    def __post_init__(self) -> None:
        for name, allowed in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                told = f"{name} {getattr(self, name)!r}"
                raise ValueError(f"{told} is none of {', '.join(allowed)}")


@dataclass(frozen=True)
class Hooks:
    """What a caller may want to hear of, or say, while training runs.

    Attributes:
        progress: Called after each step with steps done, steps in all, and the loss's terms.
        checkpoint: Called with a state that `resume` takes, every `every` steps and when stopped.
        every: Steps between checkpoints; 0 for none but when stopped.
        stop: Asked after each step; once it says yes, `Stopped` is raised after a checkpoint.
        resume: A state that `checkpoint` was given, to go on from.
    """

    progress: Callable[[int, int, Mapping[str, float]], None] | None = None
    checkpoint: Callable[[dict], None] | None = None
    every: int = 0
    stop: Callable[[], bool] | None = None
    resume: Mapping | None = None


@dataclass(frozen=True)
class Trained:
    """What training leaves: weights (the moving average, on the CPU) and the terms per step."""

    state: dict[str, Tensor]
    history: dict[str, list[float]] = field(default_factory=dict)


def train(
    network: nn.Module,
    draw: Draw,
    loss: Loss,
    settings: Settings,
    generator: torch.Generator,
    hooks: Hooks = Hooks(),  # noqa: B008 - frozen and empty
) -> Trained:
    """Fit a network in place and return the average of its weights, and the course of the loss.

    Args:
        network: On the device where it is to be trained.
        draw: Makes the next batch from the generator.
        loss: Takes the network, a batch and the generator; its named terms are added up.
        settings: Steps, optimizer, precision.
        generator: The source of all chance: equal generators give equal weights.
        hooks: Callbacks; a state to resume from.

    Raises:
        TrainingError: With code "train.nonfinite" after more than `settings.skips` steps whose
            loss or gradient was not finite, or "train.mismatch" if the state to resume from was
            made with other settings.
        Stopped: With code "train.stopped", when `hooks.stop` asked for it.
    """
    course = _Course(network, settings, generator)
    if hooks.resume is not None:
        course.load(hooks.resume)
    with torch.random.fork_rng():
        while course.step < settings.steps:
            course.report(course.advance(draw, loss), hooks)
    return Trained(course.averaged(), course.history)


def learning_rate(step: int, settings: Settings) -> float:
    """Return the learning rate of a step, counted from 0.

    >>> [learning_rate(s, Settings(steps=8, learning_rate=1, warmup=2)) for s in (0, 1, 7)]
    [0.5, 1.0, 1.0]
    """
    rate = settings.learning_rate * min(1.0, (step + 1) / max(1, settings.warmup))
    if settings.schedule == "steps":
        return rate * 0.1 ** sum(step >= milestone for milestone in settings.milestones)
    if settings.schedule == "cosine":
        done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
        return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, done))))
    return rate


class _Course:
    """Everything that changes from step to step, so that it can be saved and put back."""

    def __init__(self, network: nn.Module, settings: Settings, generator: torch.Generator) -> None:
        self.network, self.settings, self.generator = network, settings, generator
        self.device = next(network.parameters()).device
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.average = AveragedModel(network, multi_avg_fn=self._blend) if settings.ema else None
        self.step = self.skipped = 0
        self.history: dict[str, list[float]] = {}

    def _blend(self, averages: Any, weights: Any, seen: Tensor | int) -> None:
        # A short memory at first, or a run of a few hundred steps would average in its start.
        decay = min(self.settings.ema, (1 + int(seen)) / (10 + int(seen)))
        torch._foreach_lerp_(averages, weights, 1 - decay)

    def advance(self, draw: Draw, loss: Loss) -> dict[str, float]:
        self.network.train()
        reseed(self.generator)  # for dropout, which takes no generator
        half = self.settings.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            terms = dict(loss(self.network, draw(self.generator), self.generator))
        total = torch.stack([term.float() for term in terms.values()]).sum()
        values = {name: float(term.detach()) for name, term in terms.items()}
        self.optimizer.zero_grad(set_to_none=True)
        if not self._follow(total):
            self._skip(values)
        self.step += 1
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        return values

    def _follow(self, total: Tensor) -> bool:
        """Take the optimizer's step; say no and take none if anything is not finite."""
        if not torch.isfinite(total):
            return False
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        if not torch.isfinite(norm):
            return False
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.settings)
        self.optimizer.step()
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

    def report(self, terms: dict[str, float], hooks: Hooks) -> None:
        if hooks.progress is not None:
            hooks.progress(self.step, self.settings.steps, terms)
        stopping = hooks.stop is not None and hooks.stop()
        due = hooks.every > 0 and self.step % hooks.every == 0
        if hooks.checkpoint is not None and (stopping or due):
            hooks.checkpoint(self.state())
        if stopping:
            raise Stopped("train.stopped", f"asked to stop after step {self.step}")

    def averaged(self) -> dict[str, Tensor]:
        chosen = self.network if self.average is None else self.average.module
        return {k: v.detach().cpu().clone() for k, v in chosen.state_dict().items()}

    def state(self) -> dict:
        return {
            "settings": asdict(self.settings),
            "step": self.step,
            "skipped": self.skipped,
            "history": {name: list(values) for name, values in self.history.items()},
            "generator": self.generator.get_state(),
            "network": deepcopy(self.network.state_dict()),
            "optimizer": deepcopy(self.optimizer.state_dict()),
            "average": None if self.average is None else deepcopy(self.average.state_dict()),
        }

    def load(self, state: Mapping) -> None:
        mine = asdict(self.settings)
        differs = [k for k in mine if mine[k] != state["settings"].get(k)]
        if differs:
            told = ", ".join(f"{k} {state['settings'].get(k)!r} -> {mine[k]!r}" for k in differs)
            raise TrainingError("train.mismatch", f"the checkpoint has other settings: {told}")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(deepcopy(state["optimizer"]))
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.generator.set_state(state["generator"])
        self.step, self.skipped = state["step"], state["skipped"]
        self.history = {name: list(values) for name, values in state["history"].items()}
