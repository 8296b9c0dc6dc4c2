"""What the skin surrounds: trunk, shoulders, neck, arms, head and breasts."""

from collections.abc import Mapping

import numpy as np

from radfoundry.phantoms._bodies import cage
from radfoundry.phantoms._bodies.space import Grid, put_ellipsoid, put_tube


def trunk_profile(body: Mapping, exam: Mapping, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return outer half width and half depth (mm) of trunk, shoulders and neck at heights z."""
    w, d, h = body["width"], body["depth"], body["height"]
    side, lift = body["wall"], exam["shoulder_lift"] * w
    levels = [-2.2 * h, -1.2 * h, -0.8 * h, -0.45 * h, -0.28 * w + lift, 0.0 * w + lift]
    widths = [w * body["waist"] + side, w + side, w + side, w + 1.1 * side, 1.22 * w, 1.2 * w]
    levels += [0.12 * w + lift, 0.28 * w + lift, 0.5 * w + lift, 0.85 * w + lift]
    widths += [1.02 * w, 0.74 * w, 0.1 * w + body["neck"] * w, body["neck"] * w]
    deep = [-2.2 * h, -0.9 * h, -0.4 * h, -0.1 * h, 0.3 * w, 0.8 * w]
    depths = [d + body["belly"], d + body["wall"], d + 0.9 * body["wall"]]
    depths += [0.9 * d + 0.8 * body["wall"], 0.8 * d, 0.7 * d]
    return np.interp(z, levels, widths), np.interp(z, deep, depths)


def trunk_depth(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth (mm) of each point below the skin: trunk, neck, arms, head and breasts."""
    wide, deep = trunk_profile(body, exam, grid.z.astype(np.float64))
    across = grid.x * (1 / wide).astype(np.float32)
    along = (grid.y + np.float32(0.04 * body["depth"])) * (1 / deep).astype(np.float32)
    reach = cage.squared(across, along, 0.5)
    depth = (np.float32(1) - reach) * (0.5 * np.minimum(wide, 1.5 * deep)).astype(np.float32)
    for side in (1, -1):
        nodes, radii = arm(body, exam, side)
        put_tube(depth, grid, nodes, radii)
        put_ellipsoid(
            depth, grid, nodes[0] * [0.92, 1, 1], np.diag([0.36, 0.42, 0.36]) * body["width"]
        )
        if body["breast"]:
            put_ellipsoid(depth, hanging(grid, body), *breast(body, side))
    put_ellipsoid(depth, grid, *head(body, exam))
    return depth


def hanging(grid: Grid, body: Mapping) -> Grid:
    """Return the grid as a hanging breast sees it: drawn out above, so that it fades upward."""
    above = np.maximum(grid.z + np.float32(body["breast_level"] * body["height"]), 0)
    return Grid(grid.x, grid.y, grid.z - np.float32(0.6) * above, grid.step_mm)


def arm(body: Mapping, exam: Mapping, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes (3, 3) and radii (3,) of an arm: shoulder, elbow, wrist."""
    w = body["width"]
    lift = exam["shoulder_lift"] * w
    shoulder = np.array([side * 1.17 * w, -0.15 * body["depth"], -0.2 * w + lift])
    angle = np.radians(exam["arm_right_deg"] if side > 0 else exam["arm_left_deg"])
    along = np.array([side * np.sin(angle), 0.1, -np.cos(angle)])
    elbow = shoulder + 1.9 * w * along
    return np.array([shoulder, elbow, elbow + 1.5 * w * along]), body["arm"] * w * np.array(
        [1.0, 0.95, 0.7]
    )


def breast(body: Mapping, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return center and semi-axes (3, 3) of a breast."""
    w, size = body["width"], body["breast"]
    z = -body["breast_level"] * body["height"]
    center = [side * 0.52 * w, 0.9 * body["depth"] + 0.5 * body["wall"], z]
    return np.array(center), np.diag([0.42 + 0.2 * size, 0.1 + 0.6 * size, 0.22 + 0.25 * size]) * w


def head(body: Mapping, exam: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Return center and semi-axes (3, 3) of the head."""
    w = body["width"]
    size = body["head"] * w
    z = 0.5 * w + exam["shoulder_lift"] * w + body["neck_length"] * w + size
    return np.array([exam["head_turn"] * w, 0.15 * w, z]), np.diag([0.85, 1.0, 1.15]) * size
