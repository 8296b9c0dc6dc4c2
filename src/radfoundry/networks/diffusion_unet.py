"""MONAI's diffusion U-Net, which latent diffusion is drawn with, called as our networks are.

Of a size of this design: `dims`; `widths` of the levels, each but the last halves every axis;
residual `blocks` of each; which of them have `attention`, to all places and to the text; `heads` of
each level; `groups` of the normalization; `tokens` of the null text.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry.diffusion.noise import Level, Schedule
from radfoundry.networks.blocks import PACE, NullText

PREDICTS = ("noise", "velocity")


class DiffusionUNet(nn.Module):
    """Estimate clean pictures from noisy ones, with or without a text.

    MONAI's network reads all tokens that it is given: behind a text's end, and where there is none,
    it is given those of the learned null text.
    """

    def __init__(
        self,
        size: Mapping[str, Any],
        schedule: Schedule,
        predicts: str,
        channels: int = 4,
        concat: int = 0,
        text_width: int = 0,
    ) -> None:
        """Make the layers.

        Args:
            size: See the module.
            schedule: The one it is trained with.
            predicts: What its last layer is read as: "noise", eps (Ho et al. 2020), or "velocity",
                eps - x0 (Liu et al. 2022), of a schedule whose alpha and sigma add up to 1.
            channels: Of the pictures.
            concat: Channels that are seen but not drawn.
            text_width: Of the token features; 0 for a network without text.

        Raises:
            ValueError: It is to predict something else.
        """
        # MONAI costs three seconds to import, and the smallest size does without.
        from monai.networks.nets.diffusion_model_unet import DiffusionModelUNet  # noqa: PLC0415

        super().__init__()
        if predicts not in PREDICTS:
            raise ValueError(f"predicts is {predicts!r}; allowed: {', '.join(PREDICTS)}")
        self.schedule, self.predicts, self.concat = schedule, predicts, concat
        widths = [int(width) for width in size["widths"]]
        self.null = NullText(size["tokens"], text_width) if text_width else None
        self.network = DiffusionModelUNet(
            spatial_dims=size["dims"],
            in_channels=channels + concat,
            out_channels=channels,
            num_res_blocks=size["blocks"],
            channels=widths,
            attention_levels=list(size["attention"]),
            norm_num_groups=size["groups"],
            num_head_channels=[width // size["heads"] for width in widths],
            with_conditioning=bool(text_width),
            cross_attention_dim=text_width or None,
            use_flash_attention=True,
        )

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        concat: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, channels, *space); see the package."""
        seen = noisy
        if self.concat:
            blank = noisy.new_zeros(len(noisy), self.concat, *noisy.shape[2:])
            seen = torch.cat([noisy, blank if concat is None else concat.to(noisy)], 1)
        context = self._context(len(noisy), text, text_mask)
        made = self.network(seen, PACE * times, context).float()
        level = Level.at(self.schedule, times, noisy)
        if self.predicts == "noise":
            return level.clean(noisy, made)
        return noisy - level.sigma * made

    def _context(self, count: int, text: Tensor | None, text_mask: Tensor | None) -> Tensor | None:
        """Return tokens (B, L, width), all of which are read; None for a network without text."""
        if self.null is None:
            return None
        tokens, mask = self.null(count, text, text_mask)
        if mask is None or text_mask is None:
            return tokens
        own = nn.functional.pad(text_mask, (0, tokens.shape[1] - text_mask.shape[1]))
        return torch.where(own[..., None], tokens, self.null.null)
