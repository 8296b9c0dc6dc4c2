"""From noise to pictures: DDIM, DPM-Solver++(2M), and Euler's method on the straight flow.

Each picture has a stream of noise of its own, so that it comes out the same whatever it is drawn
together with. A sampler calls the network exactly `steps` times: the last call's estimate is the
picture. Nothing here knows of text: see `guidance.guided`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radfoundry.diffusion import Denoise
from radfoundry.diffusion.guidance import Known, blend_noisy, replace_clean
from radfoundry.diffusion.noise import Level, Schedule

SPACINGS = ("time", "log_snr")


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn.

    Attributes:
        method: A name in `METHODS`; "euler" is what "ddim" is called on a straight flow.
        steps: Network calls.
        eta: Fresh noise of `ddim`: 0 none (deterministic), 1 as much as DDPM.
        spacing: Whether steps are even in "time" or in "log_snr".
        log_snr_range: For "log_snr" alone: that of the second call and that where the picture is
            read off; None for the schedule's own ends. The part above is jumped over, which costs
            nothing where noise drowns all; the part below too, where a network that was taught for
            a short while leaves grain in the picture.
    """

    method: str = "dpm"
    steps: int = 10
    eta: float = 0.0
    spacing: str = "log_snr"
    log_snr_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("method", tuple(METHODS)), ("spacing", SPACINGS)):
            if getattr(self, name) not in allowed:
                value = getattr(self, name)
                raise ValueError(f"{name} {value!r} is none of {', '.join(allowed)}")
        if self.steps < 1:
            raise ValueError(f"{self.steps} steps draw nothing")
        if self.eta and self.method != "ddim":
            raise ValueError(f"eta {self.eta} is of ddim: {self.method} adds no noise")
        if self.log_snr_range and self.spacing != "log_snr":
            raise ValueError(f"log_snr_range is in log_snr, none of spacing {self.spacing!r}")


class Streams:
    """A source of noise per picture.

    Noise is drawn on the CPU, whatever the device, so that a seed means the same picture on all.
    """

    def __init__(
        self, seeds: Sequence[int], shape: Sequence[int], device: str | torch.device = "cpu"
    ) -> None:
        """Start a stream from each seed, for pictures of a shape (C, *space) on a device."""
        self.shape, self.device = tuple(shape), device
        self.sources = [torch.Generator().manual_seed(seed) for seed in seeds]

    def normal(self) -> Tensor:
        """Return the next standard normal (B, *shape), row by row from each picture's stream."""
        drawn = [torch.randn(self.shape, generator=source) for source in self.sources]
        return torch.stack(drawn).to(self.device)


def grid(schedule: Schedule, sampling: Sampling) -> Tensor:
    """Return the times (steps,) of the network calls, latest first, in double precision.

    Steps are even from time 1 towards time 0, which is not called: the picture is read off there.
    """
    ends = torch.tensor([1.0, 0.0], dtype=torch.float64)
    if sampling.spacing == "time":
        return _even(ends.tolist(), sampling.steps)
    if sampling.log_snr_range is None:
        rest = schedule.times(_even(schedule.log_snr(ends).tolist(), sampling.steps))[1:]
    else:
        rest = schedule.times(_even(sampling.log_snr_range, sampling.steps - 1))
    return torch.cat([ends[:1], rest])


def _even(ends: Sequence[float], steps: int) -> Tensor:
    return torch.linspace(ends[0], ends[1], steps + 1, dtype=torch.float64)[:-1]


@dataclass(frozen=True)
class Step:
    """What a method sees of one step: noise levels as plain numbers, estimates as they came.

    Attributes:
        now: alpha and sigma of the noisy pictures.
        then: alpha and sigma to go to.
        earlier: alpha and sigma of the step before; None at the first.
        estimates: The clean estimates of the step before (if any) and of this one, last.
    """

    now: tuple[float, float]
    then: tuple[float, float]
    earlier: tuple[float, float] | None
    estimates: Sequence[Tensor]


def ddim(noisy: Tensor, step: Step, eta: float, streams: Streams) -> Tensor:
    """Return the pictures at the next level (Song et al. 2021, equation 12).

    On `noise.Flow` without fresh noise this is Euler's step: the velocity eps - x0 is constant.
    """
    (alpha, sigma), (next_alpha, next_sigma) = step.now, step.then
    clean = step.estimates[-1]
    # The variance of q(x_then | x_now, x0), also where alpha^2 + sigma^2 is not 1.
    posterior = max(0.0, sigma**2 - (alpha / next_alpha * next_sigma) ** 2)
    fresh = eta * next_sigma / sigma * math.sqrt(posterior)
    left = math.sqrt(max(0.0, next_sigma**2 - fresh**2))
    moved = next_alpha * clean + left / sigma * (noisy - alpha * clean)
    return moved + fresh * streams.normal() if fresh else moved


def dpm(noisy: Tensor, step: Step, *_: object) -> Tensor:
    """Return the pictures at the next level by DPM-Solver++(2M) (Lu et al. 2022, algorithm 2)."""
    clean = step.estimates[-1]
    rise = _half_log_snr(step.then) - _half_log_snr(step.now)
    if step.earlier is not None:
        before = _half_log_snr(step.now) - _half_log_snr(step.earlier)
        clean = clean + (clean - step.estimates[-2]) * (0.5 * rise / before)
    next_alpha, next_sigma = step.then
    return next_sigma / step.now[1] * noisy - next_alpha * math.expm1(-rise) * clean


def _half_log_snr(level: tuple[float, float]) -> float:
    # alpha is 0 where the flow begins; the step from there is no longer for being infinite.
    return math.log(max(level[0], 1e-6) / level[1])


METHODS: Mapping[str, Callable[..., Tensor]] = {"ddim": ddim, "dpm": dpm, "euler": ddim}


def sample(
    denoise: Denoise,
    streams: Streams,
    schedule: Schedule,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    known: Known | None = None,
) -> Tensor:
    """Return pictures (B, C, *space), drawn without gradients.

    Args:
        denoise: Estimates the clean pictures from noisy ones and times (B,).
        streams: Fresh ones: the first draw is where the pictures start.
        schedule: The one that the network was trained with.
        sampling: Method and steps.
        known: What is known of the pictures; takes its place in every estimate, and in the noisy
            pictures, as it says.
    """
    times = grid(schedule, sampling).tolist()
    levels = [_levels(schedule, time) for time in times]
    start = streams.normal()
    noisy, estimates = start * levels[0][1], list[Tensor]()
    with torch.no_grad():
        for index, time in enumerate(times):
            if known is not None and known.noisy:
                # Without fresh noise the known part moves as a sampler would move it.
                noise = streams.normal() if sampling.eta and index else start
                noisy = _with_known(noisy, known, levels[index], noise, 1 - time)
            estimate = denoise(noisy, torch.full((len(noisy),), time, device=noisy.device)).float()
            estimates = [*estimates[-1:], _as_known(estimate, known)]
            if index + 1 < len(times):
                earlier = levels[index - 1] if index else None
                step = Step(levels[index], levels[index + 1], earlier, estimates)
                noisy = METHODS[sampling.method](noisy, step, sampling.eta, streams)
    return estimates[-1]


def _levels(schedule: Schedule, time: float) -> tuple[float, float]:
    alpha, sigma = schedule.alpha_sigma(torch.tensor(time, dtype=torch.float64))
    return float(alpha), float(sigma)


def _as_known(estimate: Tensor, known: Known | None) -> Tensor:
    return replace_clean(estimate, known) if known is not None and known.clean else estimate


def _with_known(
    noisy: Tensor, known: Known, level: tuple[float, float], noise: Tensor, done: float
) -> Tensor:
    """Return the noisy pictures, blended with the known ones at their level."""
    alpha, sigma = (torch.as_tensor(share).to(noisy) for share in level)
    return blend_noisy(noisy, known, Level(alpha, sigma), noise, done)
