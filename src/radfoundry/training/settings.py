"""What a caller gives the training loop, and what it calls while it runs."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.case import Case
from radfoundry.weights import Weights

Draw = Callable[[torch.Generator], Any]
Loss = Callable[[Any, Any, torch.Generator], Mapping[str, Tensor]]

SCHEDULES = ("constant", "cosine", "steps")
PRECISIONS = ("float32", "bfloat16", "float16")
CHOICES = {
    "schedule": SCHEDULES,
    "precision": PRECISIONS,
    "gradient_checkpointing": (None, True, False),
    "compile": (True, False),
}


class TrainingError(RuntimeError):
    """Training cannot go on; `code` says why, for tables and logs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Stopped(TrainingError):  # noqa: N818 - nothing went wrong
    """Training was asked to stop, and handed over a checkpoint first."""


@dataclass(frozen=True)
class Settings:
    """How a network is fitted.

    Attributes:
        steps: Optimizer steps.
        learning_rate: The highest; AdamW.
        weight_decay: AdamW's.
        betas: AdamW's memory of the gradient and of its square.
        warmup: Steps over which the learning rate rises from 0.
        schedule: "constant", "cosine" (to 0) or "steps" (times 0.1 at each of `milestones`).
        milestones: Steps at which the "steps" schedule falls.
        clip: Largest norm of the gradient; longer ones are shortened.
        ema: Decay of the moving average of the weights; 0 keeps the last weights instead.
        precision: "float32", or "bfloat16" or "float16" for automatic mixed precision; with
            "float16" the loss is scaled, see `acceleration.loss_scaler`.
        skips: How many steps may be left out because their loss or gradient is not finite. Those
            by which the scale of the loss finds its value are not counted.
        accumulate: Batches per optimizer step on each GPU; for a loss that is a mean over equal
            batches, the step is that of one batch so many times as big.
        gradient_checkpointing: Whether layers are computed again in the backward pass, which saves
            memory and costs time; None leaves it as the network was made.
        compile: Whether the network goes through `torch.compile`.
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
    accumulate: int = 1
    betas: tuple[float, float] = (0.9, 0.999)
    gradient_checkpointing: bool | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                value = getattr(self, name)
                raise ValueError(f"{name} {value!r} is none of {', '.join(map(str, allowed))}")
        if self.accumulate < 1:
            raise ValueError(f"accumulate {self.accumulate} is less than one batch per step")
        for name in ("milestones", "betas"):  # lists, as JSON and YAML give them, compare unequal
            object.__setattr__(self, name, tuple(getattr(self, name)))


@dataclass(frozen=True)
class Callbacks:
    """What a caller may want to know of, or ask for, while training runs.

    Where several processes train together each is given the same callbacks. All are asked whether
    to stop; everything else is called in the first alone.

    Attributes:
        progress: Called after each step with steps done, steps in all, and the loss's terms.
        checkpoint: Called with a state that `resume` takes, as often as `every` and
            `every_seconds` say, when stopped, and after the last step.
        every: Steps between checkpoints; 0 for none but when stopped.
        stop: Asked after each step; once it says yes, `Stopped` is raised after a checkpoint.
        resume: A state that `checkpoint` was given, to go on from.
        every_seconds: Seconds between checkpoints; 0 for none by the clock.
        preview: Draws a picture (rows, columns) in [0, 1] with the averaged network, which it
            gets in evaluation mode; set by a generator. It must bring its own generator.
        show: Called with steps done, the preview (None where there is none, and when stopped) and
            the history of the loss's terms; set by whoever runs the training.
        show_every: Steps between shows; 0 for none but at the end.
        show_seconds: Seconds between shows; 0 for none by the clock. Longer where previews are
            slow: they take at most a twentieth of the time.
        workers: Processes that may draw batches ahead; they change no batch.
    """

    progress: Callable[[int, int, Mapping[str, float]], None] | None = None
    checkpoint: Callable[[dict], None] | None = None
    every: int = 0
    stop: Callable[[], bool] | None = None
    resume: Mapping | None = None
    every_seconds: float = 0
    preview: Callable[[nn.Module], np.ndarray] | None = None
    show: Callable[[int, np.ndarray | None, Mapping[str, list[float]]], None] | None = None
    show_every: int = 0
    show_seconds: float = 0
    workers: int = 0


@dataclass(frozen=True)
class TrainingData:
    """What a generator's network is fitted to.

    Attributes:
        cases: The train split; `facts` hold patient, findings and report. Each is read when it is
            asked for: whoever keeps them all holds the cohort in memory.
        networks: Weights by name, of the networks that this one builds on; under its own name,
            those that it goes on from.
        reports: Texts that no case has, for a network that learns from text.
    """

    cases: Sequence[Case]
    networks: Mapping[str, Weights]
    reports: Sequence[str] = ()


def refuse_unknown(
    where: str,
    given: Iterable,
    allowed: Collection[str],
    renamed: Mapping[str, str] = {},  # noqa: B006 - never changed
) -> None:
    """Raise if a recipe's `train:` names what does not exist.

    Args:
        where: What named it, for the message.
        given: Keys or names.
        allowed: Those that exist.
        renamed: Old names of some that exist, each with its new one.

    Raises:
        ValueError: With what is unknown and what there is to choose from, or what it is called now.
    """
    unknown = sorted(str(key) for key in given if key not in allowed)
    for key in [key for key in unknown if renamed.get(key) in allowed]:
        raise ValueError(f"{where}: `{key}` is now `{renamed[key]}`")
    if unknown:
        raise ValueError(f"{where} has no {', '.join(unknown)}: choose from {', '.join(allowed)}")


def sized(
    what: str, options: Mapping[str, Any], sizes: Mapping[str, Mapping], training: Mapping[str, Any]
) -> tuple[dict[str, Any], Settings]:
    """Return a size of a network with its overrides, and how to train it.

    Args:
        what: The network, as an error names it.
        options: `size`, a name of `sizes`, and what differs from it or from `Settings`.
        sizes: What each size is, with its own `settings`.
        training: Settings of all sizes.

    Raises:
        ValueError: The size or an option is unknown; it says which there are.
    """
    name = options.get("size", "phantom")
    if name not in sizes:
        raise ValueError(f"no size {name!r}: choose from {', '.join(sizes)}")
    size = {key: value for key, value in sizes[name].items() if key != "settings"}
    known = {field.name for field in fields(Settings)}
    given = {key: value for key, value in options.items() if key != "size"}
    if unknown := sorted(set(given) - known - set(size)):
        allowed = ", ".join(sorted(known | set(size)))
        raise ValueError(f"unknown options {unknown} of {what}: choose from {allowed}")
    how = {**training, **sizes[name]["settings"], **{k: given[k] for k in given if k in known}}
    return size | {k: given[k] for k in given if k in size}, Settings(**how)


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
