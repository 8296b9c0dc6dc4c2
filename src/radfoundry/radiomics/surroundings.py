"""A lesion from near, with the shell of tissue around it."""

import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from radfoundry.volume import Volume

SHELL_MM = 5.0  # how far around a lesion its tissue is looked at
# What tissue is compared by: gray levels and the plainest of texture.
TISSUE = (
    "firstorder_Mean", "firstorder_10Percentile", "firstorder_90Percentile", "firstorder_Entropy",
    "glcm_Contrast",
)  # fmt: skip


class CloseUp(NamedTuple):
    """A lesion cut out of its image, all of one shape.

    Attributes:
        image: What lies within the shell's reach; a slice of any plane as a radiograph's, which is
            measured in 2D.
        lesion: Booleans.
        shell: Booleans: tissue around the lesion that belongs to no other one.
    """

    image: Volume
    lesion: np.ndarray
    shell: np.ndarray


def close_up(
    image: Volume, lesion: np.ndarray, marks: np.ndarray, reach_mm: float = SHELL_MM
) -> CloseUp:
    """Return a lesion from near.

    Args:
        image: Of the whole case.
        lesion: Booleans on its grid, some of them true.
        marks: Map of all findings, 0 where none is.
        reach_mm: Width of the shell; at least a voxel of every axis of more than one.
    """
    spacing = image.spacing_mm
    wide = [step for step, size in zip(spacing, lesion.shape, strict=True) if size > 1]
    reach = max(reach_mm, *wide)
    near = tuple(
        slice(max(0, at.min() - math.ceil(reach / step)), at.max() + 1 + math.ceil(reach / step))
        for at, step in zip(np.nonzero(lesion), spacing, strict=True)
    )
    away = ndimage.distance_transform_edt(~lesion[near], sampling=spacing)
    shell = (away > 0) & (away <= reach) & (marks[near] == 0)
    cut = Volume(image.voxels[near], image.affine)
    return CloseUp(*_flattened(cut, lesion[near], shell))


def rim_gradient(near: CloseUp) -> float:
    """Return the mean slope of gray levels along a lesion's border, per mm.

    The border is a voxel on either side. A seam is steeper than tissue is, a blurred one less.
    NaN where a lesion has no border, for it fills what was cut out.
    """
    axes = [axis for axis, size in enumerate(near.lesion.shape) if size > 1]
    steps = [near.image.spacing_mm[axis] for axis in axes]
    voxels = near.image.voxels.astype(float)
    slopes = [np.gradient(voxels, step, axis=at) for at, step in zip(axes, steps, strict=True)]
    border = ndimage.binary_dilation(near.lesion) & ~_inside(near.lesion)
    steep = np.sqrt(sum(slope**2 for slope in slopes))[border]
    return float(steep.mean()) if steep.size else float("nan")


def _inside(lesion: np.ndarray) -> np.ndarray:
    """Return the lesion without its outermost voxels; the edge of the image is no border."""
    return np.asarray(ndimage.binary_erosion(lesion, border_value=1))


def _flattened(image: Volume, *masks: np.ndarray) -> tuple:
    """Return image and masks; a slice of any plane as a radiograph's, which is measured in 2D."""
    if 1 not in image.voxels.shape or image.is_radiograph:
        return image, *masks
    axis = image.voxels.shape.index(1)
    first, second = (size for at, size in enumerate(image.spacing_mm) if at != axis)
    voxels, *flat = (np.moveaxis(part, axis, 1) for part in (image.voxels, *masks))
    return Volume(voxels, np.diag([first, 1.0, second, 1.0])), *flat
