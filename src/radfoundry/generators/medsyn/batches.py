"""What MedSyn's two denoising networks are taught: batches with their conditions, and the loss.

Worker processes draw `ahead`; `ready` adds what the training process alone has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.data.augmentation import shifted
from radfoundry.data.encoded import grids
from radfoundry.diffusion import objectives
from radfoundry.diffusion.objectives import OBJECTIVES, Dropping, Network, Objective, denoising_loss
from radfoundry.diffusion.tiles import Tiles
from radfoundry.generators.medsyn import geometry
from radfoundry.generators.medsyn.latent import LatentPictures
from radfoundry.generators.medsyn.pictures import (
    CoarsePictures,
    Crops,
    coarse,
    curve,
    laid,
    picture,
)
from radfoundry.networks.wavelet_unet.gaussian_prior import FEWEST
from radfoundry.networks.wavelet_unet.principal_components import FOLDS
from radfoundry.networks.wavelet_unet.unet import WaveletUNet
from radfoundry.text.encoder import features
from radfoundry.training.acceleration import mixed
from radfoundry.weights import Weights

__all__ = ["LowResolutionTask", "SuperResolutionTask"]
__all__ += ["coarse", "curve", "laid", "picture", "tiles"]

TOUCHED = -0.9  # a voxel of which a twentieth is airway


class CoarseBatches:
    """Batches of coarse pictures and the rows that they are; what worker processes draw."""

    def __init__(self, cases: Sequence[Case], options: Mapping[str, Any]) -> None:
        """Keep the cases; `options` are the low-resolution network's."""
        self.pictures, self.options = CoarsePictures(cases, options), options
        self.geometry = geometry.of_cases(cases, options["multiple"])

    def __call__(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return clean channels (B, C, *space), their cases (B,), and their geometry (B, 6).

        They are shifted, turned and enlarged as the options say.
        """
        rows = drawn_rows(len(self.pictures), self.options, generator)
        clean = self.pictures[rows].float()
        if reach := self.options["shift"]:
            clean = shifted(clean, reach, generator)
        told, (turn, zoom) = self.geometry[rows], (self.options[key] for key in ("turn", "zoom"))
        if turn or zoom:
            matrix = channels.turns(len(rows), turn, zoom, generator)
            upright = laid(clean, self.options)
            told = geometry.moved(told, matrix, upright.shape[2:])
            clean = laid(channels.rotated(upright, matrix), self.options)
        return clean, rows, told


class LatentBatches:
    """Which cases batches are of; their latents are encoded where the network is trained."""

    def __init__(self, count: int, options: Mapping[str, Any]) -> None:
        """Keep how many cases there are; `options` are the low-resolution network's."""
        self.count, self.options = count, options

    def __call__(self, generator: torch.Generator) -> Tensor:
        """Return which cases a batch has (B,)."""
        return drawn_rows(self.count, self.options, generator)


def drawn_rows(count: int, options: Mapping[str, Any], generator: torch.Generator) -> Tensor:
    """Return which of so many cases a batch has (B,): of a wavelet network's, all of one fold.

    They are passed through the one prior that none of them took part in.
    """
    batch = options["batch"]
    if options["design"] != "wavelet":
        return torch.randint(count, (batch,), generator=generator)
    first = int(torch.randint(min(FOLDS, count), (), generator=generator))
    fold = torch.arange(first, count, FOLDS)
    return fold[torch.randint(len(fold), (batch,), generator=generator)]


class LowResolutionTask:
    """Batches of coarse channels with the features of their reports, and the loss."""

    def __init__(
        self,
        cases: Sequence[Case],
        options: Mapping[str, Any],
        words: Weights | None = None,
        device: str | torch.device = "cpu",
        autoencoder: Weights | None = None,
    ) -> None:
        """Keep the cases, and encode each distinct report once.

        Args:
            cases: CT of one grid with anatomy maps.
            options: Of this network, with `channels`, `factor` and `multiple` beside the table's.
            words: The text encoder; None trains without text.
            device: Where reports and latents are encoded.
            autoencoder: Whose latents are drawn; None draws coarse channels.

        Raises:
            ValueError: Cases of several grids, or without any report; too few for the Gaussian
                that a wavelet network starts from.
        """
        _one_grid(cases)
        if options["design"] == "wavelet" and len(cases) < FEWEST:
            message = f"the low-resolution network needs at least {FEWEST} training cases"
            raise ValueError(f"{message}, not {len(cases)}")
        self.options = options
        self.reader = {} if words is None else words.card.get("reader", {})
        facts = [entry.facts for entry in getattr(cases, "entries", cases)]
        self.reports = [str(known.get("report", "")) for known in facts]
        if words is not None and not any(map(str.strip, self.reports)):
            message = "train: low_resolution: no training case has a report"
            raise ValueError(f"{message}: state `text: false`")
        self.encode = None if words is None else features.stored(words, self.reports, device)
        self.geometry = geometry.of_cases(cases, options["multiple"])
        self.pictures: CoarsePictures | LatentPictures
        self.ahead: CoarseBatches | LatentBatches
        if autoencoder is None:
            self.ahead = CoarseBatches(cases, options)
            self.pictures = self.ahead.pictures
        else:
            self.pictures = LatentPictures(cases, options, autoencoder, device)
            self.ahead = LatentBatches(len(cases), options)
        near = partial(near_airways, voxel_weight=options["voxel_weight"])
        self.objective = replace(objective(options), voxel_weight=near)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return clean channels (B, C, *space) and their condition."""
        return self.ready(self.ahead(generator))

    def ready(
        self, batch: tuple[Tensor, Tensor, Tensor] | Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a batch of `ahead` with its condition: folds, geometry, features of reports."""
        if isinstance(batch, Tensor):
            batch = self.pictures[batch].float(), batch, self.geometry[batch]
        clean, rows, told = batch
        condition = {"fold": rows % FOLDS} if self.options["design"] == "wavelet" else {}
        condition |= {"geometry": told} if self.options.get("geometry") else {}
        if self.encode is None:
            return clean, condition
        text, text_mask = self.encode([self.reports[row] for row in rows.tolist()])
        longest = int(text_mask.sum(1).max())
        return clean, {
            "text": text[:, :longest],
            "text_mask": text_mask[:, :longest],
            **condition,
        }

    def loss(
        self, network: nn.Module, batch: tuple[Tensor, dict], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the denoising loss; some texts and some channels are dropped or given."""
        device = next(network.parameters()).device
        clean, condition = batch[0].to(device), {k: v.to(device) for k, v in batch[1].items()}
        drawn = self.options["channels"]
        given = self.options["given"] if drawn > 1 else 0.0
        dropping = Dropping(self.options["drop_text"], given, clean.shape[1] // drawn)
        chosen = self.objective
        prior = network.gaussian_prior if isinstance(network, WaveletUNet) else None
        if prior is not None and self.options["objective"] == "flow":
            # In units of what is computed: a loss of 1 is none learned, at any time (nearly so,
            # where some voxels count more).
            chosen = replace(chosen, weight=lambda times: 1 / prior.expected_error(times))
        losses = denoising_loss(network, clean, condition, chosen, generator, dropping)
        return {"denoising": losses.mean()}


class SuperResolutionTask:
    """Crops at full resolution beside their blurred selves, and the loss of what sharpens them."""

    def __init__(self, cases: Sequence[Case], options: Mapping[str, Any]) -> None:
        """Keep the cases; of each only the crop is read and encoded."""
        _one_grid(cases)
        self.options, self.ahead = options, Crops(cases, options)
        self.geometry = self.ahead.geometry
        self.objective = objective(options)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a batch: see `Crops`."""
        return self.ready(self.ahead(generator))

    def ready(self, batch: tuple[Tensor, dict[str, Tensor]]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a batch of `ahead` as the loss takes it: it is one."""
        return batch

    def loss(
        self, network: Any, batch: tuple[Tensor, dict], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the denoising loss beside the low-resolution channels."""
        device = next(network.parameters()).device
        clean, known = batch[0].to(device), {k: v.to(device) for k, v in batch[1].items()}
        expected = network.expected(known.pop("low"))
        drawn, seen = network.beyond(clean, expected), {"concat": expected, **known}
        losses = denoising_loss(network, drawn, seen, self.objective, generator)
        return {"denoising": losses.mean()}


def objective(options: Mapping[str, Any]) -> Objective:
    """Return the objective by name; of `flow`, `logit_mean` is that of the times' logits."""
    chosen = OBJECTIVES[options["objective"]]
    if options["objective"] != "flow":
        return chosen
    return replace(chosen, draw=partial(objectives.logit_normal, logit_mean=options["logit_mean"]))


def near_airways(clean: Tensor, voxel_weight: float) -> Tensor:
    """Return how much each value (B, C, *space) counts: more in image and airway near an airway.

    A windpipe is one voxel in a thousand, and where it lies is learned last: an error there hardly
    moves the mean. Without the airway channel nothing says where it is.

    Args:
        clean: (B, C, *space), channels as in `channels.NAMES`.
        voxel_weight: Times that the error counts more in voxels that hold or touch an airway.
    """
    counts, at = torch.ones_like(clean), channels.NAMES.index("airway")
    if not voxel_weight or clean.shape[1] <= at:
        return counts
    image = channels.NAMES.index("image")
    tree = (clean[:, at : at + 1] > TOUCHED).float()
    near = functional.max_pool3d(tree, 3, stride=1, padding=1)
    counts[:, [image, at]] += voxel_weight * near
    return counts


def tiles(card: Mapping[str, Any]) -> Tiles:
    """Return how a super-resolution network goes through a volume that is larger than a tile."""
    sides = card["tile"] if card["design"] == "wavelet" else card["tile"][::-1]
    return Tiles(sides, overlap=0.25, margin=8)


def _one_grid(cases: Sequence[Case]) -> None:
    if not cases:
        raise ValueError("there is no training case")
    found = grids(cases)
    if len(found) > 1:
        listed = ", ".join(str(grid) for grid in sorted(found)[:3])
        raise ValueError(
            f"training cases are of {len(found)} grids ({listed}): state preprocess.grid"
        )


def halved(network: nn.Module, card: Mapping[str, Any]) -> Network:
    """Return the network as it was trained: in mixed precision, if so."""

    def run(noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        with mixed(noisy.device, card["precision"]):
            return network(noisy, times, **condition)

    return run
