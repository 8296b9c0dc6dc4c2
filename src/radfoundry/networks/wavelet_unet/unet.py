"""A denoising network for machines without much of anything: U-Net and mixer on wavelets.

Pictures are seen through the Haar transform, so that convolutions run on a coarse grid with many
channels. At the bottleneck, layers over all places of a coarse grid learn what goes with what in a
body. With attention there and without convolution blocks it is a diffusion transformer (Peebles &
Xie 2023) whose patches are wavelet packets.

Each coefficient's best linear estimate is computed; what is learned is the rest.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from radfoundry.diffusion.noise import Schedule
from radfoundry.networks.blocks import NullText, TimedBlock, TimeEmbedding
from radfoundry.networks.layers import convolution, normalization, zeroed
from radfoundry.networks.wavelet_unet.band_statistics import BandStatistics
from radfoundry.networks.wavelet_unet.bottleneck import Bottleneck
from radfoundry.networks.wavelet_unet.gaussian_prior import FOLDS, Estimate, GaussianPrior
from radfoundry.networks.wavelet_unet.value_prior import ValuePrior
from radfoundry.networks.wavelets import haar, inverse_haar

PLAIN = 2  # channels of extended tissues: image and lobes; airways and vessels are thin


class WaveletUNet(nn.Module):
    """Estimate clean pictures from noisy ones, with or without a text."""

    def __init__(
        self,
        size: Mapping[str, Any],
        schedule: Schedule,
        channels: int = 4,
        concat: int = 0,
        text: tuple[int, int] = (0, 0),
        space: Sequence[int] = (),
    ) -> None:
        """Make the layers; the untrained network is the best linear estimate, see `measure`.

        Args:
            size: An entry of design `wavelet` in a table of sizes.
            schedule: The one it is trained with.
            channels: Of the pictures.
            concat: Channels that are seen but not drawn.
            text: Width of token features, 0 for no text; and what a reader finds in them, see
                `gaussian_prior`, 0 for none.
            space: Sides of the pictures; needed where the size has a `rank`, else the size's own.
        """
        super().__init__()
        self.haar, self.saving = int(size["haar"]), bool(size["checkpoint"])
        self.concat, dims = concat, len(space) or 3
        text_width, read = text
        width, parts, timed = size["widths"][0], 2 ** (dims * self.haar), 2 * size["widths"][0]
        coarse = [side // 2**self.haar for side in space] or [_finest(size)] * dims
        count = channels * parts
        self.gaussian_prior = self.band_statistics = self.value_prior = None
        if size["rank"]:
            self.gaussian_prior = GaussianPrior(
                (count, *coarse), size["rank"], text_width, read, schedule, channels
            )
            if size["value_levels"]:
                fine = (min(PLAIN, channels), *(side * 2**self.haar for side in coarse))
                self.value_prior = ValuePrior(size["value_levels"], fine, read or text_width)
        else:
            self.band_statistics = BandStatistics(count, [_finest(size)] * dims, schedule)
        self.time = TimeEmbedding(width, timed)
        self.null = NullText(size["tokens"], text_width) if text_width else None
        self.others: list[GaussianPrior] = []  # for training alone, and in no file
        reads = size["rank"] and text_width
        self.text_embedding = nn.Linear(read or text_width, timed) if reads else None
        views = 3 + bool(size["value_levels"]) if size["rank"] else 1  # of the noisy coefficients
        self.enter = convolution(dims, (views * channels + concat) * parts, width, 1)
        self.down, self.up = _ways(size, dims, timed)
        self.bottleneck = Bottleneck(size, dims, timed, text_width) if size["depth"] else None
        self.leave = _zero_output(dims, width, channels * parts)

    def measure(
        self, pictures: Tensor, text: Tensor | None = None, text_mask: Tensor | None = None
    ) -> None:
        """Take mean and spread of every coefficient from clean pictures (B, C, *space).

        With the pictures' texts also how the mean is moved by text.
        """
        bands, prior = haar(pictures, self.haar), self.gaussian_prior
        if prior is not None:
            text_features = None if text is None else prior.fit_text_mean(text, text_mask)
            prior.measure(bands, text_features)
            if self.value_prior is not None:
                self.value_prior.measure(pictures[:, :PLAIN], text_features)
            self.others = [prior.without(fold, bands, text_features) for fold in range(FOLDS)]
        elif self.band_statistics is not None:
            self.band_statistics.measure(bands)

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        concat: Tensor | None = None,
        fold: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, channels, *space); see the package.

        In training, `fold` (B,) says which prior each picture took no part in: one that it did
        take part in knows it too well, and there would be nothing to learn from its errors.
        """
        time, views = self.time(times), []
        if self.gaussian_prior is None:
            assert self.band_statistics is not None
            seen, linear, doubt = self.band_statistics(haar(noisy.float(), self.haar), times)
            views = [seen]
        else:
            text_features, there = self.gaussian_prior.encode_text(text, text_mask, len(noisy))
            given = (*self._known(noisy, times, concat), text_features, there)
            found = self.gaussian_prior(*given) if fold is None else self._unseen(fold, given)
            linear, doubt, views = found.clean, found.error, [found.views]
            if self.value_prior is not None:
                drawn = self._towards(found, text_features)
                views.append((drawn - linear) / doubt)
                linear = drawn
            if self.text_embedding is not None:
                time = time + self.text_embedding(text_features.to(time))
        if self.null is not None:
            text, text_mask = self.null(len(noisy), text, text_mask)
        if self.concat:
            blank = noisy.new_zeros(len(noisy), self.concat, *noisy.shape[2:])
            views = [*views, haar((blank if concat is None else concat).float(), self.haar)]
        weight = next(self.enter.parameters())
        learned = self._layers(torch.cat(views, 1).to(weight), time, text, text_mask).float()
        return inverse_haar(linear + doubt * learned, self.haar)

    def _towards(self, found: Estimate, text_features: Tensor) -> Tensor:
        """Return the linear estimate's coefficients, first channels drawn to likely values."""
        assert self.value_prior is not None
        assert self.gaussian_prior is not None
        pictures = inverse_haar(found.clean, self.haar)
        # Orthonormal: a block's mean square is that of its coefficients.
        parts = found.error.unflatten(1, (-1, self.gaussian_prior.channels))[:, :, :PLAIN]
        variance = parts.square().mean(1)
        for axis in range(2, variance.ndim):
            variance = variance.repeat_interleave(2**self.haar, axis)
        first = self.value_prior(pictures[:, :PLAIN], variance, text_features)
        return haar(torch.cat([first, pictures[:, PLAIN:]], 1), self.haar)

    def _unseen(self, fold: Tensor, given: Sequence[Tensor | None]) -> Estimate:
        """Return the estimate of each row under the prior of the other folds."""
        if (fold == fold[0]).all():
            return self.others[int(fold[0])](*given)
        rows = [
            self.others[number](*(None if part is None else part[[row]] for part in given))
            for row, number in enumerate(fold.tolist())
        ]
        return Estimate(*(torch.cat(parts) for parts in zip(*rows, strict=True)))

    def _known(
        self, noisy: Tensor, times: Tensor, concat: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return coefficients, times, and which are clean: those of channels that are given."""
        if concat is None:
            return haar(noisy.float(), self.haar), times, None
        values, shares = concat.float().chunk(2, 1)
        given = shares.flatten(2).amin(2) > 0.5
        mixed = torch.where(given.reshape(*given.shape, *[1] * (noisy.ndim - 2)), values, noisy)
        return haar(mixed.float(), self.haar), times, given

    def _layers(
        self, seen: Tensor, time: Tensor, text: Tensor | None, text_mask: Tensor | None
    ) -> Tensor:
        """Map normalized coefficients to what is to be added to the linear estimate."""
        features, skips = self.enter(seen), []
        for level in self.down:
            features = self._run(level, features, time)
            skips.append(features)
        if self.bottleneck is not None:
            features = self._run(self.bottleneck, features, time, text, text_mask)
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


def _zero_output(dims: int, given: int, made: int) -> nn.Sequential:
    """Return the last layers, which say nothing before they are trained."""
    last = zeroed(convolution(dims, given, made, 1))
    return nn.Sequential(normalization(given), nn.SiLU(), last)


class Timed(nn.Module):
    """Blocks one after the other, each given the time; then a change of resolution."""

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
