"""Copies of real images that an audit must find, each kind changed as copies are.

They are the positive controls: an audit that does not find them proves nothing by finding none.
"""

import numpy as np
from scipy import ndimage

from radfoundry.case import Case
from radfoundry.evaluation.privacy.names import KINDS
from radfoundry.evaluation.privacy.views import boxes

PIXELS, DEGREES, LARGER, LOGARITHM = (1.0, 8.0), (5.0, 10.0), (0.05, 0.10), (0.223, 0.693)
NOISE, BLUR, EDGE = 0.05, 0.01, 1.0
RANGE = (0.5, 99.5)  # percentiles that gamma and noise are measured by


def copied(voxels: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return an image changed in one way, float32 on the same grid; its edge voxels repeat outside.

    Turns lie in the frontal plane (axes 0 and 2); zooms and shifts are along all axes.

    Args:
        voxels: (X, Y, Z) in RAS+; a radiograph has Y = 1.
        kind: One of `KINDS`.
        rng: Source of chance.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"no copies of kind {kind!r}: choose from {', '.join(KINDS)}")
    values = np.asarray(voxels, np.float32)
    if kind in ("shifted", "turned", "zoomed"):
        return _moved(values, kind, rng)
    if kind == "mirrored":
        return values[::-1].copy()
    if kind == "smoothed":
        return ndimage.gaussian_filter(values, _blur(values), axes=_long(values))
    return _toned(values, kind, rng)


def _toned(values: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return an image with noise, with another gamma, or unchanged."""
    low, high = np.percentile(values, RANGE)
    if kind == "exact" or high <= low:
        return values.copy()
    scaled = np.clip((values - low) / (high - low), 0, 1)
    if kind == "noised":
        scaled = scaled + rng.normal(0, NOISE, scaled.shape).astype(np.float32)
    else:
        scaled = scaled ** np.exp(_either(LOGARITHM, rng))
    return (low + scaled * (high - low)).astype(np.float32)


def _moved(values: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return an image shifted, turned in the frontal plane, or zoomed about its middle."""
    axes = _long(values)
    matrix, offset = np.eye(3), np.zeros(3)
    if kind == "shifted":
        way = rng.normal(size=len(axes))
        offset[axes] = rng.uniform(*PIXELS) * way / np.linalg.norm(way)
    elif kind == "turned":
        angle = np.deg2rad(_either(DEGREES, rng))
        matrix[np.ix_((0, 2), (0, 2))] = [
            [np.cos(angle), -np.sin(angle)],
            [np.sin(angle), np.cos(angle)],
        ]
    else:
        matrix[axes, axes] = 1 / (1 + _either(LARGER, rng))
    middle = (np.array(values.shape) - 1) / 2
    start = middle - matrix @ middle + offset
    return ndimage.affine_transform(values, matrix, start, order=1, mode="nearest")


def _blur(values: np.ndarray) -> float:
    return max(0.5, BLUR * values.shape[0])


def _either(ends: tuple[float, float], rng: np.random.Generator) -> float:
    return float(rng.choice((-1.0, 1.0)) * rng.uniform(*ends))


def _long(values: np.ndarray) -> list[int]:
    """Return the axes along which an image has more than one voxel."""
    return [axis for axis, length in enumerate(values.shape) if length > 1]


def pasted(donor: Case, host: Case) -> Case | None:
    """Return a host with a donor's largest lesion in the same place, its edge blended.

    The findings are the lesion alone. None where the donor has no lesion, or the grids differ.
    """
    first = next(boxes(donor), None)
    if first is None or donor.image.voxels.shape != host.image.voxels.shape:
        return None
    box, inside = first
    lesion = np.zeros(donor.findings.shape, bool)
    lesion[box] = inside
    cover = lesion.astype(np.float32)
    edge = ndimage.gaussian_filter(cover, EDGE, axes=_long(cover))
    cover = np.maximum(cover, 2 * edge * (edge < 0.5))
    theirs, ours = (np.asarray(case.image.voxels, np.float32) for case in (donor, host))
    image = host.image.holding(cover * theirs + (1 - cover) * ours)
    findings = np.where(lesion, donor.findings, 0).astype(np.uint8)
    return Case(f"{donor.name}-on-{host.name}", image, host.anatomy, findings, {})
