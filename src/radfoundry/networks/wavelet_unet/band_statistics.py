"""Wavelet coefficients of noisy pictures, and the best linear estimate of the clean ones.

What can be computed need not be learned: a network adds to this estimate, in units of its error
(Karras et al. 2022, section 5, with mean and variance per wavelet band and place).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.diffusion.noise import Level, Schedule


class BandStatistics(nn.Module):
    """Mean and spread of every wavelet coefficient at every place, and what follows from them.

    Bodies lie much alike in their pictures: the mean body is known before anything is learned.
    """

    center: Tensor
    spread: Tensor

    def __init__(self, count: int, space: Sequence[int], schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule
        self.register_buffer("center", torch.zeros(1, count, *space))
        self.register_buffer("spread", torch.ones(1, count, *space))

    def measure(self, bands: Tensor) -> None:
        """Take mean and spread from clean coefficients (B, count, *space).

        Few pictures say little of one place: squares are averaged with those next to it, and one
        part in ten is that of the whole band. A grid of one place takes the whole band's alone.
        """
        everywhere = self.center[0, 0].numel() == 1
        axes = [0, *range(2, bands.ndim)] if everywhere else [0]
        center = bands.mean(axes, keepdim=True)
        squares = (bands - center).square().mean(axes, keepdim=True)
        whole = squares.flatten(2).mean(2).reshape(1, -1, *[1] * (bands.ndim - 2))
        near = squares if everywhere else smoothed(squares)
        spread = (0.9 * near + 0.1 * whole).sqrt().clamp_min(1e-3)
        self.center.copy_(stretched(center, self.center.shape[2:]))
        self.spread.copy_(stretched(spread, self.center.shape[2:]))

    def forward(self, noisy: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return three of shape (B, count, *space).

        Returns:
            What the picture says beyond the mean, noise shrunk, in units of each band's spread;
            the best linear estimate of the clean coefficients; its error's standard deviation.
        """
        center, spread = (stretched(b, noisy.shape[2:]) for b in (self.center, self.spread))
        level = Level.at(self.schedule, times, noisy)
        total = (level.alpha * spread) ** 2 + level.sigma**2
        beyond = level.alpha * spread**2 / total * (noisy - level.alpha * center)
        unit = spread.flatten(2).square().mean(2).sqrt()
        seen = beyond / unit.reshape(1, -1, *[1] * (noisy.ndim - 2))
        return seen, center + beyond, spread * level.sigma / total.sqrt()


def smoothed(values: Tensor) -> Tensor:
    """Return the means over 3 places along every axis, of (B, C, *space)."""
    pool = functional.avg_pool2d if values.ndim == 4 else functional.avg_pool3d
    return pool(functional.pad(values, [1, 1] * (values.ndim - 2), mode="replicate"), 3, 1)


def stretched(values: Tensor, space: Sequence[int]) -> Tensor:
    """Return values (B, C, *space) on another grid over the same extent."""
    if list(values.shape[2:]) == list(space):
        return values
    mode = "bilinear" if len(space) == 2 else "trilinear"
    return functional.interpolate(values, tuple(space), mode=mode)
