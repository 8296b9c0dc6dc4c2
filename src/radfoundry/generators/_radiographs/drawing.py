"""Radiographs and masks drawn from words and maps, several requests at once.

Each request has streams of chance of its own; what is drawn beside it moves a value by rounding
alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from radfoundry import seeds
from radfoundry.diffusion import Denoise
from radfoundry.diffusion.guidance import Guidance, Known, guided
from radfoundry.diffusion.objectives import masked_channels
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators._radiographs import training, variants, words
from radfoundry.generators._radiographs.latents import Coder, Grid, blocked
from radfoundry.generators._radiographs.scenes import Scene
from radfoundry.text.encoder import model
from radfoundry.training.acceleration import mixed
from radfoundry.weights import Weights

OnGrid = TypeVar("OnGrid", bound=Grid)
# Networks that draw latents: the first one counts. All but the last are `variants`' own.
BASES = ("averaged", "edm", "diffusion")
SEAM = 2  # pixels inside a mask over which what is pasted takes over from what was there


@dataclass(frozen=True)
class Engine(Generic[OnGrid]):
    """Text encoder, denoising network and the grid that it draws on, ready to draw.

    `weaker` is a network that guidance leads away from, in place of the words' absence, or None.
    """

    encode: model.Encode | None
    network: nn.Module
    coder: OnGrid
    card: Mapping[str, Any]
    device: str
    weaker: nn.Module | None = None

    def said(self, findings: Sequence[Mapping], text: str) -> str:
        """Return the prompt of findings in words that the network was taught by."""
        known = self.card.get("stated", words.STATED)
        return words.prompt(findings, text, self.card["wording"], known)

    def condition(
        self,
        prompts: Sequence[str],
        shown: Sequence[np.ndarray] = (),
        known: Sequence[np.ndarray] = (),
    ) -> dict[str, Tensor]:
        """Return what the network is told of each sample.

        Args:
            prompts: See `words.prompt`.
            shown: Maps (K, X, Z) of each, for a network that is shown some.
            known: (K,) of each: which of them are.
        """
        out: dict[str, Tensor] = {}
        if self.encode is not None:
            said = words.features(self.encode, prompts)
            out |= {name: part.to(self.device) for name, part in said.items()}
        if shown:
            cells = torch.stack([self.coder.pooled(one) for one in shown])
            which = torch.from_numpy(np.stack(known))
            out["concat"] = masked_channels(cells, which).to(self.device)
        return out

    def estimate(self, noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        """Return what the network estimates, in the precision that it was trained in."""
        with mixed(self.device, self.card["precision"]):
            return self.network(noisy, times, **condition)

    def guided(self, condition: Mapping[str, Tensor], guidance: Guidance) -> Denoise:
        """Return what estimates clean pictures, led by the words or away from a weaker network."""
        worse = None if self.weaker is None else replace(self, network=self.weaker).estimate
        return guided(self.estimate, condition, guidance, worse)

    def drawn(
        self,
        denoise: Denoise,
        numbers: Sequence[int],
        stage: str,
        sampling: Sampling,
        known: Known | None = None,
    ) -> Tensor:
        """Return pictures (B, C, x, z), each from its own seed and the name of the stage."""
        own = [seeds.seed(number, "radiograph", stage) for number in numbers]
        shape = self.card["channels"], *self.card["space"]
        streams = Streams(own, shape, self.device)
        schedule: Any = self.network.schedule
        return sample(denoise, streams, schedule, sampling, known)

    def sampling(self, asked: Mapping, steps: int) -> Sampling:
        """Return how a request is drawn in so many calls."""
        flow, ends = self.card["objective"] == "flow", self.card["log_snr_range"]
        method, spacing = str(asked["method"]), str(asked["timestep_spacing"])
        bounded = tuple(ends) if flow and ends and spacing == "log_snr" and steps > 1 else None
        eta = float(asked["eta"]) if method == "ddim" else 0.0
        return Sampling(method, steps, eta, spacing, bounded)

    def checked(self, shape: Sequence[int], name: str) -> None:
        """Raise ValueError if a picture's latents are not of the grid that was trained on."""
        factors, multiple = self.coder.factors, self.coder.multiple
        sides = [
            -(-side // whole) * whole // step
            for side, whole, step in zip(shape, multiple, factors, strict=True)
        ]
        if sides != list(self.card["space"]):
            message = f"{name}: its latents are {sides}, the network was trained on"
            raise ValueError(f"{message} {list(self.card['space'])}: resample it first")


def lacking(weights: Mapping[str, Weights]) -> list[str]:
    """Return which networks `prepared` would miss, sorted."""
    base = next((weights[name] for name in BASES if name in weights), None)
    if base is None:
        return [name for name in ("autoencoder", "diffusion") if name not in weights]
    needed = ["autoencoder", *(["text"] if base.card["text"] else [])]
    return [name for name in needed if name not in weights]


def prepared(weights: Mapping[str, Weights], device: str = "cpu") -> Engine[Coder]:
    """Return the engine of a recipe's networks: `text`, `autoencoder`, and those that draw latents.

    These are the first of `BASES` that is there; `controlnet` with it, and `guide`, which it is led
    away from.
    """
    base = next(weights[name] for name in BASES if name in weights)
    copied, guide = weights.get("controlnet"), weights.get("guide")
    coder = blocked(weights["autoencoder"], base.card, device)
    found = engine(base, weights.get("text"), coder, device)
    if copied is not None:
        both = variants.controlled(base, copied, device)
        found = replace(found, network=both, card=copied.card)
    return found if guide is None else replace(found, weaker=training.rebuilt(guide, device))


def engine(
    network: Weights, text: Weights | None, grid: OnGrid, device: str = "cpu"
) -> Engine[OnGrid]:
    """Return the engine of a denoising network that draws on a grid, and reads a text or none."""
    encode = model.prepare(text, device) if network.card["text"] and text is not None else None
    own = network.card["network"] in BASES[:-1]
    made = (variants if own else training).rebuilt(network, device)
    return Engine(encode, made, grid, network.card, device)


def guidance_of(asked: Mapping, scale: float, limit: float = 0.0) -> Guidance:
    """Return how a request is guided; latents have no bounds."""
    interval = asked.get("guidance_interval")
    return Guidance(scale, limit, tuple(interval) if interval else None)


def whole(
    asked: Sequence[Mapping],
    scenes: Sequence[Scene],
    engine: Engine,
    numbers: Sequence[int],
    steps: int,
) -> list[np.ndarray]:
    """Return images (X, Z) in [0, 1] drawn at once from words, and from maps if they are shown.

    Args:
        asked: Parameters of requests that agree on how they are drawn.
        scenes: What each must show.
        engine: What draws.
        numbers: The seed of each.
        steps: Calls of the network.
    """
    maps_of, known = [], []
    if engine.card["maps"]:
        maps_of, known = [s.maps() for s in scenes], [s.known() for s in scenes]
    prompts = [
        engine.said(s.findings, one["prompt"]) if one["text"] else ""
        for one, s in zip(asked, scenes, strict=True)
    ]
    condition = engine.condition(prompts, maps_of, known)
    denoise = engine.guided(condition, guidance_of(asked[0], float(asked[0]["guidance"])))
    drawn = engine.drawn(denoise, numbers, "whole", engine.sampling(asked[0], steps))
    return pixels(engine.coder.decode(drawn, scenes[0].masks.shape[1:]))


def pixels(pictures: Tensor) -> list[np.ndarray]:
    """Return pictures (B, 1, X, Z) in [-1, 1] as images (X, Z) in [0, 1], float32."""
    return list((pictures[:, 0].numpy() + 1) / 2)


def pasted(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image with another one inside a mask; outside it is the first one, bit for bit.

    Args:
        before: (X, Z) in [0, 1].
        after: Of the same shape; takes over within `SEAM` pixels of the mask's edge, or in the
            middle of a part that is thinner.
        mask: (X, Z), bool.
    """
    depth, (parts, count) = ndimage.distance_transform_edt(mask), ndimage.label(mask)
    deepest = np.array([1.0, *ndimage.maximum(depth, parts, range(1, count + 1))])
    share = np.minimum(depth / np.minimum(deepest, SEAM)[parts], 1).astype(np.float32)
    return np.where(mask, (1 - share) * before + share * after, before)


def localized(
    engine: Engine, prompts: Sequence[Sequence[str]], masks: Tensor, guidance: Guidance
) -> Denoise:
    """Return what estimates clean latents, each finding led by what is said of it in its own mask.

    One call of the network has every sample once without words, and once for each of its findings:
    x0 = null + s sum_k m_k (x0_k - null); where masks meet, they share. With one finding this is
    classifier-free guidance in its mask, and nothing is said outside.

    Args:
        engine: What draws.
        prompts: Of each sample, those of its findings, equally many.
        masks: (B, findings, x, z) in [0, 1].
        guidance: s, and when it counts; at other times s is 1.
    """
    count, rows = masks.shape[1], len(masks)
    said = [prompts[row][place] for place in range(count) for row in range(rows)]
    condition = engine.condition([""] * rows + said)
    shares = (masks / masks.sum(1, keepdim=True).clamp(min=1)).to(engine.device)

    def denoise(noisy: Tensor, times: Tensor) -> Tensor:
        again = count + 1
        many = noisy.repeat(again, 1, 1, 1), times.repeat(again)
        plain, *each = engine.estimate(*many, **condition).float().chunk(again)
        moved = [shares[:, k : k + 1] * (one - plain) for k, one in enumerate(each)]
        scale = guidance.at(times)
        if isinstance(scale, Tensor):
            scale = scale[:, None, None, None]
        return plain + scale * torch.stack(moved).sum(0)

    return denoise
