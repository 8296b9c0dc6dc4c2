"""Where a body is looked at: grids of points for soft organs, weighted points for fine ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Coordinates = Sequence[float] | np.ndarray  # x, y and z, mm


@dataclass(frozen=True)
class Grid:
    """Points of a body, regular in space (CT) or along the rays of a radiograph.

    Attributes:
        x: (U, D, 1) millimeters to the patient's right.
        y: (U, D, 1) millimeters forward.
        z: (1, D, V) millimeters up.
        step_mm: Distance of neighbors along U, D and V.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    step_mm: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of points (U, D, V)."""
        return self.x.shape[0], self.x.shape[1], self.z.shape[2]

    @property
    def edge_mm(self) -> float:
        """Width over which an organ's edge fades, so that edges are not jagged."""
        return max(self.step_mm)

    def box(self, low: Coordinates, high: Coordinates) -> tuple[slice, slice, slice]:
        """Return the part of the grid that may lie within corners `low` and `high`."""
        flat = (self.x >= low[0]) & (self.x <= high[0]) & (self.y >= low[1]) & (self.y <= high[1])
        tall = (self.z >= low[2]) & (self.z <= high[2])
        return (
            _span(np.any(flat, axis=(1, 2))),
            _span(np.any(flat, axis=(0, 2)) & np.any(tall, axis=(0, 2))),
            _span(np.any(tall, axis=(0, 1))),
        )

    def part(self, box: tuple[slice, slice, slice]) -> "Grid":
        """Return the grid within a box."""
        flat = (box[0], box[1], slice(None))
        return Grid(self.x[flat], self.y[flat], self.z[:, box[1], box[2]], self.step_mm)

    def filled(self, depth_mm: np.ndarray) -> np.ndarray:
        """Return how much of each point is inside, from the depth below a surface, in [0, 1]."""
        return np.clip(depth_mm * np.float32(1 / self.edge_mm) + np.float32(0.5), 0, 1)


def regular(first: np.ndarray, step: np.ndarray, counts: Coordinates) -> tuple[Grid, np.ndarray]:
    """Return the grid of an image along x, y, z, and its affine (4 x 4, RAS+).

    Args:
        first: (3,) middle of the first voxel, mm.
        step: (3,) size of a voxel, mm.
        counts: (3,) voxels along each axis.
    """
    x, y, z = (
        (start + np.arange(n) * rise).astype(np.float32)
        for start, n, rise in zip(first, counts, step, strict=True)
    )
    affine = np.diag([*step, 1.0])
    affine[:3, 3] = first
    x, y = np.meshgrid(x, y, indexing="ij")
    tall = np.broadcast_to(z, (1, y.shape[1], len(z)))
    return Grid(x[..., None], y[..., None], tall, tuple(step.tolist())), affine


def _span(used: Any) -> slice:
    where = np.flatnonzero(used)
    return slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0)


@dataclass(frozen=True)
class Points:
    """A fine structure as many small pieces.

    Attributes:
        xyz: (n, 3) millimeters.
        mass: (n,) volume of each piece times its density, in cubic millimeters of its tissue.
    """

    xyz: np.ndarray
    mass: np.ndarray


def solid(points: Points, affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return how much of each voxel a structure of points fills, in [0, 1]; axes along x, y, z.

    Args:
        points: The structure.
        affine: Diagonal 4 x 4 matrix from voxel indices to millimeters.
        shape: Voxels along x, y and z.
    """
    size = np.diag(affine)[:3]
    where = (points.xyz - affine[:3, 3]) / size
    inside = ((where >= 0) & (where < np.array(shape) - 1)).all(axis=1)
    where, mass = where[inside], points.mass[inside] / np.prod(size)
    corner = where.astype(np.int64)
    part = where - corner
    total = np.zeros(int(np.prod(shape)))
    for step in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(step, part, 1 - part), axis=1)
        flat = np.ravel_multi_index(tuple((corner + step).T), shape)
        total += np.bincount(flat, weight * mass, total.size)
    return np.minimum(total, 1).reshape(shape).astype(np.float32)


def joined(parts: Sequence[Points]) -> Points:
    """Return all points of several structures as one."""
    if not parts:
        return Points(np.zeros((0, 3), np.float32), np.zeros(0, np.float32))
    return Points(np.concatenate([p.xyz for p in parts]), np.concatenate([p.mass for p in parts]))


def ellipsoid(grid: Grid, center: Coordinates, axes: np.ndarray) -> np.ndarray:
    """Return the depth (mm) of each point below the surface of an ellipsoid, negative outside.

    Args:
        grid: Where.
        center: Its center, mm.
        axes: (3, 3) rows are the semi-axes as vectors, mm.
    """
    lengths = np.linalg.norm(axes, axis=1)
    rows = (axes / lengths[:, None] ** 2).astype(np.float32)
    x, y, z = (a - np.float32(c) for a, c in zip((grid.x, grid.y, grid.z), center, strict=True))
    total = np.zeros(grid.shape, np.float32)
    for row in rows:
        total += (row[0] * x + row[1] * y + row[2] * z) ** 2
    return (np.float32(1) - np.sqrt(total)) * np.float32(lengths.min())


def extent(center: Coordinates, axes: np.ndarray, margin: float) -> tuple:
    """Return the corners of the box around an ellipsoid, with a margin."""
    half = np.sqrt((axes**2).sum(axis=0)) + margin
    return np.asarray(center) - half, np.asarray(center) + half


def put_ellipsoid(depth: np.ndarray, grid: Grid, center: Coordinates, axes: np.ndarray) -> None:
    """Join an ellipsoid to a body of depths, in place; only its neighborhood is computed."""
    box = grid.box(*extent(center, axes, 2 * grid.edge_mm))
    if depth[box].size:
        np.maximum(depth[box], ellipsoid(grid.part(box), center, axes), out=depth[box])


def put_tube(depth: np.ndarray, grid: Grid, nodes: np.ndarray, radii: np.ndarray) -> None:
    """Join a tube along `nodes` (n, 3) with `radii` (n,) to a body of depths, in place."""
    for i in range(len(nodes) - 1):
        margin = max(radii[i], radii[i + 1]) + 2 * grid.edge_mm
        low = np.minimum(nodes[i], nodes[i + 1]) - margin
        box = grid.box(low, np.maximum(nodes[i], nodes[i + 1]) + margin)
        if depth[box].size:
            piece = _capsule(grid.part(box), nodes[i], nodes[i + 1], radii[i : i + 2])
            np.maximum(depth[box], piece, out=depth[box])


def _capsule(grid: Grid, start: np.ndarray, end: np.ndarray, radii: np.ndarray) -> np.ndarray:
    axis = (end - start).astype(np.float32)
    x, y, z = (a - np.float32(c) for a, c in zip((grid.x, grid.y, grid.z), start, strict=True))
    along = (x * axis[0] + y * axis[1] + z * axis[2]) / np.float32(max(axis @ axis, 1e-6))
    along = np.clip(along, 0, 1)
    off = (x - along * axis[0]) ** 2 + (y - along * axis[1]) ** 2 + (z - along * axis[2]) ** 2
    radius = np.float32(radii[0]) + along * np.float32(radii[1] - radii[0])
    return radius - np.sqrt(off)


def curve(nodes: Sequence, n: int) -> np.ndarray:
    """Return (n, k) points of a smooth curve (Catmull-Rom) through the nodes (m, k)."""
    p = np.asarray(nodes, np.float64)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, len(p) - 3 - 1e-9, n)
    i = t.astype(int)
    f = (t - i)[:, None]
    a, b, c, d = (p[i + k] for k in range(4))
    return 0.5 * (
        2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3
    )
