"""Masks as smooth fields: how deep every voxel lies in a region, on a coarse grid.

A network that draws depth cannot draw speckle, and a few coarse voxels say where a surface lies
between them: the full grid is interpolated. The depth is cut off at `REACH`.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from radfoundry.generators.tscr.crops import CORE

REACH = 8.0  # voxels from the surface at which a field is 1 inside and -1 outside
SHARPNESS = 0.35  # voxels over which a soft mask goes from 0.27 to 0.73


def depths_of(regions: np.ndarray, channels: int, aspect: Sequence[float]) -> np.ndarray:
    """Return signed distances to the surface (channels, *space), above 0 inside, within `REACH`.

    Args:
        regions: uint8 (*space): 0 none, 1 rim or whole, 2 core.
        channels: Of the whole, then of the core; 1 for the whole alone.
        aspect: Length of a voxel along each axis, in units of the distance.

    A region that is not there lies `REACH` away from everywhere.
    """
    masks = [regions > 0, regions == CORE][:channels]
    return np.stack([_depth(mask, aspect) for mask in masks])


def _depth(mask: np.ndarray, aspect: Sequence[float]) -> np.ndarray:
    if not mask.any():
        return np.full(mask.shape, -REACH, np.float32)
    wider = np.pad(mask, 1)
    half = float(np.mean(aspect)) / 2
    inside, outside = (
        ndimage.distance_transform_edt(part, sampling=aspect) for part in (wider, ~wider)
    )
    depth = np.where(wider, inside - half, half - outside)[(slice(1, -1),) * mask.ndim]
    return np.clip(depth, -REACH, REACH).astype(np.float32)


def coarse(depths: np.ndarray, factor: int) -> Tensor:
    """Return depths (C, *space) as fields (C, *coarse) in [-1, 1]: means over `factor` voxels.

    A mean over voxels shrinks what is round, and the smaller the more: each field is raised by what
    gives its mask back as many voxels as it had.
    """
    fields = torch.from_numpy(np.asarray(depths, np.float32))[None] / REACH
    pool = functional.avg_pool2d if fields.ndim == 4 else functional.avg_pool3d
    made = pool(fields, factor)
    again = fine(made, depths.shape[1:])[0].flatten(1) / REACH
    for channel, depth in enumerate(depths):
        if count := int((depth > 0).sum()):
            made[0, channel] -= again[channel].topk(count).values[-1]
    return made[0].clamp(-1, 1)


def fine(fields: Tensor, space: Sequence[int]) -> Tensor:
    """Return fields (B, C, *coarse) as depths (B, C, *space) in voxels."""
    if list(fields.shape[2:]) != list(space):
        mode = "bilinear" if len(space) == 2 else "trilinear"
        fields = functional.interpolate(fields, tuple(space), mode=mode)
    return REACH * fields


def soft_masks(fields: Tensor, space: Sequence[int]) -> Tensor:
    """Return masks (B, C, *space) in [0, 1] of fields (B, C, *coarse); the core is in the whole."""
    soft = torch.sigmoid(fine(fields, space) / SHARPNESS)
    if soft.shape[1] == 1:
        return soft
    whole, core = soft[:, :1], soft[:, 1:]
    return torch.cat([whole, torch.minimum(core, whole)], 1)
