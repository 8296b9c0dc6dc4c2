"""Latents of radiographs drawn from words and maps, several requests at once.

Each request has streams of chance of its own; what is drawn beside it moves a value by rounding
alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry import seeds
from radfoundry.diffusion import Denoise
from radfoundry.diffusion.guidance import Guidance, Known, guided
from radfoundry.diffusion.objectives import masked_channels
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators._radiographs import training, words
from radfoundry.generators._radiographs.latents import Coder, blocked
from radfoundry.text.encoder import model
from radfoundry.training.acceleration import mixed
from radfoundry.weights import Weights


@dataclass(frozen=True)
class Engine:
    """Text encoder, denoising network and autoencoder, ready to draw."""

    encode: model.Encode | None
    network: nn.Module
    coder: Coder
    card: Mapping[str, Any]
    device: str

    def said(self, findings: Sequence[Mapping], text: str) -> str:
        """Return the prompt of findings in words that the network was taught by."""
        known = self.card.get("stated", words.STATED)
        return words.prompt(findings, text, self.card["wording"], known)

    def condition(
        self, prompts: Sequence[str] | None, known_maps: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return what the network is told of each sample.

        Args:
            prompts: See `words.prompt`; None says nothing.
            known_maps: (B, K, x, z), for a network that is shown maps.
        """
        out: dict[str, Tensor] = {}
        if prompts is not None and self.encode is not None:
            said = words.features(self.encode, prompts)
            out |= {name: part.to(self.device) for name, part in said.items()}
        if known_maps is not None:
            every = torch.ones(known_maps.shape[:2], dtype=torch.bool)
            out["concat"] = masked_channels(known_maps, every).to(self.device)
        return out

    def estimate(self, noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        """Return what the network estimates, in the precision that it was trained in."""
        with mixed(self.device, self.card["precision"]):
            return self.network(noisy, times, **condition)

    def guided(self, condition: Mapping[str, Tensor], scale: float) -> Denoise:
        """Return what estimates clean latents, led by the words; latents have no bounds."""
        return guided(self.estimate, condition, Guidance(scale, 0.0))

    def drawn(
        self,
        denoise: Denoise,
        numbers: Sequence[int],
        stage: str,
        sampling: Sampling,
        known: Known | None = None,
    ) -> Tensor:
        """Return latents (B, C, x, z), each from its own seed and the name of the stage."""
        own = [seeds.seed(number, "radiograph", stage) for number in numbers]
        shape = self.card["latent_channels"], *self.card["space"]
        streams = Streams(own, shape, self.device)
        return sample(denoise, streams, training.schedule_of(self.card), sampling, known)

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


def prepared(weights: Mapping[str, Weights], device: str = "cpu") -> Engine:
    """Return the engine of the networks `text`, `autoencoder` and `diffusion`."""
    card = weights["diffusion"].card
    encode = model.prepare(weights["text"], device) if card["text"] else None
    network = training.rebuilt(weights["diffusion"], device)
    return Engine(encode, network, blocked(weights["autoencoder"], card, device), card, device)


def localized(
    engine: Engine, prompts: Sequence[Sequence[str]], masks: Tensor, scale: float
) -> Denoise:
    """Return what estimates clean latents, each finding led by what is said of it in its own mask.

    One call of the network has every sample once without words, and once for each of its findings:
    x0 = null + s sum_k m_k (x0_k - null); where masks meet, they share. With one finding this is
    classifier-free guidance in its mask, and nothing is said outside.

    Args:
        engine: What draws.
        prompts: Of each sample, those of its findings, equally many.
        masks: (B, findings, x, z) in [0, 1].
        scale: s.
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
        return plain + scale * torch.stack(moved).sum(0)

    return denoise
