"""Small networks that recognize which findings an image shows.

One network answers for several findings at once. A finding that is not known of an image, or not
to be learned from it, is NaN in its labels and counts for nothing. Volumes are shrunk to a cube
first, radiographs to a square: what the classifiers are compared by is what they were trained on,
not their resolution.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from monai.networks.nets.resnet import ResNet
from torch import Tensor
from torch.nn import functional

from radfoundry.case import Case
from radfoundry.data.augmentation import WINDOW_HU, shifted
from radfoundry.networks.layers import seeded
from radfoundry.training.loop import Callbacks, Settings, train

FACTS = ("patient", "cohort", "findings")  # that a real case must bring


class Size(NamedTuple):
    """What a network is made of.

    Attributes:
        side: Of the cube that it sees, or of the square.
        stem: Side and stride of the first convolution.
        layers: Residual blocks of each level.
        channels: Of each level.
        steps: What it is trained for by default.
        dims: 3 for volumes, 2 for radiographs.
    """

    side: int
    stem: tuple[int, int]
    layers: tuple[int, ...]
    channels: tuple[int, ...]
    steps: int
    dims: int = 3


# `phantom` was chosen by time: a stride of 4 costs a third of a stride of 2; it found effusions
# as well (AUROC 0.98 of 64 phantoms), lobar consolidation perhaps less well (0.80 for 0.89, of
# ten). `paper` is a ResNet-18.
SIZES: Mapping[str, Size] = {
    "phantom": Size(32, (7, 4), (1, 1, 1, 1), (16, 32, 64, 64), 120),
    "workstation": Size(96, (7, 4), (1, 1, 1, 1), (32, 64, 128, 256), 2000),
    "paper": Size(128, (7, 2), (2, 2, 2, 2), (64, 128, 256, 512), 10000),
}


class Pool(NamedTuple):
    """Cases as a network takes them: images (n, channels, *sides), labels (n, k), facts."""

    images: Tensor
    labels: np.ndarray
    facts: pd.DataFrame

    def at(self, rows: np.ndarray) -> "Pool":
        """Return some of the cases, by booleans or places."""
        return Pool(self.images[torch.from_numpy(rows)], self.labels[rows], self.facts.iloc[rows])


class Classifier(NamedTuple):
    """A trained network in evaluation mode, and which findings (k,) it could learn."""

    network: ResNet
    learned: np.ndarray


def sized(size: str | Size) -> Size:
    """Return a size: one of `SIZES` by its name, or as it was given."""
    return SIZES[size] if isinstance(size, str) else size


def seen(case: Case, side: int) -> Tensor:
    """Return the volume of a case as a network takes it: see `shrunk`."""
    return shrunk(case.image.voxels, side)


def pooled(
    cases: Iterable[Case],
    size: str | Size,
    read: Callable[[Mapping], list[float]],
    real: bool = True,
    see: Callable[[Case, int], Tensor] = seen,
) -> Pool:
    """Return cases shrunk, one after the other, with their labels and facts.

    Args:
        cases: Walked through once.
        size: Of `SIZES`, or one of the caller's.
        read: Returns the k labels of a case, 1, 0 or NaN, from its facts.
        real: Whether they must bring all of `FACTS`; drawn ones need but `findings`.
        see: Returns what a network is shown of a case, (channels, *sides), at a given side.

    Raises:
        ValueError: If a fact is missing; it says which.
    """
    own, needed = sized(size), FACTS if real else ("findings",)
    images, labels, facts = [], [], []
    for case in cases:
        lacking = [name for name in needed if name not in case.facts]
        if lacking:
            raise ValueError(f"case {case.name!r} lacks the facts {', '.join(lacking)}")
        images.append(see(case, own.side))
        labels.append(read(case.facts))
        facts.append({"case": case.name} | {n: str(case.facts.get(n, "")) for n in FACTS})
    count = len(read({"findings": ""}))
    table = np.reshape(np.array(labels, float), (len(labels), count))
    stack = torch.stack(images) if images else torch.zeros((0, 1, *(own.side,) * own.dims))
    return Pool(stack, table, pd.DataFrame(facts, columns=["case", *FACTS]))


def shrunk(voxels: np.ndarray, side: int) -> Tensor:
    """Return a volume as a cube, averaged over the voxels that fall together.

    Args:
        voxels: (X, Y, Z) in HU.
        side: Voxels along each axis of the cube.

    Returns:
        (1, side, side, side), float32 in [-1, 1]; HU outside `WINDOW_HU` are cut off first.
    """
    low, high = WINDOW_HU
    scaled = (np.clip(voxels.astype(np.float32), low, high) - low) * (2 / (high - low)) - 1
    return functional.interpolate(torch.from_numpy(scaled)[None, None], (side,) * 3, mode="area")[0]


def weights_of(labels: np.ndarray) -> np.ndarray:
    """Return how much each label counts: both kinds of a finding, and all findings, the same.

    Training sets differ in how common a finding is; without this an arm could win or lose by that
    alone, since the threshold is the same for all.

    Args:
        labels: (n, k) 1, 0 or NaN.

    Returns:
        (n, k) with mean 1 over a column; 0 for NaN, and for findings that have one kind only.
    """
    with_, without = (labels == 1), (labels == 0)
    both = with_.any(0) & without.any(0)
    each = [kind / np.maximum(kind.sum(0), 1) for kind in (with_, without)]
    return np.where(both, sum(each) * len(labels) / 2, 0.0)


def fit(
    images: Tensor,
    labels: np.ndarray,
    options: Mapping,
    generator: torch.Generator,
    device: str = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Classifier:
    """Train a classifier; steps, batch and the way images are drawn depend on `options` alone.

    Args:
        images: (n, 1, *sides) of `shrunk`, or as the size has it.
        labels: (n, k) 1, 0, or NaN where nothing is to be learned.
        options: size (of `SIZES`, or a `Size`), steps (None for those of the size), batch,
            learning_rate, precision, augment (see `altered`); start, weights to begin with, if any.
        generator: On the CPU; equal generators give equal networks.
        device: Where to train.
        callbacks: As `training.loop.train` takes them.
    """
    weights = weights_of(labels)
    learned = np.asarray(weights.any(0))
    network = build(options["size"], labels.shape[1], generator).to(device)
    if options.get("start"):
        network.load_state_dict(options["start"])
    if not learned.any():
        return Classifier(network.eval(), learned)
    pool = [images, *(torch.from_numpy(p).float() for p in (np.nan_to_num(labels), weights))]
    trained = train(
        network,
        lambda own: [part.to(device) for part in _batch(pool, options, own)],
        _loss,
        settings(options),
        generator,
        callbacks,
    )
    network.load_state_dict(trained.state)
    return Classifier(network.eval(), learned)


def _batch(pool: Sequence[Tensor], options: Mapping, generator: torch.Generator) -> list[Tensor]:
    chosen = torch.randint(len(pool[0]), (options["batch"],), generator=generator)
    images, *others = (part[chosen] for part in pool)
    return [altered(images, options["augment"], generator), *others]


def _loss(network: ResNet, batch: Sequence[Tensor], _: torch.Generator) -> dict[str, Tensor]:
    images, labels, weights = batch
    found = network(images).float()
    return {"entropy": functional.binary_cross_entropy_with_logits(found, labels, weights)}


def settings(options: Mapping) -> Settings:
    """Return how a network is trained: size, steps, learning_rate, precision."""
    steps = options["steps"] or sized(options["size"]).steps
    return Settings(
        steps, options["learning_rate"], weight_decay=0.01, warmup=steps // 20,
        schedule="cosine", ema=0.9, precision=options["precision"],
    )  # fmt: skip


def build(size: str | Size, findings: int, generator: torch.Generator) -> ResNet:
    """Return a new network that maps (B, 1, *sides) to (B, findings) logits."""
    own = sized(size)
    with seeded(generator):
        return ResNet(
            "basic",
            list(own.layers),
            list(own.channels),
            spatial_dims=own.dims,
            n_input_channels=1,
            conv1_t_size=own.stem[0],
            conv1_t_stride=own.stem[1],
            no_max_pool=True,
            num_classes=findings,
        )


def altered(images: Tensor, augment: Mapping, generator: torch.Generator) -> Tensor:
    """Return images shifted, mirrored and re-scaled a little, each in its own way.

    Args:
        images: (n, 1, *sides) in [-1, 1]: volumes (X, Y, Z), or radiographs as they are viewed.
        augment: `shift` (voxels either way along each axis), `flip` (chance of right for left),
            `offset` (largest change of all voxels), `noise` (standard deviation).
        generator: On the CPU.
    """
    flat, reach = images.ndim == 4, int(augment["shift"])
    moved = (
        shifted(images[..., None], reach, generator)[..., 0]
        if flat
        else (shifted(images, reach, generator))
    )
    draws = torch.rand((2, len(images), *(1,) * (images.ndim - 1)), generator=generator)
    mirrored = torch.where(draws[0] < augment["flip"], moved.flip(3 if flat else 2), moved)
    noise = torch.randn(moved.shape, generator=generator) * augment["noise"]
    return mirrored + (2 * draws[1] - 1) * augment["offset"] + noise


@torch.inference_mode()
def predict(classifier: Classifier, images: Tensor, device: str = "cpu") -> np.ndarray:
    """Return (n, k) probabilities in [0, 1], NaN for findings that were not learned."""
    network = classifier.network.to(device)
    # One by one: what is beside an image in a batch cannot matter, not even by rounding.
    found = [network(image[None].to(device)).float().sigmoid().cpu().numpy()[0] for image in images]
    scores = np.reshape(np.array(found, float), (len(images), len(classifier.learned)))
    return np.where(classifier.learned, scores, np.nan)
