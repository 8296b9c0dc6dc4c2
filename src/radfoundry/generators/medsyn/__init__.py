"""MedSyn: chest CT with lobes, airways and vessels, drawn from report text and given channels.

After Xu et al., "MedSyn: Text-guided Anatomy-aware Synthesis of High-Fidelity 3D CT Images": text
encoder, joint diffusion of four channels at low resolution, super-resolution. Channels that are
known are shown to the network beside the noisy ones and take their place in every clean estimate.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from radfoundry import seeds
from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.diffusion.guidance import Guidance, Known, guided
from radfoundry.diffusion.noise import Schedule
from radfoundry.diffusion.objectives import OBJECTIVES, masked_channels
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.diffusion.tiles import tiled
from radfoundry.generators._requests import text_guided
from radfoundry.generators.medsyn import batches, decoding, latent, training
from radfoundry.generators.medsyn.decoding import round_trip
from radfoundry.generators.medsyn.options import chosen, is_latent, stated
from radfoundry.generators.medsyn.published import PROBED
from radfoundry.networks.autoencoder.latents import parted
from radfoundry.networks.wavelet_unet.band_statistics import stretched
from radfoundry.text.encoder import model
from radfoundry.training.loop import Callbacks
from radfoundry.weights import Weights

if TYPE_CHECKING:
    from radfoundry.training.loop import TrainingData

NETWORKS = {
    "text": "BERT of the cohort's reports",
    "autoencoder": "of each channel, whose latents are drawn with `latent: true`",
    "low_resolution": "U-Net that draws image, lobes, airway and vessel on a coarse grid",
    "super_resolution": "U-Net that draws them on the full grid, given the coarse one",
}
NEEDS = {"low_resolution": ["text", "autoencoder"]}
# Networks that not every recipe has: the option that decides, and the value with which it has it.
USED = {"autoencoder": {"train/latent": True}, "super_resolution": {"train/latent": False}}
AUTOENCODER = "autoencoder"
__all__ = ["draw", "enlarge", "fit", "plan", "prepare", "probe", "round_trip"]
MODALITIES = ("CT",)
SOURCE_LENDS = "grid"
OPTIONS = {
    "count": 32,
    "splits": ["train"],
    "prompts": "reports",
    "given": [],
    "guidance": 2.0,
    "steps": 10,
    "method": "dpm",
    "text": True,
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
        return training.text(reports, words, own, generator, device, callbacks)
    start = data.networks.get(network)
    if network == "autoencoder":
        own = chosen({**options, "latent": True})[network]
        return latent.train(data.cases, own, generator, device, callbacks, start)
    card = dict(chosen(options)[network])
    card["text_width"] = 0
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


@dataclass(frozen=True)
class Networks:
    """Networks ready to draw, and their cards."""

    encode: model.Encode | None
    low: nn.Module
    high: Any  # a `SuperResolution`, or the `Latents` that are drawn
    cards: Mapping[str, Mapping[str, Any]]
    device: str


def prepare(weights: Mapping[str, Weights], device: str = "cpu") -> Networks:
    """Return the networks, built once; the features of each distinct prompt are kept.

    Raises:
        ValueError: A network is missing.
    """
    last = "autoencoder" if "autoencoder" in weights else "super_resolution"
    wanted = ("text", "low_resolution", last)
    if missing := [name for name in wanted if name not in weights]:
        raise ValueError(f"medsyn draws with {', '.join(wanted)}; missing: {', '.join(missing)}")
    reads = weights["low_resolution"].card["text"]
    encode = model.prepare(weights["text"], device) if reads else None
    low = training.rebuilt(weights["low_resolution"], device)
    rebuilt = training.rebuilt_autoencoder if last == "autoencoder" else training.rebuilt
    cards = {name: weights[name].card for name in ("low_resolution", last)}
    return Networks(encode, low, rebuilt(weights[last], device), cards, device)


def draw(request: Mapping, source: Case, networks: Networks) -> Case:
    """Return one chest CT (int16 HU) with its anatomy map, on the grid of its source.

    Args:
        request: A row of `plan`.
        source: Lends its grid, and the channels that the request says are given.
        networks: As `prepare` returns them.

    Raises:
        ValueError: A given channel that the networks do not draw.
    """
    asked, seed = json.loads(request["parameters"]), int(request["seed"])
    full = batches.picture(source, networks.cards["low_resolution"])
    known = _given(full, asked.get("given", ()))
    low = _low(asked, full, known, networks, seed)
    if "autoencoder" in networks.cards:
        high = decoding.pictures(low, full, known, networks.high, networks.cards)
    else:
        high = _high(asked, full, known, low, networks, seed)
    drawn = channels.cropped(high[0].float().cpu().numpy(), source.image.voxels.shape)
    image, labels = channels.decode(drawn, source.image.affine)
    facts = {
        "source": source.name,
        "patient": str(source.facts.get("patient", "")),
        "split": str(request.get("split", "")),
        "findings": "|".join(dict.fromkeys(f["name"] for f in asked.get("findings", ()))),
        "shape": "",
    }
    return Case(str(request["request"]), image, labels, np.zeros_like(labels), facts)


def enlarge(networks: Networks, low: np.ndarray, seed: int, shape: Sequence[int]) -> np.ndarray:
    """Return channels (C, *shape) drawn by super-resolution of coarse ones (C, *coarse).

    Args:
        networks: As `prepare` returns them.
        low: In [-1, 1], axes X, Y, Z.
        seed: Of all chance.
        shape: Sides of the full grid, multiples of those of the coarse one.
    """
    full = np.full((len(low), *shape), -1, np.float32)
    coarse = torch.as_tensor(low, dtype=torch.float32)[None].to(networks.device)
    coarse = batches.laid(coarse, networks.cards["low_resolution"])
    drawn = _high({}, full, _given(full, ()), coarse, networks, seed)
    return drawn[0].float().cpu().numpy()


def _given(full: np.ndarray, names: Sequence[str]) -> Tensor:
    """Return (1, C) which channels are given."""
    lost = sorted(set(names) - set(channels.NAMES[: len(full)]))
    if lost:
        drawn = ", ".join(channels.NAMES[: len(full)])
        raise ValueError(f"{', '.join(lost)} cannot be given: the networks draw {drawn}")
    return torch.tensor([[name in names for name in channels.NAMES[: len(full)]]])


def _low(asked: Mapping, full: np.ndarray, given: Tensor, networks: Networks, seed: int) -> Tensor:
    """Return the channels at low resolution, laid as their network wants them."""
    card = networks.cards["low_resolution"]
    values = _values(full, card, networks)
    given = parted(given, values.shape[1])
    sides = values.shape[2:]
    if "latent_channels" in card and list(sides) != list(card["space"]):
        grids = f"{list(sides)}, trained on {card['space']}"
        raise ValueError(f"latents of the source's grid are {grids}: resample it first")
    if card["design"] == "wavelet":  # it knows bodies on the grid that it was trained on
        values = stretched(values, card["space"])
    condition: dict[str, Tensor] = {}
    if card["channels"] > 1:
        condition["concat"] = masked_channels(values, given.to(networks.device))
    if networks.encode is not None and asked.get("text", True):
        text, text_mask = networks.encode([asked["prompt"]])
        condition |= {"text": text.to(networks.device), "text_mask": text_mask.to(networks.device)}
    limit = 0.0 if "latent_channels" in card else 1.0
    guidance = Guidance(float(asked.get("guidance", 1)), limit)
    denoise = guided(batches.halved(networks.low, card), condition, guidance)
    known = Known(values, given.to(networks.device)) if given.any() else None
    streams = Streams([seed], values.shape[1:], networks.device)
    drawn = sample(denoise, streams, _schedule(card), _sampling(asked, card), known)
    return stretched(drawn, sides)


def _values(full: np.ndarray, card: Mapping, networks: Networks) -> Tensor:
    """Return what the low-resolution network draws of channels, laid as it wants them."""
    if "latent_channels" in card:
        return decoding.latents(full, networks.high, networks.cards)
    return batches.coarse(full, card).float().to(networks.device)


def _high(
    asked: Mapping, full: np.ndarray, given: Tensor, low: Tensor, networks: Networks, seed: int
) -> Tensor:
    """Return the channels (1, C, X, Y, Z) at full resolution."""
    card = networks.cards["super_resolution"]
    low = batches.laid(batches.laid(low, networks.cards["low_resolution"]), card)
    streams = Streams([seeds.seed(seed, "medsyn", "super_resolution")], low.shape[1:], low.device)
    coarse = low
    low = (1 - card["conditioning_noise"]) * low + card["conditioning_noise"] * streams.normal()
    seen = networks.high.expected(low)
    full_channels = batches.laid(torch.as_tensor(full)[None], card).to(networks.device)
    values = networks.high.beyond(full_channels, seen)
    network = batches.halved(networks.high, card)
    tiles = batches.tiles(card)
    if any(side > tile for side, tile in zip(values.shape[2:], tiles.size, strict=True)):
        network = tiled(network, tiles)
    known = Known(values, given.to(networks.device)) if given.any() else None
    streams = Streams([seeds.seed(seed, "medsyn", "full")], values.shape[1:], networks.device)
    bounds = Guidance(limit=0.0 if card["residual_scale"] else 1.0)
    denoise = guided(network, {"concat": seen}, bounds)
    drawn = sample(denoise, streams, _schedule(card), _sampling(asked, card), known)
    drawn = networks.high.whole(drawn, seen)
    drawn = networks.high.agreeing(drawn, coarse).clamp(-1, 1)
    drawn = torch.where(given.to(drawn.device)[..., None, None, None], full_channels, drawn)
    return batches.laid(drawn, card)


def _schedule(card: Mapping[str, Any]) -> Schedule:
    return OBJECTIVES[card["objective"]].schedule


def _sampling(asked: Mapping, card: Mapping[str, Any]) -> Sampling:
    flow, ends = card["objective"] == "flow", card["log_snr_range"]
    steps = int(card.get("sampling_steps") or asked.get("steps", 10))
    method = asked.get("method", OPTIONS["method"])
    return Sampling(method, steps, log_snr_range=tuple(ends) if ends and flow else None)
