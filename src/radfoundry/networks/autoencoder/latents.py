"""Latents that a denoising network can draw: deterministic, each channel of unit variance.

An autoencoder of fewer channels than the pictures takes each group of channels by itself, as if it
were a picture. So what is given of a picture is given of its latents too, and an autoencoder of one
channel, such as MAISI's of CT, serves pictures of several.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry.networks.autoencoder.build import build, factors

LEAST_SPREAD = 1e-3


class Latents(nn.Module):
    """An autoencoder, and mean and spread of the latents of real pictures."""

    center: Tensor
    spread: Tensor

    def __init__(self, size: Mapping[str, Any], channels: int) -> None:
        """Make an untrained autoencoder; until `measure` is called latents keep their units.

        Args:
            size: See `build`.
            channels: Of the pictures.

        Raises:
            ValueError: They are no multiple of those that the autoencoder takes at once.
        """
        super().__init__()
        own = int(size["channels"])
        if channels % own:
            raise ValueError(f"pictures of {channels} channels cannot be cut into parts of {own}")
        self.own, self.groups, self.factors = own, channels // own, factors(size)
        self.network = build(size)
        low, high = size["range"]
        self.gain, self.offset = (high - low) / 2, (high + low) / 2
        shape = (1, self.groups * int(size["latent"]), *[1] * int(size["dims"]))
        self.register_buffer("center", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(shape))

    @property
    def channels(self) -> int:
        """Channels of the latents, equally many for each group of the pictures'."""
        return self.center.shape[1]

    def moments(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation, as the autoencoder has them, of each group.

        Args:
            pictures: (B, C, *space) in [-1, 1].

        Returns:
            Two of (B x groups, latent, *coarse).
        """
        return self.network.encode(self.cut(pictures) * self.gain + self.offset)

    def pictures(self, latents: Tensor) -> Tensor:
        """Return the groups (B x groups, own, *space) of latents as `moments` has them."""
        return (self.network.decode(latents) - self.offset) / self.gain

    def cut(self, pictures: Tensor) -> Tensor:
        """Return pictures (B, C, *space) as their groups (B x groups, own, *space)."""
        return pictures.unflatten(1, (self.groups, self.own)).flatten(0, 1)

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the latents (B, channels, *coarse) of pictures (B, C, *space): no chance in it."""
        mean, _ = self.moments(pictures)
        return (self._joined(mean) - self.center) / self.spread

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures (B, C, *space) of latents (B, channels, *coarse)."""
        own = (latents * self.spread + self.center).unflatten(1, (self.groups, -1)).flatten(0, 1)
        # One by one: a whole volume at full grid is what memory is needed for.
        return self._joined(torch.cat([self.pictures(one) for one in own.split(1)]))

    @torch.no_grad()
    def measure(self, pictures: Tensor) -> None:
        """Take mean and spread of every channel of the latents of pictures (B, C, *space)."""
        found = torch.cat([self._joined(self.moments(one)[0]).float() for one in pictures.split(1)])
        axes = [0, *range(2, found.ndim)]
        self.center.copy_(found.mean(axes, keepdim=True))
        spread = found.std(axes, correction=0, keepdim=True)
        self.spread.copy_(spread.clamp_min(LEAST_SPREAD))

    def _joined(self, parts: Tensor) -> Tensor:
        return parts.unflatten(0, (-1, self.groups)).flatten(1, 2)


def parted(shares: Tensor, channels: int) -> Tensor:
    """Return which latent channels are given (B, channels), of which picture channels are (B, C).

    Raises:
        ValueError: The channels of the latents do not belong to one channel of the picture each.
    """
    each, rest = divmod(channels, shares.shape[1])
    if rest:
        message = f"{channels} latent channels hold {shares.shape[1]} channels together"
        raise ValueError(f"{message}: none can be given by itself")
    return shares.repeat_interleave(each, 1)
