"""From a network to an estimate of the clean picture: guided by text, with known channels kept.

Classifier-free guidance (Ho & Salimans 2022) is stated on the noise: eps = eps_null + s (eps_c -
eps_null). At a given noisy picture eps is an affine function of x0, so the same formula on x0 gives
the same result, without dividing by an alpha that is nearly 0. In place of the estimate without
text that of a weaker network may be led away from (Karras et al. 2024, "Guiding a Diffusion Model
with a Bad Version of Itself", equation 3), and for a part of the time alone (Kynkaanniemi et al.
2024, "Applying Guidance in a Limited Interval").
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radfoundry.diffusion import Condition, Denoise
from radfoundry.diffusion.noise import Level
from radfoundry.diffusion.objectives import Network, spread


@dataclass(frozen=True)
class Guidance:
    """How an estimate is sharpened and bounded.

    Attributes:
        scale: s; 1 follows the text without sharpening. Else each network call has every picture
            twice, with its text and without.
        limit: Largest absolute value of the estimate; 0 for none.
        interval: Times t of which low < t <= high are guided, from 0 (picture) to 1 (noise); at
            others s is 1, and the network is asked once. None guides at all times.

    Raises:
        ValueError: The interval is none within [0, 1].
    """

    scale: float = 1.0
    limit: float = 1.0
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.interval is not None and not 0 <= self.interval[0] < self.interval[1] <= 1:
            raise ValueError(
                f"guidance interval {list(self.interval)}: allowed: 0 <= low < high <= 1"
            )

    def at(self, times: Tensor) -> Tensor | float:
        """Return the scale at times (B,): a number, or (B,) where an interval decides."""
        if self.interval is None:
            return self.scale
        low, high = self.interval
        inside = (times > low) & (times <= high)
        return torch.where(inside, self.scale, 1.0).to(times)


@dataclass(frozen=True)
class Known:
    """What is known of the pictures to be drawn.

    Attributes:
        values: (B, C, *space) in [-1, 1]; read only where something is known.
        share: (B, C) or (B, C, *space), bool or from 0 to 1: which channels of which picture, or
            how much of each voxel.
        noisy: Whether the noisy picture is blended before each step, as XReal does.
        clean: Whether the estimate has the known in its place, as MedSyn has it.
        decay: Times what `share` counts in the noisy picture, by how much of the time is over: 0
            in pure noise, 1 in the picture; None for always all of it.
    """

    values: Tensor
    share: Tensor
    noisy: bool = False
    clean: bool = True
    decay: Callable[[float], float] | None = None


def guided(
    network: Network,
    condition: Condition,
    guidance: Guidance = Guidance(),  # noqa: B008 - frozen
    weaker: Network | None = None,
) -> Denoise:
    """Return a function of noisy pictures and times that estimates the clean pictures.

    Args:
        network: Returns clean estimates.
        condition: One row per picture.
        guidance: Scale, bounds, and when.
        weaker: A network that was taught the same with less; given the same condition, its estimate
            is what is led away from. None leads away from the estimate without text.
    """
    null = unconditional(condition)

    def alone(noisy: Tensor, times: Tensor) -> Tensor:
        return bounded(network(noisy, times, **condition), guidance)

    if guidance.scale == 1 or (null is None and weaker is None):
        return alone

    def denoise(noisy: Tensor, times: Tensor) -> Tensor:
        scale = guidance.at(times)
        if isinstance(scale, Tensor):
            if bool((scale == 1).all()):
                return alone(noisy, times)
            scale = scale.reshape(-1, *[1] * (noisy.ndim - 1))
        better, worse = _both(network, condition, weaker)(noisy, times)
        return bounded(worse + scale * (better - worse), guidance)

    return denoise


def _both(
    network: Network, condition: Condition, weaker: Network | None
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return what gives the estimate, and that which is led away from."""
    null = unconditional(condition)
    if weaker is not None or null is None:
        other = weaker or network
        return lambda noisy, times: (
            network(noisy, times, **condition),
            other(noisy, times, **condition),
        )
    both = {name: torch.cat([part, null[name]]) for name, part in condition.items()}

    def twice(noisy: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        one, two = network(torch.cat([noisy, noisy]), torch.cat([times, times]), **both).chunk(2)
        return one, two

    return twice


def unconditional(condition: Condition) -> dict[str, Any] | None:
    """Return the condition with every row's text replaced by the null; None if there is none."""
    if "text" not in condition:
        return None
    text = condition["text"]
    return {
        **condition,
        "text_mask": torch.zeros(text.shape[:2], dtype=torch.bool, device=text.device),
    }


def bounded(estimate: Tensor, guidance: Guidance) -> Tensor:
    """Return the estimate within [-limit, limit]; as it is where there is no limit."""
    return estimate.clamp(-guidance.limit, guidance.limit) if guidance.limit else estimate


def replace_clean(estimate: Tensor, known: Known) -> Tensor:
    """Return the estimate with what is known in its place (MedSyn: x0[:, ch] = known[:, ch])."""
    share = spread(known.share, estimate)
    values = known.values.to(estimate)
    return torch.where(share > 0, share * values + (1 - share) * estimate, estimate)


def blend_noisy(
    noisy: Tensor, known: Known, level: Level, noise: Tensor, done: float = 0.0
) -> Tensor:
    """Return the noisy picture with the known one, equally noisy, in its place.

    Args:
        noisy: (B, C, *space) at this level.
        known: Values, and how much of each voxel they are.
        level: The noise of `noisy`.
        noise: Standard normal, shaped as `noisy`.
        done: How much of the time is over, from 0 (noise) to 1 (picture).
    """
    share = spread(known.share, noisy)
    if known.decay is not None:
        share = share * known.decay(done)
    values = level.noisy(known.values.to(noisy), noise)
    return torch.where(share > 0, share * values + (1 - share) * noisy, noisy)


def whole(done: float) -> float:
    """Return 1: what is known counts to the end."""
    return 1.0


def linear(done: float) -> float:
    """Return what is left of the time.

    >>> linear(0.25)
    0.75
    """
    return 1 - done


def quadratic(done: float) -> float:
    """Return 1 less the square of what is done: slow at first.

    >>> quadratic(0.5)
    0.75
    """
    return 1 - done**2


def until(share: float) -> Callable[[float], float]:
    """Return what is 1 for a share of the time, and 0 from there on.

    >>> [until(0.5)(done) for done in (0.4, 0.5)]
    [1.0, 0.0]
    """
    return lambda done: float(done < share)


# How what is known counts less as a picture is drawn, by name.
DECAYS: Mapping[str, Callable[[float], float]] = {
    "constant": whole,
    "linear": linear,
    "polynomial": quadratic,
}
