"""A Wasserstein GAN of chest CT: what MedSyn is compared with, at equal compute.

After Gulrajani et al. 2017 (see `radfoundry.networks.gan`), as in the tables of the MedSyn paper.
It takes no prompt and no channel, and draws the image alone.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.data.encoded import grids
from radfoundry.generators._requests import spacings, text_guided
from radfoundry.networks import gan
from radfoundry.training.feeding import Feed
from radfoundry.training.loop import Callbacks, Settings, TrainingData, train
from radfoundry.training.settings import refuse_unknown
from radfoundry.training.start import start_from
from radfoundry.weights import Weights

NETWORKS = {"gan": "generator of images and the critic it learns from"}
CLAIMED = ("gan",)
CITATION = "Gulrajani et al. 2017, Improved Training of Wasserstein GANs, arXiv:1704.00028"
NEEDS: Mapping[str, list[str]] = {}
MODALITIES = ("CT",)
SOURCE_LENDS = "grid"
OPTIONS = {"count": 32, "splits": ["train"]}
# Per size: `size` names the network's, `penalty` weighs the critic's slope; the rest is batches
# and `training.settings.Settings`. `phantom` takes about 150 CPU seconds on 64^3.
TRAINING: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "size": "phantom", "penalty": 10.0, "batch": 8, "steps": 400, "learning_rate": 1e-2,
        "betas": [0.0, 0.9], "weight_decay": 0.0, "warmup": 10, "schedule": "constant",
        "clip": 1000.0, "ema": 0.98, "precision": "bfloat16", "accumulate": 1,
    },
    "workstation": {
        "size": "workstation", "penalty": 10.0, "batch": 8, "steps": 40000,
        "learning_rate": 1e-3, "betas": [0.0, 0.99], "weight_decay": 0.0, "warmup": 500,
        "schedule": "constant", "clip": 1000.0, "ema": 0.999, "precision": "bfloat16",
        "accumulate": 1,
    },
    "paper": {
        "size": "paper", "penalty": 10.0, "batch": 4, "steps": 80000, "learning_rate": 1e-3,
        "betas": [0.0, 0.99], "weight_decay": 0.0, "warmup": 500, "schedule": "constant",
        "clip": 1000.0, "ema": 0.999, "precision": "bfloat16", "accumulate": 4,
    },
}  # fmt: skip
# What `train:` takes: each key, and the keys below it. Read without importing, to check a config.
TRAIN: Mapping[str, Sequence[str]] = {
    "gan": (
        "size", "penalty", "batch", "steps", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "accumulate",
    ),
}  # fmt: skip
# What its samples are judged by first, and which part of `evaluate` measures it.
HEADLINES: Mapping[str, str] = {
    "fid": "synthesis", "airway_volume_cm3": "synthesis", "memorised_fraction": "memorisation",
}  # fmt: skip
# As Xu et al. 2024 report it, where it is a baseline.
PUBLISHED: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "wgan": {
        "airway_volume_cm3": {"synthetic": 10.7, "real": 45.8},
        "fid": {"synthetic": 0.070},
        "mmd": {"synthetic": 0.094},
    },
}
MEASURED = 256  # cases that mean and spread are taken from, at most
MEASURED_BYTES = 2**30  # of them at once: all from 64^3, sixteen from 256^3


def plan(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return `count` requests, each with the case whose grid it gets and no prompt.

    Args:
        cases: Rows with case and split.
        options: See `OPTIONS`; prompts are not read.
        seed: The recipe's seed.

    Raises:
        ValueError: If channels are given, or no case is usable.
    """
    if options.get("given"):
        raise ValueError(f"given {options['given']}: wgan draws the whole image, from nothing")
    return text_guided.plan(cases, {**OPTIONS, **options, "text": False}, seed)


def fit(
    network: str,
    data: TrainingData,
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:
    """Return the generator, trained on the images of the train split.

    Args:
        network: "gan".
        data: Cases of one grid; under the network's own name, weights to go on from.
        options: `size`; overrides of `TRAINING` under `gan`.
        rng: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: Unknown options, or cases of several grids.
    """
    refuse_unknown("network", [network], NETWORKS)
    card = chosen_options(options)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    card["size"] = dict(gan.SIZES[card["size"]])
    pictures = Pictures(data.cases, gan.multiple(card["size"]), card["batch"])
    adversaries = gan.adversaries(card["size"], 1, pictures.space, generator).to(device)
    adversaries.measure(pictures[range(pictures.measurable())].float().to(device))
    begun = start_from(adversaries, data.networks.get(network))
    settings = Settings(**{f.name: card[f.name] for f in fields(Settings) if f.name in card})
    loss = partial(gan.loss, penalty=card["penalty"])
    callbacks, first = replace(callbacks, preview=preview), generator.initial_seed()
    feed = Feed(pictures, settings, first, callbacks.resume, callbacks.workers)

    def draw(_: torch.Generator) -> Tensor:
        return feed().float().to(device)

    try:
        done = train(adversaries, draw, loss, settings, generator, callbacks)
    finally:
        feed.close()
    state = {name: kept for name, kept in done.state.items() if not name.startswith("critic.")}
    grid = list(data.cases[0].image.voxels.shape)
    card |= {"network": network, "grid": grid, "losses": done.loss_curve()}
    return Weights(state, card | begun)


def chosen_options(options: Mapping) -> dict[str, Any]:
    """Return `TRAINING` of a size with a recipe's overrides.

    Raises:
        ValueError: A key or a size that does not exist, with those that do.
    """
    refuse_unknown("train", options, ("size", "seed", *TRAIN))
    size, own = str(options.get("size", "phantom")), dict(options.get("gan") or {})
    refuse_unknown("size", [size], TRAINING)
    refuse_unknown("train: gan", own, TRAIN["gan"])
    chosen = {**TRAINING[size], **own}
    refuse_unknown("train: gan: size", [chosen["size"]], gan.SIZES)
    return chosen


class Pictures:
    """The images of all cases, read when they are asked for; worker processes draw batches."""

    def __init__(self, cases: Sequence[Case], multiple: int, batch: int) -> None:
        """Keep the cases.

        Args:
            cases: CT of one grid, in memory or at rest.
            multiple: Of which the sides of pictures must be multiples: air is put around to fit.
            batch: Pictures of a batch.

        Raises:
            ValueError: Cases of several grids.
        """
        found = grids(cases)
        if len(found) != 1:
            listed = ", ".join(str(grid) for grid in sorted(found)[:3])
            raise ValueError(f"cases are of {len(found)} grids ({listed}): state preprocess.grid")
        self.cases, self.multiple, self.batch = cases, multiple, batch
        self.space = [side + -side % multiple for side in next(iter(found))]

    def __getitem__(self, rows: Iterable[int]) -> Tensor:
        """Return some of them, float16 (n, 1, X, Y, Z) in [-1, 1]."""
        toned = (channels.toned(self.cases[row].image.voxels)[None] for row in rows)
        whole = (channels.padded(picture, self.multiple) for picture in toned)
        return torch.stack([torch.from_numpy(picture).half() for picture in whole])

    def __call__(self, generator: torch.Generator) -> Tensor:
        """Return a batch."""
        rows = torch.randint(len(self.cases), (self.batch,), generator=generator)
        return self[rows.tolist()]

    def measurable(self) -> int:
        """Return how many fit into memory at once, to be measured."""
        fitting = MEASURED_BYTES // (4 * math.prod(self.space))
        return min(len(self.cases), MEASURED, max(self.batch, fitting))


def preview(network: Any) -> np.ndarray:
    """Return the middle coronal planes of four drawn volumes side by side, in [0, 1]."""
    latents = torch.randn(4, network.latent, generator=torch.Generator().manual_seed(0))
    volumes = network.sampled(latents.to(network.center.device)).clamp(-1, 1).float().cpu()
    planes = volumes[:, 0, :, volumes.shape[3] // 2].flip(-1).mT
    return (planes.numpy().transpose(1, 0, 2).reshape(planes.shape[1], -1) + 1) / 2


def prepare(weights: Mapping[str, Weights], device: str = "cpu") -> tuple[gan.Adversaries, Any]:
    """Return the generator, built once, and its card.

    Raises:
        ValueError: The network is missing.
    """
    if "gan" not in weights:
        raise ValueError(f"wgan draws with the network gan; there is {', '.join(weights) or None}")
    card = weights["gan"].card
    step = gan.multiple(card["size"])
    space = [-(-side // step) * step for side in card["grid"]]
    network = gan.adversaries(card["size"], 1, space, torch.Generator())
    network.critic = torch.nn.Identity()  # only training needs it
    network.load_state_dict(dict(weights["gan"].state))
    return network.to(device).eval(), card


def draw(request: Mapping, source: Case, networks: tuple[gan.Adversaries, Any]) -> Case:
    """Return one chest CT (int16 HU) on the grid of its source; its anatomy is not known (zeros).

    Args:
        request: A row of `plan`.
        source: Lends its grid, but for the voxel size that the request states.
        networks: As `prepare` returns them.

    Raises:
        ValueError: The source has another grid than the training cases.
    """
    network, card = networks
    shape = source.image.voxels.shape
    if list(shape) != list(card["grid"]):
        raise ValueError(f"{source.name} has the grid {shape}, wgan draws {card['grid']}")
    chance = torch.Generator().manual_seed(int(request["seed"]))
    latents = torch.randn(1, network.latent, generator=chance)
    drawn = network.sampled(latents.to(network.center.device))[0].cpu().numpy()
    stated = json.loads(request.get("parameters", "{}")).get("spacing")
    affine = spacings.placed(source.image, stated)
    image, labels = channels.decode(channels.cropped(drawn, shape), affine)
    facts = {
        "source": source.name,
        "patient": str(source.facts.get("patient", "")),
        "split": str(request.get("split", source.facts.get("split", ""))),
        "findings": "",
        "shape": "",
        "seed": str(request["seed"]),
    }
    return Case(str(request["request"]), image, labels, np.zeros_like(labels), facts)
