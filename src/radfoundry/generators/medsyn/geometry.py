"""What MedSyn's networks are told of voxel sizes and field of view, and what their cards say of it.

Six numbers a volume: the logarithms of the voxels' sizes along X, Y, Z, and of the whole image's
extent there, its margin included, in mm. Crops and coarse pictures have those of the image that
they are part of, so that training and drawing, in tiles or not, state the same.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.data.encoded import grids, spacings
from radfoundry.networks.build import TOLD_GEOMETRY
from radfoundry.weights import Weights

ONE_SIZE = 1e-3  # relative: a cohort whose voxel sizes differ by less has one
TOLERANCE = 0.01  # relative, of a size that is asked for: 0.7 is 0.703125, written by hand


def of_cases(cases: Sequence[Case], multiple: int) -> Tensor:
    """Return the geometry (n, 6) of cases that all have one grid, padded to whole blocks."""
    (shape,) = grids(cases)
    padded = [side + -side % multiple for side in shape]
    return of_grid(torch.from_numpy(spacings(cases)), padded)


def of_grid(spacing_mm: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the geometry (n, 6), float32, of voxel sizes (n, 3) on a grid."""
    extent = spacing_mm * torch.tensor(shape)
    return torch.cat([spacing_mm, extent], 1).log().float()


def told(cases: Sequence[Case], design: str, start: Weights | None = None) -> dict[str, Any]:
    """Return what a network's card says of geometry.

    `geometry`: whether it is a condition. Where all cases have one voxel size there is nothing to
    learn from it, and the network has no layer for it. `spacing_mm`: the smallest and the largest
    size that it was taught, along each axis.

    Args:
        cases: That it is trained on.
        design: Of the network.
        start: What it goes on from: one that was told geometry is told it again.
    """
    if not cases:
        return {"geometry": False}
    found = spacings(cases)
    low, high = found.min(0), found.max(0)
    before = start is not None and bool(start.card.get("geometry"))
    taught = bool((high > low * (1 + ONE_SIZE)).any()) or before
    ends = {"low": low.round(6).tolist(), "high": high.round(6).tolist()}
    return {"geometry": taught and design in TOLD_GEOMETRY, "spacing_mm": ends}


def moved(geometry: Tensor, matrix: Tensor, sides: Sequence[int]) -> Tensor:
    """Return the geometry (B, 6) of pictures that `channels.rotated` moved: the length of a step.

    Args:
        geometry: (B, 6) before.
        matrix: (B, 3, 4) of `channels.turns`.
        sides: Voxels of the pictures along X, Y, Z.
    """
    voxels = torch.tensor(sides, dtype=torch.float32)
    steps = matrix[:, :3, :3].flip(1, 2) * voxels[:, None] / voxels  # in voxels, axes X, Y, Z
    before = geometry[:, :3].exp()
    after = (steps * before[:, :, None]).norm(dim=1)
    return geometry + (after / before).log().repeat(1, 2)


def condition(
    card: Mapping[str, Any],
    spacings_mm: Sequence[Sequence[float] | None],
    shape: Sequence[int],
    device: str | torch.device,
) -> dict[str, Tensor]:
    """Return what a network is shown of volumes' geometry: `geometry` (B, 6), or nothing.

    Nothing where its card does not say that it is told, as those of older networks do not; and
    where no spacing is stated: it then draws what its training cases were on average.

    Args:
        card: Of the network.
        spacings_mm: Of each volume, on the full grid.
        shape: Voxels of that along X, Y, Z.
        device: Where the network is.
    """
    known = [list(sizes) for sizes in spacings_mm if sizes is not None]
    if not card.get("geometry") or not known:
        return {}
    sizes = torch.tensor(known, dtype=torch.float64)
    return {"geometry": of_grid(sizes, shape).to(device)}


def check(spacing_mm: Sequence[float], cards: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse voxel sizes that a network was not taught: volumes in ml would not be true.

    Raises:
        ValueError: With what it was taught. A card that does not tell refuses nothing.
    """
    for name, card in cards.items():
        if (ends := card.get("spacing_mm")) is None:
            continue
        low = np.array(ends["low"]) * (1 - TOLERANCE)
        high = np.array(ends["high"]) * (1 + TOLERANCE)
        if not ((low <= spacing_mm) & (np.array(spacing_mm) <= high)).all():
            asked = " x ".join(f"{size:g}" for size in spacing_mm)
            pairs = zip(ends["low"], ends["high"], strict=True)
            allowed = ", ".join(
                f"{a:g}" if math.isclose(a, b, rel_tol=ONE_SIZE) else f"{a:g} to {b:g}"
                for a, b in pairs
            )
            message = f"spacing {asked} mm: the network {name} was taught others"
            raise ValueError(f"{message}; allowed along X, Y, Z: {allowed}")
