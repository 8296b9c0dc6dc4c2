"""Paint fine structures and textures onto the voxels of a CT, alike at any voxel size.

A tube wider than a voxel is painted by its surface; a thinner one keeps its volume, so that what
it adds to a voxel is its partial volume. A texture is a field in the body, not in the voxels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from radfoundry.phantoms._bodies.space import Grid, Points

NOISE_VOXELS = 0.55  # blur of the noise
THICK = 0.7  # radius, in voxels, from which on a tube is painted by its surface


def lines(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the coordinates (mm) along x, y and z of a grid that is regular in space."""
    return grid.x[:, 0, 0], grid.y[0, :, 0], grid.z[0, 0, :]


def near(grid: Grid, low: Sequence[float], high: Sequence[float]) -> tuple[slice, ...]:
    """Return the part of a regular grid within corners `low` and `high`, mm."""
    return tuple(
        slice(*np.searchsorted(line, (a, b)))
        for line, a, b in zip(lines(grid), low, high, strict=True)
    )


def tubes(grid: Grid, ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return how much of each voxel straight tubes fill, in [0, 1].

    Args:
        grid: Where; regular in space.
        ends: (n, 2, 3) both ends of each tube, mm.
        radii: (n, 2) radius at each end, mm.
    """
    thick = radii.max(axis=1) > THICK * grid.edge_mm
    filled = solid(grid, _strewn(ends[~thick], radii[~thick], 0.5 * min(grid.step_mm)))
    for (start, end), radius in zip(ends[thick], radii[thick], strict=True):
        _put(filled, grid, np.stack([start, end]), radius)
    return filled


def _put(filled: np.ndarray, grid: Grid, ends: np.ndarray, radii: np.ndarray) -> None:
    """Join one thick tube to shares, in place."""
    margin = radii.max() + grid.edge_mm
    box = near(grid, ends.min(axis=0) - margin, ends.max(axis=0) + margin)
    x, y, z = (line[part] for line, part in zip(lines(grid), box, strict=True))
    if not (len(x) and len(y) and len(z)):
        return
    start, axis = ends[0].astype(np.float32), (ends[1] - ends[0]).astype(np.float32)
    x, y, z = (x - start[0])[:, None, None], (y - start[1])[:, None], z - start[2]
    along = (x * axis[0] + y * axis[1] + z * axis[2]) / np.float32(max(axis @ axis, 1e-6))
    np.clip(along, 0, 1, out=along)
    off = (x - along * axis[0]) ** 2
    off += (y - along * axis[1]) ** 2
    off += (z - along * axis[2]) ** 2
    depth = np.float32(radii[0]) + along * np.float32(radii[1] - radii[0]) - np.sqrt(off)
    np.maximum(filled[box], grid.filled(depth), out=filled[box])


def _strewn(ends: np.ndarray, radii: np.ndarray, step_mm: float) -> Points:
    """Return tubes as points along their axes whose mass is their volume."""
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    count = np.maximum(1, np.ceil(length / step_mm)).astype(int)
    which = np.repeat(np.arange(len(ends)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    t = (np.arange(len(which)) - first + 0.5) / count[which]
    xyz = ends[which, 0] * (1 - t)[:, None] + ends[which, 1] * t[:, None]
    radius = radii[which, 0] * (1 - t) + radii[which, 1] * t
    mass = np.pi * radius**2 * (length / count)[which]
    return Points(xyz.astype(np.float32), mass.astype(np.float32))


def solid(grid: Grid, points: Points) -> np.ndarray:
    """Return how much of each voxel a structure of points fills, in [0, 1]."""
    origin = np.array([line[0] for line in lines(grid)])
    where = (points.xyz - origin) / np.array(grid.step_mm)
    inside = ((where >= 0) & (where < np.array(grid.shape) - 1)).all(axis=1)
    where = where[inside]
    mass = (points.mass[inside] / np.prod(grid.step_mm)).astype(np.float32)
    corner = where.astype(np.int64)
    part = (where - corner).astype(np.float32)
    total = np.zeros(int(np.prod(grid.shape)), np.float32)
    for step in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(step, part, 1 - part), axis=1) * mass
        np.add.at(total, np.ravel_multi_index(tuple((corner + step).T), grid.shape), weight)
    return np.minimum(total, 1).reshape(grid.shape)


def grain(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return noise of deviation 1, float32, whose neighbors go together as in a reconstruction."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, NOISE_VOXELS)
    return noise / noise.std()


def texture(rng: np.random.Generator, grid: Grid, length_mm: float) -> np.ndarray:
    """Return a smooth random field, mean about 0, deviation about 1, float32.

    The field is one in space: the same generator gives the same field at any voxel size, as long
    as the grid spans the same box.

    Args:
        rng: Makes the field.
        grid: Where; regular in space.
        length_mm: About the size of its grains.
    """
    bases = [
        _basis(line, length_mm, step) for line, step in zip(lines(grid), grid.step_mm, strict=True)
    ]
    field: Any = rng.standard_normal([b.shape[1] for b in bases], dtype=np.float32)
    for basis in bases:  # each turn moves the axis it fills to the end, so three turns restore all
        field = np.tensordot(field, basis, axes=(0, 1))
    return field


def _basis(line: np.ndarray, length_mm: float, step_mm: float) -> np.ndarray:
    """Return (points, lattice) weights of bumps whose squares sum to about 1 everywhere."""
    low, high = line[0] - 0.5 * step_mm, line[-1] + 0.5 * step_mm
    count = max(2, int(np.ceil((high - low) / length_mm))) + 2
    lattice = low + (np.arange(count) - 0.5) * length_mm
    bumps = np.exp(-2 * ((line[:, None] - lattice) / length_mm) ** 2)
    return (bumps / np.linalg.norm(bumps, axis=1, keepdims=True)).astype(np.float32)


class Painter:
    """Paints shares of tissues over what an image shows, in place."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = image

    def __call__(self, share: np.ndarray, level: np.ndarray | np.float32) -> None:
        """Replace a share of each voxel by a tissue of a level, HU."""
        difference = level - self.image
        difference *= share
        self.image += difference
