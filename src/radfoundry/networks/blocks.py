"""What denoising networks are made of: what they are told of time and geometry, timed convolutions,
attention, and the text's null.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.networks.layers import convolution, normalization, zeroed

PACE = 1000.0  # times from 0 to 1 are embedded as if they were MedSyn's 1,000 steps
AXES = 3  # of a volume; its geometry is twice as many numbers
LEAST_SPREAD = 0.05  # of a logarithm: sizes that differ by less are all but one size


class GeometryEmbedding(nn.Module):
    """Voxel sizes and field of view of volumes as vectors (B, made), to be added to the time's.

    As MAISI tells its network the spacing (Guo et al. 2025, "MAISI: Medical AI for Synthetic
    Imaging"), but as logarithms in units of their spread over the training cases: twice the size is
    as far from any size, and the first steps see numbers near 1. The last layer starts at 0, so
    that the network starts as one that is told nothing.
    """

    center: Tensor
    spread: Tensor

    def __init__(self, made: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(2 * AXES))
        self.register_buffer("spread", torch.ones(2 * AXES))
        self.layers = nn.Sequential(
            nn.Linear(2 * AXES, made), nn.SiLU(), zeroed(nn.Linear(made, made))
        )

    def measure(self, geometry: Tensor) -> None:
        """Take mean and spread from the training cases (n, 6)."""
        self.center.copy_(geometry.mean(0))
        self.spread.copy_(geometry.std(0, correction=0).clamp_min(LEAST_SPREAD))

    def forward(self, geometry: Tensor | None, count: int) -> Tensor:
        """Return (B, made) of logarithms of mm (B, 6): spacing along X, Y, Z, then field of view.

        Where nothing is stated (None), all of `count` are as the training cases are on average.
        """
        stated = self.center.expand(count, -1) if geometry is None else geometry
        away = (stated.to(self.center) - self.center) / self.spread
        return self.layers(away.to(next(self.parameters()).dtype))


class TimeEmbedding(nn.Module):
    """Times (B,) as vectors (B, made): sines and cosines, then two linear layers.

    With `geometry`, what `GeometryEmbedding` makes of the volumes' is added.
    """

    def __init__(self, width: int, made: int, geometry: bool = False) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Linear(width, made), nn.GELU(), nn.Linear(made, made))
        self.geometry = GeometryEmbedding(made) if geometry else None

    def forward(self, times: Tensor, geometry: Tensor | None = None) -> Tensor:
        """Return (B, made) of times (B,), and of geometry (B, 6) where it was asked for."""
        half = self.width // 2
        count = torch.arange(half, device=times.device)
        pulse = torch.exp(count * (-math.log(10000.0) / max(1, half - 1)))
        angles = PACE * times.float()[:, None] * pulse
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        made = self.layers(waves.to(next(self.parameters()).dtype))
        return made if self.geometry is None else made + self.geometry(geometry, len(times))


class TimedBlock(nn.Module):
    """A residual block: convolution, normalization, SiLU, twice; the first scaled by the time."""

    def __init__(
        self, dims: int, channels: tuple[int, int], timed: int, kernel: Sequence[int] | int = 3
    ) -> None:
        """Make the layers.

        Args:
            dims: 2 or 3.
            channels: Given and made.
            timed: Width of the time's vector.
            kernel: Sides of the convolutions.
        """
        super().__init__()
        given, made = channels
        self.scale_shift = nn.Sequential(nn.SiLU(), nn.Linear(timed, 2 * made))
        self.first = convolution(dims, given, made, kernel)
        self.normal = normalization(made)
        self.second = nn.Sequential(
            nn.SiLU(), convolution(dims, made, made, kernel), normalization(made), nn.SiLU()
        )
        self.past = nn.Identity() if given == made else convolution(dims, given, made, 1)

    def forward(self, features: Tensor, time: Tensor) -> Tensor:
        """Map (B, given, *space) and (B, timed) to (B, made, *space)."""
        scale, shift = self.scale_shift(time).chunk(2, 1)
        shape = (*scale.shape, *[1] * (features.ndim - 2))
        inner = self.normal(self.first(features))
        inner = inner * (1 + scale.reshape(shape)) + shift.reshape(shape)
        return self.past(features) + self.second(inner)


class Attention(nn.Module):
    """Attention of tokens to one another, or to a text's; the residual is not added here."""

    def __init__(self, width: int, heads: int, side: int, text_width: int = 0) -> None:
        """Make the layers.

        Args:
            width: Of the tokens.
            heads: Each attends by itself.
            side: Width of a head.
            text_width: Of what is attended to; 0 for the tokens themselves.
        """
        super().__init__()
        self.heads = heads
        self.normal = nn.LayerNorm(width)
        self.query = nn.Linear(width, heads * side, bias=False)
        self.key_value = nn.Linear(text_width or width, 2 * heads * side, bias=False)
        self.out = nn.Linear(heads * side, width)

    def forward(
        self, tokens: Tensor, text: Tensor | None = None, text_mask: Tensor | None = None
    ) -> Tensor:
        """Map (B, N, width), with text (B, L, text_width) of which `text_mask` (B, L) is read."""
        tokens = self.normal(tokens)
        others = tokens if text is None else text
        query = self._split(self.query(tokens))
        key, value = (self._split(part) for part in self.key_value(others).chunk(2, -1))
        mask = None if text_mask is None else text_mask[:, None, None]
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(seen.transpose(1, 2).flatten(2))

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class NullText(nn.Module):
    """A learned text (1, tokens, width) that is read where a picture has none."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.null = nn.Parameter(torch.randn(1, tokens, width))

    def forward(
        self, count: int, text: Tensor | None, text_mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the text of each of `count` pictures, and which tokens may be read (None: all).

        Args:
            count: Pictures.
            text: (B, L, width), L at most `tokens`; None reads the null everywhere.
            text_mask: (B, L) bool; a row that keeps nothing reads the null. None keeps everything.

        Raises:
            ValueError: If the text has too many tokens, or is of another width.
        """
        if text is None:
            return self.null.expand(count, -1, -1), None
        if text.shape[1] > self.null.shape[1] or text.shape[2] != self.null.shape[2]:
            given = f"{tuple(text.shape[1:])} tokens x width"
            raise ValueError(f"text of {given} where {tuple(self.null.shape[1:])} are taken")
        text = text.to(self.null)
        if short := self.null.shape[1] - text.shape[1]:  # a row without text reads all of the null
            if text_mask is None:
                text_mask = text.new_ones(text.shape[:2], dtype=torch.bool)
            text_mask = functional.pad(text_mask, (0, short))
            text = functional.pad(text, (0, 0, 0, short))
        if text_mask is None:
            return text, None
        nothing = ~text_mask.any(1, keepdim=True)
        return torch.where(nothing[..., None], self.null, text), text_mask | nothing


def as_tokens(features: Tensor) -> Tensor:
    """Return (B, C, *space) as (B, places, C)."""
    return features.flatten(2).transpose(1, 2)


def as_features(tokens: Tensor, space: Sequence[int]) -> Tensor:
    """Return (B, places, C) as (B, C, *space)."""
    return tokens.transpose(1, 2).unflatten(2, tuple(space))


def text_vector(text: Tensor, text_mask: Tensor, reader: Tensor, bias: Tensor) -> Tensor:
    """Return (B, n) what a linear reader finds in any token (0 to 1); without one the mean token.

    Args:
        text: (B, L, width) tokens.
        text_mask: (B, L) which of them are read.
        reader: (n, width); of no rows where there is no reader.
        bias: (n,).
    """
    if len(bias):
        return any_of(text.float() @ reader.T.float() + bias, text_mask).sigmoid()
    lengths = text_mask.sum(1, keepdim=True).clamp(min=1)
    return (text.float() * text_mask[..., None]).sum(1) / lengths


def any_of(logits: Tensor, mask: Tensor) -> Tensor:
    """Return (B, n) the logarithm of the sum over tokens in the mask of exp of logits (B, L, n)."""
    return logits.float().masked_fill(mask[..., None] == 0, -1e4).logsumexp(1)
