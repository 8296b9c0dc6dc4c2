"""Train MedSyn's three networks: what is noised, what conditions it, what the loss is.

Volumes are encoded when they are drawn: a cohort need not fit into memory at full resolution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry import channels, medsyntext
from radfoundry.case import Case
from radfoundry.diffusion import objectives
from radfoundry.diffusion.objectives import OBJECTIVES, Dropping, Objective, denoising_loss
from radfoundry.medsynoptions import TABLES
from radfoundry.text import encoder, pretraining
from radfoundry.training import Hooks, Settings, Trained, train
from radfoundry.volumenets import sizes
from radfoundry.volumenets.enlarger import Enlarger
from radfoundry.volumenets.lean import LeanUNet
from radfoundry.volumenets.prior import FOLDS
from radfoundry.weights import Weights

MOST = 512  # pictures whose mean and components are taken
CROPS = 64  # from which a coarse voxel's neighborhood is learned


def settings(options: Mapping[str, Any], base: Settings | None = None) -> Settings:
    """Return the loop's settings among a network's options; others are left out."""
    known = {field.name for field in fields(Settings)}
    chosen: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in options.items() if name in known
    }
    return Settings(**chosen) if base is None else replace(base, **chosen)


def text(
    reports: Sequence[str],
    start: Weights | None,
    options: Mapping[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    hooks: Hooks,
) -> Weights:
    """Return the text encoder, trained on the distinct reports; untrained with `steps` 0.

    Args:
        reports: Of the training cases; empty ones are left out.
        start: Weights to go on from, or None for an encoder drawn anew.
        options: `size`, a name of `encoder.SIZES`, and what `Settings` has.
        generator: The source of all chance.
        device: Where to train.
        hooks: Callbacks.

    Raises:
        ValueError: No case has a report.
    """
    told = list(dict.fromkeys(report for report in reports if report.strip()))
    if not told:
        raise ValueError("no training case has a report: state low_resolution: {text: false}")
    if options.get("steps") == 0:
        return start or encoder.untrained(told, options["size"], generator)
    chosen = settings(options, pretraining.SETTINGS[options["size"]])
    train_text = medsyntext.fit if options["reading"] else pretraining.fit
    return train_text(told, start or options["size"], chosen, generator, device, hooks)


class LowResolution:
    """Batches of coarse channels (in memory, 16-bit) with their reports, and the loss."""

    def __init__(
        self, cases: Sequence[Case], options: Mapping[str, Any], words: Weights | None = None
    ) -> None:
        """Encode the cases.

        Args:
            cases: CT of one grid with anatomy maps.
            options: Of this network, with `channels`, `factor` and `multiple` beside the table's.
            words: The text encoder; None trains without text.

        Raises:
            ValueError: Cases of several grids.
        """
        _one_grid(cases)
        self.options = options
        self.encode = None if words is None else encoder.prepare(words)
        self.reader = {} if words is None else words.card.get("reader", {})
        self.reports = [str(case.facts.get("report", "")) for case in cases]
        self.pictures = torch.cat([coarse(picture(case, options), options) for case in cases])
        self.objective = objective(options)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return clean channels (B, C, *space) and their condition."""
        rows = self._rows(generator)
        clean = channels.moved(self.pictures[rows].float(), self.options["shift"], generator)
        told = {"fold": rows % FOLDS} if self.options["design"] == "lean" else {}
        if self.encode is None:
            return clean, told
        features, kept = self.encode([self.reports[row] for row in rows.tolist()])
        longest = int(kept.sum(1).max())
        return clean, {"text": features[:, :longest], "kept": kept[:, :longest], **told}

    def _rows(self, generator: torch.Generator) -> Tensor:
        """Return which cases a batch has: all of one fold, so that one prior is passed through."""
        count = self.options["batch"]
        first = int(torch.randint(min(FOLDS, len(self.pictures)), (), generator=generator))
        fold = torch.arange(first, len(self.pictures), FOLDS)
        return fold[torch.randint(len(fold), (count,), generator=generator)]

    def loss(
        self, network: nn.Module, batch: tuple[Tensor, dict], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the denoising loss; some texts and some channels are dropped or given."""
        device = next(network.parameters()).device
        clean, condition = batch[0].to(device), {k: v.to(device) for k, v in batch[1].items()}
        given = self.options["given"] if clean.shape[1] > 1 else 0.0
        dropping = Dropping(self.options["drop_text"], given)
        chosen = self.objective
        if isinstance(network, LeanUNet) and network.prior is not None:
            prior = network.prior
            # In units of what is computed: a loss of 1 is none learned, at any time.
            chosen = replace(chosen, weight=lambda times: 1 / prior.expected_error(times))
        told = denoising_loss(network, clean, condition, chosen, generator, dropping)
        return {"denoising": told.mean()}


class SuperResolution:
    """Crops at full resolution beside their blurred selves, and the loss of what sharpens them."""

    def __init__(self, cases: Sequence[Case], options: Mapping[str, Any]) -> None:
        """Keep the cases; each is encoded when a crop of it is drawn."""
        _one_grid(cases)
        self.cases, self.options = cases, options
        self.objective = objective(options)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return crops (B, C, *crop), and their low-resolution selves (B, C, *coarse) with noise.

        The noise is MedSyn's augmentation: (1 - a) low + a eps, a from U(0, `noise`).
        """
        rows = torch.randint(len(self.cases), (self.options["batch"],), generator=generator)
        crops = [self._crop(self.cases[row], generator) for row in rows.tolist()]
        clean = torch.cat(crops)
        if self.options["turn"] or self.options["zoom"]:
            clean = channels.rotated(clean, self.options["turn"], self.options["zoom"], generator)
        low = channels.smaller(clean, self.options["factor"])
        share = torch.rand((len(low), 1, 1, 1, 1), generator=generator) * self.options["noise"]
        low = (1 - share) * low + share * torch.randn(low.shape, generator=generator)
        return laid(clean, self.options), laid(low, self.options)

    def _crop(self, case: Case, generator: torch.Generator) -> Tensor:
        """Return one crop (1, C, *crop) from anywhere in a case."""
        full = picture(case, self.options)
        cut = []
        for have, want in zip(full.shape[1:], self.options["crop"], strict=True):
            start = int(torch.randint(max(0, have - want) + 1, (), generator=generator))
            cut.append(slice(start, start + want))
        return torch.as_tensor(np.ascontiguousarray(full[(slice(None), *cut)]))[None]

    def loss(
        self, network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the denoising loss beside the low-resolution channels."""
        device = next(network.parameters()).device
        clean, low = (part.to(device) for part in batch)
        expected = network.expected(low)
        drawn, seen = network.beyond(clean, expected), {"beside": expected}
        told = denoising_loss(network, drawn, seen, self.objective, generator)
        return {"denoising": told.mean()}


def denoiser(
    name: str,
    task: LowResolution | SuperResolution,
    card: dict[str, Any],
    generator: torch.Generator,
    device: str | torch.device,
    hooks: Hooks,
) -> Weights:
    """Return a trained denoising network with a card that `rebuilt` can make it from.

    Args:
        name: "low_resolution" or "super_resolution".
        task: Draws batches and says what the loss is.
        card: The network's options, with `channels` and `text_width`.
        generator: The source of all chance.
        device: Where to train.
        hooks: Callbacks; a state to resume from.
    """
    card = {"network": name, **card, "size": sizes.named(TABLES[name], card["size"])}
    if isinstance(task, LowResolution):
        card |= {"space": list(task.pictures.shape[2:]), "read": len(task.reader.get("bias", ()))}
    network = sizes.initial(generator, card["size"], card["objective"], **wiring(card)).to(device)
    if isinstance(task, SuperResolution):
        network = enlarger(network, card).to(device)
    _measure(network, task, device)
    done = train(network, task.draw, task.loss, settings(card), generator, hooks)
    return Weights(done.state, card | {"losses": course(done)})


def rebuilt(weights: Weights, device: str | torch.device) -> nn.Module:
    """Return the network of weights that `denoiser` made, ready to draw."""
    card = weights.card
    network = sizes.build(card["size"], card["objective"], **wiring(card))
    if card["network"] == "super_resolution":
        network = enlarger(network, card)
    network.load_state_dict(dict(weights.state))
    return network.to(device).eval()


def wiring(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return channels, channels beside them, width of the text and grid of a network."""
    low = card["network"] == "low_resolution"
    shown = 2 * (card["channels"] > 1) if low else 1
    beside = card["channels"] * shown
    space = {"space": tuple(card["space"]), "read": card["read"]} if low else {}
    given = {"channels": card["channels"], "beside": beside, "text_width": card["text_width"]}
    return given | space


def objective(options: Mapping[str, Any]) -> Objective:
    """Return the objective by name; of `flow`, times are drawn around `center` (in logits)."""
    chosen = OBJECTIVES[options["objective"]]
    if options["objective"] != "flow":
        return chosen
    return replace(chosen, draw=partial(objectives.logit_normal, center=options["center"]))


def picture(case: Case, options: Mapping[str, Any]) -> np.ndarray:
    """Return a case's channels (C, X, Y, Z), within background up to whole blocks."""
    encoded = channels.encode(case)[: options["channels"]]
    return channels.padded(encoded, options["multiple"])


def coarse(full: np.ndarray, options: Mapping[str, Any]) -> Tensor:
    """Return channels (1, C, *space) at low resolution, as the network wants them laid."""
    small = channels.smaller(torch.as_tensor(full)[None], options["factor"])
    return laid(small, options).to(torch.float16)


def laid(pictures: Tensor, options: Mapping[str, Any]) -> Tensor:
    """Return (B, C, X, Y, Z) with the depth first for a published network, or back."""
    return channels.turned(pictures) if options["design"] == "published" else pictures


def course(done: Trained, points: int = 50) -> dict[str, list[float]]:
    """Return at most `points` means of each loss along the training."""
    parts = {n: np.array_split(v, min(points, len(v))) for n, v in done.history.items() if v}
    return {n: [round(float(np.mean(part)), 5) for part in pieces] for n, pieces in parts.items()}


def enlarger(network: nn.Module, card: Mapping[str, Any]) -> Enlarger:
    """Return a super-resolution network with what it starts from."""
    return Enlarger(network, card["channels"], card["factor"], card["detail"])


def _measure(
    network: nn.Module, task: LowResolution | SuperResolution, device: str | torch.device
) -> None:
    """Let a network take from clean pictures, and their texts, what it computes instead of learns."""
    if isinstance(network, Enlarger) and isinstance(task, SuperResolution):
        chosen = torch.Generator().manual_seed(0)
        turns = range(-(-CROPS // task.options["batch"]))
        drawn = [task.draw(chosen) for _ in turns]
        fine, low = (torch.cat(parts).to(device) for parts in zip(*drawn, strict=True))
        network.measure(fine, low)
        if isinstance(network.network, LeanUNet):
            network.network.measure(network.beyond(fine, network.expected(low)))
    elif isinstance(network, LeanUNet) and isinstance(task, LowResolution):
        assert network.prior is not None
        for buffer, part in zip((network.prior.reader, network.prior.silent), ("weight", "bias"), strict=True):
            buffer.copy_(torch.tensor(task.reader.get(part, buffer.tolist())).reshape(buffer.shape))
        pictures, reports = task.pictures[:MOST].float(), task.reports[:MOST]
        told = () if task.encode is None else task.encode(reports)
        network.measure(*(part.to(device) for part in (pictures, *told)))


def _one_grid(cases: Sequence[Case]) -> None:
    if not cases:
        raise ValueError("there is no training case")
    grids = {case.image.voxels.shape for case in cases}
    if len(grids) > 1:
        told = ", ".join(str(grid) for grid in sorted(grids)[:3])
        raise ValueError(
            f"training cases are of {len(grids)} grids ({told}): state preprocess.grid"
        )
