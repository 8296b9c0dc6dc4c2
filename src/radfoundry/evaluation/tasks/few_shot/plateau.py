"""Train a classifier until the tune split gains no more, and keep its best weights.

Every so many steps the averaged weights are tried on the tune split. The best ones by the area
under the ROC curve, of equal ones those of the smaller loss, are kept; after `patience` trials
without better ones training ends. All arms are given the same tune cases, trials and patience.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.evaluation.metrics import detection
from radfoundry.evaluation.tasks import _classifier
from radfoundry.training.loop import Callbacks, Stopped

PREFIX = "module."  # of the averaged weights in a checkpoint
AT_ONCE = 32  # images in one pass; evaluation mode: neighbors do not matter


class Best(NamedTuple):
    """The classifier that is kept, and after how many steps it was."""

    classifier: _classifier.Classifier
    step: int


class Plateau:
    """Looks at checkpoints of a training, keeps the best, and says when it is over."""

    def __init__(self, tune: tuple[Tensor, np.ndarray], options: Mapping, device: str) -> None:
        """Take images and labels (n,) 1 or 0 to judge by; of one kind only, they judge nothing."""
        self.images, self.labels = tune
        self.judges = len(set(self.labels)) == 2
        self.device, self.patience = device, options["patience"]
        self.network = _classifier.build(options["size"], 1, torch.Generator()).to(device)
        self.best: dict[str, Tensor] = {}
        self.score, self.step, self.waited = (-np.inf, -np.inf), 0, 0

    def look(self, state: Mapping) -> None:
        """Try a checkpoint; without a tune split of both kinds the last one is kept."""
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
        logits, truth = torch.cat(parts)[:, 0].float().cpu(), torch.from_numpy(self.labels).float()
        balance = torch.from_numpy(_classifier.weights_of(self.labels[:, None])[:, 0]).float()
        loss = functional.binary_cross_entropy_with_logits(logits, truth, balance)
        ones = np.ones((1, len(truth)), int)
        auroc = detection.weighted_auroc(self.labels == 1, logits.numpy(), ones)[0]
        return float(auroc), -float(loss)


def fit(
    taught: tuple[Tensor, np.ndarray],
    tune: tuple[Tensor, np.ndarray],
    options: Mapping,
    generator: torch.Generator,
    device: str = "cpu",
    progress=None,
) -> Best:
    """Return the best classifier of a training.

    Args:
        taught: Images (n, 1, side, side, side) and labels (n,) 1 or 0, of both kinds.
        tune: The same of the tune split.
        options: Those of `_classifier.fit`; trial (steps between two), patience (trials).
        generator: On the CPU; equal generators give equal networks.
        device: Where to train.
        progress: As `Callbacks` takes it; told of the last step even when training ends early.
    """
    plateau = Plateau(tune, options, device)
    callbacks = Callbacks(
        progress, checkpoint=plateau.look, every=options["trial"], stop=plateau.over
    )
    images, labels = taught
    try:
        _classifier.fit(images, labels[:, None], options, generator, device, callbacks)
    except Stopped:
        if progress is not None:
            progress(options["steps"], options["steps"], {})
    plateau.network.load_state_dict(plateau.best)
    return Best(_classifier.Classifier(plateau.network.eval(), np.array([True])), plateau.step)


def joined(parts: Sequence[tuple[Tensor, np.ndarray]]) -> tuple[Tensor, np.ndarray]:
    """Return images and labels (n,) of several pools as one."""
    return torch.cat([images for images, _ in parts]), np.concatenate([own for _, own in parts])
