"""How TSCR draws: what goes is filled with tissue, a mask is drawn and placed, then its texture.

To move is to remove and to add elsewhere; to edit is to draw again where a lesion is, in its own
mask or, where another shape is asked for, in a new one after the old one is removed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from radfoundry.anatomy import regions as vocabulary
from radfoundry.case import Case
from radfoundry.generators.tscr import asking, blending, placing
from radfoundry.generators.tscr.candidates import nearest_first
from radfoundry.generators.tscr.crops import Crop, Lesion, Voxel, Window, around, lesions, plane_of
from radfoundry.generators.tscr.deformed import shape_values
from radfoundry.generators.tscr.drawers import Shapes, Textures
from radfoundry.generators.tscr.features import Table
from radfoundry.generators.tscr.lesion_bank import Bank, measured, measured_in
from radfoundry.seeds import seed

TRIES = 4  # masks that are drawn until one is not empty and fits


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

    @property
    def window(self) -> Window:
        """Intensities that the networks see as -1 and 1."""
        low, high = self.card["window"]
        return float(low), float(high)


@dataclass(frozen=True)
class Job:
    """One request with all that it is drawn from.

    Attributes:
        request: A row of `plan`.
        asked: Its parameters.
        source: What is operated on; read, never changed.
        networks: What draws.
        lesion: The source's lesion that is meant; None where it has none.
        wanted: Features that are asked for, by full name.
    """

    request: Mapping
    asked: Mapping[str, Any]
    source: Case
    networks: Networks
    lesion: Lesion | None
    wanted: Mapping[str, float]

    def seed(self, stage: str, index: int = 0) -> int:
        """Return the seed of one stage of drawing."""
        return seed(int(self.request["seed"]), stage, index)

    @property
    def candidates(self) -> int:
        """How many masks, and how many textures, are drawn to take the nearest of."""
        return int(self.asked.get("candidates", 1))

    def asks(self, table: Table, wanted: Mapping[str, float]) -> dict[str, float]:
        """Return what is asked of a table's features: not what an edit is to keep, if anything is.

        Args:
            table: Of a network.
            wanted: What the lesion is to measure, by full name.
        """
        asked = {name: value for name, value in self.wanted.items() if name in table.names}
        return asked or {name: value for name, value in wanted.items() if name in table.names}

    @property
    def changes_shape(self) -> bool:
        """Whether another shape is asked for than the lesion has."""
        return any(name in self.networks.bank.shape.names for name in self.wanted)

    @property
    def old(self) -> Lesion:
        """The lesion that is meant.

        Raises:
            ValueError: There is none.
        """
        if self.lesion is None:
            how = self.asked["operation"]
            raise ValueError(f"{self.source.name}: to {how} needs a lesion; its map shows none")
        return self.lesion

    def crop(self) -> Crop:
        """Return the crop around the lesion that is meant, whole.

        Raises:
            ValueError: There is none, or it is larger than what the networks see.
        """
        size, marks = self.networks.card["crop"], self.old.regions
        crop = around(self.source, self.old.center, size, self.networks.window, marks)
        if np.count_nonzero(crop.regions) < np.count_nonzero(marks):
            raise ValueError(
                f"{self.source.name}: its lesion is larger than a crop of {size} voxels"
            )
        return crop

    def edited(self) -> dict[str, float]:
        """Return what the lesion is to measure: what is not asked for stays as far as it can."""
        bank = self.networks.bank
        was = measured(self.crop(), bank.names, bank.radiomics)
        return asking.edited({k: v for k, v in was.items() if np.isfinite(v)}, self.wanted, bank)


def draw(request: Mapping, source: Case, networks: Networks) -> Case:
    """Return the source after one operation, with the maps of what it shows now.

    Args:
        request: A row of `plan`.
        source: Read, never changed.
        networks: As `prepare` returns them.

    Raises:
        ValueError: Nothing to operate on; nowhere to lie; a feature that real lesions do not have.
    """
    asked = json.loads(request["parameters"])
    there = lesions(source, networks.card["lesion"])
    chosen = there[min(int(asked["lesion"] * len(there)), len(there) - 1)] if there else None
    wanted = asking.values(asked, networks.bank)
    job = Job(request, asked, source, networks, chosen, wanted)
    return _sample(job, *OPERATIONS[asked["operation"]](job))


Drawn = tuple[np.ndarray, np.ndarray]  # image and findings of a sample


def _add(job: Job) -> Drawn:
    return _added(job, job.source, job.wanted)


def _remove(job: Job) -> Drawn:
    case = _without(job)
    return case.image.voxels, case.findings


def _edit(job: Job) -> Drawn:
    wanted = job.edited()
    if job.changes_shape:
        return _added(job, _without(job), wanted)
    return _textured(job, job.source.image.voxels, job.crop(), wanted), job.source.findings


def _move(job: Job) -> Drawn:
    regions = None if job.changes_shape else job.crop().regions
    return _added(job, _without(job), job.edited(), regions)


OPERATIONS: Mapping[str, Callable[[Job], Drawn]] = {
    "add": _add, "edit": _edit, "remove": _remove, "move": _move,
}  # fmt: skip


def _without(job: Job) -> Case:
    """Return the source with normal tissue where the lesion was: all conditions are absent."""
    engine, crop = job.networks.texture(job.asked["texture"]), job.crop()
    nothing = np.zeros((1, len(job.networks.bank.texture.names)), np.float32)
    (drawn,) = engine.draw([crop], nothing, nothing.astype(bool), [job.seed("remove")])
    image = blending.pasted(job.source.image.voxels, crop, drawn)
    return blending.without(job.source, image, job.old.regions)


def _added(
    job: Job, case: Case, wanted: Mapping[str, float], regions: np.ndarray | None = None
) -> Drawn:
    """Return image and findings with a lesion more.

    Args:
        job: Where and what.
        case: Without the lesion that is moved or edited.
        wanted: What it is to measure, by full name.
        regions: Its mask as a crop; drawn where it is None.
    """
    taken, near = case.findings > 0, np.zeros(case.findings.shape, bool)
    place = dict(job.asked)
    if job.asked["operation"] == "edit":
        place["center"], near = job.old.center, job.old.regions > 0
    elif job.asked["operation"] == "move":  # elsewhere
        taken = taken | (job.old.regions > 0)
    free = placing.allowed(case, job.asked, taken, near)
    regions, center = _fitting(job, free, place, wanted, regions)
    crop = around(case, center, job.networks.card["crop"], job.networks.window)
    crop = replace(crop, regions=regions)
    image = _textured(job, case.image.voxels, crop, wanted)
    marks = blending.in_case(image.shape, crop)
    return image, blending.labeled(case.findings, marks, job.networks.card["lesion"])


def _fitting(
    job: Job,
    free: np.ndarray,
    place: Mapping,
    wanted: Mapping[str, float],
    regions: np.ndarray | None,
) -> tuple[np.ndarray, Voxel]:
    """Return a mask and the voxel where its middle lies; the first of a few that fit."""
    if regions is not None:
        return regions, placing.place(job.source, regions, free, place)
    engine, reason = job.networks.shape(job.asked["masks"]), "the mask that was drawn is empty"
    scores, known = asking.told(wanted, engine.table)
    flat, lengths = plane_of(free.shape), job.source.image.spacing_mm
    spacing = [mm for axis, mm in enumerate(lengths) if axis != flat]
    asked = job.asks(engine.table, wanted)
    for first in range(0, TRIES * job.candidates, job.candidates):
        own = [job.seed("mask", at) for at in range(first, first + job.candidates)]
        drawn = engine.draw(*_alike(scores, known, len(own)), [spacing] * len(own), own)
        masks = [mask for mask in drawn if (mask > 0).any()]
        if asked and len(masks) > 1:
            found = [shape_values(mask, tuple(spacing)) for mask in masks]
            masks = [masks[at] for at in nearest_first(found, asked, engine.table)]
        for mask in masks:
            try:
                return mask, placing.place(job.source, mask, free, place)
            except ValueError as error:
                reason = str(error)
    count = TRIES * job.candidates
    raise ValueError(f"{job.source.name}: none of {count} masks could be placed: {reason}")


def _textured(job: Job, image: np.ndarray, crop: Crop, wanted: Mapping[str, float]) -> np.ndarray:
    """Return an image with texture in a crop's regions."""
    engine, bank = job.networks.texture(job.asked["texture"]), job.networks.bank
    scores, known = asking.told(wanted, bank.texture, least=1)
    own = [job.seed("texture", at) for at in range(job.candidates)]
    drawn = engine.draw([crop] * len(own), *_alike(scores, known, len(own)), own)
    images = [blending.pasted(image, crop, one) for one in drawn]
    asked = job.asks(bank.texture, wanted)
    if not asked or len(images) < 2:
        return images[0]
    marks, names = blending.in_case(image.shape, crop), tuple(asked)
    cases = [replace(job.source, image=job.source.image.holding(one)) for one in images]
    found = [measured_in(case, marks, bank, names) for case in cases]
    return images[nearest_first(found, asked, bank.texture)[0]]


def _alike(scores: np.ndarray, known: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(scores[None], count, 0), np.repeat(known[None], count, 0)


def _sample(job: Job, image: np.ndarray, findings: np.ndarray) -> Case:
    """Return the sample on the source's grid, its organs as they were."""
    source, there = job.source, set(np.unique(findings).tolist())
    shown = [one.name for one in vocabulary.vocabulary().findings if one.id in there]
    facts = {**source.facts, "findings": "|".join(shown), "source": source.name}
    facts |= {"seed": str(job.request["seed"]), "area": str(int(np.count_nonzero(findings)))}
    volume = source.image.holding(np.ascontiguousarray(image, np.float32))
    name = str(job.request["request"])
    return Case(name, volume, source.anatomy.copy(), findings.copy(), facts)


def _among(what: str, name: str, engines: Mapping[str, Any]) -> Any:
    if name not in engines:
        there = ", ".join(engines) or "none"
        raise ValueError(f"{what}: {name!r} is not among the recipe's networks: {there}")
    return engines[name]
