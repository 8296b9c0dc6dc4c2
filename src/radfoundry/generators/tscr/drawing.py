"""How TSCR draws: what goes is filled with tissue, a mask is drawn and placed, then its texture.

To move is to remove and to add elsewhere; to edit is to draw again where a lesion is, in its own
mask or, where another shape is asked for, in a new one after the old one is removed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from radfoundry.case import Case
from radfoundry.generators.tscr import asking, blending, placing
from radfoundry.generators.tscr.crops import Crop, Lesion, Window, around, lesions, plane_of
from radfoundry.generators.tscr.features import Table
from radfoundry.generators.tscr.lesion_bank import Bank, measured
from radfoundry.seeds import seed

TRIES = 4  # masks that are drawn until one is not empty and fits


class Shapes(Protocol):
    """What draws masks: a network, or a baseline."""

    table: Table

    def draw(
        self,
        scores: np.ndarray,
        known: np.ndarray,
        spacings_mm: Sequence[Sequence[float]],
        seeds: Sequence[int],
    ) -> np.ndarray:
        """Return regions (B, *crop) uint8 of scores (B, n) and of which of them are known."""


class Textures(Protocol):
    """What draws voxels into a crop's regions: a network, or a baseline."""

    def draw(
        self,
        crops: Sequence[Crop],
        scores: np.ndarray,
        known: np.ndarray,
        seeds: Sequence[int],
    ) -> Sequence[np.ndarray]:
        """Return the crops' images; where nothing is known, healthy tissue in the regions."""


@dataclass(frozen=True)
class Networks:
    """What draws, ready to: see `prepare`.

    Attributes:
        bank: What real lesions measure.
        shapes: Masks, by the name of the option `masks`.
        textures: Voxels, by the name of the option `texture`.
        card: Of the recipe: `window`, `crop`, `lesion`.
    """

    bank: Bank
    shapes: Mapping[str, Shapes]
    textures: Mapping[str, Textures]
    card: Mapping[str, Any]

    def shape(self, name: str) -> Shapes:
        """Return what draws masks.

        Raises:
            ValueError: The recipe has no such network.
        """
        return _among("masks", name, self.shapes)

    def texture(self, name: str) -> Textures:
        """Return what draws voxels; ValueError where the recipe has no such network."""
        return _among("texture", name, self.textures)


def draw(request: Mapping, source: Case, networks: Networks) -> Case:
    """Return the source after one operation, with the maps of what it shows now.

    Args:
        request: A row of `plan`.
        source: Read, never changed.
        networks: As `prepare` returns them.

    Raises:
        ValueError: Nothing to operate on; nowhere to lie; a feature that real lesions do not have.
    """
    asked, number = json.loads(request["parameters"]), int(request["seed"])
    how = asked["operation"]
    there = lesions(source, networks.card["lesion"])
    if how != "add" and not there:
        raise ValueError(f"{source.name}: to {how} needs a lesion, and its map shows none")
    chosen = there[min(int(asked["lesion"] * len(there)), len(there) - 1)] if there else None
    wanted = asking.values(asked, networks.bank)
    case, image = source, source.image.voxels
    if how == "edit" and not _asks_for_shape(wanted, networks.bank):
        return _sample(request, source, *_painted_again(asked, source, chosen, wanted, networks, number))
    old = None
    if how != "add":
        old = chosen
        before = {} if how == "remove" else _as_it_was(source, chosen, networks)
        wanted = {**before, **wanted}
        image = _removed(source, chosen, asked, networks, seed(number, "remove", 0))
        case = blending.without(source, image, chosen.regions)
    if how == "remove":
        return _sample(request, source, image, case.findings)
    regions = None
    if how == "move" and not _asks_for_shape(asking.values(asked, networks.bank), networks.bank):
        regions = _crop(source, chosen, networks).regions
    return _sample(request, source, *_added(asked, case, old, regions, wanted, networks, number))


def _painted_again(
    asked: Mapping, source: Case, lesion: Lesion, wanted: Mapping, networks: Networks, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return image and findings after new texture in the mask that is there."""
    before = _as_it_was(source, lesion, networks)
    crop = _crop(source, lesion, networks)
    image = _textured(asked, source.image.voxels, crop, {**before, **wanted}, networks, number)
    return image, source.findings


def _added(
    asked: Mapping,
    case: Case,
    old: Lesion | None,
    regions: np.ndarray | None,
    wanted: Mapping[str, float],
    networks: Networks,
    number: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return image and findings with a lesion more.

    Args:
        asked: The request's parameters.
        case: Without the lesion that is moved or edited.
        old: The lesion that was there, if any.
        regions: The mask as a crop, or None if it is to be drawn.
        wanted: What is asked for, by full name.
        networks: See `draw`.
        number: The request's seed.
    """
    taken = case.findings > 0
    near = np.zeros(taken.shape, bool)
    place = {**asked}
    if asked["operation"] == "edit" and old is not None:
        place["center"], near = old.center, old.regions > 0
    elif old is not None:  # elsewhere
        taken = taken | (old.regions > 0)
    free = placing.allowed(case, asked, taken, near)
    found, center = _fitting(case, free, place, regions, wanted, networks, number)
    crop = around(case, center, networks.card["crop"], _window(networks))
    crop = replace(crop, regions=found)
    image = _textured(asked, case.image.voxels, crop, wanted, networks, number)
    marks = blending.in_case(image.shape, crop)
    return image, blending.labeled(case.findings, marks, networks.card["lesion"])


def _fitting(
    case: Case,
    free: np.ndarray,
    place: Mapping,
    regions: np.ndarray | None,
    wanted: Mapping[str, float],
    networks: Networks,
    number: int,
) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Return a mask and the voxel where its middle lies; the first of a few that fit."""
    if regions is not None:
        return regions, placing.place(case, regions, free, place)
    engine, reason = networks.shape(place["masks"]), "the mask that was drawn is empty"
    scores, known = asking.told(wanted, engine.table)
    flat = plane_of(free.shape)
    spacing = [mm for axis, mm in enumerate(case.image.spacing_mm) if axis != flat]
    for attempt in range(TRIES):
        own = seed(number, "mask", attempt)
        drawn = engine.draw(scores[None], known[None], [spacing], [own])[0]
        if not (drawn > 0).any():
            continue
        try:
            return drawn, placing.place(case, drawn, free, place)
        except ValueError as error:
            reason = str(error)
    raise ValueError(f"{case.name}: none of {TRIES} masks could be placed: {reason}")


def _textured(
    asked: Mapping,
    image: np.ndarray,
    crop: Crop,
    wanted: Mapping[str, float],
    networks: Networks,
    number: int,
) -> np.ndarray:
    engine = networks.texture(asked["texture"])
    scores, known = asking.told(wanted, networks.bank.texture, least=1)
    own = seed(number, "texture", 0)
    (drawn,) = engine.draw([crop], scores[None], known[None], [own])
    return blending.pasted(image, crop, drawn)


def _removed(
    source: Case, lesion: Lesion, asked: Mapping, networks: Networks, number: int
) -> np.ndarray:
    """Return the image with normal tissue where a lesion was: all conditions are absent."""
    engine, crop = networks.texture(asked["texture"]), _crop(source, lesion, networks)
    nothing = np.zeros((1, len(networks.bank.texture.names)), np.float32)
    (drawn,) = engine.draw([crop], nothing, nothing.astype(bool), [number])
    return blending.pasted(source.image.voxels, crop, drawn)


def _as_it_was(source: Case, lesion: Lesion, networks: Networks) -> dict[str, float]:
    """Return what the source's lesion measures: what is not asked for stays as it is."""
    crop = _crop(source, lesion, networks)
    found = measured(crop, networks.bank.names, networks.bank.radiomics)
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _crop(source: Case, lesion: Lesion, networks: Networks) -> Crop:
    """Return the crop around a lesion, whole.

    Raises:
        ValueError: The lesion is larger than what the networks see.
    """
    crop = around(source, lesion.center, networks.card["crop"], _window(networks), lesion.regions)
    if np.count_nonzero(crop.regions) < np.count_nonzero(lesion.regions):
        message = f"its lesion is larger than the {networks.card['crop']} voxels of a crop"
        raise ValueError(f"{source.name}: {message}")
    return crop


def _window(networks: Networks) -> Window:
    low, high = networks.card["window"]
    return float(low), float(high)


def _asks_for_shape(wanted: Mapping[str, float], bank: Bank) -> bool:
    return any(name in bank.shape.names for name in wanted)


def _among(what: str, name: str, engines: Mapping[str, Any]) -> Any:
    if name not in engines:
        there = ", ".join(engines) or "none"
        raise ValueError(f"{what}: {name!r} is not among the recipe's networks: {there}")
    return engines[name]


def _sample(request: Mapping, source: Case, image: np.ndarray, findings: np.ndarray) -> Case:
    """Return the sample on the source's grid, its organs as they were."""
    shown = "|".join(_named(findings))
    facts = {**source.facts, "findings": shown, "source": source.name}
    facts |= {"seed": str(request["seed"]), "area": str(int(np.count_nonzero(findings)))}
    volume = source.image.holding(np.ascontiguousarray(image, np.float32))
    return Case(str(request["request"]), volume, source.anatomy.copy(), findings.copy(), facts)


def _named(findings: np.ndarray) -> list[str]:
    from radfoundry.anatomy import regions

    there = set(np.unique(findings).tolist())
    return [label.name for label in regions.vocabulary().findings if label.id in there]
