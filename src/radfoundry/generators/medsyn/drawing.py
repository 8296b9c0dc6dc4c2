"""How MedSyn draws: the coarse grid by one network, the full grid by the other, several at once.

Each sample has streams of chance of its own; what is drawn beside it moves a value by rounding
alone.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
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
from radfoundry.generators._requests import spacings
from radfoundry.generators.medsyn import batches, decoding, geometry
from radfoundry.networks.autoencoder.latents import parted
from radfoundry.networks.wavelet_unet.band_statistics import stretched
from radfoundry.text.encoder import model
from radfoundry.volume import Volume

SAMPLER = {"method": "dpm", "timestep_spacing": "log_snr"}  # where a request does not say
TOGETHER = ("steps", *SAMPLER, "guidance", "text")  # what requests share that are drawn at once


@dataclass(frozen=True)
class Networks:
    """Networks ready to draw, and their cards."""

    encode: model.Encode | None
    low: nn.Module
    high: Any  # a `SuperResolution`, or the `Latents` that are drawn
    cards: Mapping[str, Mapping[str, Any]]
    device: str

    @property
    def last(self) -> Mapping[str, Any]:
        """The card of the network that makes the full grid."""
        return self.cards["autoencoder" if self.latent else "super_resolution"]

    @property
    def latent(self) -> bool:
        """Whether latents are drawn in place of coarse channels."""
        return "autoencoder" in self.cards


def alike(request: Mapping, source: Case) -> Hashable:
    """Return what requests must agree on to be drawn together: settings of sampling, and grid."""
    asked = json.loads(request["parameters"])
    return *(asked.get(name) for name in TOGETHER), source.image.voxels.shape


def draw_many(
    requests: Sequence[Mapping], sources: Sequence[Case], networks: Networks
) -> list[Case]:
    """Return what `draw` does for each of several requests that are `alike`, in one pass.

    Raises:
        ValueError: As for `draw`.
    """
    asked = [json.loads(request["parameters"]) for request in requests]
    affines = []
    for one, source in zip(asked, sources, strict=True):
        if one.get("spacing") and not one.get("given"):
            geometry.check(one["spacing"], networks.cards)
        affines.append(spacings.placed(source.image, one.get("spacing")))
        one["spacing"] = Volume(source.image.voxels, affines[-1]).spacing_mm
    found = drawn(asked, sources, networks, [int(request["seed"]) for request in requests])
    rows = zip(found, affines, requests, asked, sources, strict=True)
    return [_sample(networks, *row) for row in rows]


def drawn(
    asked: Sequence[Mapping], sources: Sequence[Case], networks: Networks, numbers: Sequence[int]
) -> list[np.ndarray]:
    """Return the channels (C, X, Y, Z) in [-1, 1] of each sample, on its source's grid.

    Args:
        asked: The requests' parameters, each with its `spacing` in mm.
        sources: Lend their grid and given channels.
        networks: As `prepare` returns them.
        numbers: The seed of each.
    """
    card = networks.cards["low_resolution" if networks.latent else "super_resolution"]
    full = torch.as_tensor(np.stack([batches.picture(source, card) for source in sources]))
    given = torch.cat([_given(full, one.get("given", ())) for one in asked])
    low = _low(asked, full, given, networks, numbers)
    if networks.latent:
        high = decoding.pictures(low, full, given, networks.high, networks.cards)
    else:
        high = _high(asked, full, given, low, networks, numbers)
    pairs = zip(high.float().cpu().numpy(), sources, strict=True)
    return [channels.cropped(one, source.image.voxels.shape) for one, source in pairs]


def enlarged(
    networks: Networks,
    low: np.ndarray,
    seed: int,
    shape: Sequence[int],
    asked: Mapping,
) -> np.ndarray:
    """Return channels (C, *shape) drawn by super-resolution of coarse ones: see `enlarge`."""
    full = torch.full((1, len(low), *shape), -1.0)
    coarse = torch.as_tensor(low, dtype=torch.float32)[None].to(networks.device)
    coarse = batches.laid(coarse, networks.cards["low_resolution"])
    found = _high([asked], full, _given(full, ()), coarse, networks, [seed])
    return found[0].float().cpu().numpy()


def _sample(
    networks: Networks,
    found: np.ndarray,
    affine: np.ndarray,
    request: Mapping,
    asked: Mapping,
    source: Case,
) -> Case:
    """Return channels (C, X, Y, Z) as the sample that was asked for."""
    card = networks.last
    thresholds = channels.Thresholds(**card.get("thresholds", {}))
    image, labels = channels.decode(found, affine, batches.curve(card), thresholds)
    facts = {
        "source": source.name,
        "patient": str(source.facts.get("patient", "")),
        "split": str(request.get("split", "")),
        "findings": "|".join(dict.fromkeys(f["name"] for f in asked.get("findings", ()))),
        "shape": "",
    }
    return Case(str(request["request"]), image, labels, np.zeros_like(labels), facts)


def _given(full: Tensor, names: Sequence[str]) -> Tensor:
    """Return (1, C) which channels are given."""
    known = channels.NAMES[: full.shape[1]]
    lost = sorted(set(names) - set(known))
    if lost:
        raise ValueError(f"{', '.join(lost)} cannot be given: the networks draw {', '.join(known)}")
    return torch.tensor([[name in names for name in known]])


def _low(
    asked: Sequence[Mapping],
    full: Tensor,
    given: Tensor,
    networks: Networks,
    numbers: Sequence[int],
) -> Tensor:
    """Return the channels (B, C, *coarse) at low resolution, laid as their network wants them."""
    card = networks.cards["low_resolution"]
    values = _values(full, card, networks)
    given = parted(given, values.shape[1])
    sides = values.shape[2:]
    if networks.latent and list(sides) != list(card["space"]):
        grids = f"{list(sides)}, trained on {card['space']}"
        raise ValueError(f"latents of the source's grid are {grids}: resample it first")
    if card["design"] != "pseudo3d":  # it knows bodies on the grid that it was trained on
        values = stretched(values, card["space"])
    condition: dict[str, Tensor] = {}
    if card["channels"] > 1 and card["given"]:
        condition["concat"] = masked_channels(values, given.to(networks.device))
    if networks.encode is not None and asked[0].get("text", True):
        text, text_mask = networks.encode([one["prompt"] for one in asked])
        condition |= {"text": text.to(networks.device), "text_mask": text_mask.to(networks.device)}
    condition |= _geometry(card, asked, full, networks.device)
    guidance = Guidance(float(asked[0].get("guidance", 1)), 0.0 if networks.latent else 1.0)
    denoise = guided(batches.halved(networks.low, card), condition, guidance)
    known = Known(values, given.to(networks.device)) if given.any() else None
    streams = Streams(numbers, values.shape[1:], networks.device)
    found = sample(denoise, streams, _schedule(card), _sampling(asked[0], card), known)
    return stretched(found, sides)


def _values(full: Tensor, card: Mapping[str, Any], networks: Networks) -> Tensor:
    """Return what the low-resolution network draws of channels (B, C, X, Y, Z), laid for it."""
    if networks.latent:
        return decoding.latents(full, networks.high, networks.cards)
    small = [batches.coarse(picture.numpy(), card) for picture in full]
    return torch.cat(small).float().to(networks.device)


def _high(
    asked: Sequence[Mapping],
    full: Tensor,
    given: Tensor,
    low: Tensor,
    networks: Networks,
    numbers: Sequence[int],
) -> Tensor:
    """Return the channels (B, C, X, Y, Z) at full resolution."""
    card = networks.cards["super_resolution"]
    low = batches.laid(batches.laid(low, networks.cards["low_resolution"]), card)
    streams = _streams(numbers, "super_resolution", low)
    coarse = low
    low = (1 - card["conditioning_noise"]) * low + card["conditioning_noise"] * streams.normal()
    seen = networks.high.expected(low)
    full_channels = batches.laid(full, card).to(networks.device)
    values = networks.high.beyond(full_channels, seen)
    network = batches.halved(networks.high, card)
    tiles = batches.tiles(card)
    if any(side > tile for side, tile in zip(values.shape[2:], tiles.size, strict=True)):
        network = tiled(network, tiles)
    known = Known(values, given.to(networks.device)) if given.any() else None
    bounds = Guidance(limit=0.0 if card["residual_scale"] else 1.0)
    condition = {"concat": seen} | _geometry(card, asked, full, networks.device)
    denoise, streams = guided(network, condition, bounds), _streams(numbers, "full", values)
    found = sample(denoise, streams, _schedule(card), _sampling(asked[0], card), known)
    found = networks.high.whole(found, seen)
    found = networks.high.agreeing(found, coarse).clamp(-1, 1)
    found = torch.where(given.to(found.device)[..., None, None, None], full_channels, found)
    return batches.laid(found, card)


def _streams(numbers: Sequence[int], stage: str, values: Tensor) -> Streams:
    """Return streams of chance for a stage of each sample, in the shape of values (B, ...)."""
    own = [seeds.seed(number, "medsyn", stage) for number in numbers]
    return Streams(own, values.shape[1:], values.device)


def _geometry(
    card: Mapping[str, Any], asked: Sequence[Mapping], full: Tensor, device: str
) -> dict[str, Tensor]:
    """Return what a network is shown of each sample's geometry, or nothing."""
    return geometry.condition(card, [one["spacing"] for one in asked], full.shape[2:], device)


def _schedule(card: Mapping[str, Any]) -> Schedule:
    return OBJECTIVES[card["objective"]].schedule


def _sampling(asked: Mapping, card: Mapping[str, Any]) -> Sampling:
    """Return how a network draws: in the request's steps, or in its own if it has some."""
    flow, ends = card["objective"] == "flow", card["log_snr_range"]
    steps = int(card.get("sampling_steps") or asked.get("steps", 10))
    method, spacing = (str(asked.get(name, default)) for name, default in SAMPLER.items())
    bounded = ends and flow and spacing == "log_snr"
    ends = tuple(ends) if bounded else None
    return Sampling(method, steps, spacing=spacing, log_snr_range=ends)
