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

REACH = 8.0  # voxels from the surface at which a field is 1 inside and -1 outside
SHARPNESS = 0.35  # voxels over which a soft mask goes from 0.27 to 0.73
RIM, CORE = 1, 2  # in a map of regions, see `crops`


def of_regions(regions: np.ndarray, channels: int, factor: int = 1) -> np.ndarray:
    """Return the fields (channels, *coarse) float32 in [-1, 1]: of the whole, then of the core.

    Args:
        regions: uint8 (*space): 0 none, 1 rim or whole, 2 core. Sides are multiples of the factor.
        channels: 2, or 1 for the whole alone.
        factor: Voxels along each axis that one of the coarse grid is the mean of.

    A region that is not there lies `REACH` away from everywhere.
    """
    masks = [regions > 0, regions == CORE][:channels]
    fields = torch.from_numpy(np.stack([_depth(mask) for mask in masks]))[None] / REACH
    if factor > 1:
        pool = functional.avg_pool2d if regions.ndim == 2 else functional.avg_pool3d
        fields = pool(fields, factor)
    return fields[0].numpy()


def _depth(mask: np.ndarray) -> np.ndarray:
    """Return the signed distance to the surface in voxels, above 0 inside, cut off at `REACH`."""
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))
    outside = ndimage.distance_transform_edt(np.pad(~mask, 1, constant_values=True))
    if not mask.any():
        return np.full(mask.shape, -REACH, np.float32)
    depth = np.where(np.pad(mask, 1), inside - 0.5, 0.5 - outside)
    return np.clip(depth[(slice(1, -1),) * mask.ndim], -REACH, REACH).astype(np.float32)


def soft_masks(fields: Tensor, space: Sequence[int]) -> Tensor:
    """Return masks (B, C, *space) in [0, 1] of fields (B, C, *coarse); the core is in the whole."""
    if list(fields.shape[2:]) != list(space):
        mode = "bilinear" if len(space) == 2 else "trilinear"
        fields = functional.interpolate(fields, tuple(space), mode=mode)
    soft = torch.sigmoid(REACH / SHARPNESS * fields)
    if soft.shape[1] == 1:
        return soft
    whole, core = soft[:, :1], soft[:, 1:]
    return torch.cat([whole, torch.minimum(core, whole)], 1)


def regions_of(fields: Tensor, space: Sequence[int]) -> np.ndarray:
    """Return the maps of regions (B, *space) uint8 that fields say, each in one piece.

    Of the whole the largest connected part is kept, and of the core what lies in it.
    """
    inside = (soft_masks(fields.float(), space) > 0.5).cpu().numpy()
    return np.stack([_connected(masks) for masks in inside])


def _connected(masks: np.ndarray) -> np.ndarray:
    parts, count = ndimage.label(masks[0], np.ones((3,) * masks[0].ndim))
    whole = masks[0]
    if count > 1:
        whole = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    regions = whole.astype(np.uint8) * RIM
    if len(masks) > 1:
        regions[whole & masks[1]] = CORE
    return regions
