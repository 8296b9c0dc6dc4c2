"""A U-Net for bodies that lie alike: shifts on a fine grid, attention on a coarse one.

Pictures are seen through the Haar transform. Every place has a learned vector, for where a place
lies in an aligned body says most of what it is; and what a text says is learned by place too, so
that a finding's side need not be found by attention first. Nothing of a body is computed: what the
untrained network draws is noise of the pictures' power. The mean body is a parameter too: what is
known of a noisy picture is how far it lies from that.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from radfoundry.diffusion.noise import Level, Schedule
from radfoundry.networks.blocks import NullText, TimeEmbedding
from radfoundry.networks.layers import zeroed
from radfoundry.networks.shift_unet.blocks import AttentionBlock, ShiftBlock, folded, unfolded
from radfoundry.networks.shift_unet.text_features import TextFeatures
from radfoundry.networks.wavelet_unet.band_statistics import BandStatistics
from radfoundry.networks.wavelets import haar, inverse_haar

INITIAL = 0.02  # deviation of the learned vectors of places
# Of what is learned by place: each number of it is taught by few voxels, and has far to go from 0.
FASTER = 20.0


class ShiftUNet(nn.Module):
    """Estimate clean pictures from noisy ones, with or without a text."""

    def __init__(
        self,
        size: Mapping[str, Any],
        schedule: Schedule,
        channels: int = 4,
        concat: int = 0,
        text: tuple[int, int] = (0, 0),
        space: Sequence[int] = (32, 32, 32),
    ) -> None:
        """Make the layers.

        Args:
            size: An entry of design `shift` in a table of sizes.
            schedule: The one it is trained with.
            channels: Of the pictures.
            concat: Channels that are seen but not drawn.
            text: Width of token features, 0 for no text; and what a reader finds in them.
            space: Sides of the pictures, multiples of 2^(haar + 1).
        """
        super().__init__()
        self.haar, self.saving = int(size["haar"]), bool(size["checkpoint"])
        self.concat, self.channels, self.schedule = concat, channels, schedule
        parts, (fine, wide) = 2 ** (len(space) * self.haar), size["widths"]
        grid = [side // 2**self.haar for side in space]
        half = [side // 2 for side in grid]
        self.body = nn.Parameter(torch.zeros(channels * parts, *grid))
        self.band_statistics = BandStatistics(channels * parts, [1] * len(space), schedule)
        self.time = TimeEmbedding(2 * (wide // 2), wide)
        self.enter = nn.Linear((channels + concat) * parts, fine)
        self.positions = _places(grid, fine)
        self.coarse_positions = _places(half, wide)
        self._read_text(size, text, half)
        shifts, attentions = size["blocks"]
        self.down = nn.ModuleList(ShiftBlock(fine, wide) for _ in range(shifts))
        self.fold = nn.Linear(fine * 2 ** len(space), wide)
        self.bottom = nn.ModuleList(
            # Tokens are read in the first block alone: that costs as much as all else in one.
            AttentionBlock(
                wide, size["side"], wide, 0 if index else text[0], (math.prod(half), size["mixing"])
            )
            for index in range(attentions)
        )
        self.unfold = nn.Linear(wide, fine * 2 ** len(space))
        self.join = nn.Linear(2 * fine, fine)
        self.up = nn.ModuleList(ShiftBlock(fine, wide) for _ in range(shifts + 1))
        self.leave = zeroed(nn.Linear(fine, channels * parts))

    def _read_text(self, size: Mapping[str, Any], text: tuple[int, int], half: list[int]) -> None:
        """Make what is known of a text: by token, as one vector, and by place."""
        width, _ = text
        self.null = NullText(size["tokens"], width) if width else None
        self.text_features = TextFeatures(*text) if width else None
        if self.text_features is not None:
            made, wide = self.text_features.made, size["widths"][1]
            self.text_condition = nn.Linear(made, wide)
            self.text_places = nn.Parameter(torch.zeros(made, *half, size["text_places"]))
            self.text_enter = nn.Linear(size["text_places"], wide)

    def measure(self, pictures: Tensor) -> None:
        """Take mean and power of each wavelet band, over all places, from pictures (B, C, ...)."""
        self.band_statistics.measure(haar(pictures, self.haar))

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        concat: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, channels, *space); see the package."""
        bands, body = haar(noisy.float(), self.haar), FASTER * self.body
        alpha = Level.at(self.schedule, times, bands).alpha
        seen, linear, doubt = self.band_statistics(bands - alpha * body, times)
        if self.concat:
            blank = noisy.new_zeros(len(noisy), self.concat, *noisy.shape[2:])
            more = haar((blank if concat is None else concat).float(), self.haar)
            seen = torch.cat([seen, more], 1)
        condition, by_place = self.time(times), 0.0
        if self.text_features is not None and self.null is not None:
            features = self.text_features(len(noisy), text, text_mask)
            condition = condition + self.text_condition(features)
            maps = (features @ self.text_places.flatten(1)).unflatten(1, self.text_places.shape[1:])
            by_place = self.text_enter(FASTER * maps)
            text, text_mask = self.null(len(noisy), text, text_mask)
        learned = self._layers(seen.movedim(1, -1), condition, by_place, text, text_mask)
        return inverse_haar(body + linear + doubt * learned.float().movedim(-1, 1), self.haar)

    def _layers(
        self,
        seen: Tensor,
        condition: Tensor,
        by_place: Tensor | float,
        text: Tensor | None,
        text_mask: Tensor | None,
    ) -> Tensor:
        """Map coefficients (B, *grid, count) to what is to be added to the linear estimate."""
        features = self.enter(seen) + self.positions
        for block in self.down:
            features = self._run(block, features, condition)
        deep = self.fold(folded(features)) + self.coarse_positions + by_place
        half, deep = deep.shape[1:-1], deep.flatten(1, -2)
        for block in self.bottom:
            deep = self._run(block, deep, condition, text, text_mask)
        deep = self.unfold(functional.layer_norm(deep, deep.shape[-1:])).unflatten(1, half)
        features = self.join(torch.cat([features, unfolded(deep, half)], -1))
        for block in self.up:
            features = self._run(block, features, condition)
        return self.leave(functional.layer_norm(features, features.shape[-1:]))

    def _run(self, layer: nn.Module, *given: Tensor | None) -> Tensor:
        """Apply a layer; in training, keep nothing of its inside if memory is to be saved."""
        if self.saving and torch.is_grad_enabled():
            return checkpoint(layer, *given, use_reentrant=False)
        return layer(*given)


def _places(grid: Sequence[int], width: int) -> nn.Parameter:
    """Return a learned vector for each place of a grid."""
    return nn.Parameter(INITIAL * torch.randn(*grid, width))
