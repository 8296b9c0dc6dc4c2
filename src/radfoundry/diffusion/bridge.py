"""A Brownian bridge between two pictures: noise that is 0 at both ends.

Li et al. 2023, "BBDM: Image-to-Image Translation with Brownian Bridge Diffusion Models", as TSCR
draws texture with it. At time t a picture lies a share m of the way from the clean one, x0, to the
one it starts from, y, with noise of variance 2 s (m - m^2). A network estimates x0, as everywhere
here; what the paper lets it predict, x_t - x0 (its objective "grad"), is as far off.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from radfoundry.diffusion import Condition, Denoise
from radfoundry.diffusion.objectives import Network, uniform
from radfoundry.diffusion.samplers import Streams


@dataclass(frozen=True)
class Bridge:
    """The schedule: m rises evenly over discrete steps.

    Attributes:
        first: m at time 0.
        last: m at time 1.
        variance: s; the noise is strongest midway, where its variance is s / 2.
    """

    first: float = 0.001
    last: float = 0.999
    variance: float = 1.0

    def share(self, times: Tensor) -> Tensor:
        """Return m of times in [0, 1]."""
        return self.first + (self.last - self.first) * times

    def deviation(self, share: Tensor) -> Tensor:
        """Return the standard deviation of the noise at shares m."""
        return (2 * self.variance * (share - share**2)).sqrt()

    def noisy(self, clean: Tensor, start: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Return x_t = (1 - m) x0 + m y + sigma eps (equation 4).

        Args:
            clean: x0, (B, C, *space).
            start: y, in the same shape.
            times: (B,).
            noise: Standard normal, in the same shape.
        """
        share = self.share(times).reshape(-1, *[1] * (clean.ndim - 1))
        return torch.lerp(clean, start, share) + self.deviation(share) * noise


@dataclass(frozen=True)
class Crossing:
    """How the bridge is crossed from y to x0.

    Attributes:
        calls: Of the network.
        eta: Fresh noise: 1 as the bridge has it, 0 none but the first.
        bend: Calls are at times (n / calls)^bend: 1 evenly, as published, for hundreds of calls.
            The last estimate is a mean, which lacks the variance of what is still unknown there: of
            few calls most must be near the picture.
    """

    calls: int = 20
    eta: float = 1.0
    bend: float = 2.0

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 <= self.eta <= 1 or self.bend <= 0:
            given = f"{self.calls} calls, eta {self.eta}, bend {self.bend}"
            raise ValueError(f"{given}: allowed: 1 or more, 0 to 1, above 0")


def bridge_loss(
    network: Network,
    ends: tuple[Tensor, Tensor],
    condition: Condition,
    generator: torch.Generator,
    bridge: Bridge = Bridge(),  # noqa: B008 - frozen
    voxel_weight: Tensor | None = None,
) -> Tensor:
    """Return (B,) the mean absolute error of the estimated clean pictures (equation 11).

    Args:
        network: Called with noisy pictures, times and the condition; estimates x0.
        ends: x0 and y, each (B, C, *space).
        condition: Of each picture.
        generator: The source of times and noise; on any device.
        bridge: The schedule.
        voxel_weight: (B, 1 or C, *space) how much each value counts; None counts all alike.
    """
    clean, start = ends
    times = uniform(len(clean), generator).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator, device=generator.device).to(clean)
    estimate = network(bridge.noisy(clean, start, times, noise), times, **condition).float()
    counted = torch.ones_like(clean) if voxel_weight is None else voxel_weight.expand_as(clean)
    errors = ((estimate - clean).abs() * counted).flatten(1).sum(1)
    return errors / counted.flatten(1).sum(1)


def step_back(
    noisy: Tensor, estimate: Tensor, start: Tensor, shares: tuple[float, float], scales: tuple
) -> tuple[Tensor, float]:
    """Return the mean of q(x_s | x_t, x0, y) for an earlier s, and its deviation.

    With variances d and shares m of both times, the noise that is kept of x_t and what comes fresh
    add up to the variance of x_s (algorithm 2; as DDIM does for Gaussian diffusion).

    Args:
        noisy: x_t.
        estimate: x0.
        start: y.
        shares: m at t and at s.
        scales: The bridge and eta.
    """
    bridge, eta = scales
    now, then = shares
    deviations = [float(bridge.deviation(torch.tensor(m, dtype=torch.float64))) for m in shares]
    # Variance of x_t given x_s, from which that of x_s given x_t follows (equation 9).
    forward = deviations[0] ** 2 - (deviations[1] * (1 - now) / (1 - then)) ** 2
    fresh = eta * math.sqrt(max(0.0, forward)) * deviations[1] / deviations[0]
    kept = math.sqrt(max(0.0, deviations[1] ** 2 - fresh**2)) / deviations[0]
    mean = torch.lerp(estimate, start, then)
    return mean + kept * (noisy - torch.lerp(estimate, start, now)), fresh


def cross(
    denoise: Denoise,
    start: Tensor,
    streams: Streams,
    bridge: Bridge = Bridge(),  # noqa: B008 - frozen
    crossing: Crossing = Crossing(),  # noqa: B008 - frozen
    keep: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return pictures (B, C, *space) on the other side of the bridge, drawn without gradients.

    Args:
        denoise: Estimates x0 from noisy pictures and times (B,).
        start: y.
        streams: One for each picture.
        bridge: The schedule that the network was trained with.
        crossing: Calls and fresh noise.
        keep: Puts what is known into an estimate; None knows nothing.
    """
    times = torch.linspace(1, 0, crossing.calls + 1, dtype=torch.float64)[:-1] ** crossing.bend
    shares = bridge.share(times).tolist()
    noisy, estimate = start, start
    with torch.no_grad():
        for index, time in enumerate(times.tolist()):
            estimate = denoise(noisy, torch.full((len(noisy),), time, device=noisy.device)).float()
            estimate = estimate if keep is None else keep(estimate)
            if index + 1 < len(shares):
                pair = shares[index], shares[index + 1]
                mean, fresh = step_back(noisy, estimate, start, pair, (bridge, crossing.eta))
                noisy = mean + fresh * streams.normal() if fresh else mean
    return estimate
