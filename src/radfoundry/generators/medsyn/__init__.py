"""MedSyn: chest CT with lobes, airways and vessels, drawn from report text and given channels.

After Xu et al., "MedSyn: Text-guided Anatomy-aware Synthesis of High-Fidelity 3D CT Images": text
encoder, joint diffusion of four channels at low resolution, super-resolution. Channels that are
known are shown to the network beside the noisy ones and take their place in every clean estimate.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from radfoundry.case import Case
from radfoundry.generators._requests import text_guided
from radfoundry.generators.medsyn import batches, drawing, geometry, latent, training
from radfoundry.generators.medsyn.decoding import round_trip
from radfoundry.generators.medsyn.drawing import Networks, alike, draw_many
from radfoundry.generators.medsyn.options import chosen, is_latent, stated
from radfoundry.generators.medsyn.published import PROBED
from radfoundry.text.encoder import model
from radfoundry.training.loop import Callbacks
from radfoundry.weights import Weights

if TYPE_CHECKING:
    from radfoundry.training.loop import TrainingData

__all__ = [
    "Networks",
    "alike",
    "draw",
    "draw_many",
    "enlarge",
    "fit",
    "plan",
    "prepare",
    "probe",
    "round_trip",
    "shapes",
]

NETWORKS = {
    "text": "BERT of the cohort's reports",
    "autoencoder": "of each channel, whose latents are drawn with `latent: true`",
    "low_resolution": "U-Net that draws image, lobes, airway and vessel on a coarse grid",
    "super_resolution": "U-Net that draws them on the full grid, given the coarse one",
}
CLAIMED = ("low_resolution",)  # super-resolution stands beside interpolation
NEEDS = {"low_resolution": ["text", "autoencoder"]}
# Networks that not every recipe has: the option that decides, and the value with which it has it.
USED = {"autoencoder": {"train/latent": True}, "super_resolution": {"train/latent": False}}
AUTOENCODER = "autoencoder"
MODALITIES = ("CT",)
SOURCE_LENDS = "grid"
THRESHOLDS = "super_resolution"
SAMPLER = ("steps", *drawing.SAMPLER)  # how is drawn, and nothing of what
OPTIONS = {
    "count": 32,
    "splits": ["train"],
    "prompts": "reports",
    "given": [],
    "guidance": 2.0,
    "steps": 10,
    "method": "dpm",
    "timestep_spacing": "log_snr",
    "text": True,
    "spacing": None,
    "probes": {"prompt": 32, "side": 32, "given": 16, "segment": 16},
}


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
        data: Cases with anatomy maps and `facts["report"]`; the networks of `NEEDS`. A network's
            own name among the networks is where its training starts.
        options: `size`; overrides of `options.TRAINING` by network; `shapes`, whether lobes,
            airways and vessels are drawn too; `objective`, "flow" or "published".
            `low_resolution: {text: false}` is an unconditional network of equal size.
        rng: The source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: Unknown options; cases of several grids; no reports.
    """
    if network not in NETWORKS:
        raise ValueError(f"no network {network!r}: choose from {', '.join(NETWORKS)}")
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    words = data.networks.get("text")
    if network == "text":
        known = [case.facts for case in getattr(data.cases, "entries", data.cases)]
        reports = [str(facts.get("report", "")) for facts in known]
        own = stated(options)["text"]  # of the others it must know nothing, nor wait for them
        more = getattr(data, "reports", ())
        learned = training.text([*reports, *more], words, own, generator, device, callbacks)
        return training.counted(learned, more)
    start = data.networks.get(network)
    if network == "autoencoder":
        own = chosen({**options, "latent": True})[network]
        return latent.train(data.cases, own, generator, device, callbacks, start)
    card = dict(chosen(options)[network])
    card |= {"text_width": 0} | geometry.told(data.cases, card["design"], start)
    task: batches.LowResolutionTask | batches.SuperResolutionTask
    if network == "low_resolution":
        if words is None:
            raise ValueError("the low-resolution network needs the text encoder's weights")
        card["text_width"] = int(words.card["size"]["width"])
        card["read"] = len(words.card.get("reader", {}).get("bias", ()))
        found = data.networks.get("autoencoder") if is_latent(options) else None
        if is_latent(options):
            card = latent.of_autoencoder(card, found)
        words = words if card["text"] else None
        task = batches.LowResolutionTask(data.cases, card, words, device, found)
    else:
        task = batches.SuperResolutionTask(data.cases, card)
    return training.denoiser(task, card | {"network": network}, generator, device, callbacks, start)


def plan(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests of a recipe: see `text_guided.plan`."""
    return text_guided.plan(cases, {**OPTIONS, **options}, seed)


def probe(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests that the evaluation draws: see `text_guided.probe`."""
    return text_guided.probe(cases, {**OPTIONS, **options}, seed, PROBED)


def prepare(weights: Mapping[str, Weights], device: str = "cpu") -> Networks:
    """Return the networks, built once; the features of each distinct prompt are kept.

    Raises:
        ValueError: A network is missing, or the two see images on other curves or coarse grids.
    """
    last = "autoencoder" if "autoencoder" in weights else "super_resolution"
    wanted = ("text", "low_resolution", last)
    if missing := [name for name in wanted if name not in weights]:
        raise ValueError(f"medsyn draws with {', '.join(wanted)}; missing: {', '.join(missing)}")
    same = {"tones": None} | ({} if last == "autoencoder" else {"downsampling": "mean"})
    for what, usual in same.items():
        found = [weights[name].card.get(what, usual) for name in ("low_resolution", last)]
        if found[0] != found[1]:
            names = f"low_resolution and {last}"
            raise ValueError(f"{names} were trained on other {what}: {found[0]} and {found[1]}")
    reads = weights["low_resolution"].card["text"]
    encode = model.prepare(weights["text"], device) if reads else None
    low = training.rebuilt(weights["low_resolution"], device)
    rebuilt = training.rebuilt_autoencoder if last == "autoencoder" else training.rebuilt
    cards = {name: weights[name].card for name in ("low_resolution", last)}
    return Networks(encode, low, rebuilt(weights[last], device), cards, device)


def draw(request: Mapping, source: Case, networks: Networks) -> Case:
    """Return one chest CT (int16 HU) with its anatomy map, on the grid of its source.

    Args:
        request: A row of `plan`. Its voxel size is the sample's; without one, the source's.
        source: Lends its grid, and the channels that the request says are given.
        networks: As `prepare` returns them.

    Raises:
        ValueError: A given channel that the networks do not draw; a voxel size that they were not
            taught, unless channels are given.
    """
    return draw_many([request], [source], networks)[0]


def shapes(case: Case, options: Mapping, networks: Networks, seed: int) -> np.ndarray:
    """Return the channels (C, X, Y, Z) in [-1, 1] that are drawn beside the image of a case.

    Args:
        case: Its image is given, and nothing said.
        options: Those of `SAMPLER`, as `OPTIONS` has them; others do not count.
        networks: As `prepare` returns them.
        seed: Of all chance.
    """
    asked = {key: {**OPTIONS, **options}[key] for key in SAMPLER}
    asked |= {"given": ["image"], "text": False, "spacing": case.image.spacing_mm}
    return drawing.drawn([asked], [case], networks, [seed])[0]


def enlarge(
    networks: Networks,
    low: np.ndarray,
    seed: int,
    shape: Sequence[int],
    spacing_mm: Sequence[float] | None = None,
    options: Mapping = {},  # noqa: B006 - never changed
) -> np.ndarray:
    """Return channels (C, *shape) drawn by super-resolution of coarse ones (C, *coarse).

    Args:
        networks: As `prepare` returns them.
        low: In [-1, 1], axes X, Y, Z, as the networks' tones and downsampling have them.
        seed: Of all chance.
        shape: Sides of the full grid, multiples of those of the coarse one.
        spacing_mm: Voxel sizes on the full grid; None for what the training cases had on average.
        options: As for `shapes`.
    """
    asked = {key: {**OPTIONS, **options}[key] for key in SAMPLER} | {"spacing": spacing_mm}
    return drawing.enlarged(networks, low, seed, shape, asked)
