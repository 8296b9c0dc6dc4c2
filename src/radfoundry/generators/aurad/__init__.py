"""AURAD: chest radiographs with the masks of their findings, several at once.

After the abstract of "AURAD: Anatomy-Pathology Unified Radiology Synthesis with Progressive
Representations" (Duke-NUS and Microsoft Health Futures): from what is said and a patient's organs
masks of the findings are drawn first, then a radiograph from all three; the masks are its labels.
What the abstract leaves open is ours: masks are drawn by diffusion on a coarse grid with a channel
for each finding, cut to where the vocabulary allows them, and drawn again where no real one is as
small or as large. Each class of the maps is left out of half of the pictures that the second
network learns from (Konz et al. 2024), so that it draws from as many as there are.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from radfoundry.case import Case
from radfoundry.generators._latent import training as autoencoders
from radfoundry.generators._latent.radiographs import RadiographCrops, round_trip
from radfoundry.generators._radiographs import drawing as shared_drawing
from radfoundry.generators._radiographs import fitting, requests
from radfoundry.generators._radiographs import options as shared
from radfoundry.generators._radiographs import training as denoising
from radfoundry.generators._radiographs.drawing import Engine
from radfoundry.generators._radiographs.latents import blocked
from radfoundry.generators._radiographs.task import LatentTask
from radfoundry.generators.aurad import bank, baselines, mask_task, masks
from radfoundry.generators.aurad.drawing import COPIED, NEEDED, Networks, alike, draw_many
from radfoundry.generators.aurad.options import checked, of_bank, of_diffusion, of_masks
from radfoundry.generators.aurad.published import PROBED
from radfoundry.training.loop import Callbacks
from radfoundry.weights import Weights

if TYPE_CHECKING:
    from radfoundry.training.loop import TrainingData

__all__ = [
    "Networks",
    "alike",
    "draw",
    "draw_many",
    "fit",
    "plan",
    "prepare",
    "probe",
    "round_trip",
]

NETWORKS = {
    "text": "BERT of the findings' words",
    "autoencoder": "of radiographs, whose latents are drawn",
    "masks": "U-Net that draws masks of findings from organs and words",
    "diffusion": "U-Net that draws latents of radiographs from organs, masks and words",
    "bank": "real masks and pixels of the train split, which two baselines take; it learns nothing",
}
CLAIMED = ("masks", "diffusion")
NEEDS = {"masks": ["text"], "diffusion": ["text", "autoencoder"]}
AUTOENCODER = "autoencoder"
MODALITIES = ("CXR",)
OPTIONS = {
    "count": 32,
    "splits": ["train"],
    "prompts": "reports",
    "guidance": 2.5,
    "guidance_interval": None,
    "steps": 6,
    "mask_guidance": 2.0,
    "mask_steps": 4,
    "method": "dpm",
    "timestep_spacing": "log_snr",
    "eta": 0.0,
    "warp": 1.0,
    "masks": "drawn",
    "text": True,
    "probes": {"prompt": 32, "side": 32, "given": 16, "segment": 0},
}
# That a request states beside `text_guided`'s.
SETTINGS = ("mask_steps", "mask_guidance", "eta", "guidance_interval")
CHOOSERS: requests.Choosers = {
    "drawn": None,
    "random": baselines.chosen_at_random,
    "transformed": baselines.chosen_to_move,
    COPIED: baselines.chosen_to_move,
}
LIMITS = (
    "Of a finding that no training case has a mask of, no size is known: what is drawn of it is "
    "taken as it is, and where nothing is, the sample fails.",
)


def fit(
    network: str,
    data: "TrainingData",
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:
    """Return one of `NETWORKS`, trained on the cases of the train split.

    Args:
        network: Which.
        data: Radiographs of one grid with anatomy maps, findings maps as far as there are any, and
            `facts["report"]` or `facts["findings"]`; the networks of `NEEDS`. A network's own name
            among the networks is where its training starts.
        options: `size`; overrides of the tables by network; `objective`, "flow" or "published";
            `wording`, "findings" or "reports".
        rng: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: Unknown options; cases of several grids; no case; nothing is said of any; none
            has a mask.
    """
    if network not in NETWORKS:
        raise ValueError(f"no network {network!r}: choose from {', '.join(NETWORKS)}")
    wording, start = checked(options), data.networks.get(network)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    if network == "text":
        own = shared.of_text(options)
        return fitting.text(data, own, wording, generator, device, callbacks)
    if network == "autoencoder":
        card = shared.of_autoencoder(options)
        crops = RadiographCrops(data.cases, card)
        return autoencoders.fit(crops, card, generator, device, callbacks, start)
    if network == "bank":
        return bank.fit(data.cases, of_bank(options), generator)
    if network == "masks":
        card, encoder = fitting.told(of_masks(options), data, NEEDS["masks"])
        card |= {"sizes": masks.real_sizes(data.cases)}
        task = mask_task.MaskTask(data.cases, card, encoder, device)
        return denoising.denoiser(task, card, generator, device, callbacks, start)
    card, encoder = fitting.told(of_diffusion(options), data, NEEDS["diffusion"])
    card |= {"sizes": masks.real_sizes(data.cases)}
    coder = blocked(data.networks["autoencoder"], card, device)
    seen = LatentTask(data.cases, card, coder, encoder, device)
    return denoising.denoiser(seen, card, generator, device, callbacks, start)


def plan(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests of a recipe: see `_radiographs.requests`.

    Args:
        cases: As there. Pixels are pasted into healthy cases alone, whose labels are then whole;
            what is pasted is up to a list of prompts, for healthy cases' reports ask for nothing.
        options: See `OPTIONS`; `masks` is where they come from: see `CHOOSERS`.
        seed: The recipe's seed.

    Raises:
        ValueError: As there; what is taken of the train split would go into another.
    """
    return requests.plan(cases, _asked(options), seed, SETTINGS, CHOOSERS)


def probe(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests that the evaluation draws: see `_radiographs.requests`.

    Of pasted pixels there is no probe of organs: they are the source's own.
    """
    own = _asked(options)
    if own["masks"] == COPIED:
        own["probes"] = {**own["probes"], "given": 0}
    return requests.probe(cases, own, seed, SETTINGS, PROBED, CHOOSERS)


def _asked(options: Mapping) -> dict:
    """Return all options; pasting keeps the source's image."""
    own = {**OPTIONS, "given": [], **options}
    if own["masks"] in ("transformed", COPIED) and list(own["splits"]) != ["train"]:
        message = f"splits are {own['splits']}, masks {own['masks']}"
        raise ValueError(f"{message}: masks are taken of the train split; allowed: [train]")
    return own | ({"given": ["image"]} if own["masks"] == COPIED else {})


def prepare(weights: Mapping[str, Weights], device: str = "cpu") -> Networks:
    """Return the networks, built once: as many as the recipe has.

    Raises:
        ValueError: Not enough for any of `CHOOSERS`.
    """
    if not any(set(needed) <= set(weights) for needed in NEEDED.values()):
        wanted = "; ".join(f"{by} {', '.join(needed)}" for by, needed in NEEDED.items())
        raise ValueError(f"aurad draws masks: {wanted}; there are {', '.join(weights) or 'none'}")
    engines: dict[str, Engine] = {}
    if "diffusion" in weights:
        engines["diffusion"] = shared_drawing.prepared(weights, device)
    if "masks" in weights:
        grid = mask_task.grid_of(weights["masks"].card)
        engines["masks"] = shared_drawing.engine(weights["masks"], weights["text"], grid, device)
    cards = {name: one.card for name, one in weights.items()}
    return Networks(engines, bank.rebuilt(weights.get("bank")), cards)


def draw(request: Mapping, source: Case, networks: Networks) -> Case:
    """Return one radiograph in [0, 1] with its organs and the masks of its findings as maps.

    Args:
        request: A row of `plan`.
        source: Lends its grid and its organs; its image where pixels are pasted.
        networks: As `prepare` returns them.

    Raises:
        ValueError: A grid that the networks were not trained on; a finding that has nowhere to
            lie, or of which no real mask is known; a network is missing.
    """
    return draw_many([request], [source], networks)[0]
