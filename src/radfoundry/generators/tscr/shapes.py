"""Lesions' masks drawn from measurements of which any may be missing, by diffusion or by a GAN.

Either draws fields (see `fields`) on a grid of the training crops' size, from noise, scores (see
`features`) and the length of a voxel, without which a size in millimetres says nothing of voxels.
A kind is a module: `network` makes it, `loss` teaches it, `drawn` draws with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.generators.tscr import mask_diffusion, mask_gan, missing
from radfoundry.generators.tscr.crops import CORE
from radfoundry.generators.tscr.deformed import Example, deformed
from radfoundry.generators.tscr.features import Table, decode, encode, shape_names
from radfoundry.generators.tscr.fields import coarse, fine
from radfoundry.generators.tscr.mask_batches import MaskBatches
from radfoundry.generators.tscr.poses import ORIENTED, canonical, posed
from radfoundry.generators.tscr.shape_error import SPACING_UNIT
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.training.settings import refuse_unknown
from radfoundry.training.start import start_from
from radfoundry.weights import Weights

POSE, REST = 1, 2  # streams of a seed's chance: what turns a lesion, what is not asked for
KINDS: Mapping[str, ModuleType] = {"diffusion": mask_diffusion, "gan": mask_gan}


def chosen(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a network is built and trained: that of a size with a recipe's overrides.

    Args:
        kind: "diffusion" or "gan".
        options: `size`, a name of the kind's `TRAINING`; any of its values.

    Raises:
        ValueError: A kind, size or option that does not exist, with those that do.
    """
    refuse_unknown("masks", [kind], KINDS)
    table = KINDS[kind].TRAINING
    size = str(options.get("size", "phantom"))
    refuse_unknown(f"masks: {kind}: size", [size], table)
    own = {key: value for key, value in options.items() if key != "size"}
    refuse_unknown(f"masks: {kind}", own, table[size])
    return {"kind": kind, "size": size, **table[size], **own}


def fit_shapes(
    examples: Sequence[Example],
    card: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
    start: Weights | None = None,
) -> Weights:
    """Return a network of masks, with a card that `prepared` can make it from.

    Args:
        examples: The train split's lesions, of one grid.
        card: As `chosen` returns it; `steps` 0 leaves the network as it begins.
        generator: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
        start: Weights to go on from, or None.

    Raises:
        ValueError: No example, examples of several grids, or of a grid that the size cannot halve.
        WeightsError: Weights to go on from do not fit.
    """
    card = {**card, **_facts(examples)}
    rng = np.random.default_rng(generator.initial_seed())
    more = deformed(examples, int(card["deformed"]), rng) if card["steps"] else []
    kind, batches = KINDS[card["kind"]], _batches([*examples, *more], card)
    card["together"] = missing.fitted(*batches.told())
    network = kind.network(card, generator).to(device)
    network.measure(batches.fields.to(device))
    told = start_from(network, start)
    known = [field.name for field in fields(Settings) if field.name in card]
    settings = Settings(**{name: card[name] for name in known})
    loss = partial(_loss, kind=kind, card=card)
    done = train(network, batches, loss, settings, generator, callbacks)
    state = kind.kept(done.state)
    return Weights(state, {**card, **told, "losses": done.loss_curve()})


def _facts(examples: Sequence[Example]) -> dict[str, Any]:
    """Return what a network must know of the crops: grid, channels, voxels' length, table."""
    if not examples:
        raise ValueError("no training case has a lesion that its crop holds whole")
    spaces = {one.regions.shape for one in examples}
    if len(spaces) > 1:
        raise ValueError(f"crops are of {len(spaces)} grids: {sorted(spaces)[:3]}; allowed: one")
    channels = 2 if any((one.regions == CORE).any() for one in examples) else 1
    space = list(spaces.pop())
    names = shape_names(len(space), ("whole", "core")[:channels])
    lengths = np.log([one.spacing_mm for one in examples]).mean(0)
    table = Table.fitted([one.values for one in examples], names)
    return {
        "channels": channels, "space": space, "table": table.card(),
        "log_spacing": [float(n) for n in lengths], "examples": len(examples),
    }  # fmt: skip


def _batches(examples: Sequence[Example], card: Mapping[str, Any]) -> MaskBatches:
    factor, table = int(card["factor"]), Table.of_card(card["table"])
    drawn = [
        coarse(canonical(one.regions, one.spacing_mm, card["channels"]), factor) for one in examples
    ]
    pairs = [
        encode({key: v for key, v in one.values.items() if key in table.names}, table)
        for one in examples
    ]
    scores = np.stack([one for one, _ in pairs])
    known = np.stack([one for _, one in pairs])
    told = _told(scores, known, [one.spacing_mm for one in examples], card)
    return MaskBatches(torch.stack(drawn), *told, card)


def _told(
    scores: np.ndarray,
    known: np.ndarray,
    spacings: Sequence[Sequence[float]],
    card: Mapping[str, Any],
) -> tuple[Tensor, Tensor]:
    """Return scores and what is known of them (B, n + axes) with the lengths of voxels behind."""
    lengths = (np.log(np.asarray(spacings, float)) - np.array(card["log_spacing"])) / SPACING_UNIT
    whole = np.concatenate([scores, lengths], 1).astype(np.float32)
    every = np.concatenate([known, np.ones(lengths.shape, bool)], 1)
    return torch.from_numpy(whole), torch.from_numpy(every)


def _loss(
    network: nn.Module,
    batch: Mapping[str, Tensor],
    generator: torch.Generator,
    kind: ModuleType,
    card: Mapping[str, Any],
) -> dict[str, Tensor]:
    device = next(network.parameters()).device
    return kind.loss(network, {key: v.to(device) for key, v in batch.items()}, generator, card)


@dataclass(frozen=True)
class Shapes:
    """A network of masks that is ready to draw.

    Attributes:
        network: As `fit_shapes` left it.
        card: Its card.
        table: What its scores mean; `features.encode(values, shapes.table)` makes them.
    """

    network: nn.Module
    card: Mapping[str, Any]
    table: Table

    @property
    def space(self) -> tuple[int, ...]:
        """Voxels along each axis of what is drawn."""
        return tuple(self.card["space"])

    def draw(
        self,
        scores: np.ndarray,
        known: np.ndarray,
        spacings_mm: Sequence[Sequence[float]],
        seeds: Sequence[int],
    ) -> np.ndarray:
        """Return maps of regions (B, *space) uint8: 0 none, 1 rim or whole, 2 core.

        A map is a function of its own row, whatever it is drawn together with. What is not asked
        for is drawn from the seed so that it goes with what is. A map may be empty,
        where so small a lesion is asked for or the network has learned nothing.

        Args:
            scores: (B, n) of the table's measurements.
            known: (B, n) bool: which of them are asked for.
            spacings_mm: Of each, the length of a voxel along each axis.
            seeds: Of each.
        """
        whole = [
            missing.completed(row, is_known, self.card["together"], chance(number, REST))
            for row, is_known, number in zip(scores, known, seeds, strict=True)
        ]
        full, every = (np.stack(part) for part in zip(*whole, strict=True))
        told = _told(full, every, spacings_mm, self.card)
        device = next(self.network.parameters()).device
        kind, made = KINDS[self.card["kind"]], []
        for at, number in enumerate(seeds):  # one by one: sums depend on what is beside them
            row = [part[at : at + 1].to(device) for part in told]
            drawn = kind.drawn(self.network, *row, [int(number)], self.card)
            depths = fine(drawn.float(), self.space)[0].cpu().numpy()
            asked = self._diameters(scores[at], known[at])
            made.append(posed(depths, spacings_mm[at], chance(number, POSE), asked))
        return np.stack(made)

    def _diameters(self, scores: np.ndarray, known: np.ndarray) -> dict[str, float]:
        """Return the diameters along the crop's axes that are asked for, in mm."""
        values = decode(scores, known, self.table)
        start = "whole_shape_"
        return {name: values[start + name] for name in ORIENTED if start + name in values}


def chance(seed: int, stream: int) -> np.random.Generator:
    """Return a stream of a seed's chance."""
    return np.random.default_rng([int(seed), stream])


def prepared(weights: Weights, device: str | torch.device = "cpu") -> Shapes:
    """Return the network of weights that `fit_shapes` made, ready to draw."""
    card = weights.card
    network = KINDS[card["kind"]].network(card, torch.Generator(), drawing=True)
    network.load_state_dict(dict(weights.state))
    network = network.to(device).eval().requires_grad_(False)
    return Shapes(network, card, Table.of_card(card["table"]))
