"""A generator that is told numbers, and the critic that knows which numbers it was told.

After GigaGAN (Kang et al. 2023) in what counts at these sizes: a style made of noise and of what is
told sets scale and shift of every block, tokens are attended to at every level, and the critic
projects its features onto what was told (Miyato & Koyama 2018). Both see pictures through the Haar
transform, around the mean one, as `gan` does; blocks are those of `shift_unet`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.networks.gan import equalized
from radfoundry.networks.layers import convolution
from radfoundry.networks.shift_unet.blocks import AttentionBlock, unfolded
from radfoundry.networks.value_unet import INITIAL, Level
from radfoundry.networks.values import ValueEmbedding
from radfoundry.networks.wavelets import haar, inverse_haar

LEAST_SPREAD = 1e-3
SLOPE = 0.2  # of leaky units below 0


class ValueGenerator(nn.Module):
    """Map latents (B, latent) and numbers to coefficients (B, bands, *grid), coarse to fine."""

    def __init__(self, size: Mapping[str, Any], bands: int, values: int, grid: Sequence[int]):
        super().__init__()
        widths, side = list(size["widths"])[::-1], int(size["side"])
        told, merged = widths[0], 2 ** len(grid)
        self.coarse = [n // 2 ** (len(widths) - 1) for n in grid]
        places = math.prod(self.coarse)
        self.values = ValueEmbedding(values, told)
        self.style = nn.Sequential(
            nn.Linear(int(size["latent"]) + told, told), nn.SiLU(), nn.Linear(told, told)
        )
        self.enter = nn.Linear(int(size["latent"]) + told, told * places)
        self.positions = nn.Parameter(INITIAL * torch.randn(places, told))
        self.bottom = nn.ModuleList(
            AttentionBlock(told, side, told, told, (places, 0)) for _ in range(size["depth"])
        )
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.unfold = nn.ModuleList(nn.Linear(wide, fine * merged) for wide, fine in pairs)
        self.levels = nn.ModuleList(Level(fine, told, side, size["blocks"]) for _, fine in pairs)
        self.leave = nn.Linear(widths[-1], bands)

    def forward(self, latents: Tensor, scores: Tensor, known: Tensor) -> Tensor:
        """Return (B, bands, *grid)."""
        tokens, told = self.values(scores, known)
        drawn = torch.cat([latents, told], 1)
        condition = told + self.style(drawn)
        deep = self.enter(drawn).unflatten(1, self.positions.shape) + self.positions
        for block in self.bottom:
            deep = block(deep, condition, tokens, None)
        features = deep.unflatten(1, self.coarse)
        for unfold, level in zip(self.unfold, self.levels, strict=True):
            normal = functional.layer_norm(features, features.shape[-1:])
            features = level(unfolded(unfold(normal), features.shape[1:-1]), condition, tokens)
        return self.leave(functional.layer_norm(features, features.shape[-1:])).movedim(-1, 1)


class ValueCritic(nn.Module):
    """Map coefficients (B, bands, *grid) and numbers to how real they are together (B,)."""

    def __init__(self, size: Mapping[str, Any], bands: int, values: int, grid: Sequence[int]):
        super().__init__()
        widths, dims = list(size["critic"]), len(grid)
        first = equalized(convolution(dims, bands, widths[0]), bands * 3**dims)
        layers: list[nn.Module] = [first, nn.LeakyReLU(SLOPE)]
        for given, made in zip(widths[:-1], widths[1:], strict=True):
            halved = equalized(convolution(dims, given, made, 3, 2), given * 3**dims)
            layers += [halved, nn.LeakyReLU(SLOPE)]
        left = [-(-n // 2 ** (len(widths) - 1)) for n in grid]
        inputs, wide = widths[-1] * math.prod(left), widths[-1]
        layers += [nn.Flatten(), equalized(nn.Linear(inputs, wide), inputs), nn.LeakyReLU(SLOPE)]
        self.features, self.real = nn.Sequential(*layers), equalized(nn.Linear(wide, 1), wide)
        self.values = ValueEmbedding(values, wide)

    def forward(self, bands: Tensor, scores: Tensor, known: Tensor) -> Tensor:
        """Return (B,)."""
        seen = self.features(bands)
        _, told = self.values(scores, known)
        return self.real(seen)[:, 0] + (seen * told).mean(1)


class ValueAdversaries(nn.Module):
    """A generator, its critic, and the statistics of the bands that both work in."""

    center: Tensor
    spread: Tensor

    def __init__(self, size: Mapping[str, Any], channels: int, values: int, space: Sequence[int]):
        """Make the layers.

        Args:
            size: `haar` levels in front; `widths` of the generator's levels, finest first; its
                `blocks` of each and `depth` of the coarsest; `side` of the heads; `latent` numbers;
                `critic`, widths of its levels, finest first.
            channels: Of the pictures.
            values: Numbers that both are told.
            space: Sides of the pictures.

        Raises:
            ValueError: A side cannot be halved that often.
        """
        super().__init__()
        step = 2 ** (int(size["haar"]) + len(size["widths"]) - 1)
        if any(side % step for side in space):
            raise ValueError(f"sides {tuple(space)} are no multiples of {step}")
        self.haar, self.latent = int(size["haar"]), int(size["latent"])
        grid = [side // 2**self.haar for side in space]
        bands = channels * 2 ** (len(grid) * self.haar)
        self.generator = ValueGenerator(size, bands, values, grid)
        self.critic: nn.Module = ValueCritic(size, bands, values, grid)
        self.register_buffer("center", torch.zeros(1, bands, *grid))
        self.register_buffer("spread", torch.ones(1, bands, *[1] * len(grid)))

    def measure(self, pictures: Tensor) -> None:
        """Take the mean of every coefficient and each band's spread from (B, C, *space)."""
        bands = haar(pictures, self.haar)
        self.center.copy_(bands.mean(0, keepdim=True))
        away = (bands - self.center).square().mean([0, *range(2, bands.ndim)])
        self.spread.copy_(away.sqrt().clamp_min(LEAST_SPREAD).reshape(self.spread.shape))

    def forward(self, latents: Tensor, scores: Tensor, known: Tensor) -> Tensor:
        """Return pictures (B, C, *space) of latents (B, latent) and what is told (B, values)."""
        bands = self.center + self.spread * self.generator(latents, scores, known)
        return inverse_haar(bands, self.haar)

    def shown(self, pictures: Tensor) -> Tensor:
        """Return pictures as the critic sees them: less the mean one, bands equally strong."""
        return (haar(pictures, self.haar) - self.center) / self.spread
