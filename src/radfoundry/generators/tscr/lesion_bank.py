"""What real lesions of the train split measure.

It is kept as a network is, and learns nothing. Every other network is fitted with what it says of
real lesions, and requests are read by it: what a z-score is in mm, and what `as` a case means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from radfoundry.case import Case
from radfoundry.generators.tscr import features
from radfoundry.generators.tscr.crops import Crop, centered, plane_of
from radfoundry.generators.tscr.features import Table
from radfoundry.weights import Weights

UNIT_RANGE = (0.0, 1.0)  # of MR once it is preprocessed


@dataclass(frozen=True)
class Example:
    """A real lesion of the train split.

    Attributes:
        crop: Around it.
        values: What it measures, by full name, in the units of radiomics.
    """

    crop: Crop
    values: Mapping[str, float]


@dataclass(frozen=True)
class Bank:
    """All that is known of real lesions.

    Attributes:
        cases: Whose they are; the largest of a case stands before its others.
        patients: The same.
        values: What each measures, by full name.
        shape: Mean and spread of what describes a mask.
        texture: The same of what describes the voxels inside it.
        radiomics: How they were measured: options of the engine.
        spacing_mm: Mean length of a voxel along each axis of their crops.
    """

    cases: Sequence[str]
    patients: Sequence[str]
    values: Sequence[Mapping[str, float]]
    shape: Table
    texture: Table
    radiomics: Mapping[str, Any]
    spacing_mm: tuple[float, ...]

    def of_case(self, name: str) -> Mapping[str, float]:
        """Return what the largest lesion of a training case measures.

        Raises:
            ValueError: No training case of that name has a lesion.
        """
        for case, values in zip(self.cases, self.values, strict=True):
            if case == name:
                return values
        listed = ", ".join(self.cases[:5])
        raise ValueError(f"no training case {name!r} with a lesion; there are {listed}, ...")

    @property
    def names(self) -> tuple[str, ...]:
        """Full names of all that can be asked for."""
        return (*self.shape.names, *self.texture.names)


def measured(crop: Crop, names: Sequence[str], options: Mapping[str, Any]) -> dict[str, float]:
    """Return what the lesion of a crop measures, in the image's own units."""
    return features.measured(
        crop.intensities(crop.image), crop.regions, crop.spacing_mm, names, options
    )


def measured_in(
    case: Case, regions: np.ndarray, bank: Bank, names: Sequence[str] = ()
) -> dict[str, float]:
    """Return what a lesion measures in its case, as the bank's were measured.

    Args:
        case: Its image is measured as it is, beyond the window too.
        regions: uint8 on its grid: 1 rim or whole, 2 core.
        bank: Says which features, and how.
        names: Which of its features; all if left out.
    """
    names = names or bank.names
    flat, box = plane_of(regions.shape), ndimage.find_objects((regions > 0).astype(np.uint8))
    if not box:
        return dict.fromkeys(names, float("nan"))
    voxels, marks = case.image.voxels[box[0]], regions[box[0]]
    spacing = [mm for axis, mm in enumerate(case.image.spacing_mm) if axis != flat]
    if flat is not None:
        voxels, marks = np.take(voxels, 0, flat), np.take(marks, 0, flat)
    return features.measured(voxels, marks, spacing, names, bank.radiomics)


def engine_options(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return how lesions are measured: as MR where the window is that of MR, else as CT."""
    low, high = card["window"]
    kind = {"modality": "MR"} if UNIT_RANGE[0] <= low and high <= UNIT_RANGE[1] else {}
    return {**kind, **card["radiomics"]}


def fit(cases: Sequence[Case], card: Mapping[str, Any]) -> Weights:
    """Return the bank of a train split's lesions.

    Args:
        cases: Of the train split.
        card: `window`, `crop`, `lesion`, `radiomics`; see `options`.

    Raises:
        ValueError: Fewer than two lesions fit into a crop of that size.
    """
    found = [(one, crop) for one in cases for crop in _crops(one, card)]
    if len(found) < 2:
        message = f"{len(found)} lesions of {len(cases)} training cases fit into {card['crop']}"
        raise ValueError(f"{message} voxels; needed: two. A larger `train: crop` may hold more")
    options = engine_options(card)
    dimensions = found[0][1].image.ndim
    shapes, textures = features.shape_names(dimensions), features.texture_names()
    rows = [measured(crop, [*shapes, *textures], options) for _, crop in found]
    names = [*shapes, *textures]
    state = {"values": torch.tensor([[row[name] for name in names] for row in rows]).double()}
    told = {
        "names": names,
        "cases": [one.name for one, _ in found],
        "patients": [str(one.facts.get("patient", "")) for one, _ in found],
        "shape": Table.fitted(rows, shapes).card(),
        "texture": Table.fitted(rows, textures).card(),
        "engine": options,
        "spacing_mm": np.mean([crop.spacing_mm for _, crop in found], axis=0).round(6).tolist(),
    }
    return Weights(state, {**card, **told})


def rebuilt(weights: Weights) -> Bank:
    """Return the bank of weights that `fit` made."""
    card, state = weights.card, weights.state
    values = [
        dict(zip(card["names"], row, strict=True)) for row in state["values"].double().tolist()
    ]
    return Bank(
        card["cases"],
        card["patients"],
        values,
        Table.of_card(card["shape"]),
        Table.of_card(card["texture"]),
        card["engine"],
        tuple(card["spacing_mm"]),
    )


def examples(cases: Sequence[Case], card: Mapping[str, Any], bank: Bank) -> list[Example]:
    """Return the lesions that a network is fitted to, with what the bank says of them.

    Raises:
        ValueError: The bank was made of other lesions.
    """
    crops = [crop for one in cases for crop in _crops(one, card)]
    if [crop.case for crop in crops] != list(bank.cases):
        message = f"{len(crops)} lesions of the train split are not the {len(bank.cases)} of `bank`"
        raise ValueError(f"{message}: train it again")
    return [Example(crop, values) for crop, values in zip(crops, bank.values, strict=True)]


def _crops(case: Case, card: Mapping[str, Any]) -> list[Crop]:
    return centered(case, card["crop"], tuple(card["window"]), card["lesion"])
