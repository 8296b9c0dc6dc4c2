"""MedSyn's U-Nets: pure convolutions, with attention at the bottleneck alone.

After Xu et al., "MedSyn: Text-guided Anatomy-aware Synthesis of High-Fidelity 3D CT Images",
section 4.5. Volumes are (B, C, depth, height, width); the depth is never
made smaller. Where the description leaves a choice, the one is taken that gives the published
number of parameters (716.2 M and 54.3 M; here 720.4 M and 54.3 M):

* A level is two 1x3x3 blocks, the change of resolution, and one 3x3x3 block; the last on either
  way changes no resolution but has its 3x3x3 block.
* The way up mirrors it: its first block takes the level's skip, and made at that width.
* The output block sees the input convolution's features again.
* The super-resolution network's bottleneck has one 3x3x3 block after its one attention.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from radfoundry.networks.blocks import Attention, NullText, TimedBlock, TimeEmbedding, as_features
from radfoundry.networks.layers import convolution

FLAT, CUBE = (1, 3, 3), (3, 3, 3)


class Level(nn.Module):
    """Two flat blocks, a change of resolution, a cubic block."""

    def __init__(self, channels: tuple[int, int], timed: int, change: nn.Module) -> None:
        super().__init__()
        given, made = channels
        self.first = TimedBlock(3, (given, made), timed, FLAT)
        self.second = TimedBlock(3, (made, made), timed, FLAT)
        self.change = change
        self.third = TimedBlock(3, (made, made), timed, CUBE)

    def forward(self, features: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the next level, and those before the change of resolution."""
        kept = self.second(self.first(features, time), time)
        return self.third(self.change(kept), time), kept


class Bottleneck(nn.Module):
    """Attention within each slice, attention to the text, a cubic block."""

    def __init__(self, width: int, timed: int, heads: int, side: int, text_width: int) -> None:
        super().__init__()
        self.slices = Attention(width, heads, side)
        self.text = Attention(width, heads, side, text_width) if text_width else None
        self.block = TimedBlock(3, (width, width), timed, CUBE)

    def forward(
        self, features: Tensor, time: Tensor, text: Tensor | None, text_mask: Tensor | None
    ) -> Tensor:
        """Map (B, width, depth, height, width) to the same."""
        space, depth = features.shape[2:], features.shape[2]
        places = features.movedim(1, -1).flatten(2, 3)  # (B, depth, height x width, channels)
        flat = places.flatten(0, 1)
        places = (flat + self.slices(flat)).unflatten(0, (-1, depth)).flatten(1, 2)
        if self.text is not None:
            places = places + self.text(places, text, text_mask)
        return self.block(as_features(places, space), time)


class Pseudo3DUNet(nn.Module):
    """Estimate clean volumes from noisy ones, with or without a text."""

    def __init__(
        self,
        size: Mapping[str, Any],
        channels: int = 4,
        concat: int = 0,
        text_width: int = 0,
        geometry: bool = False,
    ) -> None:
        """Make the layers.

        Args:
            size: An entry of design `pseudo3d` in a table of sizes.
            channels: Of the volumes.
            concat: Further channels that are seen but not drawn; 0 where none are given.
            text_width: Of the token features; 0 for a network without text.
            geometry: Whether it is told voxel sizes and field of view.
        """
        super().__init__()
        width, self.saving = int(size["width"]), bool(size["checkpoint"])
        self.concat = concat
        widths = [width, *(width * m for m in size["multipliers"])]
        timed, last = 4 * width, widths[-1]
        self.time = TimeEmbedding(width, timed, geometry)
        self.null = NullText(size["tokens"], text_width) if text_width else None
        self.enter = convolution(3, channels + concat, width, 7)
        self.down, self.up = _ways(widths, timed)
        self.before = TimedBlock(3, (last, last), timed, FLAT)
        self.bottleneck = nn.ModuleList(
            Bottleneck(last, timed, size["heads"], size["side"], text_width)
            for _ in range(size["bottleneck"])
        )
        self.after = TimedBlock(3, (last, last), timed, FLAT)
        self.finish = TimedBlock(3, (2 * width, width), timed, FLAT)
        self.leave = convolution(3, width, channels, 1)

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        concat: Tensor | None = None,
        geometry: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate (B, channels, depth, height, width); see the package."""
        time = self.time(times, geometry)
        if self.null is not None:
            text, text_mask = self.null(len(noisy), text, text_mask)
        features = entered = self.enter(self._seen(noisy, concat))
        skips = []
        for level in self.down:
            features, skip = self._run(level, features, time)
            skips.append(skip)
        features = self.before(features, time)
        for layer in self.bottleneck:
            features = self._run(layer, features, time, text, text_mask)
        features = self.after(features, time)
        for level in self.up:
            features, _ = self._run(level, torch.cat([features, skips.pop()], 1), time)
        return self.leave(self.finish(torch.cat([features, entered], 1), time)).to(noisy)

    def _seen(self, noisy: Tensor, concat: Tensor | None) -> Tensor:
        """Return noisy volumes with the channels beside them, 0 where there are none."""
        if concat is None and self.concat:
            concat = noisy.new_zeros(len(noisy), self.concat, *noisy.shape[2:])
        seen = noisy if concat is None else torch.cat([noisy, concat], 1)
        return seen.to(next(self.enter.parameters()))

    def _run(self, layer: nn.Module, *given: Tensor | None) -> Any:
        """Apply a layer; in training, keep nothing of its inside if memory is to be saved."""
        if self.saving and torch.is_grad_enabled():
            return checkpoint(layer, *given, use_reentrant=False)
        return layer(*given)


def _ways(widths: Sequence[int], timed: int) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Return the levels down and up, in the order in which they are applied."""
    options: Mapping[str, Any] = {
        "kernel_size": (1, 4, 4),
        "stride": (1, 2, 2),
        "padding": (0, 1, 1),
    }
    down, up, last = nn.ModuleList(), nn.ModuleList(), len(widths) - 2
    for index, (given, made) in enumerate(zip(widths, widths[1:], strict=False)):
        smaller = nn.Conv3d(made, made, **options) if index < last else nn.Identity()
        larger = nn.ConvTranspose3d(given, given, **options) if index else nn.Identity()
        down.append(Level((given, made), timed, smaller))
        up.insert(0, Level((2 * made, given), timed, larger))
    return down, up
