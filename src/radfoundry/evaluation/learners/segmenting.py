"""Few-shot segmentation: U-Nets that mark a finding, taught by masks and judged by their Dice."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from monai.networks.nets.unet import UNet
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.evaluation.learners import classifier
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.learners.plateau import AT_ONCE, Learner, Taught
from radfoundry.evaluation.metrics.overlap import dice
from radfoundry.networks.layers import seeded
from radfoundry.training.loop import Callbacks, train
from radfoundry.training.losses import soft_dice_loss

THRESHOLD = 0.5
COUNTS = ("tp", "fp", "fn")


def build(options: Mapping, generator: torch.Generator, channels: int = 1) -> UNet:
    """Return a new U-Net that maps films (B, 1, s, s) to logits (B, channels, s, s).

    Args:
        options: size, whose channels and residual units its levels have.
        generator: Source of the initial weights.
        channels: Of its output.
    """
    own = options["size"]
    with seeded(generator):
        return UNet(
            spatial_dims=own.dims,
            in_channels=1,
            out_channels=channels,
            channels=own.channels,
            strides=(2,) * (len(own.channels) - 1),
            num_res_units=own.layers[0],
        )


def fit(
    images: Tensor,
    masks: np.ndarray,
    options: Mapping,
    generator: torch.Generator,
    device: str,
    callbacks: Callbacks,
) -> None:
    """Train a U-Net by masks (n, s, s) 1 or 0, empty where nothing is to be marked."""
    pool, network = joined(images, masks), build(options, generator).to(device)

    def draw(own: torch.Generator) -> list[Tensor]:
        return [part.to(device) for part in batch(pool, options, own)]

    train_from(network, draw, loss, options, generator, callbacks)


def joined(images: Tensor, masks: np.ndarray) -> Tensor:
    """Return films (n, 1, s, s) and masks (n, s, s) as one (n, 2, s, s), to be moved alike."""
    return torch.cat([images, torch.from_numpy(masks)[:, None].float()], 1)


def train_from(
    network: nn.Module,
    draw: Callable[[torch.Generator], Sequence[Tensor]],
    terms: Callable[[nn.Module, Sequence[Tensor], torch.Generator], dict[str, Tensor]],
    options: Mapping,
    generator: torch.Generator,
    callbacks: Callbacks,
) -> None:
    """Train a network by what `draw` returns, from the weights `start` of the options if any."""
    if options.get("start"):
        network.load_state_dict(options["start"])
    train(network, draw, terms, classifier.settings(options), generator, callbacks)


def batch(pool: Tensor, options: Mapping, generator: torch.Generator) -> list[Tensor]:
    """Return films and masks of a random batch, moved alike; films alone are re-scaled."""
    chosen = torch.randint(len(pool), (options["batch"],), generator=generator)
    still = {"shift": 0, "flip": 0, "offset": 0, "noise": 0}
    moving = {name: options["augment"][name] for name in ("shift", "flip")}
    coloring = {name: options["augment"][name] for name in ("offset", "noise")}
    moved = classifier.altered(pool[chosen], still | moving, generator)
    films = classifier.altered(moved[:, :1], still | coloring, generator)
    return [films, moved[:, 1:].round()]


def loss(network: nn.Module, batch: Sequence[Tensor], _: torch.Generator) -> dict[str, Tensor]:
    """Return cross entropy of all pixels, and 1 - soft Dice of films with a mask."""
    films, masks = batch
    found = network(films).float()
    entropy = functional.binary_cross_entropy_with_logits(found, masks)
    return {"entropy": entropy, "dice": soft_dice_loss(found.sigmoid(), masks)}


def judge(logits: Tensor, masks: np.ndarray) -> tuple[float, float]:
    """Return the mean Dice of films with a mask, and minus the cross entropy of all."""
    found, truth = logits[:, 0], torch.from_numpy(masks).float()
    each = [dice(own.numpy() > 0, mask > 0) for own, mask in zip(found, masks, strict=True)
            if mask.any()]  # fmt: skip
    return float(np.mean(each)), -float(functional.binary_cross_entropy_with_logits(found, truth))


def judges(masks: np.ndarray) -> bool:
    """Return whether there is a mask to judge by."""
    return bool(masks.any())


LEARNER = Learner(build, fit, judge, judges)


def taught(pool: Pool, place: int) -> Taught:
    """Return the films of a pool, and the masks of a target."""
    return pool.images[:, :1], pool.images[:, 1 + place].numpy()


def predicted(tested: Pool, place: int, network: nn.Module | None, device: str) -> pd.DataFrame:
    """Return how many pixels are marked rightly, wrongly and not; NaN where there is no network.

    The score of a film is the largest probability of its pixels.
    """
    marked = [
        counted(network, film[:1][None], film[1 + place].numpy()[None] > 0, device)
        for film in tested.images
    ]
    return told(tested, place, marked)


def told(tested: Pool, place: int, marked: Sequence[Sequence[float]]) -> pd.DataFrame:
    """Return facts, truth, score, threshold and counts of test cases, from `counted` of each."""
    rows = np.reshape(np.array(marked, float), (len(tested.facts), 1 + len(COUNTS)))
    found = dict(zip(("score", *COUNTS), rows.T, strict=True))
    return tested.facts.assign(truth=tested.labels[:, place], threshold=THRESHOLD, **found)


@torch.inference_mode()
def counted(
    network: nn.Module | None, planes: Tensor, mask: np.ndarray, device: str
) -> list[float]:
    """Return the largest probability, and how much is marked rightly, wrongly and not.

    Args:
        network: None marks nothing: all are NaN.
        planes: (n, 1, side, side) of one case.
        mask: Booleans (n, side, side), the truth.
        device: Where the network lies.
    """
    if network is None:
        return [np.nan] * (1 + len(COUNTS))
    parts = [network(some.to(device)).float().cpu() for some in planes.split(AT_ONCE)]
    logits = torch.cat(parts)[:, 0]
    marked = (logits > 0).numpy()
    counts = [(marked & mask).sum(), (marked & ~mask).sum(), (mask & ~marked).sum()]
    return [float(logits.max().sigmoid()), *map(float, counts)]
