"""Noise schedules of continuous time, and the algebra of a noisy picture.

At time t a picture is alpha x0 + sigma eps. A schedule says what alpha and sigma are, a `Level`
holds them for a batch and converts between what a network may estimate: the clean picture x0 and
the noise eps.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Schedule(Protocol):
    """What a noise schedule gives, for times of any shape."""

    def alpha_sigma(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """Return how much picture and how much noise there is."""

    def log_snr(self, times: Tensor) -> Tensor:
        """Return log(alpha^2 / sigma^2), which falls as time goes on."""

    def times(self, log_snr: Tensor) -> Tensor:
        """Return when a signal-to-noise ratio is reached: the inverse of `log_snr`."""


@dataclass(frozen=True)
class Cosine:
    """MedSyn's schedule: abar = alpha^2 = cos^2((t + offset) / (1 + offset) pi / 2), clamped.

    Attributes:
        offset: Nichol & Dhariwal 2021, equation 17.
        least: abar stays this far from 0 and from 1.
    """

    offset: float = 0.008
    least: float = 1e-4

    def alpha_sigma(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """Return sqrt(abar) and sqrt(1 - abar)."""
        share = self._share(times)
        return share.sqrt(), (1 - share).sqrt()

    def log_snr(self, times: Tensor) -> Tensor:
        """Return log(abar / (1 - abar)); flat where abar is clamped."""
        return torch.logit(self._share(times))

    def times(self, log_snr: Tensor) -> Tensor:
        """Return the time in [0, 1] of a ratio."""
        angle = torch.atan(torch.exp(-0.5 * log_snr))  # the tangent is sigma / alpha
        return (angle * (2 / math.pi) * (1 + self.offset) - self.offset).clamp(0, 1)

    def _share(self, times: Tensor) -> Tensor:
        angle = (times + self.offset) / (1 + self.offset) * (math.pi / 2)
        return (torch.cos(angle) ** 2).clamp(self.least, 1 - self.least)


@dataclass(frozen=True)
class Flow:
    """Rectified flow (Liu et al. 2022): a straight line, alpha = 1 - t, sigma = t.

    Attributes:
        least: How near to 0 and 1 the time may come where its log-SNR is asked for.
    """

    least: float = 1e-2

    def alpha_sigma(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 - t and t."""
        return 1 - times, times

    def log_snr(self, times: Tensor) -> Tensor:
        """Return 2 log((1 - t) / t)."""
        return -2 * torch.logit(times, eps=self.least)

    def times(self, log_snr: Tensor) -> Tensor:
        """Return the time of a ratio."""
        return torch.sigmoid(-0.5 * log_snr)


@dataclass(frozen=True)
class ScaledLinear:
    """Latent diffusion's schedule: square roots of beta rise evenly over `steps` discrete steps.

    abar_n = prod_{i <= n} (1 - beta_i) (Ho et al. 2020, equation 4; "linear" of Rombach et al.
    2022). Step n is time (n + 1) / steps; between steps log abar is interpolated. Before the first
    step it is as noisy as there.

    Attributes:
        first: beta of the first step.
        last: beta of the last one.
        steps: How many.
    """

    first: float = 0.0015
    last: float = 0.0295
    steps: int = 1000

    def alpha_sigma(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """Return sqrt(abar) and sqrt(1 - abar)."""
        share = self._log_share(times)
        return (share / 2).exp().to(times), (-share.expm1()).sqrt().to(times)

    def log_snr(self, times: Tensor) -> Tensor:
        """Return log(abar / (1 - abar))."""
        share = self._log_share(times)
        return (share - (-share.expm1()).log()).to(times)

    def times(self, log_snr: Tensor) -> Tensor:
        """Return the time in [1 / steps, 1] of a ratio."""
        fallen = -functional.logsigmoid(log_snr.double())  # -log abar
        table = -self._table(log_snr.device)
        above = torch.searchsorted(table, fallen.contiguous()).clamp(1, self.steps)
        below = table[above - 1]
        part = (fallen - below) / (table[above] - below)
        return ((above - 1 + part) / self.steps).clamp(1 / self.steps, 1).to(log_snr)

    def _table(self, device: torch.device) -> Tensor:
        """Return log abar (steps + 1,) at the times n / steps; 0 at time 0."""
        ends = math.sqrt(self.first), math.sqrt(self.last)
        betas = torch.linspace(*ends, self.steps, dtype=torch.float64, device=device) ** 2
        return functional.pad(torch.log1p(-betas).cumsum(0), (1, 0))

    def _log_share(self, times: Tensor) -> Tensor:
        place = times.double().clamp(1 / self.steps, 1) * self.steps
        below = place.floor().clamp(max=self.steps - 1).long()
        table = self._table(times.device)
        return torch.lerp(table[below], table[below + 1], place - below)


@dataclass(frozen=True)
class Level:
    """The noise of a batch: `alpha` and `sigma`, shaped (B, 1, ..., 1) to go with pictures."""

    alpha: Tensor
    sigma: Tensor

    @classmethod
    def at(cls, schedule: Schedule, times: Tensor, pictures: Tensor) -> "Level":
        """Return the level of each picture (B, C, *space) at its time (B,)."""
        shape = (-1, *[1] * (pictures.ndim - 1))
        alpha, sigma = schedule.alpha_sigma(times)
        return cls(alpha.reshape(shape), sigma.reshape(shape))

    def noisy(self, clean: Tensor, noise: Tensor) -> Tensor:
        """Return alpha x0 + sigma eps, a draw of q(x_t | x0)."""
        return self.alpha * clean + self.sigma * noise

    def noise(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Return the eps that makes this clean picture this noisy one."""
        return (noisy - self.alpha * clean) / self.sigma

    def clean(self, noisy: Tensor, noise: Tensor) -> Tensor:
        """Return the x0 that this noise makes this noisy picture."""
        return (noisy - self.sigma * noise) / self.alpha
