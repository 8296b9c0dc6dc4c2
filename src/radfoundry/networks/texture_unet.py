"""A U-Net that is told named numbers at every level: as tokens that it attends to, and by region.

TSCR's published network reads its radiomics in the middle alone, for none of its finer grids is
among those it attends at; here every level does. That alone learns slowly: a value of one region
has to find its voxels. So every level also scales and shifts its features in each region by what
the values say (as Park et al. 2019, SPADE, does by class), and the result starts from what is best
of all that is linear in the picture. Pictures go in
and come out by their Haar transform, lossless and 2^dims times cheaper. 2D and 3D share the class.

Of a size: `dims`; `haar` levels in front; `widths` of the levels, each but the last halves every
axis; `blocks` of each level on its way down and up; `side` of a head of attention; `tokens`, the
width of a value's token.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.networks.blocks import Attention, TimedBlock, TimeEmbedding, as_features, as_tokens
from radfoundry.networks.layers import convolution, normalization, zeroed
from radfoundry.networks.value_tokens import ValueTokens
from radfoundry.networks.wavelets import haar, inverse_haar


def multiple(size: Mapping[str, Any]) -> int:
    """Return of what the sides of pictures must be multiples.

    >>> multiple({"haar": 1, "widths": [16, 32]})
    4
    """
    return 2 ** (int(size["haar"]) + len(size["widths"]) - 1)


class ValueUNet(nn.Module):
    """Map pictures, what is seen beside them, times and values to pictures; at first to 0."""

    def __init__(
        self,
        size: Mapping[str, Any],
        channels: tuple[int, int],
        numbers: tuple[int, int],
        regions: int,
    ) -> None:
        """Make the layers.

        Args:
            size: See the module.
            channels: Of the pictures, and of what is seen beside them but not drawn.
            numbers: How many values it may be told, and how many facts it always is.
            regions: How many regions the values are about.
        """
        super().__init__()
        dims, widths = int(size["dims"]), [int(width) for width in size["widths"]]
        self.haar, parts = int(size["haar"]), 2 ** (dims * int(size["haar"]))
        timed = 2 * widths[-1]
        self.time = TimeEmbedding(timed, timed)
        self.tokens = ValueTokens(numbers[0], size["tokens"], timed, numbers[1])
        self.enter = convolution(dims, sum(channels) * parts, widths[0], 1)
        self.down, self.fold = nn.ModuleList(), nn.ModuleList()
        self.unfold, self.up = nn.ModuleList(), nn.ModuleList()
        for index, width in enumerate(widths):
            last = index + 1 == len(widths)
            told = timed, size["side"], size["tokens"], regions
            self.down.append(_Level(dims, (width, width), size["blocks"], told))
            if not last:
                wider = widths[index + 1]
                self.fold.append(convolution(dims, width * 2**dims, wider, 1))
                self.unfold.append(convolution(dims, wider, width * 2**dims, 1))
                self.up.append(_Level(dims, (2 * width, width), size["blocks"], told))
        self.linear = _Linear(channels[0], timed, regions)
        self.leave = nn.Sequential(
            normalization(widths[0]), nn.SiLU(),
            zeroed(convolution(dims, widths[0], channels[0] * parts, 1)),
        )  # fmt: skip

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        values: Tensor,
        known: Tensor,
        concat: Tensor,
        regions: Tensor,
    ) -> Tensor:
        """Return (B, channels, *space).

        Args:
            noisy: (B, channels, *space), sides multiples of `multiple(size)`.
            times: (B,) in [0, 1].
            values: (B, n + facts) standardized.
            known: (B, n) bool: which of them are told.
            concat: (B, concat, *space).
            regions: (B, regions, *space), from 0 to 1.
        """
        tokens, mask, vector = self.tokens(values, known)
        told = self.time(times) + vector, tokens, mask
        pool: Any = functional.avg_pool3d if noisy.ndim == 5 else functional.avg_pool2d
        features = self.enter(haar(torch.cat([noisy, concat], 1), self.haar))
        inside, kept = pool(regions.to(features), 2**self.haar), []
        for level, fold in zip(self.down, self.fold, strict=False):
            features = level(features, inside, *told)
            kept.append((features, inside))
            features, inside = fold(haar(features)), pool(inside, 2)
        features = self.down[-1](features, inside, *told)
        for level, unfold in zip(reversed(self.up), reversed(self.unfold), strict=True):
            fine, inside = kept.pop()
            features = level(torch.cat([inverse_haar(unfold(features)), fine], 1), inside, *told)
        linear = self.linear(noisy, regions.to(noisy), told[0])
        return inverse_haar(self.leave(features), self.haar) + linear


class _Level(nn.Module):
    """Blocks of convolutions; what is told scales them, also by region, and is attended to."""

    def __init__(
        self, dims: int, channels: tuple[int, int], blocks: int, told: tuple[int, int, int, int]
    ) -> None:
        super().__init__()
        given, made = channels
        timed, side, width, regions = told
        widths = [(given if index == 0 else made, made) for index in range(blocks)]
        self.by_region = nn.Linear(timed, 2 * given * regions)
        self.blocks = nn.ModuleList(TimedBlock(dims, pair, timed) for pair in widths)
        self.attention = Attention(made, max(1, made // side), side, width)
        zeroed(self.attention.out)

    def forward(
        self, features: Tensor, inside: Tensor, told: Tensor, tokens: Tensor, mask: Tensor
    ) -> Tensor:
        """Map (B, given, *space), with regions (B, R, *space), to (B, made, *space)."""
        scale, shift = _spread(self.by_region(functional.silu(told)), inside)
        features = features * (1 + scale) + shift
        for block in self.blocks:
            features = block(features, told)
        read = self.attention(as_tokens(features), tokens, mask)
        return features + as_features(read, features.shape[2:])


def _spread(said: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Return scales and shifts (B, C, *space) of what is said (B, 2 C R) by region.

    Args:
        said: Of each region.
        inside: (B, R, *space), where the regions are.
    """
    by_region = said.unflatten(1, (-1, inside.shape[1]))
    scale, shift = torch.einsum("bcr,br...->bc...", by_region, inside).chunk(2, 1)
    return scale, shift


class _Linear(nn.Module):
    """An estimate that is linear in the picture: in each region its own mean, gain and blur.

    What is known of a noisy texture is first how bright, how coarse and how strong it is. Of these
    three numbers of a region the network need not make convolutions; at first all are 0.
    """

    BLURS = (3, 5)  # sides of the boxes that are averaged over, inside of a region

    def __init__(self, channels: int, timed: int, regions: int) -> None:
        super().__init__()
        self.shape = channels, 2 + len(self.BLURS), regions
        self.gains = zeroed(nn.Linear(timed, math.prod(self.shape)))

    def forward(self, noisy: Tensor, inside: Tensor, told: Tensor) -> Tensor:
        """Return (B, C, *space) of the picture, regions (B, R, *space) and what is told."""
        gains = self.gains(functional.silu(told)).unflatten(1, self.shape)
        seen = [torch.ones_like(noisy), noisy]
        seen += [_blurred(noisy, inside, side) for side in self.BLURS]
        return torch.einsum("bctr,bct...,br...->bc...", gains, torch.stack(seen, 2), inside)


def _blurred(pictures: Tensor, inside: Tensor, side: int) -> Tensor:
    """Return the mean of what is near each place and of its own region, shaped as the pictures."""
    pool: Any = functional.avg_pool3d if pictures.ndim == 5 else functional.avg_pool2d
    side = min(side, (min(pictures.shape[2:]) - 1) // 2 * 2 + 1)  # no box is wider than the picture
    weights = pool(inside, side, 1, side // 2)
    out = torch.zeros_like(pictures)
    for region, weight in zip(inside.split(1, 1), weights.split(1, 1), strict=True):
        out = out + region * pool(pictures * region, side, 1, side // 2) / weight.clamp_min(1e-6)
    return out
