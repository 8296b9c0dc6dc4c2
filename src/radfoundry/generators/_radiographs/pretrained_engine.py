"""A latent text-to-image model of others ready to draw, called as our own networks are."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from radfoundry.diffusion.noise import Level, ScaledLinear
from radfoundry.generators._radiographs import latents
from radfoundry.generators._radiographs.drawing import Engine
from radfoundry.generators._radiographs.latents import Coder
from radfoundry.generators._radiographs.pretrained import built, grid_of
from radfoundry.weights import Weights


def engine(weights: Weights, device: str = "cpu") -> Engine[Coder]:
    """Return the engine of what `pretrained.adopted` returned, ready to draw."""
    models = built(weights.card)
    for part, model in models.items():
        begins = f"{part}."
        own = {n.removeprefix(begins): v for n, v in weights.state.items() if n.startswith(begins)}
        model.load_state_dict(own)
        model.to(device).eval().requires_grad_(False)
    card, encode = weights.card, Prompts(models["text_encoder"], weights.card, device)
    schedule = ScaledLinear(card["scheduler"]["first"], card["scheduler"]["last"])
    null, _ = encode([""])
    network = PretrainedUNet(models["unet"], schedule, card["scheduler"]["predicts"], null)
    coder = PretrainedCoder(models["vae"], card, device)
    return Engine(encode, network.to(device), coder, card, device)


class Prompts:
    """CLIP's features of prompts, as `words.features` asks for them."""

    def __init__(self, model: Any, card: Mapping[str, Any], device: str) -> None:
        self.model, self.device = model, device
        self.tokenizer = Tokenizer.from_str(card["tokenizer"])
        length = int(card["text_encoder"]["max_position_embeddings"])
        self.tokenizer.enable_truncation(length)
        padding = {"pad_id": card["padding"][0], "pad_token": card["padding"][1]}
        self.tokenizer.enable_padding(length=length, **padding)

    def __call__(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return features (B, L, width) and a mask (B, L): all are read, padding too."""
        ids = torch.tensor([one.ids for one in self.tokenizer.encode_batch(list(prompts))])
        with torch.no_grad():
            found = self.model(ids.to(self.device))[0].float().cpu()
        return found, torch.ones(found.shape[:2], dtype=torch.bool)


class PretrainedUNet(nn.Module):
    """Diffusers' U-Net called as our networks are; a picture without text reads the empty one."""

    null: Tensor

    def __init__(
        self, unet: nn.Module, schedule: ScaledLinear, predicts: str, null: Tensor
    ) -> None:
        """Keep the parts.

        Args:
            unet: UNet2DConditionModel.
            schedule: The one it was trained with.
            predicts: "noise", or "velocity", alpha eps - sigma x0 (Salimans & Ho 2022).
            null: (1, L, width) features of the empty prompt.
        """
        super().__init__()
        self.unet, self.schedule, self.predicts = unet, schedule, predicts
        self.register_buffer("null", null)

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate of clean latents, shaped as `noisy` (B, C, x, z)."""
        tokens = self.null.expand(len(noisy), -1, -1)
        if text is not None and text_mask is not None and bool(text_mask.any()):
            tokens = torch.where(text_mask.any(1)[:, None, None], text.to(tokens), tokens)
        steps = (times * self.schedule.steps - 1).clamp(min=0)
        made: Any = self.unet(noisy, steps, encoder_hidden_states=tokens, return_dict=False)
        level = Level.at(self.schedule, times, noisy)
        if self.predicts == "noise":
            return level.clean(noisy, made[0].float())
        return level.alpha * noisy - level.sigma * made[0].float()


class PretrainedCoder(Coder):
    """Diffusers' autoencoder as the grid that latents lie on."""

    def __init__(self, vae: Any, card: Mapping[str, Any], device: str) -> None:
        grid = grid_of(card)
        self.vae, self.precision, self.device = vae, card["precision"], device
        self.scale = float(card["vae"]["scaling_factor"])
        self.factors, self.multiple = grid.factors, grid.multiple

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the latents (B, C, x, z) of pictures (B, 1, X, Z) in [-1, 1]; no chance in it."""
        wide = latents.widened(pictures, self.multiple).to(self.device).repeat(1, 3, 1, 1)
        with torch.no_grad():
            return self.scale * self.vae.encode(wide).latent_dist.mode().float()

    def decode(self, drawn: Tensor, shape: Sequence[int]) -> Tensor:
        """Return the pictures (B, 1, *shape) in [-1, 1] of latents, on the CPU."""
        with torch.no_grad():
            each = drawn.to(self.device).split(1)
            found = torch.cat([self.vae.decode(one / self.scale).sample.float() for one in each])
        gray = found.mean(1, keepdim=True)
        return gray[..., : shape[0], : shape[1]].clamp(-1, 1).cpu()
