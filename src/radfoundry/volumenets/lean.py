"""A denoising network for machines without much of anything: U-Net and mixer on wavelets.

Pictures are seen through the Haar transform, so that convolutions run on a coarse grid with many
channels. At the bottom, layers over all places of a coarse grid learn what goes with what in a
body. With attention there and without convolution blocks it is a diffusion transformer (Peebles &
Xie 2023) whose patches are wavelet packets.

Each coefficient's best linear estimate is computed; what is learned is the rest, see `bands`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from radfoundry.diffusion.noise import Schedule
from radfoundry.diffusion.wavelets import haar, inverse_haar
from radfoundry.networks import normalization, zeroed
from radfoundry.volumenets.bands import Bands
from radfoundry.volumenets.blocks import (
    NullText,
    TimedBlock,
    TimeEmbedding,
    convolution,
)
from radfoundry.volumenets.bottom import Bottom


class LeanUNet(nn.Module):
    """Estimate clean pictures from noisy ones, with or without a text."""

    def __init__(
        self,
        size: Mapping[str, Any],
        schedule: Schedule,
        channels: int = 4,
        beside: int = 0,
        text_width: int = 0,
        dims: int = 3,
    ) -> None:
        """Make the layers; the untrained network is the best linear estimate, see `measure`.

        Args:
            size: A lean entry of a table in `sizes`.
            schedule: The one it is trained with.
            channels: Of the pictures.
            beside: Channels that are seen but not drawn.
            text_width: Of token features; 0 for no text.
            dims: 2 or 3.
        """
        super().__init__()
        self.haar, self.saving = int(size["haar"]), bool(size["checkpoint"])
        width, parts, timed = size["widths"][0], 2 ** (dims * self.haar), 2 * size["widths"][0]
        self.bands = Bands(channels * parts, [_finest(size)] * dims, schedule)
        self.time = TimeEmbedding(width, timed)
        self.null = NullText(size["tokens"], text_width) if text_width else None
        self.gist = nn.Linear(text_width, timed) if text_width else None
        self.enter = convolution(dims, (channels + beside) * parts, width, 1)
        self.down, self.up = _ways(size, dims, timed)
        self.bottom = Bottom(size, dims, timed, text_width) if size["depth"] else None
        self.leave = _silent(dims, width, channels * parts)

    def measure(self, pictures: Tensor) -> None:
        """Take mean and spread of every coefficient from clean pictures (B, C, *space)."""
        self.bands.measure(haar(pictures, self.haar))

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        kept: Tensor | None = None,
        beside: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, channels, *space); see the package."""
        seen, linear, doubt = self.bands(haar(noisy.float(), self.haar), times)
        time = self.time(times)
        if self.null is not None and self.gist is not None:
            text, kept = self.null(len(noisy), text, kept)
            time = time + self.gist(_mean(text, kept))
        if beside is not None:
            seen = torch.cat([seen, haar(beside.float(), self.haar)], 1)
        weight = next(self.enter.parameters())
        learned = self._layers(seen.to(weight), time, text, kept).float()
        return inverse_haar(linear + doubt * learned, self.haar)

    def _layers(
        self, seen: Tensor, time: Tensor, text: Tensor | None, kept: Tensor | None
    ) -> Tensor:
        """Map normalized coefficients to what is to be added to the linear estimate."""
        features, skips = self.enter(seen), []
        for level in self.down:
            features = self._run(level, features, time)
            skips.append(features)
        if self.bottom is not None:
            features = self._run(self.bottom, features, time, text, kept)
        for level in self.up:
            features = self._run(level, torch.cat([features, skips.pop()], 1), time)
        return self.leave(features)

    def _run(self, layer: nn.Module, *given: Tensor | None) -> Tensor:
        """Apply a layer; in training, keep nothing of its inside if memory is to be saved."""
        if self.saving and torch.is_grad_enabled():
            return checkpoint(layer, *given, use_reentrant=False)
        return layer(*given)


def _finest(size: Mapping[str, Any]) -> int:
    """Return the places along an axis of the first level; 1 if places are not told apart."""
    return max(1, size["places"] * 2 ** (len(size["widths"]) - 1))


def _silent(dims: int, given: int, made: int) -> nn.Sequential:
    """Return the last layers, which say nothing before they are trained."""
    last = zeroed(convolution(dims, given, made, 1))
    return nn.Sequential(normalization(given), nn.SiLU(), last)


class Timed(nn.Module):
    """Blocks one after the other, each told the time; then a change of resolution."""

    def __init__(self, blocks: Sequence[nn.Module], before: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.before, self.blocks, self.after = before, nn.ModuleList(blocks), after

    def forward(self, features: Tensor, time: Tensor) -> Tensor:
        """Map (B, given, *space) to (B, made, *space')."""
        features = self.before(features)
        for block in self.blocks:
            features = block(features, time)
        return self.after(features)


def _ways(size: Mapping[str, Any], dims: int, timed: int) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Return the levels down and up; a skip leaves a level at the end of its way down."""
    down, up, given = nn.ModuleList(), nn.ModuleList(), size["widths"][0]
    smaller = nn.Conv2d if dims == 2 else nn.Conv3d
    larger = nn.ConvTranspose2d if dims == 2 else nn.ConvTranspose3d
    for index, (width, count) in enumerate(zip(size["widths"], size["blocks"], strict=True)):
        before = smaller(given, width, 2, stride=2) if index else nn.Identity()
        after = larger(width, given, 2, stride=2) if index else nn.Identity()
        same = [TimedBlock(dims, (width, width), timed) for _ in range(count)]
        joined = [TimedBlock(dims, ((1 + (not at)) * width, width), timed) for at in range(count)]
        down.append(Timed(same, before, nn.Identity()))
        # Where there are no blocks to join it, a skip is made narrow by a linear layer.
        meet = nn.Identity() if joined else convolution(dims, 2 * width, width, 1)
        up.insert(0, Timed(joined, meet, after))
        given = width
    return down, up


def _mean(text: Tensor, kept: Tensor | None) -> Tensor:
    """Return (B, width) the mean of the tokens that may be read."""
    if kept is None:
        return text.mean(1)
    return (text * kept[..., None]).sum(1) / kept.sum(1, keepdim=True)
