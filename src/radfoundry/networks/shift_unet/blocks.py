"""Layers on places laid channels last: (B, *space, width)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.networks.blocks import Attention
from radfoundry.networks.layers import zeroed
from radfoundry.networks.wavelet_unet.bottleneck import Mixing

WIDER = 3  # times the width, inside of a block


class Scaling(nn.Module):
    """Normalization whose scale and shift the condition sets, and how much a layer's result counts.

    At first the result counts nothing: a block hands on what it is given (Peebles & Xie 2023,
    section 3.2, "adaLN-Zero").
    """

    def __init__(self, width: int, conditioned: int) -> None:
        super().__init__()
        self.linear = zeroed(nn.Linear(conditioned, 3 * width))

    def forward(self, places: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalized places, shaped as given, and the share of what is made of them."""
        shape = len(places), *[1] * (places.ndim - 2), -1
        scale, shift, share = self.linear(functional.silu(condition)).reshape(shape).chunk(3, -1)
        normal = functional.layer_norm(places, places.shape[-1:])
        return torch.addcmul(shift, normal, 1 + scale), share


def shifted(places: Tensor) -> Tensor:
    """Return places of which some channels come from the neighbor before or after, on each axis.

    With the linear layers about it this is a sparse convolution: one part of the channels stays,
    one comes from each side of each axis (Wu et al. 2018). What leaves the grid enters at its
    other end, which the network knows by its positions.
    """
    axes = range(1, places.ndim - 1)
    ends = [places.shape[-1] * n // (2 * len(axes) + 1) for n in range(2 * len(axes) + 2)]
    parts = [places[..., first:last] for first, last in pairwise(ends)]
    moves = [(step, axis) for axis in axes for step in (1, -1)]
    moved = [torch.roll(part, *move) for part, move in zip(parts, moves, strict=False)]
    return torch.cat([*moved, parts[-1]], -1)


def inner(width: int) -> nn.Sequential:
    """Return two linear layers, wider between them."""
    return nn.Sequential(
        nn.Linear(width, WIDER * width), nn.GELU(), nn.Linear(WIDER * width, width)
    )


class ShiftBlock(nn.Module):
    """What lies next to each other, and the condition."""

    def __init__(self, width: int, conditioned: int) -> None:
        super().__init__()
        self.meet = nn.Linear(width, width)
        self.scaling, self.inner = Scaling(width, conditioned), inner(width)

    def forward(self, places: Tensor, condition: Tensor) -> Tensor:
        """Map (B, *space, width) to the same."""
        normal, share = self.scaling(self.meet(shifted(places)), condition)
        return places + share * self.inner(normal)


class AttentionBlock(nn.Module):
    """All places of a coarse grid, the condition, and the text's tokens where it reads them."""

    def __init__(
        self, width: int, side: int, conditioned: int, text_width: int, mixing: tuple[int, int]
    ) -> None:
        super().__init__()
        self.before, self.after = Scaling(width, conditioned), Scaling(width, conditioned)
        places, hidden = mixing
        self.mixing: nn.Module = (
            Mixing(width, places, hidden) if hidden else Attention(width, width // side, side)
        )
        self.text = Attention(width, width // side, side, text_width) if text_width else None
        self.inner = inner(width)

    def forward(
        self, places: Tensor, condition: Tensor, text: Tensor | None, text_mask: Tensor | None
    ) -> Tensor:
        """Map (B, places, width) to the same."""
        normal, share = self.before(places, condition)
        places = places + share * self.mixing(normal)
        if self.text is not None:
            places = places + self.text(places, text, text_mask)
        normal, share = self.after(places, condition)
        return places + share * self.inner(normal)


def folded(places: Tensor) -> Tensor:
    """Return (B, *space, width) on half the grid: (B, *space / 2, 2^dims width)."""
    for axis in range(1, places.ndim - 1):
        even, odd = places.unflatten(axis, (-1, 2)).unbind(axis + 1)
        places = torch.cat([even, odd], -1)
    return places


def unfolded(places: Tensor, space: Sequence[int]) -> Tensor:
    """Return the places that `folded` was given, on a grid of these sides."""
    for axis in range(len(space), 0, -1):
        even, odd = places.chunk(2, -1)
        places = torch.stack([even, odd], axis + 1).flatten(axis, axis + 1)
    return places
