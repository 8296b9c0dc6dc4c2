"""How TSCR's networks are given what they learn from: lesions, and healthy places for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from radfoundry.case import Case
from radfoundry.generators.tscr import (
    asking,
    region_autoencoder,
    shapes,
    texture,
    texture_options,
)
from radfoundry.generators.tscr.crops import Crop, healthy
from radfoundry.generators.tscr.lesion_bank import Bank, Example
from radfoundry.generators.tscr.texture_material import Material
from radfoundry.training.loop import Callbacks, TrainingData
from radfoundry.weights import Weights


@dataclass(frozen=True)
class Training:
    """How one network is trained.

    Attributes:
        card: What all networks of a recipe share, see `options.common`.
        own: What the recipe says of this one.
        generator: The source of all chance.
        device: Where.
        callbacks: Callbacks; a state to resume from.
        start: Weights to go on from, or None.
    """

    card: Mapping[str, Any]
    own: Mapping[str, Any]
    generator: torch.Generator
    device: str
    callbacks: Callbacks
    start: Weights | None

    @property
    def how(self) -> tuple:
        """What every network's `fit` takes last."""
        return self.generator, self.device, self.callbacks, self.start


TRIES = 4  # lesions whose masks are tried on a case before it is left out


def of_masks(kind: str, examples: Sequence[Example], training: Training) -> Weights:
    """Return a network of masks; `kind` is "gan" or "diffusion", see `shapes`."""
    lesions = [
        shapes.Example(one.crop.regions, one.crop.spacing_mm, one.values) for one in examples
    ]
    chosen = shapes.chosen(kind, {"size": training.card["size"], **training.own})
    return shapes.fit_shapes(lesions, chosen, *training.how)


def learned_from(
    data: TrainingData, examples: Sequence[Example], bank: Bank, training: Training
) -> Material:
    """Return what networks of voxels learn from: lesions with their scores, and healthy places."""
    rows = [asking.told(one.values, bank.texture) for one in examples]
    return Material(
        [one.crop for one in examples],
        np.stack([scores for scores, _ in rows]),
        np.stack([known for _, known in rows]),
        healthy_places(data.cases, examples, training.card, training.generator),
        data.networks.get("autoencoder"),
    )


def of_texture(kind: str, material: Material, names: Sequence[str], training: Training) -> Weights:
    """Return a network of voxels that is told values of those names.

    `kind` is "autoencoder", which is told nothing, or a name of `texture_options.TRAINING`.
    """
    size = training.card["size"]
    if kind == "autoencoder":
        chosen = texture_options.autoencoder(size, training.own)
        return region_autoencoder.fit_autoencoder(material, chosen, *training.how)
    chosen = texture_options.chosen(kind, size, training.own)
    chosen["network"] = {**chosen["network"], "dims": material.tumours[0].image.ndim}
    chosen |= {"features": list(names)}
    return texture.fit_texture(material, chosen, *training.how)


def healthy_places(
    cases: Sequence[Case],
    examples: Sequence[Example],
    card: Mapping[str, Any],
    generator: torch.Generator,
) -> list[Crop]:
    """Return a healthy place of each case with a real lesion's mask on it, as far as one fits.

    As TSCR teaches removal. The masks are those of random lesions, smaller ones after larger.

    Raises:
        ValueError: None fits anywhere.
    """
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    window, found = tuple(card["window"]), []
    for case in cases:
        rows = rng.choice(len(examples), min(TRIES, len(examples)), replace=False)
        masks = sorted((examples[row].crop.regions for row in rows), key=lambda m: -(m > 0).sum())
        for mask in masks:
            place = healthy(case, mask, rng, window, card["organ"], card["lesion"])
            if place is not None:
                found.append(place)
                break
    if not found:
        message = f"no mask of {len(examples)} lesions fits into healthy {card['organ']}"
        raise ValueError(f"{message} of any of {len(cases)} training cases")
    return found
