"""Few-shot classifiers: taught by labels, judged by the area under the ROC curve."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from monai.networks.nets.resnet import ResNet
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.evaluation.learners import classifier
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.learners.plateau import Learner, Taught
from radfoundry.evaluation.metrics import detection
from radfoundry.training.loop import Callbacks

THRESHOLD = 0.5


def build(options: Mapping, generator: torch.Generator) -> ResNet:
    """Return a new classifier of one target."""
    return classifier.build(options["size"], 1, generator)


def fit(
    images: Tensor,
    labels: np.ndarray,
    options: Mapping,
    generator: torch.Generator,
    device: str,
    callbacks: Callbacks,
) -> None:
    """Train a classifier by labels (n,) 1 or 0; see `classifier.fit`."""
    classifier.fit(images, labels[:, None], options, generator, device, callbacks)


def judge(logits: Tensor, labels: np.ndarray) -> tuple[float, float]:
    """Return the area under the ROC curve of logits (n, 1), and minus their balanced loss."""
    own, truth = logits[:, 0], torch.from_numpy(labels).float()
    balance = torch.from_numpy(classifier.weights_of(labels[:, None])[:, 0]).float()
    loss = functional.binary_cross_entropy_with_logits(own, truth, balance)
    ones = np.ones((1, len(truth)), int)
    return float(detection.weighted_auroc(labels == 1, own.numpy(), ones)[0]), -float(loss)


def judges(labels: np.ndarray) -> bool:
    """Return whether there are cases of both kinds."""
    return len(set(labels)) == 2


LEARNER = Learner(build, fit, judge, judges)


def taught(pool: Pool, place: int) -> Taught:
    """Return the images of a pool, and a target's labels."""
    return pool.images[:, :1], pool.labels[:, place]


def predicted(tested: Pool, place: int, network: nn.Module | None, device: str) -> pd.DataFrame:
    """Return what a network says of every test case; NaN of all where there is none."""
    scores = np.full((len(tested.facts), 1), np.nan)
    if isinstance(network, ResNet):
        learned = classifier.Classifier(network, np.array([True]))
        scores = classifier.predict(learned, tested.images[:, :1], device)
    return tested.facts.assign(
        truth=tested.labels[:, place], score=scores[:, 0], threshold=THRESHOLD
    )
