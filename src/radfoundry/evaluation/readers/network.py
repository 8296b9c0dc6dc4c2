"""The network of the finding reader: one way down, and two heads.

The head of maps says of each pixel which findings it shows. The head of the image says of each half
of the film which findings it shows: from the features of that half, from what sets it apart from
the other half, and from what is strongest in its maps. So a film of which only labels are known
teaches the maps too, and both halves share what they learn.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.networks.layers import ResidualBlock, convolution, normalization
from radfoundry.networks.wavelets import haar

# `side` pixels go in, after `haar` levels of a lossless transform; each width is a level of half
# the resolution of the one before, with so many residual `blocks`.
SIZES: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "side": 128, "haar": 1, "widths": [16, 32, 48, 64], "blocks": 1, "batch": 12,
        "settings": {"steps": 400, "learning_rate": 3e-3, "warmup": 20, "ema": 0.98},
    },
    "workstation": {
        "side": 256, "haar": 1, "widths": [32, 64, 128, 192, 256], "blocks": 2, "batch": 16,
        "settings": {"steps": 8000, "learning_rate": 1e-3, "warmup": 200, "ema": 0.999},
    },
    "paper": {
        "side": 512, "haar": 1, "widths": [64, 128, 256, 512, 512], "blocks": 2, "batch": 32,
        "settings": {"steps": 40000, "learning_rate": 5e-4, "warmup": 1000, "ema": 0.9995},
    },
}  # fmt: skip
STRONGEST = 0.02  # of a half's pixels: what of its map counts for the half
RARE = -2.0  # logit that untrained heads begin with: findings are rare


class FindingReaderNetwork(nn.Module):
    """Map films to findings of each half and of each pixel."""

    def __init__(self, size: Mapping[str, Any], findings: int) -> None:
        """Make the layers of a size, an entry of `SIZES`, for so many findings."""
        super().__init__()
        widths, self.haar = list(size["widths"]), int(size["haar"])
        self.first = convolution(2, 4**self.haar, widths[0])
        levels = list(zip([widths[0], *widths[:-1]], widths, strict=True))
        self.down = nn.ModuleList(_blocks(*pair, size["blocks"]) for pair in levels)
        self.shrink = nn.ModuleList(convolution(2, w, w, stride=2) for w in widths[:-1])
        joins = list(zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True))
        self.up = nn.ModuleList(_blocks(low + high, high, size["blocks"]) for low, high in joins)
        last = convolution(2, widths[0], findings)
        self.maps = nn.Sequential(normalization(widths[0]), nn.SiLU(), last)
        self.halves = nn.Linear(3 * widths[-1], findings)
        self.gain = nn.Parameter(torch.ones(findings))
        for bias in (last.bias, self.halves.bias):
            nn.init.constant_(bias, RARE)  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the halves (B, k, 2), right and left, and of the pixels (B, k, s, s).

        Args:
            pictures: (B, 1, s, s) in [-1, 1], as they are viewed.
        """
        features, kept = self.first(haar(pictures, self.haar)), []
        for level, blocks in enumerate(self.down):
            features = blocks(features)
            if level < len(self.shrink):
                kept.append(features)
                features = self.shrink[level](features)
        deepest = features
        for blocks in self.up:
            beside = kept.pop()
            features = functional.interpolate(features, beside.shape[2:])
            features = blocks(torch.cat([features, beside], 1))
        maps = self.maps(features)
        halves = self._halves(deepest) + self.gain[:, None] * strongest(maps)
        shape = pictures.shape[2:]
        return halves, functional.interpolate(maps, shape, mode="bilinear", align_corners=False)

    def _halves(self, features: Tensor) -> Tensor:
        """Return (B, k, 2) from features (B, C, h, w)."""
        middle = features.shape[3] // 2
        parts = [features[..., :middle], features[..., -middle:]]
        means, peaks = [p.mean((2, 3)) for p in parts], [p.amax((2, 3)) for p in parts]
        seen = [torch.cat([means[at], peaks[at], means[at] - means[1 - at]], 1) for at in range(2)]
        return torch.stack([self.halves(one) for one in seen], 2)


def strongest(maps: Tensor) -> Tensor:
    """Return (B, k, 2) the mean of the strongest pixels of each half of maps (B, k, h, w)."""
    middle = maps.shape[3] // 2
    parts = [maps[..., :middle].flatten(2), maps[..., -middle:].flatten(2)]
    count = max(1, round(STRONGEST * parts[0].shape[2]))
    return torch.stack([part.topk(count, 2).values.mean(2) for part in parts], 2)


def anywhere(halves: Tensor) -> Tensor:
    """Return logits (B, k) that a film shows a finding, from those of its halves (B, k, 2).

    One half that shows it is enough: 1 - (1 - p)(1 - q), in logits.
    """
    odds = functional.softplus(halves).sum(2)  # log(1 + odds) of either, so e^sum - 1 of both
    return odds + torch.log(-torch.expm1(-odds).clamp_max(-1e-12))


def _blocks(given: int, made: int, count: int) -> nn.Sequential:
    first = ResidualBlock(2, (given, made))
    return nn.Sequential(first, *(ResidualBlock(2, (made, made)) for _ in range(count - 1)))
