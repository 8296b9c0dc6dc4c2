"""The inside of the rib cage, where lung and pleural fluid can be, and the diaphragm below it.

Seen from the middle of each half of the chest, the inner faces of the ribs are a smooth surface:
its radius is known where a ray meets a rib, and interpolated between ribs. Aerated lung is inside
by definition.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radfoundry.anatomy.chest_ct import morphology

Spacing = tuple[float, ...]

RAYS = 144
BONE_HU, BLOOD_HU = 200.0, 120.0
# Ribs are thin: a large voxel holds muscle beside them. So much less bone is asked for, a mm more.
SHARED_HU, SHARED_MM = 30.0, (3.0, 5.0)
BLOOD_MM = 7.0  # blobs this thick and bright are contrast medium, not ribs
NEAR_MM, FAR_MM = 20.0, 260.0  # of the middle; shoulder blades and arms lie behind the nearest rib
LEAST_SHARE = 0.15
ABOVE_MM = 15.0  # how far fluid may reach beyond aerated lung, up or down
SPINE_MM = 28.0  # half width of spine and breast bone
THICK_MM = 7.0  # what is farther behind the innermost bone is no inner face
DOMES_MM = {1: (50.0, 100.0), -1: (85.0, 120.0)}  # beside the middle; the heart lies to the left
DOME_PERCENTILE = 90.0
APART_MM = 20.0  # one dome is seldom higher above the other
SULCUS_MM = 35.0  # below a dome's top, fluid lies so near to the ribs; deeper lies the abdomen
FAT_HU = (-140.0, -45.0)
LEFT_HU, WIDTHS_MM = 4.0, (2.5, 6.5)  # noise that averaging leaves, and its reach
LEAST_KNOWN = 0.02  # bone in the neighborhood; where there is less, lung alone tells
WINDOW_MM, SMOOTH_MM = 6.0, 8.0  # along z, to each side


@dataclass(frozen=True)
class Half:
    """One half of the chest: which side of the middle, and its cavity."""

    sign: int
    cavity: np.ndarray


def halves(
    hu: np.ndarray, spacing_mm: Spacing, lungs: tuple[np.ndarray, np.ndarray], middle: float
) -> list[Half]:
    """Return the right and the left cavity inside the ribs and above the diaphragm.

    Args:
        hu: HU (X, Y, Z), RAS+.
        spacing_mm: Voxel size.
        lungs: Right and left aerated lung.
        middle: x index of the body's middle.
    """
    both = lungs[0] | lungs[1]
    across = np.arange(hu.shape[0])[:, None, None] - middle
    ribs = bones(hu, spacing_mm) & ~both & (np.abs(across) * spacing_mm[0] > SPINE_MM)
    rows = np.flatnonzero(both.any(axis=(0, 2)))
    at = (middle, 0.5 * (rows[0] + rows[-1]))
    depth = _depth_mm(ribs, both, at, spacing_mm)
    behind = (np.arange(hu.shape[1]) < at[1])[None, :, None]
    tops = {sign: dome(both, middle, sign, spacing_mm)[1] for sign in (1, -1)}
    out = []
    for sign, lung in zip((1, -1), lungs, strict=True):
        # A lung without air, or with hardly any, is taken to be as tall as the other.
        own = lung if lung.sum() > LEAST_SHARE * both.sum() else both
        tall = _between(own, ABOVE_MM / spacing_mm[2])
        top = min(tops[sign], tops[-sign] + APART_MM / spacing_mm[2])
        above = (np.arange(hu.shape[2]) >= top)[None, None]
        inside = (depth >= 0) & (above | (depth < SULCUS_MM) & behind)
        out.append(Half(sign, inside & tall & (across * sign > 0) | lung))
    return out


def bones(hu: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Return ribs and other thin bone, without vessels and chambers full of contrast medium."""
    blood = morphology.opened(
        morphology.smoothed(hu, 1.5, spacing_mm) > BLOOD_HU, BLOOD_MM, spacing_mm
    )
    low, high = SHARED_MM
    voxel = float(np.clip(np.prod(spacing_mm) ** (1 / 3), low, high))
    return (hu > BONE_HU - SHARED_HU * (voxel - low)) & ~morphology.grown(blood, 4.0, spacing_mm)


def _between(both: np.ndarray, more: float) -> np.ndarray:
    """Return True from the lungs' lowest slice to little above their highest (1, 1, Z)."""
    z = np.flatnonzero(both.any(axis=(0, 1)))
    at = np.arange(both.shape[2])
    return ((at >= z[0] - more) & (at <= z[-1] + more))[None, None]


def _depth_mm(
    bone: np.ndarray, lung: np.ndarray, at: tuple[float, float], spacing_mm: Spacing
) -> np.ndarray:
    """Return how far inside the inner face of the ribs each voxel lies, negative outside."""
    x, y = np.ogrid[: bone.shape[0], : bone.shape[1]]
    x, y = (x - at[0]) * spacing_mm[0], (y - at[1]) * spacing_mm[1]
    radius = np.hypot(x, y).astype(np.float32)
    angle = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * RAYS).astype(np.int32) % RAYS
    ribs = _extreme(
        bone & ((radius > NEAR_MM) & (radius < FAR_MM))[..., None], radius, angle, np.fmin
    )
    face = _smooth(ribs, spacing_mm[2])
    edge = _extreme(lung, radius, angle, np.fmax)
    face = np.fmax(face, edge + 0.5 * min(spacing_mm[:2]))
    return np.nan_to_num(face)[angle] - radius[..., None]


def _extreme(
    mask: np.ndarray, radius: np.ndarray, angle: np.ndarray, better: np.ufunc
) -> np.ndarray:
    """Return the least or largest radius of a mask by ray and slice (RAYS, Z), NaN where none."""
    out = np.full((RAYS, mask.shape[2]), np.nan, np.float32)
    x, y, z = np.nonzero(mask)
    better.at(out, (angle[x, y], z), radius[x, y])
    return out


def _smooth(face: np.ndarray, step_mm: float) -> np.ndarray:
    """Return the inner face interpolated between ribs."""
    window = (5, 2 * round(WINDOW_MM / step_mm) + 1)
    known = np.where(np.isnan(face), np.float32(1e6), face)
    inner = ndimage.minimum_filter(known, window, mode=("wrap", "nearest"))
    weight = ((known <= inner + THICK_MM) & (known < 1e6)).astype(np.float32)
    sigma = (3.0, SMOOTH_MM / step_mm)
    mode = ("wrap", "nearest")
    total = ndimage.gaussian_filter(weight * np.minimum(known, 1e4), sigma, mode=mode)
    share = ndimage.gaussian_filter(weight, sigma, mode=mode)
    return np.where(share > LEAST_KNOWN, total / np.maximum(share, 1e-6), np.nan)


def tissue_hu(hu: np.ndarray, spacing_mm: Spacing, lungs: np.ndarray) -> np.ndarray:
    """Return HU averaged over soft tissue alone, as widely as noise asks for.

    Neither lung nor fat nor bone shines in; -1000 where there is no soft tissue about.
    """
    soft = ((hu > -60) & (hu < 350) & ~lungs).astype(np.float32)
    sigma_mm = _width_mm(hu, soft > 0, spacing_mm)
    total = morphology.smoothed(hu * soft, sigma_mm, spacing_mm)
    share = morphology.smoothed(soft, sigma_mm, spacing_mm)
    return np.where(share > 0.2, total / np.maximum(share, 0.2), np.float32(-1000))


def fat_share(hu: np.ndarray, spacing_mm: Spacing, lungs: np.ndarray) -> np.ndarray:
    """Return which part of the tissue around each voxel is fat, in [0, 1]; 1 where there is none.

    Fat and muscle that alternate are as dense, on average, as water.
    """
    tissue = ((hu > FAT_HU[0]) & (hu < 350) & ~lungs).astype(np.float32)
    fat = tissue * (hu < FAT_HU[1])
    sigma_mm = _width_mm(hu, (hu > -60) & (hu < 350) & ~lungs, spacing_mm)
    share = morphology.smoothed(tissue, sigma_mm, spacing_mm)
    part = morphology.smoothed(fat, sigma_mm, spacing_mm) / np.maximum(share, 0.05)
    return np.where(share > 0.05, part, np.float32(1))


def _width_mm(hu: np.ndarray, soft: np.ndarray, spacing_mm: Spacing) -> float:
    """Return the Gaussian that leaves little of the noise, which grains of neighbors share."""
    step = np.diff(hu, axis=0)[soft[1:] & soft[:-1]]
    noise = 1.05 * float(np.median(np.abs(step))) if len(step) else 0.0
    voxel = float(np.prod(spacing_mm)) ** (1 / 3)
    return float(np.clip(voxel / 3.54 * (1.5 * noise / LEFT_HU) ** (2 / 3), *WIDTHS_MM))


def dome(both: np.ndarray, middle: float, sign: int, spacing_mm: Spacing) -> tuple[float, float]:
    """Return x and z index of the top of one dome: where the lung beside the heart ends below."""
    across = (np.arange(both.shape[0]) - middle) * sign * spacing_mm[0]
    near, far = DOMES_MM[sign]
    columns = np.flatnonzero((across > near) & (across < far))
    rows = np.flatnonzero(both.any(axis=(0, 2)))
    part = both[columns, rows[0] : rows[-1] + 1]
    behind = part[:, : part.shape[1] // 2]  # the heart lies in front
    if behind.size and behind.any(axis=2).mean() > 0.5:  # but fluid lies behind
        part = behind
    lowest = np.where(part.any(axis=2), part.argmax(axis=2), -1).astype(np.float32)
    known = lowest >= 0
    at = middle + sign * 0.5 * (near + far) / spacing_mm[0]
    if not known.any():  # cut off, or a lung without air
        return at, 0.0
    return at, float(np.percentile(lowest[known], DOME_PERCENTILE))
