"""ControlNet: a frozen denoising network, and a trainable copy of its encoder that sees maps.

After Zhang, Rao and Agrawala 2023, "Adding Conditional Control to Text-to-Image Diffusion Models":
what the copy makes is added to what the base's decoder reads, through layers that start at 0, so
that before training the two are the base. The copy of MONAI's network is MONAI's; that of ours is
made here. Tensors of the copy begin with `control.`; all others are the base's.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.diffusion.noise import Level, Schedule
from radfoundry.networks.blocks import PACE
from radfoundry.networks.diffusion_unet import DiffusionUNet
from radfoundry.networks.layers import zeroed
from radfoundry.networks.shift_unet.blocks import folded, unfolded
from radfoundry.networks.shift_unet.unet import ShiftUNet

PREFIX = "control."
ENCODER = ("enter", "down", "fold", "bottom")  # layers of ours that are copied
PLACES = ("positions", "coarse_positions")


class ControlledShiftUNet(ShiftUNet):
    """Our U-Net with a copy of all that comes before its decoder.

    Base and copy are told time and text by the base's layers, which stay as they are.
    """

    control: Any

    def __init__(
        self,
        size: Mapping[str, Any],
        schedule: Schedule,
        channels: int,
        shown: int,
        text: tuple[int, int],
        space: Sequence[int],
    ) -> None:
        """Make the layers of base and copy.

        Args:
            size: Of the base.
            schedule: The one it was trained with.
            channels: Of the pictures.
            shown: Channels that the copy sees beside them.
            text: As `ShiftUNet` has it.
            space: Sides of the pictures.
        """
        super().__init__(size, schedule, channels, 0, text, space)
        self.concat = shown  # `ShiftUNet.forward` lays them behind what is noisy
        fine, wide = size["widths"]
        self.control = nn.Module()
        self.control.hint = zeroed(nn.Linear(shown * 2 ** (len(space) * self.haar), fine))
        self.control.skip, self.control.deep = (zeroed(nn.Linear(w, w)) for w in (fine, wide))
        self.copy()

    def copy(self) -> None:
        """Make the copy what the base is now, and let the copy alone learn."""
        for name in ENCODER:
            setattr(self.control, name, deepcopy(getattr(self, name)))
        for name in PLACES:
            setattr(self.control, name, nn.Parameter(getattr(self, name).detach().clone()))
        self.requires_grad_(False)
        self.control.requires_grad_(True)

    def _layers(
        self,
        seen: Tensor,
        condition: Tensor,
        by_place: Tensor | float,
        text: Tensor | None,
        text_mask: Tensor | None,
    ) -> Tensor:
        """Map coefficients (B, *grid, count) to what is to be added; as `ShiftUNet._layers`."""
        own = self.enter.in_features
        told = condition, by_place, text, text_mask
        noisy, shown = seen[..., :own], seen[..., own:]
        skip, deep = self._encoded(self.control, noisy, self.control.hint(shown), *told)
        features, middle = self._encoded(self, noisy, 0.0, *told)
        features, half = (
            features + self.control.skip(skip),
            [side // 2 for side in seen.shape[1:-1]],
        )
        middle = middle + self.control.deep(deep)
        middle = self.unfold(functional.layer_norm(middle, middle.shape[-1:])).unflatten(1, half)
        features = self.join(torch.cat([features, unfolded(middle, half)], -1))
        for block in self.up:
            features = self._run(block, features, condition)
        return self.leave(functional.layer_norm(features, features.shape[-1:]))

    def _encoded(
        self, part: Any, noisy: Tensor, hint: Tensor | float, *told: Any
    ) -> tuple[Tensor, Tensor]:
        """Return the features of the fine grid, and of the coarse one, of base or copy."""
        condition, by_place, text, text_mask = told
        features = part.enter(noisy) + part.positions + hint
        for block in part.down:
            features = self._run(block, features, condition)
        deep = (part.fold(folded(features)) + part.coarse_positions + by_place).flatten(1, -2)
        for block in part.bottom:
            deep = self._run(block, deep, condition, text, text_mask)
        return features, deep


class ControlledDiffusionUNet(DiffusionUNet):
    """MONAI's U-Net with MONAI's ControlNet beside it, which sees maps on the grid of the noise."""

    def __init__(
        self,
        size: Mapping[str, Any],
        schedule: Schedule,
        predicts: str,
        channels: int,
        shown: int,
        text_width: int = 0,
    ) -> None:
        """Make the layers of base and copy.

        Args:
            size: Of the base.
            schedule: The one it was trained with.
            predicts: See `DiffusionUNet`.
            channels: Of the pictures.
            shown: Channels that the copy sees beside them.
            text_width: Of the token features; 0 for a network without text.
        """
        # MONAI costs three seconds to import, and the smallest size does without.
        from monai.networks.nets.controlnet import ControlNet  # noqa: PLC0415

        super().__init__(size, schedule, predicts, channels, 0, text_width)
        widths = [int(width) for width in size["widths"]]
        self.control = ControlNet(
            spatial_dims=size["dims"],
            in_channels=channels,
            num_res_blocks=size["blocks"],
            channels=widths,
            attention_levels=list(size["attention"]),
            norm_num_groups=size["groups"],
            num_head_channels=[width // size["heads"] for width in widths],
            with_conditioning=bool(text_width),
            cross_attention_dim=text_width or None,
            conditioning_embedding_in_channels=shown,
            conditioning_embedding_num_channels=(widths[0],),  # maps lie on the latents' grid
            use_flash_attention=True,
        )
        self.shown = shown
        self.copy()

    def copy(self) -> None:
        """Make the copy what the base is now, and let the copy alone learn."""
        theirs, own = self.network.state_dict(), self.control.state_dict()
        self.control.load_state_dict(own | {name: theirs[name] for name in own if name in theirs})
        self.requires_grad_(False)
        self.control.requires_grad_(True)

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        text: Tensor | None = None,
        text_mask: Tensor | None = None,
        concat: Tensor | None = None,
    ) -> Tensor:
        """Return the estimate, shaped as `noisy` (B, channels, *space); see the package."""
        blank = noisy.new_zeros(len(noisy), self.shown, *noisy.shape[2:])
        shown = blank if concat is None else concat.to(noisy)
        context, paced = self._context(len(noisy), text, text_mask), PACE * times
        skips, middle = self.control(noisy, paced, shown, context=context)
        made = self.network(noisy, paced, context, None, skips, middle).float()
        level = Level.at(self.schedule, times, noisy)
        return level.clean(noisy, made) if self.predicts == "noise" else noisy - level.sigma * made


def learned(network: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of the copy, by name; the base's are not among them."""
    return {n: value for n, value in network.state_dict().items() if n.startswith(PREFIX)}
