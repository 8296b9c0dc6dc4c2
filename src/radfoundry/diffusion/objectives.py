"""What a denoising network learns: which times it sees, what counts, what it must do without.

`published` is MedSyn's objective, `flow` the one that draws well in few steps, `NOISE_PREDICTION`
that of latent diffusion. All take estimates of the clean picture, so that samplers, guidance and
known channels are the same for any. All chance comes from the generator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from radfoundry.diffusion import Condition
from radfoundry.diffusion.noise import Cosine, Flow, Level, ScaledLinear, Schedule

Network = Callable[..., Tensor]

NEAREST = 0.2  # below this time the error of `flow` counts no more than here: 1 / t^2 has no bound


@dataclass(frozen=True)
class Objective:
    """One way to teach a network to denoise.

    Attributes:
        schedule: How noisy a picture is at a time.
        draw: Returns times (B,) in [0, 1] for a count of pictures.
        weight: Returns how much the squared error counts at each time (B,).
        voxel_weight: Returns how much it counts at each value of clean pictures, in their shape.
    """

    schedule: Schedule
    draw: Callable[[int, torch.Generator], Tensor]
    weight: Callable[[Tensor], Tensor]
    voxel_weight: Callable[[Tensor], Tensor] = torch.ones_like


def uniform(count: int, generator: torch.Generator) -> Tensor:
    """Return times drawn evenly from [0, 1), one from each of `count` equal parts.

    Stratified (Kingma et al. 2021, appendix I.1): the mean over a batch varies less, and each time
    by itself is still uniform.
    """
    parts = torch.randperm(count, generator=generator, device=generator.device)
    inside = torch.rand(count, generator=generator, device=generator.device)
    return (parts + inside) / count


def logit_normal(count: int, generator: torch.Generator, logit_mean: float = 0.0) -> Tensor:
    """Return sigmoids of normal draws of unit variance (Esser et al. 2024, section 3.1).

    Args:
        count: How many.
        generator: The source of chance.
        logit_mean: Mean of the draws: above 0 for more noise.
    """
    drawn = torch.randn(count, generator=generator, device=generator.device)
    return torch.sigmoid(drawn + logit_mean)


def even(times: Tensor) -> Tensor:
    """Return 1 for every time: the plain squared error of x0."""
    return torch.ones_like(times)


def of_velocity(times: Tensor) -> Tensor:
    """Return 1 / t^2, which makes the error of x0 that of the velocity, bounded near 0."""
    return times.clamp(min=NEAREST) ** -2


NAMES = ("published", "flow")  # apart, for who checks a word and computes nothing
OBJECTIVES: Mapping[str, Objective] = {
    "published": Objective(Cosine(), uniform, even),
    "flow": Objective(Flow(), logit_normal, of_velocity),
}


def steps_of_thousand(count: int, generator: torch.Generator) -> Tensor:
    """Return times of discrete steps drawn evenly: (n + 1) / 1000."""
    drawn = torch.randint(1000, (count,), generator=generator, device=generator.device)
    return (drawn + 1) / 1000


def of_noise(times: Tensor) -> Tensor:
    """Return abar / (1 - abar), which makes the error of x0 that of the noise.

    eps - eps' = alpha / sigma (x0' - x0) at a given noisy picture.
    """
    return ScaledLinear().log_snr(times).exp()


# Latent diffusion's objective (Rombach et al. 2022, equation 2): the error of the noise.
NOISE_PREDICTION = Objective(ScaledLinear(), steps_of_thousand, of_noise)


@dataclass(frozen=True)
class Dropping:
    """How often a network is shown less than there is.

    Attributes:
        text: Chance that a picture's text is replaced by the learned null (MedSyn: 0.1).
        channels: Chance that a picture is trained with some of its channels given.
        together: Channels next to each other that are given or not as one, such as latents of one
            channel of a picture.
    """

    text: float = 0.1
    channels: float = 0.0
    together: int = 1


def without_text(condition: Condition, chance: float, generator: torch.Generator) -> Condition:
    """Return the condition with no token kept in a share of the rows; others are as they were."""
    if "text" not in condition:
        return condition
    text = condition["text"]
    every = torch.ones(text.shape[:2], dtype=torch.bool, device=text.device)
    mask = condition.get("text_mask", every)
    spared = torch.rand(len(text), generator=generator, device=generator.device) >= chance
    return {**condition, "text_mask": mask & spared.to(text.device)[:, None]}


def given_channels(shape: tuple[int, int], chance: float, generator: torch.Generator) -> Tensor:
    """Return (B, C), true where a channel is given: none, or with `chance` any proper subset.

    Subsets are drawn by their size first, so that one given channel and all but one are as likely
    as those between; at least one channel is left to draw.
    """
    count, channels = shape
    device = generator.device
    sizes = torch.randint(1, max(channels, 2), (count, 1), generator=generator, device=device)
    some = torch.rand((count, 1), generator=generator, device=device) < chance
    order = torch.rand(shape, generator=generator, device=device).argsort(1).argsort(1)
    return (order < sizes) & some & (channels > 1)


def masked_channels(clean: Tensor, given: Tensor) -> Tensor:
    """Return what a network sees of given channels: their values, and which they are.

    Args:
        clean: (B, C, *space); only the given channels are read.
        given: (B, C) or (B, C, *space), bool or a share from 0 to 1.

    Returns:
        (B, 2 C, *space): values with 0 where none is given, then the shares.
    """
    shares = spread(given, clean)
    return torch.cat([clean * shares, shares.expand_as(clean)], 1)


def spread(given: Tensor, pictures: Tensor) -> Tensor:
    """Return shares (B, C) or (B, C, *space) as numbers that broadcast with the pictures."""
    return given.to(pictures).reshape(*given.shape, *[1] * (pictures.ndim - given.ndim))


def corrupted(
    clean: Tensor, objective: Objective, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return noisy pictures, shaped as the clean ones (B, C, *space), and their times (B,)."""
    times = objective.draw(len(clean), generator).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator, device=generator.device).to(clean.device)
    return Level.at(objective.schedule, times, clean).noisy(clean, noise), times


def denoising_loss(
    network: Network,
    clean: Tensor,
    condition: Condition,
    objective: Objective,
    generator: torch.Generator,
    dropping: Dropping = Dropping(),  # noqa: B008 - frozen
) -> Tensor:
    """Return (B,) the weighted mean squared error of the estimated clean pictures.

    Args:
        network: Called with noisy pictures, times and the condition.
        clean: (B, C, *space) in [-1, 1].
        condition: Of each picture; text is dropped as `dropping` says.
        objective: What is learned.
        generator: The source of times, noise and dropping; on any device.
        dropping: With `channels` above 0 the network sees some channels (`masked_channels`), also
            when none is given; the loss is of the others alone.

    Raises:
        ValueError: Channels are to be given, and the condition has a `concat` already.
    """
    if dropping.channels and "concat" in condition:
        raise ValueError("given channels are shown as `concat`, where the condition has its own")
    noisy, times = corrupted(clean, objective, generator)
    seen = dict(without_text(condition, dropping.text, generator))
    asked = torch.ones_like(clean[:1, :1])
    if dropping.channels:
        parts = clean.shape[1] // dropping.together
        given = given_channels((len(clean), parts), dropping.channels, generator)
        given = given.to(clean.device).repeat_interleave(dropping.together, 1)
        seen["concat"] = masked_channels(clean, given)
        asked = spread(~given, clean)
    counted = asked * objective.voxel_weight(clean)
    squared = (network(noisy, times, **seen).float() - clean) ** 2 * counted
    return objective.weight(times) * squared.flatten(1).sum(1) / counted.flatten(1).sum(1)
