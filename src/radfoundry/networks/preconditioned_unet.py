"""MONAI's diffusion U-Net with EDM's preconditioning, see `diffusion.preconditioning`.

It is told the time, of which the logarithm of the noise level is a function, as `DiffusionUNet` is.
`ShiftUNet` needs none of this: its linear estimate and the error of that are the same coefficients,
with mean and spread measured for each channel (`wavelet_unet.band_statistics`).
"""

from typing import Any

import torch
from torch import Tensor

from radfoundry.diffusion.noise import Level
from radfoundry.diffusion.preconditioning import coefficients
from radfoundry.networks.blocks import PACE
from radfoundry.networks.diffusion_unet import DiffusionUNet


class PreconditionedUNet(DiffusionUNet):
    """Estimate clean pictures of mean 0 and unit variance from noisy ones."""

    def __init__(self, size: Any, schedule: Any, *wiring: int) -> None:
        """Make the layers.

        Args:
            size: See `diffusion_unet`.
            schedule: The one it is trained with.
            wiring: As `DiffusionUNet` has them: channels, concat, text_width.
        """
        super().__init__(size, schedule, "velocity", *wiring)
        self.predicts = "preconditioned"

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        concat: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, channels, *space); see the package."""
        scale, skip, out = coefficients(Level.at(self.schedule, times, noisy.float()))
        seen = scale * noisy
        if self.concat:
            blank = noisy.new_zeros(len(noisy), self.concat, *noisy.shape[2:])
            seen = torch.cat([seen, blank if concat is None else concat.to(seen)], 1)
        context = self._context(len(noisy), text, text_mask)
        return skip * noisy + out * self.network(seen, PACE * times, context).float()
