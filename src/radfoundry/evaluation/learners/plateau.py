"""Train a network until the tune split gains no more, and keep its best weights.

Every so many steps the averaged weights are tried on the tune split. The best ones are kept; after
`patience` trials without better ones training ends. All arms are given the same tune cases, trials
and patience.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.training.loop import Callbacks, Stopped

PREFIX = "module."  # of the averaged weights in a checkpoint
AT_ONCE = 32  # images in one pass; evaluation mode: neighbors do not matter

Taught = tuple[Tensor, np.ndarray]  # images (n, 1, *sides), and the truth (n, ...)


class Learner(NamedTuple):
    """How the networks of a task are built, taught and judged.

    Attributes:
        build: Returns a new network from options and a generator.
        fit: Trains one from images, their truth, options (`start`: weights to begin with),
            generator, device and callbacks.
        judge: Returns how good logits (n, ...) are by a truth: two scores, higher is better; the
            second decides between equal ones.
        judges: Returns whether networks can be told apart by a truth.
    """

    build: Callable[[Mapping, torch.Generator], nn.Module]
    fit: Callable[[Tensor, np.ndarray, Mapping, torch.Generator, str, Callbacks], Any]
    judge: Callable[[Tensor, np.ndarray], tuple[float, float]]
    judges: Callable[[np.ndarray], bool]


class Training(NamedTuple):
    """What a training is given beside its cases.

    Attributes:
        generator: On the CPU; equal generators give equal networks.
        device: Where to train.
        progress: As `Callbacks` takes it; told of the last step even when training ends early.
    """

    generator: torch.Generator
    device: str = "cpu"
    progress: Any = None


class Best(NamedTuple):
    """The network that is kept, in evaluation mode, and after how many steps it was."""

    network: nn.Module
    step: int


class Plateau:
    """Looks at checkpoints of a training, keeps the best, and says when it is over."""

    def __init__(self, learner: Learner, tune: Taught, options: Mapping, device: str) -> None:
        """Take images and their truth to judge by, if they can judge."""
        self.learner, (self.images, self.truth) = learner, tune
        self.judges = learner.judges(self.truth)
        self.device, self.patience = device, options["patience"]
        self.network = learner.build(options, torch.Generator()).to(device)
        self.best: dict[str, Tensor] = {}
        self.score, self.step, self.waited = (-np.inf, -np.inf), 0, 0

    def look(self, state: Mapping) -> None:
        """Try a checkpoint; where the tune split cannot judge the last one is kept."""
        weights = {n.removeprefix(PREFIX): v for n, v in state["average"].items() if PREFIX in n}
        score = self._score(weights) if self.judges else self.score
        self.waited = 0 if score > self.score else self.waited + 1
        if score > self.score or not self.judges:
            self.best, self.score, self.step = weights, score, state["step"]

    def over(self) -> bool:
        """Return whether training is to end."""
        return self.judges and self.waited >= self.patience

    @torch.inference_mode()
    def _score(self, weights: Mapping[str, Tensor]) -> tuple[float, float]:
        self.network.load_state_dict(weights)
        parts = [self.network.eval()(i.to(self.device)) for i in self.images.split(AT_ONCE)]
        return self.learner.judge(torch.cat(parts).float().cpu(), self.truth)


def fit(
    learner: Learner, taught: Taught, tune: Taught, options: Mapping, training: Training
) -> Best:
    """Return the best network of a training.

    Args:
        learner: Builds, teaches and judges.
        taught: Images and their truth, of all kinds.
        tune: The same of the tune split.
        options: Those of the learner's `fit`; trial (steps between two), patience (trials).
        training: Chance, device, and what is told of steps.
    """
    generator, device, progress = training
    plateau = Plateau(learner, tune, options, device)
    callbacks = Callbacks(
        progress, checkpoint=plateau.look, every=options["trial"], stop=plateau.over
    )
    try:
        learner.fit(*taught, options, generator, device, callbacks)
    except Stopped:
        if progress is not None:
            progress(options["steps"], options["steps"], {})
    plateau.network.load_state_dict(plateau.best)
    return Best(plateau.network.eval(), plateau.step)
