"""Organs with what surrounds them, as the image a tumour is drawn into: CT in HU, MR in own units.

Each organ is a function of a person's shape and a regular grid about the organ's middle, RAS+; it
returns the image without noise and the mask of the organ. Grids need not hold all of it.
"""

from collections.abc import Callable, Mapping

import numpy as np

from radfoundry.phantoms._bodies import painting
from radfoundry.phantoms._bodies.branches import grown
from radfoundry.phantoms._bodies.space import Grid, put_ellipsoid, put_tube

FAR = np.float32(-1e3)
FAT_GAP = 8.0  # fat between liver and kidney, mm
Picture = tuple[np.ndarray, np.ndarray]  # image (float32) and mask of the organ


def _ball(grid: Grid, center: tuple, axes: tuple) -> np.ndarray:
    """Return the depth (mm) in an ellipsoid along the axes."""
    depth = np.full(grid.shape, FAR)
    put_ellipsoid(depth, grid, center, np.diag(np.asarray(axes, float)))
    return depth


def _paint(image: np.ndarray, share: np.ndarray, level: np.ndarray | float) -> None:
    image += share * (np.asarray(level, np.float32) - image)


def _rng(person: Mapping, number: int) -> np.random.Generator:
    return np.random.default_rng([person["seed"], number])


def kidney_ct(person: Mapping, grid: Grid) -> Picture:
    """Return a right kidney in its fat, between liver, psoas, spine and back, after contrast."""
    k, fill = person["scale"], grid.filled
    image = np.full(grid.shape, np.float32(-105))
    image += 6 * painting.texture(_rng(person, 1), grid, 9)
    x, y = grid.x + 0 * grid.z, grid.y + 0 * grid.z
    back = y + 0.0016 * k * (x + 20) ** 2  # the wall is round
    bowel = painting.texture(_rng(person, 2), grid, 18) * 6 + 0.3 * (y - 34)
    _paint(image, fill(np.minimum(bowel, y - 30)), 35)
    liver = np.minimum(_ball(grid, (28, 48, 62), (62, 66, 72)), FAT_GAP * k + y + 0.4 * grid.z)
    _paint(image, fill(liver), 110)
    wall = np.minimum(-44 * k - back + 0.1 * np.abs(x), 300)
    _paint(image, fill(wall), 58)
    _paint(image, fill(np.abs(back + 58 * k) * -1 + 2.5), -95)
    psoas = np.full(grid.shape, FAR)
    put_tube(psoas, grid, np.array([[-38, -18, 90], [-48, -14, -90.0]]), np.array([15, 24.0]))
    _paint(image, fill(psoas), 60)
    spine = 22 - np.hypot(x + 78, (y - 2) / 0.8)
    _paint(image, fill(spine), np.where(spine > 2, 210, 480))
    _paint(image, fill(-82 * k - back), -105)
    _paint(image, fill(-96 * k - back), -1000)
    return _kidney(person, grid, image)


def _kidney(person: Mapping, grid: Grid, image: np.ndarray) -> Picture:
    """Paint cortex, pyramids, sinus and vessels of the kidney; return image and mask."""
    k, fill = person["scale"], grid.filled
    tilt = person["tilt"]
    leaning = Grid(grid.x, grid.y, grid.z, grid.step_mm)
    outer = np.full(grid.shape, FAR)
    axes = np.array([[24, 0, 6 * tilt], [0, 22, 0], [-14 * tilt, 6, 52]]) * k
    put_ellipsoid(outer, leaning, (0, 0, 0), axes)
    notch = _ball(grid, (-25 * k, 6 * k, 0), (17 * k, 14 * k, 18 * k))
    outer = np.minimum(outer, -notch)
    pyramids = np.clip(painting.texture(_rng(person, 3), grid, 13) + 0.5, 0, 1)
    sinus = np.minimum(_ball(grid, (-9 * k, 3 * k, 0), (13 * k, 9 * k, 27 * k)), outer - 5)
    _paint(image, fill(outer), 165 + 5 * painting.texture(_rng(person, 4), grid, 5))
    _paint(image, fill(outer - 6 * k) * pyramids, 125)
    _paint(image, fill(sinus), -70)
    _paint(image, fill(_ball(grid, (-14 * k, 2 * k, -3 * k), (9 * k, 6 * k, 11 * k))), 15)
    for height, level in ((4, 150), (-1, 135)):
        vessel = np.full(grid.shape, FAR)
        nodes = np.array([[-14, 6, height], [-40, 12, height + 4], [-70, 16, height + 10.0]]) * k
        put_tube(vessel, grid, nodes, np.array([3.5, 4, 4.5]))
        _paint(image, fill(np.minimum(vessel, -outer)), level)
    return image, outer > 0


def lung_ct(person: Mapping, grid: Grid) -> Picture:
    """Return the middle of a right lung, its vessels, the chest wall and the mediastinum."""
    k, fill = person["scale"], grid.filled
    x, y = grid.x + 0 * grid.z, grid.y + 0 * grid.z
    inside = (1 - np.hypot((x + 62 * k) / (126 * k), y / (98 * k))) * 98 * k
    middle = -58 * k - x + 12 * np.cos(y / (38 * k)) + 10 * np.cos(grid.z / (30 * k))
    lung = np.minimum(inside, -middle)
    image = np.full(grid.shape, np.float32(52))
    image += 3 * painting.texture(_rng(person, 1), grid, 6)
    _paint(image, fill(-inside - 20 * k), -105)
    _paint(image, fill(-inside - 34 * k), -1000)
    _paint(image, fill(np.minimum(middle + 6, inside)), 42)
    rib = 5.5 - np.hypot(inside + 7, 2.2 * ((grid.z - 0.55 * y) % (30 * k) - 15 * k) / 2.2)
    _paint(image, fill(rib), np.where(rib > 2, 260, 620))
    level = -845 + 14 * painting.texture(_rng(person, 2), grid, 4) - 0.2 * y
    _paint(image, fill(lung), level)
    _paint(image, _lung_vessels(person, grid) * fill(lung), 45)
    return image, lung > 0


def _lung_vessels(person: Mapping, grid: Grid) -> np.ndarray:
    """Return vessels grown from two roots at the hilum."""
    k = person["scale"]
    goals = _rng(person, 3).uniform([-50, -85, -95], [60, 85, 95], (170, 3)) * k
    roots = np.array([[-58, 5, 12], [-58, -12, -18.0]]) * k
    tree = grown(roots, np.array([6.0, 6.0]), goals, 0.75)
    return painting.tubes(grid, tree.ends, tree.radii)


def breast_mr(person: Mapping, grid: Grid) -> Picture:
    """Return a breast in front of the chest wall: T1, fat suppressed, after contrast."""
    k, fill = person["scale"], grid.filled
    y = grid.y + 0 * grid.z
    chest = -38 * k - y - 0.0016 * (grid.x**2) - 0.0006 * grid.z**2
    outer = np.minimum(_ball(grid, (0, -40 * k, 0), (66 * k, 92 * k, 62 * k)), 200 - chest)
    trunk = np.maximum(outer, chest + 9)
    image = np.full(grid.shape, np.float32(8))
    _paint(image, fill(trunk), 330)
    _paint(image, fill(trunk - 2.5), 150 + 8 * painting.texture(_rng(person, 1), grid, 10))
    gland = _ball(grid, (0, -8 * k, 0), (44 * k, 52 * k, 40 * k))
    strands = painting.texture(_rng(person, 2), grid, 8) + person["dense"]
    strands = np.clip(0.9 * strands, 0, 1) * fill(np.minimum(gland, outer - 6))
    _paint(image, strands, 340 + 25 * painting.texture(_rng(person, 3), grid, 5))
    _paint(image, fill(chest), 260 + 15 * painting.texture(_rng(person, 4), grid, 5))
    ribs = 6 - np.hypot(chest - 19, (grid.z + 0.2 * grid.x) % (28 * k) - 14 * k)
    _paint(image, fill(ribs), 110)
    _paint(image, fill(chest - 27), 30)
    for side in (1, -1):
        vessel = np.full(grid.shape, FAR)
        nodes = np.array([[side * 45, -30, 40], [side * 30, 10, 24], [side * 10, 34, 6.0]]) * k
        put_tube(vessel, grid, nodes, np.array([1.8, 1.5, 1.1]))
        _paint(image, fill(np.minimum(vessel, outer - 4)), 620)
    return image, (outer > 0) & (chest < 0)


def brain_mr(person: Mapping, grid: Grid) -> Picture:
    """Return a brain in its skull: T1 after contrast."""
    k, fill = person["scale"], grid.filled
    axes = np.array([64, 80, 60]) * k
    brain = _ball(grid, (0, 0, 0), tuple(axes))
    split = np.abs(grid.x) + 0 * brain
    image = np.full(grid.shape, np.float32(8))
    for margin, level in ((15, 360), (13, 700), (8.5, 60), (3.5, 240), (2.5, 120)):
        _paint(image, fill(brain + np.float32(margin * k)), level)
    folds = painting.texture(_rng(person, 1), grid, 11 * k)
    groove = np.abs(folds) * 10 * k - 1.4 + np.maximum(brain - 14 * k, 0)  # deep in, no sulcus
    tissue = np.minimum(np.minimum(brain, groove), np.where(brain < 30 * k, split - 1.2, 99))
    _paint(image, fill(tissue), 330 + 8 * painting.texture(_rng(person, 2), grid, 5))
    white = np.minimum(np.minimum(brain - 4 * k, groove - 2.8 * k), split - 2)
    _paint(image, fill(white), 430 + 8 * painting.texture(_rng(person, 3), grid, 6))
    for side in (1, -1):
        for at, size in (((11, 14, 6), (6, 24, 7)), ((14, -22, 6), (7, 16, 9))):
            center = (side * at[0] * k, at[1] * k, at[2] * k)
            _paint(
                image, fill(_ball(grid, center, tuple(np.array(size) * k * person["wide"]))), 120
            )
        nuclei = _ball(grid, (side * 20 * k, 4 * k, -3 * k), (9 * k, 16 * k, 10 * k))
        _paint(image, fill(nuclei), 360)
    sinus = 3.2 * k - np.hypot(grid.x, np.abs(brain + np.float32(1)))
    _paint(image, fill(np.minimum(sinus, grid.z + 0.2 * (grid.y + 40))), 720)
    return image, brain > 0


# Semi-axes (mm) of the box about the organ's middle in which tumours grow.
ROOM: Mapping[str, tuple[float, float, float]] = {
    "kidney_ct": (13, 12, 32),
    "lung_ct": (30, 45, 40),
    "breast_mr": (26, 24, 24),
    "brain_mr": (38, 48, 34),
}
DRAWN: Mapping[str, Callable[[Mapping, Grid], Picture]] = {
    "kidney_ct": kidney_ct, "lung_ct": lung_ct, "breast_mr": breast_mr, "brain_mr": brain_mr,
}  # fmt: skip
