"""What a chest CT may show beside the chest, if asked for: a neck, bowel gas, fat on the ribs.

None of it is drawn unless an option says so: a body without extras is the same to the last bit.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from radfoundry.phantoms._bodies import cage, mediastinum, painting
from radfoundry.phantoms._bodies.space import Grid, Points, put_ellipsoid, put_tube

# Options and their greatest values: mm of neck above the chest, gas-filled loops of bowel, mm of
# fat between ribs and pleura (up to a few mm in the slim, 10 to 20 mm in the obese).
GREATEST: Mapping[str, float] = {"neck_mm": 200.0, "bowel_gas": 8, "rib_fat_mm": 20.0}
LARYNX, GLOTTIS_MM = 0.36, 8.0  # height where the windpipe ends, in half widths; and its gap
THROAT = (0.1, 0.24, 0.07)  # half width and length of the throat's air, and its half depth
MOUTH = (0.25, 0.3, 0.11)  # semi-axes of the mouth's air in front of its upper end
HYOID = 0.2  # half width of the bone in front of the throat
WALL_MM = 3.0  # of the bowel
LOOP = 0.13  # radius of a loop
STOOL_MM = 7.0  # grain of what lies in the bowel beside gas
FIBRE_MM = 11.0  # grain of the muscle that runs through the fat on the ribs
FIBRES = 0.45  # how much of it, about


def chosen(options: Mapping) -> dict[str, float]:
    """Return the extras that are asked for, none of them zero.

    Raises:
        ValueError: Naming the option, its value and what is allowed.
    """
    out = {}
    for name, greatest in GREATEST.items():
        value = options[name]
        if isinstance(value, bool) or not 0 <= value <= greatest:
            raise ValueError(f"{name} is {value!r}: it must be from 0 to {greatest:g}")
        if value:
            out[name] = value
    return out


def larynx(body: Mapping) -> float:
    """Return the height (mm) at which the windpipe ends."""
    return LARYNX * body["width"]


def throat(body: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth in the air above the larynx: a wide, flat throat that opens to the mouth."""
    w, d = body["width"], body["depth"]
    wide, tall, deep = (part * w for part in THROAT)
    low = larynx(body) + GLOTTIS_MM
    depth = np.full(grid.shape, mediastinum.FAR)
    for step in range(4):
        center = [0.0, 0.18 * d, low + tall * (0.5 + step)]
        axes = np.diag([wide, deep, 0.75 * tall])
        put_ellipsoid(depth, grid, center, axes)
    mouth = [0.0, 0.18 * d + MOUTH[1] * w, low + 3.2 * tall]
    put_ellipsoid(depth, grid, mouth, np.diag(MOUTH) * w)
    return depth


def hyoid(body: Mapping, step_mm: float) -> Points:
    """Return the bone in front of the throat, as dense bone: the neck has bone beside its air."""
    w = body["width"]
    angle = np.arange(0, np.pi, step_mm / (HYOID * w))
    around = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1) * HYOID * w
    place = [0.0, 0.18 * body["depth"], larynx(body) + GLOTTIS_MM + 0.2 * w]
    mass = np.full(len(angle), 9.0 * step_mm)
    return Points((around + place).astype(np.float32), mass.astype(np.float32))


def loops(body: Mapping, exam: Mapping, grid: Grid, count: int, floor: np.ndarray) -> np.ndarray:
    """Return the depth in gas of the bowel under the diaphragm: most of it along the left ribs.

    Args:
        body: The person.
        exam: How they are examined.
        grid: Where.
        count: Loops; each is a bent tube of about 20 mL to 60 mL.
        floor: Height of the diaphragm over x and y.
    """
    w, d = body["width"], body["depth"]
    rng = np.random.default_rng([body["tree_seed"], 31])
    depth = np.full(grid.shape, mediastinum.FAR)
    for number in range(count):
        side = 1 if number % 3 == 2 else -1
        low = cage.dome(body, exam, side) - w * (0.24 + 0.17 * (number // 3) + 0.3 * (side > 0))
        x, y = side * rng.uniform(0.55, 0.72), rng.uniform(-0.3, 0.3)
        bend = np.array([[0.0, -0.28, -0.12], [0.06 * side, 0.0, 0.03], [0.0, 0.3, -0.1]])
        nodes = np.array([x * w, y * d, low]) + bend * w
        put_tube(depth, grid, nodes, LOOP * w * rng.uniform(0.75, 1.0, 3))
    inside = np.minimum(cage.cavity_depth(body, grid) - np.float32(3 + WALL_MM), depth)
    return np.minimum(inside, np.float32(0.8) * (floor - grid.z) - np.float32(WALL_MM))


def gas(body: Mapping, grid: Grid, depth: np.ndarray, image: np.ndarray, hu: Sequence) -> None:
    """Paint loops of bowel over an image, in place: wall, then gas with some stool in it.

    Args:
        body: The person.
        grid: Where.
        depth: What `loops` returned.
        image: HU.
        hu: Of wall, stool and gas.
    """
    paint = painting.Painter(image)
    paint(grid.filled(depth + np.float32(WALL_MM)), hu[0])
    paint(grid.filled(depth), hu[2])
    rng = np.random.default_rng([body["tree_seed"], 32])
    lumps = np.clip(painting.texture(rng, grid, STOOL_MM) - np.float32(0.8), 0, 1)
    paint(lumps * grid.filled(depth), hu[1])


def rib_fat(body: Mapping, grid: Grid, most_mm: float) -> np.ndarray:
    """Return how thick (mm) the fat between ribs and pleura is: most at the back and low down."""
    low = np.clip(-grid.z / np.float32(0.8 * body["height"]), 0, 1)
    behind = np.clip(np.float32(0.6) - grid.y / np.float32(body["depth"]), 0, 1)
    return np.float32(most_mm) * np.sqrt(low * behind)


def fatty(body: Mapping, grid: Grid) -> np.ndarray:
    """Return which part of the fat on the ribs is fat, in [0, 1]; muscle runs through the rest."""
    rng = np.random.default_rng([body["tree_seed"], 33])
    return 1 - np.clip(painting.texture(rng, grid, FIBRE_MM) + np.float32(FIBRES), 0, 1)
