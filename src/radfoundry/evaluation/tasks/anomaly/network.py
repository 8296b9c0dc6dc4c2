"""The reconstruction U-Net of the task `anomaly`: from a picture to its healthy twin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radfoundry.networks.layers import (
    ResidualBlock,
    attention,
    convolution,
    normalization,
    seeded,
    zeroed,
)
from radfoundry.networks.wavelets import haar, inverse_haar

# Sizes of the reconstruction network. `paper` is ART-ASyn's: guided diffusion's U-Net without the
# timestep, for 256 pixels. The other two see a Haar transform (`haar` levels, lossless) instead of
# pixels, and that of the mirrored picture beside it, because the other lung is the best comparison
# there is; they state the change to the picture, not the picture.
# `phantom` is for 64 pixels: at equal CPU time its wide layers on a coarse grid found opacities
# better than narrow ones on a fine grid (pixel AP 0.62 against 0.57 on the second site).
SIZES: Mapping[str, Mapping] = {
    "phantom": {
        "haar": 3,
        "mirror": True,
        "channels": 64,
        "multipliers": (1, 1),
        "blocks": 1,
        "attention": (),
        "dropout": 0.0,
        "change": True,
    },
    "workstation": {
        "haar": 2,
        "mirror": True,
        "channels": 64,
        "multipliers": (1, 2, 2),
        "blocks": 2,
        "attention": (16,),
        "dropout": 0.1,
        "change": True,
    },
    "paper": {
        "haar": 0,
        "mirror": False,
        "channels": 32,
        "multipliers": (1, 1, 2, 3, 4),
        "blocks": 2,
        "attention": (8, 16, 32),
        "dropout": 0.1,
        "change": False,
    },
}


@dataclass(frozen=True)
class Layout:
    """What a size means for a picture: the shape of every level, finest first.

    Attributes:
        dims: 2 or 3.
        haar: Levels of the Haar transform in front.
        outer: Channels after that transform.
        widths: Channels of each level; each has half the resolution of the one before.
        attentive: Whether each level has attention.
        blocks: Residual blocks of a level.
        dropout: Fraction of features left out in training.
    """

    dims: int
    haar: int
    mirror: bool
    outer: int
    widths: tuple[int, ...]
    attentive: tuple[bool, ...]
    blocks: int
    dropout: float

    @classmethod
    def of(cls, size: Mapping, in_channels: int, dims: int) -> "Layout":
        """Return the layout of an entry of `SIZES`."""
        haar_levels = int(size["haar"])
        return cls(
            dims=dims,
            haar=haar_levels,
            mirror=bool(size["mirror"]),
            outer=in_channels * 2 ** (dims * haar_levels),
            widths=tuple(int(size["channels"] * m) for m in size["multipliers"]),
            attentive=tuple(
                2 ** (haar_levels + level) in size["attention"]
                for level in range(len(size["multipliers"]))
            ),
            blocks=int(size["blocks"]),
            dropout=float(size["dropout"]),
        )

    def block(self, given: int, level: int) -> nn.Sequential:
        """Return a residual block of a level, with attention if the level has it."""
        made = self.widths[level]
        after = attention(self.dims, made) if self.attentive[level] else nn.Identity()
        return nn.Sequential(ResidualBlock(self.dims, (given, made), self.dropout), after)


class Encoder(nn.Module):
    """The way down: from pixels to the bottleneck's features."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.haar, self.mirror = layout.haar, layout.mirror
        widths, given = layout.widths, layout.widths[0]
        self.kept = [given]  # channels of what `forward` keeps for skips
        self.layers = nn.ModuleList(
            [convolution(layout.dims, layout.outer * (1 + layout.mirror), given)]
        )
        for level, width in enumerate(widths):
            for _ in range(layout.blocks):
                self.layers.append(layout.block(given, level))
                given = width
            if level < len(widths) - 1:
                self.layers.append(convolution(layout.dims, given, given, stride=2))
            self.kept += [width] * (layout.blocks + (level < len(widths) - 1))
        ends = [ResidualBlock(layout.dims, (given, given), layout.dropout) for _ in range(2)]
        between = [attention(layout.dims, given)] if any(layout.attentive) else []
        self.middle = nn.Sequential(ends[0], *between, ends[1])

    def forward(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return E (B, channels, *coarse) and the features after every layer, finest first."""
        features, kept = haar(pictures, self.haar), []
        if self.mirror:
            other = haar(pictures.flip(-1), self.haar)
            features = torch.cat([features, other], 1)
        for layer in self.layers:
            features = layer(features)
            kept.append(features)
        return self.middle(features), kept


class Decoder(nn.Module):
    """The way up: from the bottleneck's features to pixels."""

    def __init__(self, layout: Layout, kept: Sequence[int]) -> None:
        """Make the layers; `kept` are the channels of the encoder's features, empty for none."""
        super().__init__()
        self.haar = layout.haar
        beside, given = list(kept), layout.widths[-1]
        self.layers, self.joins = nn.ModuleList(), []
        for level in reversed(range(len(layout.widths))):
            for _ in range(layout.blocks + 1):
                self.layers.append(layout.block(given + (beside.pop() if kept else 0), level))
                given = layout.widths[level]
            same = convolution(layout.dims, given, given)
            finer = [nn.Sequential(nn.Upsample(scale_factor=2), same)] if level else []
            self.layers.extend(finer)
            self.joins += [bool(kept)] * (layout.blocks + 1) + [False] * len(finer)
        last = zeroed(convolution(layout.dims, given, layout.outer))
        self.head = nn.Sequential(normalization(given), nn.SiLU(), last)

    def forward(self, encoded: Tensor, kept: Sequence[Tensor]) -> Tensor:
        """Return (B, in_channels, *space) of an encoder's output and what it kept."""
        features, beside = encoded, list(kept)
        for layer, joins in zip(self.layers, self.joins, strict=True):
            features = layer(torch.cat([features, beside.pop()], 1) if joins else features)
        return inverse_haar(self.head(features), self.haar)


class ReconstructionUNet(nn.Module):
    """Map a picture to the same picture without its anomaly."""

    def __init__(
        self, size: Mapping, *, in_channels: int = 1, spatial_dims: int = 2, skips: bool = True
    ) -> None:
        """Make the layers.

        Args:
            size: An entry of `SIZES`, or one with values changed. `change` says whether the
                layers compute the change to the picture (the untrained network is then the
                identity) or the picture itself.
            in_channels: Channels of the picture, and of the reconstruction.
            spatial_dims: 2 or 3.
            skips: Whether the decoder sees the encoder's features at every level. Without them
                there is no `change` either: all passes the bottleneck, as in an autoencoder.
        """
        super().__init__()
        layout = Layout.of(size, in_channels, spatial_dims)
        self.skips, self.change = skips, bool(size["change"]) and skips
        self.encoder = Encoder(layout)
        self.decoder = Decoder(layout, self.encoder.kept if skips else ())

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the bottleneck's features E (B, channels, *coarse)."""
        return self.encoder(pictures)[0]

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the reconstruction, shaped as the pictures (B, C, *space), and E.

        Each side of the pictures must be a multiple of 2^(haar + levels - 1).
        """
        encoded, kept = self.encoder(pictures)
        made = self.decoder(encoded, kept)
        return (pictures + made if self.change else made), encoded


def reconstruction(
    size: str | Mapping, generator: torch.Generator, **options: Any
) -> ReconstructionUNet:
    """Return a reconstruction network whose initial weights come from the generator.

    Args:
        size: A name in `SIZES`, or a mapping of such values.
        generator: Source of the initial weights.
        options: As `ReconstructionUNet` takes them.
    """
    if isinstance(size, str):
        if size not in SIZES:
            raise ValueError(f"no size {size!r}: choose from {', '.join(SIZES)}")
        size = SIZES[size]
    with seeded(generator):
        return ReconstructionUNet(size, **options)
