"""Tumours of asked size, shape and texture: two regions, core and rim, that others can measure.

A tumour is an ellipsoid whose radius is bent by smooth bumps. Elongation follows the two shorter
semi-axes, sphericity the height of the bumps, volume the level at which the shape is cut. Regions
end at voxels' edges, without partial volume: what is measured in them is what was asked.
"""

from collections.abc import Mapping

import numpy as np
from skimage import measure

from radfoundry.phantoms._bodies import painting
from radfoundry.phantoms._bodies.space import Grid

LATTICE = 24  # points along each side of the box in which a shape's sphericity is measured
REACH = 2.4  # half the side of that box, in semi-axes
HIGHEST = 0.75  # bumps above this tear a shape apart
STEPS = 7  # bisections of the height of the bumps
WAVES = 10  # bumps: plane waves over the directions
OFF_CENTER = 0.18  # of the radius: how far a core may lie from the middle
CORE_LIMIT = 0.97  # a core stays below this part of the level of the tumour's own surface
Frame = tuple[np.ndarray, np.ndarray]  # matrix (3, 3) and middle (3,) that places are carried by


def regions(tumour: Mapping, core_share: float, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxels of the whole tumour and of its core, booleans.

    Args:
        tumour: center_mm (3,); diameter_mm of the ball of equal volume; elongation (second over
            greatest semi-axis, as radiomics define it, 1 round); sphericity (1 a ball); seed.
        core_share: Part of the volume that is core, in [0, 1).
        grid: Where; regular in space.

    Raises:
        ValueError: If elongation or sphericity is not in (0, 1] or the core fills everything.
    """
    for name in ("elongation", "sphericity"):
        if not 0 < tumour[name] <= 1:
            raise ValueError(f"{name} is {tumour[name]}: it lies in (0, 1]")
    if not 0 <= core_share < 1:
        raise ValueError(f"core_share is {core_share}: it lies in [0, 1)")
    shape = _Shape(tumour)
    voxels = np.pi / 6 * tumour["diameter_mm"] ** 3 / np.prod(grid.step_mm)
    level = shape.level(grid, np.zeros(3))
    whole = _cut(level, voxels)
    deep = level < CORE_LIMIT * level[whole].max(initial=0)
    core = np.where(deep, shape.level(grid, shape.off_center), np.inf)
    return whole, _cut(core, core_share * voxels)


def _cut(level: np.ndarray, voxels: float) -> np.ndarray:
    """Return the voxels of lowest finite level, as many as asked or as there are."""
    count = min(round(voxels), int(np.isfinite(level).sum()))
    if count < 1:
        return np.zeros(level.shape, bool)
    return level <= np.partition(level, count - 1, axis=None)[count - 1]


class _Shape:
    """The surface of a tumour: level 1 on an ellipsoid bent by bumps as high as it takes."""

    def __init__(self, tumour: Mapping) -> None:
        rng = np.random.default_rng(tumour["seed"])
        self.turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        axes = np.array([1.0, tumour["elongation"], tumour["elongation"]])
        self.center = np.asarray(tumour["center_mm"])
        self.axes = 0.5 * tumour["diameter_mm"] * axes / np.cbrt(axes.prod())
        heading = rng.normal(size=(WAVES, 3))
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        self.waves = heading * rng.uniform(2.5, 6.0, (WAVES, 1))
        self.phases = rng.uniform(0, 2 * np.pi, WAVES)
        self.off_center = OFF_CENTER * tumour["diameter_mm"] / 2 * rng.uniform(-1, 1, 3)
        line = np.linspace(-REACH, REACH, LATTICE)
        self.lattice = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1)
        self.height = self._height(tumour["sphericity"])
        self.frame = self._frame(self.height)

    def level(self, grid: Grid, shift: np.ndarray) -> np.ndarray:
        """Return the level at each voxel: the lower, the deeper inside; infinite far away."""
        middle, reach = self.center + shift, REACH * self.axes.max()
        box = painting.near(grid, middle - reach, middle + reach)
        x, y, z = (
            line[part].astype(np.float64) - c
            for line, part, c in zip(painting.lines(grid), box, middle, strict=True)
        )
        mesh = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1)
        out = np.full(grid.shape, np.inf)
        out[box] = self._level((mesh @ self.turned) / self.axes, self.height, self.frame)
        return out

    def _level(self, places: np.ndarray, height: float, frame: Frame) -> np.ndarray:
        """Return the level of places (..., 3) given in semi-axes."""
        places = places @ frame[0] + frame[1]
        radius = np.linalg.norm(places, axis=-1)
        heading = places / np.maximum(radius, 1e-6)[..., None]
        bumps = np.cos(heading @ self.waves.T + self.phases).sum(axis=-1) / np.sqrt(WAVES / 2)
        return radius * np.exp(-height * bumps)

    def _frame(self, height: float) -> Frame:
        """Return the frame in which the bent ball has the second moments of a ball."""
        level = self._level(self.lattice, height, (np.eye(3), np.zeros(3)))
        inside = self.lattice[level < 1]
        values, vectors = np.linalg.eigh(np.cov(inside.T) * 5)  # a unit ball's is 1/5
        return vectors @ np.diag(np.sqrt(values)) @ vectors.T, inside.mean(axis=0)

    def _height(self, sphericity: float) -> float:
        """Return how high bumps must be for a sphericity; the ellipsoid's own is the most."""
        low, high = 0.0, HIGHEST
        for _ in range(STEPS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self._sphericity(middle) > sphericity else (low, middle)
        return low

    def _sphericity(self, height: float) -> float:
        level = self._level(self.lattice, height, self._frame(height))
        step = (2 * REACH / (LATTICE - 1),) * 3
        vertices, faces, _, _ = measure.marching_cubes(level, 1.0, spacing=step)
        corners = ((vertices - REACH) * self.axes / np.cbrt(self.axes.prod()))[faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
        volume = abs(np.sum(corners[:, 0] * normals)) / 3
        area = np.linalg.norm(normals, axis=1).sum()
        return float((36 * np.pi * volume**2) ** (1 / 3) / area)


def painted(
    image: np.ndarray, inside: np.ndarray, region: Mapping, grain: np.ndarray
) -> np.ndarray:
    """Return the image with a region of asked mean and heterogeneity.

    Args:
        image: What was there.
        inside: Which voxels are the region's.
        region: mean and heterogeneity (standard deviation), in the image's units.
        grain: Texture over the whole grid.
    """
    out = image.copy()
    if inside.any():
        values = grain[inside] - grain[inside].mean()
        values *= region["heterogeneity"] / max(float(values.std()), 1e-6)
        out[inside] = region["mean"] + values
    return out
