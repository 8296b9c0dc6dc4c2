"""Morphology in mm on grids whose spacing may differ along each axis."""

import cc3d
import edt
import numpy as np
from scipy import ndimage


def depth_mm(mask: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return each voxel's distance to the nearest voxel outside the mask, float32 mm.

    What lies beyond the border of the image is not outside: a cut organ has no surface there.
    """
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    whole = np.ascontiguousarray(mask)
    return edt.edt(whole, anisotropy=spacing_mm, black_border=False, parallel=1)


def grown(mask: np.ndarray, radius_mm: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the mask dilated with a ball."""
    out, box = np.zeros_like(mask), boxed(mask, radius_mm, spacing_mm)
    if mask.any():
        out[box] = depth_mm(~mask[box], spacing_mm) <= radius_mm
    return out


def shrunk(mask: np.ndarray, radius_mm: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the mask eroded with a ball."""
    out, box = np.zeros_like(mask), boxed(mask, 0.0, spacing_mm)  # one layer round it will do
    out[box] = depth_mm(mask[box], spacing_mm) > radius_mm
    return out


def closed(mask: np.ndarray, radius_mm: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the mask closed with a ball: gaps and notches narrower than it are filled."""
    box = boxed(mask, radius_mm, spacing_mm)
    out = mask.copy()
    near = grown(mask[box], radius_mm, spacing_mm)
    out[box] |= shrunk(near, radius_mm, spacing_mm)
    return out


def opened(mask: np.ndarray, radius_mm: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the mask opened with a ball: what is thinner than it is gone."""
    out = np.zeros_like(mask)
    box = boxed(mask, 0.0, spacing_mm)
    out[box] = grown(shrunk(mask[box], radius_mm, spacing_mm), radius_mm, spacing_mm) & mask[box]
    return out


def boxed(
    mask: np.ndarray, margin_mm: float, spacing_mm: tuple[float, ...]
) -> tuple[slice, slice, slice]:
    """Return the slices of the box round a mask, with a margin; the whole grid if it is empty."""
    if not mask.any():
        return slice(0, mask.shape[0]), slice(0, mask.shape[1]), slice(0, mask.shape[2])
    slices: list[slice] = []
    for axis, (size, step) in enumerate(zip(mask.shape, spacing_mm, strict=True)):
        line = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        more = int(np.ceil(margin_mm / step)) + 1
        slices.append(slice(max(0, int(line[0]) - more), min(size, int(line[-1]) + more + 1)))
    return slices[0], slices[1], slices[2]


def parts(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return connected parts (by faces) as labels from 1, and voxel counts with index 0 zeroed."""
    labels = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=6)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    return labels, counts


def largest(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part, or the empty mask as it is."""
    labels, counts = parts(mask)
    return labels == counts.argmax() if counts.any() else mask.copy()


def larger_than(mask: np.ndarray, least_mm3: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the connected parts of at least some volume."""
    labels, counts = parts(mask)
    return (counts * np.prod(spacing_mm) >= least_mm3)[labels] & mask


def touching(mask: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Return the connected parts of a mask that hold a voxel of the seed."""
    labels, counts = parts(mask)
    wanted = np.zeros(len(counts), bool)
    wanted[np.unique(labels[seed & mask])] = True
    wanted[0] = False
    return wanted[labels]


def smoothed(hu: np.ndarray, sigma_mm: float, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return HU smoothed with a Gaussian, float32."""
    sigma = [sigma_mm / step for step in spacing_mm]
    return ndimage.gaussian_filter(hu.astype(np.float32, copy=False), sigma, truncate=3.0)
