"""EDM: a network's input and output scaled by the noise, and noise levels weighed as they are hard.

After Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", table
1, and Karras et al. 2024, "Analyzing and Improving the Training Dynamics of Diffusion Models",
equations 14 to 16. There a picture is y + s n; here it is alpha y + sigma n, which is the same one
times alpha, with s = sigma / alpha. So any schedule and any sampler goes with it.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from radfoundry.diffusion.noise import Level, Schedule
from radfoundry.diffusion.objectives import Objective

SPREAD = 1.0  # standard deviation of latents, which `networks.autoencoder.latents` bring to this
# ln s is normal with mean -0.4 for pictures of spread 0.5; in units of the spread it is the same.
LOGIT_MEAN = round(-0.4 - math.log(0.5), 2)
WAVES = 128  # of the noise level, of which the log-variance is a linear function


def coefficients(level: Level, spread: float = SPREAD) -> tuple[Tensor, Tensor, Tensor]:
    """Return c_in, c_skip and c_out, each shaped as the level's alpha.

    The clean estimate is c_skip x + c_out F(c_in x): what F is given and what it must give have
    unit variance at every level, and c_out, by which its errors grow, is as small as can be.

    Args:
        level: Of the noisy pictures x.
        spread: Standard deviation of clean pictures, whose mean is 0.
    """
    power = (level.alpha * spread) ** 2 + level.sigma**2
    skip = level.alpha * spread**2 / power
    return power.rsqrt(), skip, level.sigma * spread * power.rsqrt()


def weight(schedule: Schedule, times: Tensor, spread: float = SPREAD) -> Tensor:
    """Return (s^2 + d^2) / (s d)^2 at times (B,) for pictures of spread d.

    It makes the error of the clean picture that of F: 1 / c_out^2, in units of s.
    """
    alpha, sigma = schedule.alpha_sigma(times)
    return ((alpha * spread) ** 2 + sigma**2) / (sigma * spread) ** 2


class LogVariance(nn.Module):
    """How uncertain the error is at a noise level: u(s), a linear function of waves of ln(s) / 4.

    It starts at 0 everywhere, so that the first losses are the weighted errors themselves.
    """

    pace: Tensor
    phase: Tensor

    def __init__(self, schedule: Schedule, waves: int = WAVES) -> None:
        super().__init__()
        self.schedule = schedule
        self.register_buffer("pace", 2 * math.pi * torch.randn(waves))
        self.register_buffer("phase", 2 * math.pi * torch.rand(waves))
        self.linear = nn.Linear(waves, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, times: Tensor) -> Tensor:
        """Return u (B,) of times (B,), in 32 bits."""
        level = -self.schedule.log_snr(times.float()) / 8  # ln(s) / 4
        waves = (level[:, None] * self.pace + self.phase).cos() * math.sqrt(2)
        with torch.autocast(times.device.type, enabled=False):
            return self.linear(waves.float())[:, 0]


def uncertain(objective: Objective, doubt: nn.Module, times: Tensor) -> Objective:
    """Return an objective whose loss, with u at these times added, is w |D - y|^2 / e^u + u.

    Karras et al. 2024, equation 14. Where u is the logarithm of what w |D - y|^2 is on average at a
    level, that is least, and every level counts as much as any other.

    Args:
        objective: Whose weight is w.
        doubt: u, of times (B,).
        times: (B,) of the batch, as the objective draws them.
    """
    return replace(
        objective,
        draw=lambda *_: times,
        weight=lambda drawn: objective.weight(drawn) / doubt(drawn).exp(),
    )
