"""What a network of radiographs is taught: pictures with their prompts and maps, and the loss."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.case import Case
from radfoundry.diffusion import objectives
from radfoundry.diffusion.objectives import Dropping, Objective, denoising_loss, masked_channels
from radfoundry.generators._radiographs import latents, words
from radfoundry.generators._radiographs.latents import Coder
from radfoundry.generators._radiographs.maps import Shown
from radfoundry.text.encoder import features
from radfoundry.weights import Weights

ALL_ILL = (
    "no training case is free of findings, and no prompt is left out: what the empty prompt draws, "
    "and where guidance leads away from, is not learned; state diffusion: {drop_text: 0.1}"
)


class Rows:
    """Which cases a batch is of; what worker processes draw."""

    def __init__(self, count: int, batch: int) -> None:
        self.count, self.batch = count, batch

    def __call__(self, generator: torch.Generator) -> Tensor:
        """Return the rows (B,)."""
        return torch.randint(self.count, (self.batch,), generator=generator)


class Said(NamedTuple):
    """What is said of several cases.

    Attributes:
        prompts: Of each, see `words.prompt`.
        stated: What findings' words say beside their names, of any of them.
    """

    prompts: Sequence[str]
    stated: Sequence[str]


class Task(ABC):
    """Batches of pictures with what is said and shown of them, and the loss."""

    def __init__(
        self,
        pictures: Tensor,
        said: Said,
        shown: Shown | None,
        options: Mapping[str, Any],
        encoder: Weights | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        """Encode each distinct prompt once.

        Args:
            pictures: (n, C, x, z) what is drawn of each case.
            said: Of each.
            shown: Maps of each; None shows none.
            options: Of the network, see `options.of_network`.
            encoder: The text encoder; None trains without text.
            device: Where prompts are encoded.
        """
        self.pictures, self.said, self.shown, self.options = pictures, said, shown, options
        if encoder is not None and all(said.prompts) and not options["drop_text"]:
            warnings.warn(ALL_ILL, RuntimeWarning, stacklevel=2)
        self.encode = None if encoder is None else features.stored(encoder, said.prompts, device)
        self.reader = {} if encoder is None else encoder.card.get("reader", {})
        self.objective = objective(options)
        self.ahead = Rows(len(pictures), options["batch"])

    def ready(self, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return pictures (B, C, x, z) of the cases of a batch, and their condition."""
        condition: dict[str, Tensor] = {}
        if self.encode is not None:
            own = [self.said.prompts[row] for row in rows.tolist()]
            condition |= words.features(self.encode, own)
        if self.shown is not None:
            condition["maps"] = self.shown.values[rows].float()
            condition["known"] = self.shown.known[rows]
        return self.pictures[rows].float(), condition

    def loss(
        self, network: nn.Module, batch: tuple[Tensor, dict], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the denoising loss; some prompts and some classes of the maps are left out."""
        device = next(network.parameters()).device
        clean, seen = batch[0].to(device), {k: v.to(device) for k, v in batch[1].items()}
        if "maps" in seen:
            both = seen.pop("maps"), seen.pop("known")
            seen["concat"] = with_dropped(*both, self.options["drop_maps"], generator)
        dropping = Dropping(self.options["drop_text"])
        losses = denoising_loss(network, clean, seen, self.objective, generator, dropping)
        return {"denoising": losses.mean()}

    def previewed(self, count: int) -> dict[str, Tensor]:
        """Return the condition of pictures that are drawn for a person to look at: none."""
        return {}

    @abstractmethod
    def seen(self, drawn: Tensor) -> np.ndarray:
        """Return what is drawn (B, C, x, z) as pictures (B, X, Z) in [0, 1]."""


class LatentTask(Task):
    """Batches of latents of radiographs."""

    def __init__(
        self,
        cases: Sequence[Case],
        options: Mapping[str, Any],
        coder: Coder,
        encoder: Weights | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        """Encode every case, and each distinct prompt, once.

        Args:
            cases: Radiographs of one grid; with `maps` among the options their maps count.
            options: Of the network, see `options.of_diffusion`, with `wording`.
            coder: Whose latents are drawn.
            encoder: The text encoder; None trains without text.
            device: Where prompts are encoded.

        Raises:
            ValueError: There is no case; cases are of several grids.
        """
        whole, said = latents.of_cases(cases, coder), said_of(cases, options["wording"])
        shown = latents.maps_of_cases(cases, coder) if options["maps"] else None
        super().__init__(whole, said, shown, options, encoder, device)
        self.coder = coder

    def seen(self, drawn: Tensor) -> np.ndarray:
        """Return the radiographs of latents; see `Task`."""
        sides = [
            side * step for side, step in zip(drawn.shape[2:], self.coder.factors, strict=True)
        ]
        return (self.coder.decode(drawn, sides)[:, 0].numpy() + 1) / 2


def prompts_of(cases: Sequence[Case], wording: str) -> list[str]:
    """Return the prompt of each case, see `words.prompt`; no case is read for it."""
    return [
        words.prompt(words.findings_of(facts), str(facts.get("report", "")), wording)
        for facts in facts_of(cases)
    ]


def said_of(cases: Sequence[Case], wording: str) -> Said:
    """Return what is said of cases; none is read for it."""
    stated = words.stated([words.findings_of(facts) for facts in facts_of(cases)])
    return Said(prompts_of(cases, wording), stated)


def facts_of(cases: Sequence[Case]) -> list[Mapping[str, Any]]:
    """Return the facts of each case; no case is read for them."""
    return [one.facts for one in getattr(cases, "entries", cases)]


def with_dropped(maps: Tensor, known: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Return what a network sees of maps of which each class is left out by itself.

    Args:
        maps: (B, K, x, z) in [0, 1].
        known: (B, K) bool: of which it is known where they are; the others are left out.
        chance: That a class of a picture is left out.
        generator: The source of it.

    Returns:
        (B, 2 K, x, z): see `masked_channels`. A class that is left out is told from one that is
        nowhere.
    """
    drawn = torch.rand(maps.shape[:2], generator=generator, device=generator.device)
    return masked_channels(maps, (drawn >= chance).to(maps.device) & known)


def objective(options: Mapping[str, Any]) -> Objective:
    """Return a network's objective; of `flow`, `logit_mean` is that of the times' logits."""
    if options["objective"] == "published":
        return objectives.NOISE_PREDICTION
    draw = partial(objectives.logit_normal, logit_mean=options["logit_mean"])
    return replace(objectives.OBJECTIVES["flow"], draw=draw)
