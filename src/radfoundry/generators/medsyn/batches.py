"""What MedSyn's two denoising networks are taught: batches with their conditions, and the loss.

Volumes are encoded when they are drawn: a cohort need not fit into memory at full resolution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.data.augmentation import shifted
from radfoundry.diffusion import objectives
from radfoundry.diffusion.objectives import OBJECTIVES, Dropping, Network, Objective, denoising_loss
from radfoundry.diffusion.tiles import Tiles
from radfoundry.networks.wavelet_unet.gaussian_prior import FEWEST
from radfoundry.networks.wavelet_unet.principal_components import FOLDS
from radfoundry.networks.wavelet_unet.unet import WaveletUNet
from radfoundry.text.encoder import model
from radfoundry.weights import Weights

TOUCHED = -0.9  # a voxel of which a twentieth is airway


class LowResolutionTask:
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
            ValueError: Cases of several grids, or too few for the Gaussian that a wavelet network
                starts from.
        """
        _one_grid(cases)
        if options["design"] == "wavelet" and len(cases) < FEWEST:
            message = f"the low-resolution network needs at least {FEWEST} training cases"
            raise ValueError(f"{message}, not {len(cases)}")
        self.options = options
        self.encode = None if words is None else model.prepare(words)
        self.reader = {} if words is None else words.card.get("reader", {})
        self.reports = [str(case.facts.get("report", "")) for case in cases]
        self.pictures = torch.cat([coarse(picture(case, options), options) for case in cases])
        near = partial(near_airways, voxel_weight=options["voxel_weight"])
        self.objective = replace(objective(options), voxel_weight=near)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return clean channels (B, C, *space) and their condition."""
        rows = self._rows(generator)
        clean = self.pictures[rows].float()
        if self.options["shift"]:
            clean = shifted(clean, self.options["shift"], generator)
        condition = {"fold": rows % FOLDS} if self.options["design"] == "wavelet" else {}
        if self.encode is None:
            return clean, condition
        features, text_mask = self.encode([self.reports[row] for row in rows.tolist()])
        longest = int(text_mask.sum(1).max())
        return clean, {
            "text": features[:, :longest],
            "text_mask": text_mask[:, :longest],
            **condition,
        }

    def _rows(self, generator: torch.Generator) -> Tensor:
        """Return which cases a batch has: of a wavelet network's, all of one fold.

        They are passed through the one prior that none of them took part in.
        """
        count = self.options["batch"]
        if self.options["design"] != "wavelet":
            return torch.randint(len(self.pictures), (count,), generator=generator)
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
        """Keep the cases; each is encoded when a crop of it is drawn."""
        _one_grid(cases)
        self.cases, self.options = cases, options
        self.objective = objective(options)

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return crops (B, C, *crop), and their low-resolution selves (B, C, *coarse) with noise.

        The noise is MedSyn's augmentation, its share from U(0, `noise`).
        """
        clean = self.crops(generator)
        share = torch.rand((len(clean), 1, 1, 1, 1), generator=generator) * self.options["noise"]
        return laid(clean, self.options), laid(self.blurred(clean, share, generator), self.options)

    def crops(self, generator: torch.Generator) -> Tensor:
        """Return a batch of crops (B, C, *crop), turned and enlarged as the options say."""
        rows = torch.randint(len(self.cases), (self.options["batch"],), generator=generator)
        clean = torch.cat([self._crop(self.cases[row], generator) for row in rows.tolist()])
        if self.options["turn"] or self.options["zoom"]:
            return channels.rotated(clean, self.options["turn"], self.options["zoom"], generator)
        return clean

    def blurred(self, clean: Tensor, share: Tensor | float, generator: torch.Generator) -> Tensor:
        """Return crops on the coarse grid, (1 - share) of them and a share of normal noise."""
        low = channels.smaller(clean, self.options["factor"])
        return (1 - share) * low + share * torch.randn(low.shape, generator=generator)

    def _crop(self, case: Case, generator: torch.Generator) -> Tensor:
        """Return one crop (1, C, *crop) from anywhere in a case."""
        full = picture(case, self.options)
        cut = []
        for have, want in zip(full.shape[1:], self.options["crop"], strict=True):
            start = int(torch.randint(max(0, have - want) + 1, (), generator=generator))
            cut.append(slice(start, start + want))
        return torch.as_tensor(np.ascontiguousarray(full[(slice(None), *cut)]))[None]

    def loss(
        self, network: Any, batch: tuple[Tensor, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the denoising loss beside the low-resolution channels."""
        device = next(network.parameters()).device
        clean, low = (part.to(device) for part in batch)
        expected = network.expected(low)
        drawn, seen = network.beyond(clean, expected), {"concat": expected}
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


def picture(case: Case, options: Mapping[str, Any]) -> np.ndarray:
    """Return a case's channels (C, X, Y, Z), within background up to whole blocks."""
    encoded = channels.encode(case)[: options["channels"]]
    return channels.padded(encoded, options["multiple"])


def coarse(full: np.ndarray, options: Mapping[str, Any]) -> Tensor:
    """Return channels (1, C, *space) at low resolution, as the network wants them laid."""
    small = channels.smaller(torch.as_tensor(full)[None], options["factor"])
    return laid(small, options).to(torch.float16)


def laid(pictures: Tensor, options: Mapping[str, Any]) -> Tensor:
    """Return (B, C, X, Y, Z) with the depth first for a pseudo-3D network, or back."""
    return channels.turned(pictures) if options["design"] == "pseudo3d" else pictures


def tiles(card: Mapping[str, Any]) -> Tiles:
    """Return how a super-resolution network goes through a volume that is larger than a tile."""
    sides = card["tile"] if card["design"] == "wavelet" else card["tile"][::-1]
    return Tiles(sides, overlap=0.25, margin=8)


def _one_grid(cases: Sequence[Case]) -> None:
    if not cases:
        raise ValueError("there is no training case")
    grids = {case.image.voxels.shape for case in cases}
    if len(grids) > 1:
        listed = ", ".join(str(grid) for grid in sorted(grids)[:3])
        raise ValueError(
            f"training cases are of {len(grids)} grids ({listed}): state preprocess.grid"
        )


def halved(network: nn.Module, card: Mapping[str, Any]) -> Network:
    """Return the network as it was trained: in mixed precision, if so."""
    mixed = card["precision"] == "bfloat16"

    def run(noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=mixed):
            return network(noisy, times, **condition)

    return run
