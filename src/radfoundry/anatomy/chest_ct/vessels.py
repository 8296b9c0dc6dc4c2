"""Vessels inside the lungs: tubes that are brighter than the parenchyma around them."""

from collections.abc import Sequence

import cc3d
import edt
import numpy as np
from scipy import ndimage

from radfoundry.anatomy.chest_ct import ridge_filter

NARROW_MM, WIDE_MM = (1.0, 2.0), (3.5, 6.0)  # scales for twigs, and for trunks full of blood
BLOOD_HU = 40.0  # without contrast medium
AERATED_HU = -500.0  # aerated lung is no denser; a filled lobe is not its own parenchyma
REACH_MM = 12.0  # the parenchyma around a voxel
CALM_HU = 150.0  # above the mean, within which a voxel is parenchyma
LEAST_SHARE, TRUNK_SHARE = 0.3, 0.85  # of a voxel that blood fills: in a twig, in a trunk
RAISED_SHARE = 0.15  # blood shares above parenchyma: no longer air
TWIGS_MM, TRUNKS_MM, CROWDED = 5.0, 12.0, 0.5  # around a vessel half the lung is air: else filled
STRENGTH = 0.25  # curvature, in blood shares, of a tube as wide as the scale
FAINT, CERTAIN = 0.3, 0.6  # tubeness that continues a vessel, and that starts one
RIM_VOXELS, RIM_MM = 1.45, 1.5  # the chest wall shines into the outermost layer of the lung
LEAST_MM3 = 30.0
CORNERS = 1.4  # reach of a filled block's blunt corners, in its half width
TRUNK_MM = 6.0  # radius of the widest vessel inside a lung; what is wider is filled lung or a mass
NODULE_MM3, ROUND, PACKED = 150.0, 1.6, 0.35  # a piece as large, as broad as long, and solid


def vessels(hu: np.ndarray, lungs: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return where the vessels of the lungs are, as booleans of the image's shape.

    Args:
        hu: (X, Y, Z) Hounsfield units.
        lungs: (X, Y, Z) booleans, both lungs with the vessels inside them.
        spacing_mm: Voxel size along each axis.
    """
    _check(hu, lungs, spacing_mm)
    out = np.zeros(hu.shape, bool)
    if not lungs.any():
        return out
    box = ndimage.find_objects(lungs.astype(np.uint8))[0]
    out[box] = _inside(np.asarray(hu[box], np.float32), lungs[box], spacing_mm)
    return out


def _check(hu: np.ndarray, lungs: np.ndarray, spacing_mm: Sequence[float]) -> None:
    if hu.ndim != 3 or hu.shape != lungs.shape:
        raise ValueError(f"image {hu.shape} and lungs {lungs.shape} must be one 3D grid")
    if len(spacing_mm) != 3 or min(spacing_mm) <= 0:
        raise ValueError(f"spacing {spacing_mm} mm must be three positive numbers")


def _inside(hu: np.ndarray, lungs: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    share = blood_share(hu, lungs, spacing_mm)
    depth = edt.edt(lungs, anisotropy=tuple(map(float, spacing_mm)))
    inner = depth > max(RIM_VOXELS * min(spacing_mm), RIM_MM)
    twigs = inner & (share > LEAST_SHARE) & _airy(share, lungs, TWIGS_MM, spacing_mm)
    trunks = inner & _trunks(share, spacing_mm) & _airy(share, lungs, TRUNKS_MM, spacing_mm)
    tube = np.zeros(hu.shape, np.float32)
    for scales, where in ((NARROW_MM, twigs), (WIDE_MM, trunks)):
        _raise(tube, share, scales, np.nonzero(where), spacing_mm)
    return _joined(tube > CERTAIN, tube > FAINT, spacing_mm)


def _raise(
    tube: np.ndarray, share: np.ndarray, scales: Sequence, where: tuple, spacing_mm: Sequence
) -> None:
    """Lift `tube` at the voxels `where` to the best answer of the scales."""
    for sigma in scales:
        image = ridge_filter.smoothed(share, sigma, spacing_mm)
        eigenvalues = ridge_filter.curvatures(image, where, sigma, spacing_mm)
        tube[where] = np.maximum(tube[where], ridge_filter.tubeness(eigenvalues, STRENGTH))


def _trunks(share: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return what is full of blood and narrow enough for a vessel."""
    full, steps = share > TRUNK_SHARE, tuple(map(float, spacing_mm))
    core = edt.edt(full, anisotropy=steps) > TRUNK_MM
    if core.any():
        full &= edt.edt(~core, anisotropy=steps) > CORNERS * TRUNK_MM
    return full


def _airy(
    share: np.ndarray, lungs: np.ndarray, reach_mm: float, spacing_mm: Sequence[float]
) -> np.ndarray:
    """Return where most of the lung around is air, not ground glass or consolidation."""
    return _mean_around(share > RAISED_SHARE, lungs, reach_mm, spacing_mm, 0.0) < CROWDED


def blood_share(hu: np.ndarray, lungs: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return how far each voxel stands from parenchyma to blood, in [-0.2, 1.2]; 0 outside.

    Args:
        hu: (X, Y, Z) float32.
        lungs: (X, Y, Z) booleans.
        spacing_mm: Voxel size along each axis.
    """
    level = np.minimum(parenchyma(hu, lungs, spacing_mm), np.float32(AERATED_HU))
    share = (hu - level) / np.maximum(np.float32(BLOOD_HU) - level, np.float32(100))
    return np.where(lungs, np.clip(share, -0.2, 1.2), np.float32(0))


def parenchyma(hu: np.ndarray, lungs: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return the level (HU, float32) of the lung tissue around each voxel, vessels left out.

    Where no lung is within reach, the mean of the lung stands in.
    """
    mean = float(hu[lungs].mean())
    level = _mean_around(hu, lungs, REACH_MM, spacing_mm, mean)
    return _mean_around(hu, lungs & (hu < level + CALM_HU), REACH_MM, spacing_mm, mean)


def _mean_around(
    image: np.ndarray, mask: np.ndarray, reach_mm: float, spacing_mm: Sequence[float], other: float
) -> np.ndarray:
    """Return the gaussian mean of an image within a mask, on every so many voxels and back."""
    wanted = (max(1, round(reach_mm / 3 / step)) for step in spacing_mm)
    steps = [min(step, size) for step, size in zip(wanted, image.shape, strict=True)]
    thin = tuple(slice(step // 2, None, step) for step in steps)
    coarse_mm = [step * mm for step, mm in zip(steps, spacing_mm, strict=True)]
    weight = ridge_filter.smoothed(mask[thin].astype(np.float32), reach_mm, coarse_mm)
    inside = np.where(mask[thin], image[thin], 0).astype(np.float32)
    total = ridge_filter.smoothed(inside, reach_mm, coarse_mm)
    mean = (total + np.float32(1e-3 * other)) / (weight + np.float32(1e-3))
    for axis, (step, size) in enumerate(zip(steps, image.shape, strict=True)):
        mean = _stretched(mean, axis, step, size)
    return mean


def _stretched(image: np.ndarray, axis: int, step: int, size: int) -> np.ndarray:
    """Return samples taken at every `step`-th voxel as linear values at all voxels of an axis."""
    if step == 1:
        return image
    at = np.clip((np.arange(size) - step // 2) / step, 0, image.shape[axis] - 1)
    low = np.minimum(at.astype(int), max(image.shape[axis] - 2, 0))
    part = (at - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(3)])
    below, above = (
        image.take(low, axis),
        image.take(np.minimum(low + 1, image.shape[axis] - 1), axis),
    )
    return below + part * (above - below)


def _joined(certain: np.ndarray, faint: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return the faint voxels that hang on certain ones, in pieces large enough to be vessels."""
    labels, count = cc3d.connected_components(faint, connectivity=26, return_N=True)
    keep = np.zeros(count + 1, bool)
    keep[np.unique(labels[certain])] = True
    found = cc3d.statistics(labels)
    voxels = found["voxel_counts"].astype(float)
    voxel_mm3 = float(np.prod(spacing_mm))
    sides = np.array([[part.stop - part.start for part in box] for box in found["bounding_boxes"]])
    box_mm = sides * np.asarray(spacing_mm)
    compact = box_mm.max(1) < ROUND * box_mm.min(1)
    nodule = compact & (voxels * voxel_mm3 > NODULE_MM3) & (voxels > PACKED * sides.prod(1))
    keep &= (voxels * voxel_mm3 >= LEAST_MM3) & ~nodule
    keep[0] = False
    return keep[labels]
