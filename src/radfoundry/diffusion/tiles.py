"""A network on a picture larger than memory: in overlapping tiles, blended into one.

MONAI's sliding window does the work. A sampler runs on the whole picture and its network in tiles,
so that all tiles are at the same time and there are no seams to grow from step to step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radfoundry.diffusion import Condition
from radfoundry.diffusion.objectives import Network

STEEPEST, FAINTEST = 1e-5, 1e-12  # per voxel of a tile's margin, and along a whole one


@dataclass(frozen=True)
class Tiles:
    """How a picture is cut.

    Attributes:
        size: Sides of a tile, in voxels; a side longer than the picture's is cut to it.
        overlap: Share of a tile that its neighbor covers too, in [0, 1).
        batch: Tiles in one network call.
        margin: Voxels along a tile's border that are not trusted where another tile covers them. A
            network that looks no further than this gives what it would on the whole picture,
            provided that the overlap is at least two margins.
    """

    size: Sequence[int]
    overlap: float = 0.25
    batch: int = 1
    margin: int = 0


def weights(sides: Sequence[int], margin: int) -> Tensor:
    """Return (1, 1, *sides) how much each voxel of a tile counts.

    MONAI divides by the sum over all tiles, so that the weights of every voxel add up to one. In
    the margin each voxel counts next to nothing beside one further in: along the picture's border,
    where all tiles have their margins, the one that reaches furthest in counts.
    """
    faint = max(STEEPEST, FAINTEST ** (1 / max(1, margin)))
    total = torch.ones(())
    for side in sides:
        depth = torch.arange(side).minimum(torch.arange(side).flip(0)) - margin + 1
        along = torch.where(depth > 0, depth / max(1, side // 4), faint ** (1.0 - depth))
        total = total[..., None] * along.clamp(max=1)
    return total[None, None]


def tiled(network: Network, tiles: Tiles) -> Network:
    """Return a network that gives the same estimates with the memory of one batch of tiles.

    Pictures go through one at a time. Of the condition, what is shaped as a picture (`concat`) is
    cut as the picture is, the rest goes to every tile.
    """

    def whole(noisy: Tensor, times: Tensor, **condition: Tensor) -> Tensor:
        rows = [
            _one(network, tiles, noisy[[row]], times[[row]], _row(condition, row))
            for row in range(len(noisy))
        ]
        return torch.cat(rows)

    return whole


def _row(condition: Condition, row: int) -> dict[str, Tensor]:
    return {name: values[[row]] for name, values in condition.items()}


def _one(
    network: Network, tiles: Tiles, noisy: Tensor, time: Tensor, condition: Condition
) -> Tensor:
    """Return the estimate of one picture (1, C, *space)."""
    # MONAI costs three seconds to import, and small pictures do without tiles.
    from monai.inferers import sliding_window_inference  # noqa: PLC0415

    sides = tuple(min(a, b) for a, b in zip(tiles.size, noisy.shape[2:], strict=True))
    cut = {name: values for name, values in condition.items() if values.ndim == noisy.ndim}
    channels = [values.shape[1] for values in (noisy, *cut.values())]

    def predict(window: Tensor) -> Tensor:
        parts = window.split(channels, 1)
        every = {name: values.expand(len(window), *values.shape[1:]) for name, values
                 in condition.items() if name not in cut}  # fmt: skip
        concat = dict(zip(cut, parts[1:], strict=True))
        return network(parts[0], time.expand(len(window)), **every, **concat).float()

    return torch.as_tensor(sliding_window_inference(
        torch.cat([noisy, *cut.values()], 1), sides, tiles.batch, predict,
        overlap=tiles.overlap, roi_weight_map=weights(sides, tiles.margin).to(noisy.device),
    ))  # fmt: skip
