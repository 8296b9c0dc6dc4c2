"""XReal: chest radiographs with organs and findings where they are asked for.

After Hashmi, Almakky, Qazi, Sanjeev, Papineni, Jagdish and Yaqub, "XReal: Realistic Anatomy and
Pathology-Aware X-ray Generation via Controllable Diffusion Model": a latent diffusion of
radiographs from their findings' words, and two controllers that lead it as it draws and change
none of its weights.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from radfoundry.case import Case
from radfoundry.generators._latent import training as autoencoders
from radfoundry.generators._latent.radiographs import RadiographCrops, round_trip
from radfoundry.generators._radiographs import fitting, pretrained_engine, requests
from radfoundry.generators._radiographs import options as shared
from radfoundry.generators._radiographs import training as denoising
from radfoundry.generators._radiographs.drawing import lacking, prepared
from radfoundry.generators._radiographs.latents import blocked
from radfoundry.generators._radiographs.task import LatentTask
from radfoundry.generators.xreal import anatomy_controller, beside
from radfoundry.generators.xreal.drawing import Networks, alike, draw_many
from radfoundry.generators.xreal.options import checked, of_controller, of_diffusion
from radfoundry.generators.xreal.published import PROBED
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
    "diffusion": "U-Net that draws latents of radiographs from words",
    "controlnet": "copy of the base's encoder that sees organs and findings, beside it",
    "edm": "U-Net taught as EDM is, in place of `diffusion`",
    "averaged": "`edm` with weights averaged over a width chosen afterwards; it learns nothing",
    "pretrained": "latent text-to-image model of a local folder, in place of the base; as it is",
    "guide": "smaller U-Net, taught for less long, that guidance leads away from",
    "anatomy_controller": "second autoencoder, which makes a radiograph of organs",
}
CLAIMED = ("diffusion", "anatomy_controller", "controlnet", "edm", "averaged")
NEEDS = {
    "diffusion": ["text", "autoencoder"],
    "controlnet": ["text", "autoencoder", "diffusion"],
    "edm": ["text", "autoencoder"],
    "averaged": ["edm"],
    "guide": ["text", "autoencoder"],
}
AUTOENCODER = "autoencoder"
MODALITIES = ("CXR",)
OPTIONS = {
    "count": 32,
    "splits": ["train"],
    "prompts": "reports",
    "given": [],
    "guidance": 1.5,
    "guidance_interval": None,
    "steps": 4,
    "anatomy_steps": 6,
    "led": 0.5,
    "outside": 0.2,
    "method": "dpm",
    "timestep_spacing": "log_snr",
    "eta": 0.0,
    "decay": "constant",
    "warp": 1.0,
    "masks": "shapes",
    "text": True,
    "probes": {"prompt": 32, "side": 32, "given": 16, "segment": 0},
}
# That a request states beside `text_guided`'s.
SETTINGS = ("anatomy_steps", "led", "outside", "eta", "decay", "guidance_interval")
LIMITS = (
    "A finding is drawn inside its mask alone: what it does to organs elsewhere, such as a heart "
    "that is pushed aside, is not.",
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
        data: Radiographs of one grid with anatomy maps and `facts["report"]` or
            `facts["findings"]`; the networks of `NEEDS`. A network's own name among the networks is
            where its training starts.
        options: `size`; overrides of the tables by network; `objective`, "flow" or "published";
            `wording`, "findings" or "reports"; the baselines: `text_only`, and `concat`, which
            shows the base the maps of organs and findings. See `beside` for the networks that a
            recipe names to have them.
        rng: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: Unknown options; cases of several grids; no case; nothing is said of any.
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
    if network == "anatomy_controller":
        card = of_controller(options)
        return anatomy_controller.fit(data.cases, card, generator, device, callbacks, start)
    if network != "diffusion":
        return beside.fit(network, data, options, generator, device, callbacks)
    card, encoder = fitting.told(of_diffusion(options), data, NEEDS["diffusion"])
    coder = blocked(data.networks["autoencoder"], card, device)
    task = LatentTask(data.cases, card, coder, encoder, device)
    return denoising.denoiser(task, card, generator, device, callbacks, start)


def plan(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests of a recipe: see `_radiographs.requests`."""
    return requests.plan(cases, {**OPTIONS, **options}, seed, SETTINGS)


def probe(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests that the evaluation draws: see `_radiographs.requests`."""
    return requests.probe(cases, {**OPTIONS, **options}, seed, SETTINGS, PROBED)


def prepare(weights: Mapping[str, Weights], device: str = "cpu") -> Networks:
    """Return the networks, built once; without an anatomy controller a baseline draws.

    Raises:
        ValueError: A network is missing.
    """
    if "pretrained" in weights:
        engine = pretrained_engine.engine(weights["pretrained"], device)
    elif missing := lacking(weights):
        wanted = "text, autoencoder, diffusion and, but for the baselines, anatomy_controller"
        raise ValueError(f"xreal draws with {wanted}; missing: {', '.join(missing)}")
    else:
        engine = prepared(weights, device)
    controller = weights.get("anatomy_controller")
    if engine.card["maps"]:
        controller = None
    built = None if controller is None else anatomy_controller.rebuilt(controller, device)
    return Networks(engine, built, {name: one.card for name, one in weights.items()})


def draw(request: Mapping, source: Case, networks: Networks) -> Case:
    """Return one radiograph in [0, 1] with the organs and findings that were asked for as maps.

    Args:
        request: A row of `plan`.
        source: Lends its grid and its organs; its image or its findings if the request says so.
        networks: As `prepare` returns them.

    Raises:
        ValueError: A grid that the base was not trained on; a finding that has nowhere to lie.
    """
    return draw_many([request], [source], networks)[0]
