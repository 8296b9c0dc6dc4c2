"""TSCR: tumours drawn to measure, added, edited, removed and moved in CT and MR.

After Na et al., "Radiomics-guided tumour synthesis" (TSCR, WACV 2025): shape is drawn as a mask,
texture into it, both from radiomics of which any may be missing; a mask without any condition is
filled with normal tissue. Ours: masks by diffusion beside the published GAN; texture by inpainting
inside the lesion beside the published latent bridge; the organs are shown with the mask; and no
voxel outside of the lesion's margin changes.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from radfoundry.case import Case
from radfoundry.generators.tscr import asking, donors, lesion_bank, requests
from radfoundry.generators.tscr.crops import lesions
from radfoundry.generators.tscr.drawing import Networks, draw
from radfoundry.generators.tscr.engines import shape_engines, texture_engines
from radfoundry.generators.tscr.fitting import Training, learned_from, of_masks, of_texture
from radfoundry.generators.tscr.options import common
from radfoundry.training.loop import Callbacks
from radfoundry.weights import Weights

if TYPE_CHECKING:
    from radfoundry.training.loop import TrainingData

__all__ = ["Networks", "asked", "draw", "fit", "measured", "plan", "prepare"]

NETWORKS = {
    "measurements": "what real lesions measure; it learns nothing",
    "donors": "real lesions with their pixels, which baselines take; it learns nothing",
    "mask_gan": "GAN that draws masks of lesions from shape features",
    "mask_diffusion": "U-Net that draws masks of lesions from shape features",
    "autoencoder": "of crops, taught most in lesions, on which the bridge stands",
    "bridge": "U-Net that crosses from a lesion's mask to its voxels, the published texture",
    "inpainting": "U-Net that draws voxels into a mask from texture features",
}
CLAIMED = ("mask_gan", "mask_diffusion", "bridge", "inpainting")
NEEDS = {
    "donors": ["measurements"],
    "mask_gan": ["measurements"],
    "mask_diffusion": ["measurements"],
    "autoencoder": ["measurements"],
    "bridge": ["measurements", "autoencoder"],
    "inpainting": ["measurements"],
}
MODALITIES = ("CT", "MR")
OPTIONS = {
    "count": 32,
    "splits": ["train"],
    "operations": {"add": 2, "edit": 1, "remove": 1, "move": 1},
    "vary": {
        "volume": [-1.5, 1.5],
        "elongation": [-1.5, 1.5],
        "mean": [-1.5, 1.5],
        "entropy": [-1.5, 1.5],
    },
    "features": {},
    "size_mm": None,
    "position_mm": None,
    "region": "organ",
    "forbidden": [],
    "distance_mm": 3.0,
    "least_inside": 1.0,
    "masks": "diffusion",
    "texture": "inpainting",
    "candidates": 4,
}
LIMITS = (
    "A tumour changes nothing but its own voxels and a margin of a few: it does not push or "
    "deform what lies around it.",
    "Radiomics are steered as far as real lesions of the training split vary; what is asked for "
    "beyond is drawn as if it lay there.",
)


def fit(
    network: str,
    data: "TrainingData",
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:
    """Return one of `NETWORKS`, trained on the lesions of the train split.

    Args:
        network: Which.
        data: Volumes, or images of one plane, with maps of anatomy and findings; the networks of
            `NEEDS`. A network's own name among the networks is where its training starts.
        options: `size`; what all networks share, see `options.COMMON`; overrides by network.
        rng: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: Unknown options; too few lesions; no healthy place that a lesion fits into.
    """
    if network not in NETWORKS:
        raise ValueError(f"no network {network!r}: choose from {', '.join(NETWORKS)}")
    card = common(options)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    if network == "measurements":
        return lesion_bank.fit(data.cases, card)
    bank = lesion_bank.rebuilt(data.networks["measurements"])
    examples = lesion_bank.examples(data.cases, card, bank)
    if network == "donors":
        return donors.fit(examples, card)
    own, start = dict(options.get(network) or {}), data.networks.get(network)
    training = Training(card, own, generator, device, callbacks, start)
    if network.startswith("mask_"):
        made = of_masks(network.removeprefix("mask_"), examples, training)
    else:
        material = learned_from(data, examples, bank, training)
        made = of_texture(network, material, bank.texture.names, training)
    return replace(made, card={**made.card, "recipe": card})


def plan(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests of a recipe: see `requests`."""
    return requests.plan(cases, {**OPTIONS, **options}, seed)


def prepare(weights: Mapping[str, Weights], device: str = "cpu") -> Networks:
    """Return the networks, built once: as many as the recipe has.

    Raises:
        ValueError: Nothing to measure by, to draw masks with, or to draw texture with.
    """
    if "measurements" not in weights:
        raise ValueError(f"tscr draws with {', '.join(NETWORKS)}; there are no measurements")
    bank = lesion_bank.rebuilt(weights["measurements"])
    return Networks(
        bank,
        shape_engines(weights, bank, device),
        texture_engines(weights, bank, device),
        weights["measurements"].card,
    )


def asked(request: Mapping, weights: Mapping[str, Weights]) -> dict[str, float]:
    """Return what a request asks for, by feature: what the evaluation compares with `measured`.

    Args:
        request: A row of `plan`.
        weights: Networks of the recipe by name; only what real lesions measure is read.

    Raises:
        ValueError: A feature that real lesions do not have.
    """
    return asking.values(
        json.loads(request["parameters"]), lesion_bank.rebuilt(weights["measurements"])
    )


def measured(sample: Case, source: Case, weights: Mapping[str, Weights]) -> dict[str, float]:
    """Return what the lesion that was drawn measures, by the same features; {} where none was.

    It is the one with most voxels that are not the source's.

    Args:
        sample: As drawn.
        source: What it was drawn from.
        weights: As for `asked`.
    """
    own = weights["measurements"]
    changed = sample.image.voxels != source.image.voxels
    found = [
        (np.count_nonzero(changed & (one.regions > 0)), one.regions)
        for one in lesions(sample, own.card["lesion"])
    ]
    count, regions = max(found, key=lambda one: one[0], default=(0, np.zeros(0)))
    if not count:
        return {}
    return lesion_bank.measured_in(sample, regions, lesion_bank.rebuilt(own))
