"""What surrounds lungs and heart in a CT: skin, muscles, spine, and the organs of the belly.

All are depths (mm) below a surface, negative outside, on any grid.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from radfoundry.phantoms._bodies import cage, mediastinum, trunk, viscera
from radfoundry.phantoms._bodies.space import Grid, put_ellipsoid, put_tube


def skin(body: Mapping, exam: Mapping, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return depths below the skin and below the trunk's own surface, which has no breasts.

    The trunk is that of the radiographs with the muscles along the spine.
    """
    depth, w = trunk.trunk_depth({**body, "breast": 0.0}, exam, grid), body["width"]
    back = 0.32 * w - 1.04 * body["depth"] - body["wall"]
    for side in (1, -1):
        x = side * 0.3 * w
        nodes = np.array([[x, back, -3 * body["height"]], [x, back, -0.25 * body["height"]],
                          [0.6 * x, 0.75 * back, 0.0], [0.5 * x, 0.4 * back, 0.4 * w]])  # fmt: skip
        put_tube(depth, grid, nodes, np.array([0.36, 0.35, 0.26, 0.2]) * w)
    outer = depth.copy()
    for side in (1, -1) if body["breast"] else ():
        put_ellipsoid(outer, trunk.hanging(grid, body), *trunk.breast(body, side))
    return outer, depth


def glands(body: Mapping, grid: Grid, skin: np.ndarray) -> np.ndarray:
    """Return the depth in the gland of both breasts, which `skin`, the depth below it, covers."""
    depth = np.full(grid.shape, mediastinum.FAR)
    for side in (1, -1):
        center, axes = trunk.breast(body, side)
        put_ellipsoid(depth, grid, center + [0, 0.15 * axes[1, 1], 0], 0.62 * axes)
    return np.minimum(depth, skin - np.float32(6))


def below(body: Mapping, exam: Mapping, grid: Grid, cavity: np.ndarray) -> dict[str, np.ndarray]:
    """Return depths in what lies under the diaphragm: abdomen, liver, spleen, stomach, its gas.

    Args:
        body: The person.
        exam: How they are examined.
        grid: Where.
        cavity: Depth below the inside of the rib cage.
    """
    w, d = body["width"], body["depth"]
    under = np.float32(0.8) * (viscera.floor(body, exam, grid) - grid.z)
    abdomen = np.minimum(cavity, under)
    inner = np.minimum(cavity - np.float32(4), under - np.float32(3))
    low = cage.dome(body, exam, -1)
    lobe = 0.33 * w + grid.x + 0.55 * np.minimum(grid.y + 0.1 * d, 0)
    lobe = np.minimum(lobe, 0.75 * (grid.z - low + 0.75 * w + np.maximum(grid.x, 0)))
    spleen, stomach, gas = (np.full(grid.shape, mediastinum.FAR) for _ in range(3))
    put_ellipsoid(spleen, grid, [-0.66 * w, -0.42 * d, low - 0.34 * w],
                  np.diag([0.19 * w, 0.42 * d, 0.32 * w]))  # fmt: skip
    put_ellipsoid(stomach, grid, [-0.42 * w, 0.12 * d, low - 0.3 * w],
                  np.diag([0.25 * w, 0.5 * d, 0.26 * w]))  # fmt: skip
    for bubble in exam["gas"]:
        center = np.array(bubble[:3]) * [w, d, w]
        center[2] += cage.dome(body, exam, 1 if bubble[0] > 0 else -1)
        put_ellipsoid(gas, grid, center, np.diag(bubble[3:]) * w)
    level = grid.y - np.float32(0.34 * d)  # fluid below gas, for a patient on the back
    gas = np.minimum(np.maximum(gas, np.minimum(stomach - 4, level)), inner - np.float32(2))
    return {
        "abdomen": abdomen,
        "liver": np.minimum(inner, lobe.astype(np.float32)),
        "spleen": np.minimum(inner, spleen),
        "stomach": np.minimum(inner, np.maximum(stomach, gas + np.float32(3))),
        "gas": gas,
    }


def vertebrae(body: Mapping, grid: Grid) -> tuple[np.ndarray, ...]:
    """Return depths in the spine's column, its blocks, the canal and all that is behind them."""
    w, gap = body["width"], body["spacing"]
    z = grid.z.astype(np.float64)
    number = (0.2 * gap - z) / gap
    number = np.where(number < 0, number / 0.8, number)
    size = np.interp(number, [-3, 0, 12, 15], [0.085, 0.1, 0.135, 0.15]) * w
    y = np.interp(number, [-3, 0, 6, 12, 15], [-0.1, -0.4, -0.62, -0.52, -0.35]) * body["depth"]
    beyond = np.abs(number - np.round(number))
    size = size * (0.94 + 0.12 * np.clip(beyond - 0.2, 0, 0.2) / 0.2)
    x = (grid.x - cage.spine_x(body, z)).astype(np.float32)
    back = (grid.y - y).astype(np.float32)
    wide = size.astype(np.float32)
    column = wide - np.sqrt(x**2 + (back / np.float32(0.85)) ** 2)
    block = np.minimum(column, ((0.43 - beyond) * gap).astype(np.float32))
    canal = np.float32(0.45) * wide - np.sqrt(x**2 + (back + np.float32(1.32) * wide) ** 2)
    return column, block, canal, -back - np.float32(0.3) * wide


def wall_muscle(
    body: Mapping, surface: np.ndarray, cavity: np.ndarray, uneven: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the depth in the muscle of the chest wall: under the fat, parted by thin fat.

    Args:
        body: The person.
        surface: Depth below the surface of the trunk.
        cavity: Depth below the inside of the rib cage, negative in the wall.
        uneven: Two smooth random fields: how thick the fat is, and where muscles part.
    """
    fat = np.float32(1.3 * body["fat"] + 2) * (1 + np.float32(0.18) * uneven[0])
    under = surface - fat
    thick = np.maximum(under - np.minimum(cavity, 0), 1)
    part = np.abs(under / thick - np.float32(0.5) - np.float32(0.08) * uneven[1])
    seam = part * thick - np.clip(np.float32(1.6) + uneven[0], 0.2, 4)
    return np.minimum(under, np.where(thick > 12, seam, under))
