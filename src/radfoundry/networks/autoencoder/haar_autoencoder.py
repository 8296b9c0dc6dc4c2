"""An autoencoder on Haar packets: what a convolution would have to learn at full grid is computed.

The transform stands in front, as in Cosmos-Tokenizer (NVIDIA 2025), and between levels in place of
strided convolutions. Residual branches start silent, so that an untrained network is a linear map
of packets. Features are normalized at each place by itself: a crop, a tile and a whole volume give
the same latents, away from borders.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.networks.layers import convolution, zeroed
from radfoundry.networks.wavelets import haar, inverse_haar

START_DEVIATION = 0.05  # of latents of unit variance
LEAST_VARIANCE = 1e-4
LOG_VARIANCE = (-30.0, 20.0)  # bounds, as in latent diffusion's and MONAI's autoencoders


class HaarAutoencoder(nn.Module):
    """Pictures to normal distributions of latents, and latents to pictures."""

    def __init__(self, size: Mapping[str, Any]) -> None:
        """Make the layers of a size of design `haar`, see `build`.

        Raises:
            ValueError: Factors, widths and blocks are not of one length, or a factor is no power
                of two.
        """
        super().__init__()
        self.factors, widths = [list(level) for level in size["factors"]], list(size["widths"])
        blocks, dims = list(size["blocks"]), int(size["dims"])
        if not len(self.factors) == len(widths) == len(blocks):
            lengths = f"{len(self.factors)}, {len(widths)} and {len(blocks)}"
            raise ValueError(f"factors, widths and blocks have {lengths} levels; allowed: equal")
        if bad := [level for level in self.factors if len(level) != dims or not _powers(level)]:
            raise ValueError(f"factors {bad[0]}: allowed: {dims} powers of two")
        bands = [_bands(level) for level in self.factors]
        given = [size["channels"], *widths[:-1]]
        self.down = nn.ModuleList(
            _level(dims, (made * n, width, width), count)
            for made, n, width, count in zip(given, bands, widths, blocks, strict=True)
        )
        self.to_moments: Any = convolution(dims, widths[-1], 2 * size["latent"], 1)
        self.from_latents: Any = convolution(dims, size["latent"], widths[-1], 1)
        self.up = nn.ModuleList(
            _level(dims, (width, width, made * n), count)
            for made, n, width, count in zip(given, bands, widths, blocks, strict=True)
        )

    @torch.no_grad()
    def start_linear(self, pictures: Tensor) -> None:
        """Let an untrained network be the best linear one: principal components of packets.

        Its latents have unit variance and little noise. A network of several levels, or
        narrower than the packets, is left as it is.

        Args:
            pictures: (B, C, *space), real ones.
        """
        bands = _packets(pictures, self.factors[0], haar)
        count = bands.shape[1]
        if len(self.down) > 1 or count > self.to_moments.in_channels:
            return
        for layer in (self.down[0][0], self.up[0][-1]):  # type: ignore[index]
            if not isinstance(layer, nn.Identity):
                nn.init.dirac_(layer.weight)
                nn.init.zeros_(layer.bias)
        rows = bands.movedim(1, -1).flatten(0, -2).double()
        middle, latent = rows.mean(0), self.from_latents.in_channels
        found = torch.linalg.eigh((rows - middle).T @ (rows - middle) / len(rows))
        spread = found.eigenvalues.flip(0)[:latent].clamp_min(LEAST_VARIANCE).sqrt()
        axes = found.eigenvectors.flip(1)[:, :latent]
        self.to_moments.weight.zero_()
        self.to_moments.bias.fill_(2 * math.log(START_DEVIATION))
        ones = (1,) * (bands.ndim - 2)
        self.to_moments.weight[:latent, :count] = (
            (axes / spread).T.reshape(latent, count, *ones).float()
        )
        self.to_moments.bias[:latent] = -(middle @ axes / spread).float()
        self.from_latents.weight[:count] = (axes * spread).reshape(count, latent, *ones).float()
        self.from_latents.bias[:count] = middle.float()

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation (B, latent, *coarse) of pictures (B, C, *space)."""
        features = pictures
        for level, factors in zip(self.down, self.factors, strict=True):
            features = level(_packets(features, factors, haar))
        mean, log_variance = self.to_moments(features).chunk(2, 1)
        return mean, (log_variance.clamp(*LOG_VARIANCE) / 2).exp()

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures (B, C, *space) of latents (B, latent, *coarse)."""
        features = self.from_latents(latents)
        for level, factors in zip(reversed(self.up), reversed(self.factors), strict=True):
            features = _packets(level(features), factors, inverse_haar, reverse=True)
        return features


class PlaceNorm(nn.Module):
    """Divide the features of each place by their root mean square (Zhang & Sennrich 2019)."""

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, *[1] * dims))

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, channels, *space)."""
        return functional.normalize(features, dim=1) * features.shape[1] ** 0.5 * self.gain


class Residual(nn.Module):
    """Norm, SiLU, convolution, twice, beside the features themselves; at first it adds nothing."""

    def __init__(self, dims: int, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            PlaceNorm(width, dims), nn.SiLU(), convolution(dims, width, width),
            PlaceNorm(width, dims), nn.SiLU(), zeroed(convolution(dims, width, width)),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, *space) to the same."""
        return features + self.branch(features)


def _level(dims: int, channels: tuple[int, int, int], blocks: int) -> nn.Sequential:
    """Return blocks between two pointwise maps; one of equal width is left out."""
    given, width, made = channels
    enter = convolution(dims, given, width, 1) if given != width else nn.Identity()
    leave = convolution(dims, width, made, 1) if width != made else nn.Identity()
    return nn.Sequential(enter, *(Residual(dims, width) for _ in range(blocks)), leave)


def _powers(level: Sequence[int]) -> bool:
    return all(n > 0 and n & (n - 1) == 0 for n in level)


def _bands(level: Sequence[int]) -> int:
    return int(torch.Size(level).numel())


def _packets(
    features: Tensor, factors: Sequence[int], transform: Any, reverse: bool = False
) -> Tensor:
    """Return features halved (or doubled) along each axis as often as its factor says."""
    axes = range(len(factors))
    for axis in reversed(axes) if reverse else axes:
        features = transform(features, factors[axis].bit_length() - 1, (axis,))
    return features
