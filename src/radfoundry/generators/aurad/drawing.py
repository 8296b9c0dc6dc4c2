"""How AURAD draws: masks from the organs and what is said, then a radiograph of all three."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radfoundry.case import Case
from radfoundry.generators._radiographs import warps
from radfoundry.generators._radiographs.drawing import Engine, pasted, whole
from radfoundry.generators._radiographs.scenes import Scene, sample
from radfoundry.generators.aurad import baselines, mask_drawing, masks
from radfoundry.generators.aurad.bank import Bank
from radfoundry.generators.aurad.masks import Masks

COPIED = "copy_paste"
# What requests share that are drawn at once.
TOGETHER = (
    "steps", "mask_steps", "method", "timestep_spacing", "eta", "guidance", "guidance_interval",
    "mask_guidance", "text", "masks_by",
)  # fmt: skip
# By the option `masks`: the networks that are needed.
NEEDED: Mapping[str, Sequence[str]] = {
    "drawn": ("text", "autoencoder", "masks", "diffusion"),
    "random": ("text", "autoencoder", "diffusion"),
    "transformed": ("text", "autoencoder", "diffusion", "bank"),
    COPIED: ("bank",),
}


@dataclass(frozen=True)
class Networks:
    """What a recipe has, ready to draw.

    Attributes:
        engines: Of the networks `masks` and `diffusion`.
        bank: Empty where there is none.
        cards: Of all networks.
    """

    engines: Mapping[str, Engine]
    bank: Bank
    cards: Mapping[str, Mapping[str, Any]]


def alike(request: Mapping, source: Case) -> Hashable:
    """Return what requests must agree on to be drawn together: settings and grid."""
    asked = json.loads(request["parameters"])
    return json.dumps([asked.get(name) for name in TOGETHER]), source.image.voxels.shape


def draw_many(
    requests: Sequence[Mapping], sources: Sequence[Case], networks: Networks
) -> list[Case]:
    """Return what `draw` does for each of several requests that are `alike`, in one pass.

    Raises:
        ValueError: As for `draw`.
    """
    asked = [json.loads(request["parameters"]) for request in requests]
    by = asked[0]["masks_by"]
    if missing := [name for name in NEEDED[by] if name not in networks.cards]:
        raise ValueError(f"masks: {by} needs the networks {', '.join(missing)}")
    anatomies = [
        warps.applied(source.anatomy, one["warp"])
        for one, source in zip(asked, sources, strict=True)
    ]
    if by == COPIED:
        each = zip(requests, asked, anatomies, sources, strict=True)
        return [_copied(*row, networks.bank) for row in each]
    for source in sources:
        networks.engines["diffusion"].checked(source.image.voxels[:, 0].shape, source.name)
    numbers = [int(request["seed"]) for request in requests]
    found = _masks(asked, anatomies, sources, numbers, networks)
    scenes = [
        Scene(anatomy, own.masks, one["findings"])
        for anatomy, own, one in zip(anatomies, found, asked, strict=True)
    ]
    steps = int(asked[0]["steps"])
    images = whole(asked, scenes, networks.engines["diffusion"], numbers, steps)
    rows = zip(images, scenes, requests, sources, [own.facts() for own in found], strict=True)
    return [sample(*row) for row in rows]


def _masks(
    asked: Sequence[Mapping],
    anatomies: Sequence[np.ndarray],
    sources: Sequence[Case],
    numbers: Sequence[int],
    networks: Networks,
) -> list[Masks]:
    """Return the masks of each sample, from where its request says."""
    if asked[0]["masks_by"] == "drawn":
        return mask_drawing.drawn(asked, anatomies, numbers, networks.engines["masks"])
    rows = zip(asked, anatomies, sources, strict=True)
    return [_of_baseline(*row, networks) for row in rows]


def _of_baseline(asked: Mapping, anatomy: np.ndarray, source: Case, networks: Networks) -> Masks:
    if not asked["masks"]:
        return masks.none(anatomy)
    if asked["masks_by"] == "random":
        return baselines.at_random(asked["masks"], anatomy, networks.cards["diffusion"]["sizes"])
    whose = str(source.facts.get("patient", ""))
    return baselines.transformed(asked["masks"], anatomy, networks.bank, whose)[0]


def _copied(
    request: Mapping, asked: Mapping, anatomy: np.ndarray, source: Case, bank: Bank
) -> Case:
    """Return the source's image with pixels of real findings pasted in; no network draws."""
    image, own = np.array(source.image.voxels[:, 0], np.float32), masks.none(anatomy)
    if asked["masks"]:
        whose = str(source.facts.get("patient", ""))
        own, found = baselines.transformed(asked["masks"], anatomy, bank, whose)
        order = np.argsort([-mask.sum() for mask in own.masks], kind="stable")
        for place in order:  # the smallest last, as in the map
            image = pasted(image, found[place].pixels, own.masks[place])
    return sample(image, Scene(anatomy, own.masks, asked["findings"]), request, source, own.facts())
