"""pyradiomics' mesh of a large lesion in seconds: same area, volume and diameters.

The engine compares every pair of mesh vertices, which takes an hour for lungs at 0.7 mm. Its mesh
is a sum over cubes of eight neighboring voxels, so what a cube adds is asked of the engine once for
each of the 256 kinds of cube; and of the vertices only the outermost can be far apart.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

Coefficients = tuple[float, float, tuple[float, float, float, float]]
CORNERS = tuple(product((0, 1), repeat=3))
KINDS = 2 ** len(CORNERS)


class LargeMeshes:
    """pyradiomics' extension for shapes, but for large surfaces, which it leaves to this module."""

    def __init__(self, extension: Any, least: int) -> None:
        """Keep the extension; surfaces of fewer voxel faces than `least` are its own."""
        self.extension, self.least = extension, least

    def calculate_coefficients(self, mask: np.ndarray, spacing: np.ndarray) -> Coefficients:
        """Return area, volume and the four largest diameters of a mask (Z, Y, X), in mm."""
        whole = self.extension.calculate_coefficients
        small = faces(mask) < self.least
        return whole(mask, spacing) if small else coefficients(mask, spacing, whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.extension, name)


def faces(mask: np.ndarray) -> int:
    """Return how many faces lie between a voxel inside and one outside, the grid's edge included.

    >>> faces(np.ones((1, 2, 1), bool))
    10
    """
    padded = np.pad(mask, 1)
    return sum(int(np.count_nonzero(np.diff(padded, axis=axis))) for axis in range(mask.ndim))


def coefficients(mask: np.ndarray, spacing: np.ndarray, engine: Callable) -> Coefficients:
    """Return what `engine` returns of a mask, up to rounding of floats.

    Args:
        mask: Booleans (Z, Y, X), False at the grid's edge.
        spacing: Length of a voxel along each of these axes, in mm.
        engine: pyradiomics' `cShape.calculate_coefficients`.

    Returns:
        Surface area (mm2), signed volume (mm3), and the largest distances (mm) between two vertices
        in one plane across Z, Y and X, and anywhere.
    """
    cubes = _cubes(mask)
    at = np.nonzero((cubes > 0) & (cubes < KINDS - 1))
    kinds = cubes[at]
    own, moved = volumes_of_cubes(engine)
    volume = own[kinds].sum() + (moved[:, kinds] * np.stack(at)).sum()
    counted = np.bincount(kinds, minlength=KINDS)
    area = float(areas_of_cubes(engine, spacing) @ counted)
    return area, float(volume * spacing.prod()), diameters(mask, spacing)


def areas_of_cubes(engine: Callable, spacing: np.ndarray) -> np.ndarray:
    """Return the area (256,) of the surface in a cube of each kind, in mm2.

    A kind has a bit for each corner that is inside, in the order of `CORNERS`.
    """
    within = [engine(_cube(kind), spacing)[0] for kind in range(1, KINDS - 1)]
    return np.array([0.0, *within, 0.0])


def _cube(kind: int) -> np.ndarray:
    """Return the eight voxels of a kind of cube."""
    return np.array([bool(kind >> bit & 1) for bit in range(len(CORNERS))]).reshape(2, 2, 2)


def _cubes(mask: np.ndarray) -> np.ndarray:
    """Return the kind of each cube of neighboring voxels: one bit a corner."""
    kinds = np.zeros([size - 1 for size in mask.shape], np.uint8)
    for bit, corner in enumerate(CORNERS):
        window = tuple(
            slice(at, at + size - 1) for at, size in zip(corner, mask.shape, strict=True)
        )
        kinds |= np.left_shift(mask[window], bit, dtype=np.uint8)
    return kinds


@lru_cache(maxsize=1)
def volumes_of_cubes(engine: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Return what a cube of each kind adds to the volume, and what moving it one voxel adds.

    The mesh is not closed where diagonal voxels meet, so that its volume depends on where the
    origin is: hence the second table (3, kinds), along each axis.
    """
    spacing = np.ones(3)

    def volume(mask: np.ndarray) -> float:
        return engine(mask, spacing)[1]

    own = np.zeros(KINDS)
    own[1:-1] = [volume(_cube(kind)) for kind in range(1, KINDS - 1)]
    moved = np.zeros((3, KINDS))
    for axis, kind in product(range(3), range(1, KINDS - 1)):
        cube = _cube(kind)
        two = np.concatenate([np.zeros_like(cube.take([0], axis)), cube], axis)
        first = _cubes(two).ravel()[0]
        moved[axis, kind] = volume(two) - own[first] - own[kind]
    return own, moved


def _vertices(mask: np.ndarray) -> np.ndarray:
    """Return (n, 3) the middles of the faces between inside and outside, in voxels."""
    found = []
    for axis in range(mask.ndim):
        middles = np.argwhere(np.diff(mask, axis=axis)).astype(np.float64)
        middles[:, axis] += 0.5
        found.append(middles)
    return np.concatenate(found)


def diameters(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float, float, float]:
    """Return the largest distance of vertices in a plane across each axis, and in space, in mm.

    Args:
        mask: Booleans (Z, Y, X), False at the grid's edge, not empty.
        spacing: Length of a voxel along each of these axes, in mm.
    """
    from scipy.spatial import ConvexHull

    vertices = _vertices(mask) * spacing
    planes = [_across(vertices, axis) for axis in range(3)]
    outermost = vertices[ConvexHull(vertices).vertices]
    return planes[0], planes[1], planes[2], _largest(outermost)


def _across(vertices: np.ndarray, axis: int) -> float:
    """Return the largest distance of two vertices of one plane."""
    first, second = (other for other in range(3) if other != axis)
    order = np.lexsort((vertices[:, second], vertices[:, first], vertices[:, axis]))
    ordered = vertices[order]
    lines = (np.diff(ordered[:, [axis, first]], axis=0) != 0).any(1)
    # Distance is convex: of the points on a line, one of its two ends is the farthest.
    ends = np.concatenate([[True], lines]) | np.concatenate([lines, [True]])
    ordered = ordered[ends]
    starts = np.flatnonzero(np.diff(ordered[:, axis])) + 1
    return max(_largest(plane[:, [first, second]]) for plane in np.split(ordered, starts))


def _largest(points: np.ndarray) -> float:
    """Return the largest distance of any two points (n, dimensions), 0 for one point."""
    from scipy.spatial.distance import pdist

    return float(pdist(points).max(initial=0.0))
