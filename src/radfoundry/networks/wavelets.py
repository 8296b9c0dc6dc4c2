"""The Haar transform as a front end: fewer places, more channels, nothing lost.

Convolutions at full grid are what a network costs. On the transform the same layer costs 4 (2D) or
8 (3D) times less per level. Orthonormal: noise of unit variance stays so, and a squared error is
the same on either side.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

HALF = 0.5**0.5


def haar(pictures: Tensor, levels: int = 1, axes: Sequence[int] | None = None) -> Tensor:
    """Return the orthonormal Haar packet transform: half the size, 2^axes times the channels.

    Args:
        pictures: (B, C, *space), each transformed side a multiple of 2^levels.
        levels: How often; 0 returns the pictures.
        axes: Which of the spatial axes, counted from 0, are halved; all by default. With (1, 2) a
            volume (B, C, depth, height, width) keeps its depth.

    Returns:
        Averages first: of the channels, the first C are the pictures made small.

    Raises:
        ValueError: If a side cannot be halved that often.
    """
    chosen = _chosen(pictures, axes)
    sides = tuple(pictures.shape[axis] for axis in chosen)
    if any(side % 2**levels for side in sides):
        raise ValueError(f"sides {sides} are no multiples of {2**levels}")
    for _ in range(levels):
        for axis in chosen:
            even, odd = pictures.unflatten(axis, (-1, 2)).unbind(axis + 1)
            pictures = torch.cat([even + odd, even - odd], 1) * HALF
    return pictures


def inverse_haar(
    coefficients: Tensor, levels: int = 1, axes: Sequence[int] | None = None
) -> Tensor:
    """Return the pictures whose `haar` transform is given."""
    chosen = _chosen(coefficients, axes)
    for _ in range(levels):
        for axis in reversed(chosen):
            low, high = coefficients.chunk(2, 1)
            pair = torch.stack([low + high, low - high], axis + 1) * HALF
            coefficients = pair.flatten(axis, axis + 1)
    return coefficients


def _chosen(pictures: Tensor, axes: Sequence[int] | None) -> list[int]:
    """Return the axes of the tensor that are transformed."""
    dims = pictures.ndim - 2
    if axes is not None and not set(axes) <= set(range(dims)):
        raise ValueError(f"axes {tuple(axes)} are none of a picture of {dims} dimensions")
    return [2 + axis for axis in (range(dims) if axes is None else axes)]
