"""A U-Net that is told numbers: by scale and shift in every block, by attention at every level.

Made for fields that lie in the middle of their grid, as lesions in their crops do: coefficients of
the Haar transform, shifts in place of convolutions, a learned vector for each place, and what the
numbers say is learned by place too (see `shift_unet`). The same layers serve a generator that is
given noise at once: times are 1 then.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from radfoundry.diffusion.noise import Schedule
from radfoundry.networks.blocks import Attention, TimeEmbedding
from radfoundry.networks.layers import zeroed
from radfoundry.networks.shift_unet.blocks import AttentionBlock, ShiftBlock, folded, unfolded
from radfoundry.networks.values import ValueEmbedding
from radfoundry.networks.wavelet_unet.band_statistics import BandStatistics
from radfoundry.networks.wavelets import haar, inverse_haar

INITIAL = 0.02  # deviation of the learned vectors of places


class ValueUNet(nn.Module):
    """Estimate clean pictures from noisy ones and from numbers of which any may be missing."""

    def __init__(
        self,
        size: Mapping[str, Any],
        schedule: Schedule,
        channels: int,
        values: int,
        space: Sequence[int],
    ) -> None:
        """Make the layers.

        Args:
            size: `haar` levels in front; `widths` of the levels, each half as fine as the one
                before; shift `blocks` of each on the way down (one more on the way up); `depth` of
                the coarsest in blocks that attend to all places; `side` of the heads; `by_place`
                numbers that are learned of each place; `checkpoint` to save memory.
            schedule: The one it is trained with.
            channels: Of the pictures.
            values: Numbers that it is told.
            space: Sides of the pictures, multiples of 2^(haar + levels - 1).

        Raises:
            ValueError: A side is no such multiple.
        """
        super().__init__()
        widths, self.haar = list(size["widths"]), int(size["haar"])
        if any(side % 2 ** (self.haar + len(widths) - 1) for side in space):
            raise ValueError(f"sides {tuple(space)} are no multiples of {multiple(size)}")
        self.saving = bool(size["checkpoint"])
        parts, told = channels * 2 ** (len(space) * self.haar), widths[-1]
        grids = [[s // 2 ** (self.haar + level) for s in space] for level in range(len(widths))]
        self.band_statistics = BandStatistics(parts, grids[0], schedule)
        self.time, self.values = TimeEmbedding(2 * (told // 2), told), ValueEmbedding(values, told)
        self.place_values = nn.Linear(told, size["by_place"])
        self.by_place = nn.Parameter(torch.zeros(size["by_place"], *grids[0], widths[0]))
        self.enter = nn.Linear(parts, widths[0])
        self.positions = nn.ParameterList(
            INITIAL * torch.randn(*grid, width) for grid, width in zip(grids, widths, strict=True)
        )
        count, side = int(size["blocks"]), int(size["side"])
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        merged = 2 ** len(space)
        self.down = nn.ModuleList(Level(width, told, side, count) for width in widths[:-1])
        self.fold = nn.ModuleList(nn.Linear(fine * merged, wide) for fine, wide in pairs)
        self.bottom = nn.ModuleList(
            AttentionBlock(told, side, told, told, (math.prod(grids[-1]), 0))
            for _ in range(size["depth"])
        )
        self.unfold = nn.ModuleList(nn.Linear(wide, fine * merged) for fine, wide in pairs)
        self.join = nn.ModuleList(nn.Linear(2 * width, width) for width in widths[:-1])
        self.up = nn.ModuleList(Level(width, told, side, count + 1) for width in widths[:-1])
        self.leave = zeroed(nn.Linear(widths[0], parts))

    def measure(self, pictures: Tensor) -> None:
        """Take mean and spread of each coefficient at each place, from (B, channels, *space)."""
        self.band_statistics.measure(haar(pictures, self.haar))

    def forward(self, noisy: Tensor, times: Tensor, scores: Tensor, known: Tensor) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, channels, *space).

        Args:
            noisy: Pictures.
            times: (B,) in [0, 1].
            scores: (B, values), read where known.
            known: (B, values) bool.
        """
        seen, linear, doubt = self.band_statistics(haar(noisy.float(), self.haar), times)
        tokens, told = self.values(scores, known)
        condition = self.time(times) + told
        maps = functional.silu(self.place_values(told)) @ self.by_place.flatten(1)
        features = self.enter(seen.movedim(1, -1)) + maps.unflatten(1, self.by_place.shape[1:])
        learned = self._layers(features, condition, tokens)
        return inverse_haar(linear + doubt * learned.float().movedim(-1, 1), self.haar)

    def _layers(self, features: Tensor, condition: Tensor, tokens: Tensor) -> Tensor:
        kept = []
        for positions, level, fold in zip(self.positions, self.down, self.fold, strict=False):
            features = self._run(level, features + positions, condition, tokens)
            kept.append(features)
            features = fold(folded(features))
        features = features + self.positions[-1]
        space, deep = features.shape[1:-1], features.flatten(1, -2)
        for block in self.bottom:
            deep = self._run(block, deep, condition, tokens, None)
        features = deep.unflatten(1, space)
        for at in range(len(kept) - 1, -1, -1):
            normal = functional.layer_norm(features, features.shape[-1:])
            finer = unfolded(self.unfold[at](normal), features.shape[1:-1])
            features = self.join[at](torch.cat([kept[at], finer], -1))
            features = self._run(self.up[at], features, condition, tokens)
        return self.leave(functional.layer_norm(features, features.shape[-1:]))

    def _run(self, layer: nn.Module, *given: Tensor | None) -> Tensor:
        """Apply a layer; in training, keep nothing of its inside if memory is to be saved."""
        if self.saving and torch.is_grad_enabled():
            return checkpoint(layer, *given, use_reentrant=False)
        return layer(*given)


class Level(nn.Module):
    """Shift blocks on one grid, then a look of every place at the tokens."""

    def __init__(self, width: int, told: int, side: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ShiftBlock(width, told) for _ in range(blocks))
        self.tokens = Attention(width, max(1, width // side), min(side, width), told)

    def forward(self, features: Tensor, condition: Tensor, tokens: Tensor) -> Tensor:
        """Map (B, *space, width) to the same."""
        for block in self.blocks:
            features = block(features, condition)
        read = self.tokens(features.flatten(1, -2), tokens)
        return features + read.unflatten(1, features.shape[1:-1])


def multiple(size: Mapping[str, Any]) -> int:
    """Return what the sides of pictures must be multiples of."""
    return 2 ** (int(size["haar"]) + len(size["widths"]) - 1)
