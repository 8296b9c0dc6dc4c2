"""A generator and its critic, in 2D and 3D: Wasserstein GAN with gradient penalty.

After Gulrajani et al. 2017, "Improved Training of Wasserstein GANs". Both see pictures through the
Haar transform, around the mean picture and in units of each coefficient's spread, because
convolutions at full grid are what costs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrize import register_parametrization

from radfoundry.networks.layers import normalization, seeded
from radfoundry.networks.wavelets import haar, inverse_haar

LEAST_SPREAD = 1e-3
START = 1.2  # spread of the last weights at first: samples begin as unlike each other as pictures
REACH = 10.0  # how far a real picture lies from the mean one, as the critic counts

# `haar`: levels of the transform in front; `widths`: channels of each level, finest first, each
# half as fine as the one before; `latent`: numbers that a picture is drawn from; `contrast`: 1
# shows the critic all wavelet bands equally strong, 0 as strong as they are. `phantom` is for 64^3
# on a CPU; the others, for 128^3 and 256^3 on a GPU, have been counted but not trained.
SIZES: Mapping[str, Mapping[str, Any]] = {
    "phantom": {"haar": 2, "widths": [32, 64, 128], "latent": 64, "contrast": 0.5},
    "workstation": {"haar": 2, "widths": [96, 192, 384, 512], "latent": 256, "contrast": 0.5},
    "paper": {"haar": 2, "widths": [128, 256, 512, 512, 512], "latent": 1000, "contrast": 0.5},
}


class Generator(nn.Module):
    """Map latents (B, latent) to bands (B, C, *grid), doubling a coarse grid level by level."""

    def __init__(self, size: Mapping[str, Any], bands: int, grid: Sequence[int]) -> None:
        super().__init__()
        widths, dims = list(size["widths"])[::-1], len(grid)
        self.coarse = [side // 2 ** (len(widths) - 1) for side in grid]
        places = torch.Size(self.coarse).numel()
        self.enter = equalized(nn.Linear(size["latent"], widths[0] * places), size["latent"])
        kind: Any = nn.ConvTranspose2d if dims == 2 else nn.ConvTranspose3d
        layers: list[nn.Module] = [normalization(widths[0]), nn.SiLU()]
        for given, made in zip(widths[:-1], widths[1:], strict=True):
            doubled = equalized(kind(given, made, 4, 2, 1), given * 2**dims)
            layers += [doubled, normalization(made), nn.SiLU()]
        last = _convolution(dims, widths[-1], bands, 3, 1)
        self.layers = nn.Sequential(*layers, equalized(last, widths[-1] * 3**dims, START))

    def forward(self, latents: Tensor) -> Tensor:
        """Return (B, bands, *grid)."""
        return self.layers(self.enter(latents).unflatten(1, (-1, *self.coarse)))


class Critic(nn.Module):
    """Map bands (B, C, *grid) to how real they are (B,); no normalization across a batch."""

    def __init__(self, size: Mapping[str, Any], bands: int, grid: Sequence[int]) -> None:
        super().__init__()
        widths, dims = list(size["widths"]), len(grid)
        first = equalized(_convolution(dims, bands, widths[0], 3, 1), bands * 3**dims)
        layers: list[nn.Module] = [first, nn.LeakyReLU(0.2)]
        for given, made in zip(widths[:-1], widths[1:], strict=True):
            halved = equalized(_convolution(dims, given, made, 4, 2), given * 4**dims)
            layers += [halved, nn.LeakyReLU(0.2)]
        places = torch.Size(side // 2 ** (len(widths) - 1) for side in grid).numel() * widths[-1]
        self.layers = nn.Sequential(*layers, nn.Flatten(), equalized(nn.Linear(places, 1), places))

    def forward(self, bands: Tensor) -> Tensor:
        """Return (B,)."""
        return self.layers(bands)[:, 0]


def _convolution(dims: int, given: int, made: int, side: int, stride: int) -> nn.Module:
    kind: Any = nn.Conv2d if dims == 2 else nn.Conv3d
    return kind(given, made, side, stride, 1)


class _Factor(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.factor


def equalized(layer: nn.Module, inputs: int, spread: float = 1.0) -> nn.Module:
    """Return a layer whose weights are normal and scaled when used, its bias 0.

    Adam then moves wide and narrow layers at one pace (Karras et al. 2018, section 4.1). `inputs`
    is how many numbers each output is a sum of, `spread` that of the first weights.
    """
    nn.init.normal_(layer.weight, std=spread)  # type: ignore[arg-type]
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    register_parametrization(layer, "weight", _Factor((2 / inputs) ** 0.5), unsafe=True)
    return layer


class Adversaries(nn.Module):
    """A generator, its critic, and the statistics of the bands that both work in."""

    center: Tensor
    spread: Tensor
    reach: Tensor
    weight: Tensor

    def __init__(self, size: Mapping[str, Any], channels: int, space: Sequence[int]) -> None:
        """Make the layers.

        Args:
            size: An entry of `SIZES`, or one with values changed.
            channels: Of the pictures.
            space: Their sides, multiples of `multiple(size)`.

        Raises:
            ValueError: If a side is no such multiple.
        """
        super().__init__()
        step = multiple(size)
        if any(side % step for side in space):
            raise ValueError(f"sides {tuple(space)} are no multiples of {step}")
        self.levels, self.latent = int(size["haar"]), int(size["latent"])
        self.contrast = float(size["contrast"])
        grid = [side // 2**self.levels for side in space]
        bands = channels * 2 ** (len(grid) * self.levels)
        self.generator = Generator(size, bands, grid)
        self.critic: nn.Module = Critic(size, bands, grid)
        self.register_buffer("center", torch.zeros(1, bands, *grid))
        self.register_buffer("spread", torch.ones(1, bands, *grid))
        self.register_buffer("reach", torch.ones(()))
        self.register_buffer("weight", torch.ones(1, bands, *[1] * len(grid)))

    def measure(self, pictures: Tensor) -> None:
        """Take mean and spread of every coefficient from real pictures (B, C, *space)."""
        bands = haar(pictures, self.levels)
        self.center.copy_(bands.mean(0, keepdim=True))
        self.spread.copy_(bands.std(0, correction=0, keepdim=True).clamp_min(LEAST_SPREAD))
        axes = list(range(2, bands.ndim))
        whole = self.spread.square().mean(axes, keepdim=True).sqrt()
        weight = whole**-self.contrast
        shown = (self.spread * weight).square().sum().sqrt()
        self.weight.copy_(weight)
        self.reach.copy_(shown / REACH)

    def draw(self, latents: Tensor) -> Tensor:
        """Return bands (B, C, *grid) of latents (B, latent)."""
        return self.center + self.spread * self.generator(latents)

    @torch.no_grad()
    def sampled(self, latents: Tensor) -> Tensor:
        """Return pictures (B, C, *space) of latents (B, latent)."""
        return inverse_haar(self.draw(latents), self.levels)

    def shown(self, bands: Tensor) -> Tensor:
        """Return bands as the critic sees them: less the mean picture, faint ones strengthened."""
        return (bands - self.center) * self.weight


def multiple(size: Mapping[str, Any]) -> int:
    """Return what the sides of pictures must be multiples of."""
    return 2 ** (int(size["haar"]) + len(size["widths"]) - 1)


def adversaries(
    size: str | Mapping[str, Any], channels: int, space: Sequence[int], generator: torch.Generator
) -> Adversaries:
    """Return a generator and its critic whose initial weights come from a random generator.

    Raises:
        ValueError: If there is no such size, or a side does not fit it.
    """
    if isinstance(size, str):
        if size not in SIZES:
            raise ValueError(f"no size {size!r}: choose from {', '.join(SIZES)}")
        size = SIZES[size]
    with seeded(generator):
        return Adversaries(size, channels, space)


def loss(
    network: Adversaries, real: Tensor, generator: torch.Generator, penalty: float = 10.0
) -> dict[str, Tensor]:
    """Return the terms of both players; one backward pass gives each its own gradient.

    The critic judges drawn pictures cut from the generator, and the generator sees a copy of the
    critic whose weights take no gradient (equation 3 and algorithm 1 of the paper, one step each
    in place of five to one). Judgments are divided so that real pictures lie `REACH` from the mean
    one: over longer distances the critic's gain outweighs its penalty, and its slope runs away.

    Args:
        network: Generator and critic.
        real: Pictures (B, C, *space).
        generator: Draws the latents, and the places between real and drawn pictures.
        penalty: Weight of the gradient penalty.

    Returns:
        `critic`: drawn less real, as the critic judges them; `penalty`; `generator`.
    """
    # Drawn where the generator is, then moved: a seed means the same on every device.
    chance: dict[str, Any] = {"generator": generator, "device": generator.device}
    latents = torch.randn(len(real), network.latent, **chance).to(real.device)
    drawn = network.shown(network.draw(latents))
    shown = network.shown(haar(real, network.levels))
    frozen = {name: value.detach() for name, value in network.critic.named_parameters()}
    judged = network.critic(torch.cat([drawn.detach(), shown]))
    judged_drawn, judged_real = judged.chunk(2)
    share = torch.rand((len(real), *[1] * (real.ndim - 1)), **chance).to(real.device)
    between = torch.lerp(shown, drawn.detach(), share)
    return {
        "critic": (judged_drawn.mean() - judged_real.mean()) / network.reach,
        "penalty": penalty * gradient_penalty(network.critic, between),
        "generator": -functional_call(network.critic, frozen, (drawn,)).mean() / network.reach,
    }


def gradient_penalty(critic: nn.Module, bands: Tensor) -> Tensor:
    """Return the mean of (|gradient| - 1)^2 over a batch: 0 for a critic of slope 1."""
    bands = bands.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(bands).sum(), bands, create_graph=True)
    return (slope.flatten(1).float().norm(dim=1) - 1).square().mean()
