"""Averages of a network's weights whose width is chosen after the training.

After Karras et al. 2024, "Analyzing and Improving the Training Dynamics of Diffusion Models",
section 3 and appendix C. A weight at time t counts as t^gamma; two such averages are kept while the
network is trained, each at half-time and at the end. Any other is what of these is nearest to it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

WIDEST = 12**-0.5  # relative width of the mean of all weights, gamma 0


def width_of(gamma: float) -> float:
    """Return the standard deviation of an average's times, in units of the whole time.

    Equation 123 of the paper: sqrt((g + 1) / ((g + 2)^2 (g + 3))).

    >>> round(width_of(6.94), 3), round(width_of(16.97), 3)
    (0.1, 0.05)
    """
    return float(np.sqrt((gamma + 1) / ((gamma + 2) ** 2 * (gamma + 3))))


def gamma_of(width: float) -> float:
    """Return the exponent of an average of a relative width: the largest root of `width_of`.

    Raises:
        ValueError: No average is as wide, or the width is none.

    >>> round(gamma_of(0.1), 2)
    6.94
    """
    if not 0 < width <= WIDEST:
        raise ValueError(f"a relative width of {width!r}; allowed: above 0, to {WIDEST:.3f}")
    inverse = width**-2
    roots = np.roots([1, 7, 16 - inverse, 12 - inverse])
    return max(0.0, float(roots[np.abs(roots.imag) < 1e-6].real.max()))


def products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (n, m) integrals over time of the products of averages' profiles.

    A profile is (g + 1) tau^g / t^(g + 1) for times tau up to t; the integral of two is a power.

    Args:
        first: (n, 2), time t and exponent g of each.
        second: (m, 2).
    """
    (time, gamma), (other, delta) = first.T[:, :, None], second.T[:, None]
    shorter, both = np.minimum(time, other), gamma + delta + 1
    heights = (gamma + 1) * (delta + 1) / both
    return (
        heights
        * (shorter / time) ** gamma
        * (shorter / other) ** delta
        * (shorter / (time * other))
    )


def shares(kept: np.ndarray, wanted: tuple[float, float]) -> np.ndarray:
    """Return (n,) how much of each kept average makes the one nearest to another.

    Nearest by the squares of the profiles' differences (the paper's appendix C.2), among those
    that add up to 1: what stood still all along stays as it is.

    Args:
        kept: (n, 2), time and exponent of each.
        wanted: Time and exponent.
    """
    count = len(kept)
    system, right = np.ones((count + 1, count + 1)), np.ones(count + 1)
    system[:count, :count], system[-1, -1] = products(kept, kept), 0
    right[:count] = products(kept, np.array([wanted]))[:, 0]
    scale = np.abs(system[:count, :count]).max()  # profiles fall as 1 / t
    system[:count, :count], right[:count] = system[:count, :count] / scale, right[:count] / scale
    return np.linalg.lstsq(system, right, rcond=1e-12)[0][:count]


class PowerAverages(nn.Module):
    """A network in training, and averages of its weights beside it.

    They are buffers: a checkpoint holds them, and nothing that averages parameters touches them.
    """

    traces: Tensor
    halfway: Tensor
    seen: Tensor
    middle: Tensor

    def __init__(self, network: nn.Module, widths: Sequence[float], total: int) -> None:
        """Start at the network's weights.

        Args:
            network: Whose weights are averaged.
            widths: Relative ones, of the averages that are kept.
            total: How often `follow` will be called.
        """
        super().__init__()
        self.network, self.total = network, total
        self.gammas = [gamma_of(width) for width in widths]
        now = parameters_to_vector(network.parameters()).detach()
        self.register_buffer("traces", now.repeat(len(self.gammas), 1))
        self.register_buffer("halfway", self.traces.clone())
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.register_buffer("middle", torch.ones((), dtype=torch.long))

    def forward(self, *given: Any, **more: Any) -> Any:
        """Return what the network does."""
        return self.network(*given, **more)

    @torch.no_grad()
    def follow(self) -> None:
        """Take the network's weights into the averages: beta = (1 - 1 / n)^(gamma + 1)."""
        self.seen += 1
        count, now = int(self.seen), parameters_to_vector(self.network.parameters())
        for trace, gamma in zip(self.traces, self.gammas, strict=True):
            trace.lerp_(now, 1 - (1 - 1 / count) ** (gamma + 1))
        if count == max(1, self.total // 2):
            self.halfway.copy_(self.traces)
            self.middle.fill_(count)

    def kept(self) -> dict[str, Tensor]:
        """Return the averages (2 n, weights), and time and exponent of each (2 n, 2), float64."""
        times = [int(self.middle)] * len(self.gammas) + [max(1, int(self.seen))] * len(self.gammas)
        points = torch.tensor([*zip(times, self.gammas * 2, strict=True)], dtype=torch.float64)
        both = torch.cat([self.halfway, self.traces])
        return {"averages": both.cpu().clone(), "points": points}


def combined(kept: Tensor, points: Tensor, width: float) -> Tensor:
    """Return the weights (n,) of an average of a relative width at the end of the training.

    Args:
        kept: (k, n) averages.
        points: (k, 2) time and exponent of each.
        width: Relative; widths far beyond those that were kept are only come near to.

    Raises:
        ValueError: As for `gamma_of`.
    """
    known = points.numpy()
    parts = shares(known, (float(known[:, 0].max()), gamma_of(width)))
    return torch.from_numpy(parts).to(kept) @ kept


def filled(network: nn.Module, weights: Tensor) -> nn.Module:
    """Return the network with its parameters replaced, in place, by a vector of all of them."""
    vector_to_parameters(weights, network.parameters())
    return network
