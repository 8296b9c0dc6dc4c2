"""The bottleneck of the wavelet U-Net: layers over all places of a coarse grid."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry.networks.blocks import Attention, as_features, as_tokens
from radfoundry.networks.wavelet_unet.band_statistics import stretched


class Mixing(nn.Module):
    """Two linear layers over all places of a grid, the same for every channel (Tolstikhin 2021).

    Which place it is counts, as it does in a body: there are no queries and keys to learn first.
    """

    def __init__(self, width: int, places: int, hidden: int) -> None:
        super().__init__()
        self.normal = nn.LayerNorm(width)
        self.layers = nn.Sequential(nn.Linear(places, hidden), nn.GELU(), nn.Linear(hidden, places))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, places, width) to the same; the residual is not added here."""
        return self.layers(self.normal(tokens).transpose(1, 2)).transpose(1, 2)


class Block(nn.Module):
    """Places mixed with each other and with the text, then two linear layers scaled by the time."""

    def __init__(self, width: int, timed: int, side: int, text_width: int, places: nn.Module):
        super().__init__()
        self.places = places
        self.text = Attention(width, width // side, side, text_width) if text_width else None
        self.normal = nn.LayerNorm(width)
        self.scale_shift = nn.Sequential(nn.SiLU(), nn.Linear(timed, 2 * width))
        self.linear = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(
        self, tokens: Tensor, time: Tensor, text: Tensor | None, text_mask: Tensor | None
    ) -> Tensor:
        """Map (B, places, width) to the same."""
        tokens = tokens + self.places(tokens)
        if self.text is not None:
            tokens = tokens + self.text(tokens, text, text_mask)
        scale, shift = self.scale_shift(time)[:, None].chunk(2, -1)
        return tokens + self.linear(self.normal(tokens) * (1 + scale) + shift)


class Bottleneck(nn.Module):
    """Blocks on a coarse grid of fixed size, with a learned vector per place."""

    def __init__(self, size: Mapping[str, Any], dims: int, timed: int, text_width: int) -> None:
        super().__init__()
        width, side = size["widths"][-1], size["side"]
        self.space = [size["places"]] * dims
        self.positions = nn.Parameter(0.02 * torch.randn(1, width, *self.space))

        def places() -> nn.Module:
            if not size["mixing"]:
                return Attention(width, width // side, side)
            return Mixing(width, size["places"] ** dims, size["mixing"])

        self.layers = nn.ModuleList(
            # Text is read in the first block alone: that costs as much as all else in one.
            Block(width, timed, side, 0 if index else text_width, places())
            for index in range(size["depth"])
        )

    def forward(
        self, features: Tensor, time: Tensor, text: Tensor | None, text_mask: Tensor | None
    ) -> Tensor:
        """Map (B, width, *space) to the same; on another grid the change is stretched to it."""
        start = stretched(features, self.space)
        tokens = as_tokens(start + self.positions.to(features))
        for layer in self.layers:
            tokens = layer(tokens, time, text, text_mask)
        return features + stretched(as_features(tokens, self.space) - start, features.shape[2:])
