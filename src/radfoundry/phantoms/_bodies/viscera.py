"""Lungs and what lies between them, as a CT shows it.

All are depths (mm) below a surface, negative outside, on any grid. The heart, the cage and the
diaphragm are those of the radiographs; fat and vessels around them are drawn for CT alone.
"""

from collections.abc import Mapping

import numpy as np

from radfoundry.phantoms._bodies import cage, mediastinum
from radfoundry.phantoms._bodies.space import Grid, curve, put_ellipsoid, put_tube

SLIM = 0.76  # across its long axis the heart of a CT is this part of the radiographs' round one
GROWTH = 0.9  # power of a large heart's width with which its lengths grow
FAT_MM = 3.0  # fat around heart and vessels, before the lung begins
SMOOTH = 3  # pieces between two nodes of a vessel
Tube = tuple[np.ndarray, np.ndarray]  # nodes (n, 3) and radii (n,), mm


def of_ct(exam: Mapping, affected: Mapping) -> dict:
    """Return an examination as findings affect it, with the large heart of a CT.

    A film shows a heart's width; its volume grows less than with the cube of that.
    """
    grown = affected["heart"] / exam["heart"]
    return {**affected, "heart": exam["heart"] * grown**GROWTH}


def lungs(
    body: Mapping, exam: Mapping, grid: Grid, middle: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the depths in the right and the left lung.

    Args:
        body: The person.
        exam: How they are examined.
        grid: Where.
        middle: Depth in the mediastinum, where it is known already.
    """
    middle = between(body, exam, grid) if middle is None else middle
    cavity = np.minimum(cage.cavity_depth(body, grid), -middle)
    right, left = (cage.lung_depth(body, exam, grid, cavity, side) for side in (1, -1))
    return right, left


def floor(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the height (mm) of the diaphragm over the points x, y of a grid."""
    sides = (cage.diaphragm(body, exam, grid.x, grid.y, side) for side in (1, -1))
    return np.where(grid.x > 0, *sides)


def heart(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth in the heart, above the diaphragm and clear of the ribs."""
    depth = _heart(body, exam, grid)
    depth = np.minimum(depth, cage.cavity_depth(body, grid) - np.float32(5))
    return np.minimum(depth, grid.z - floor(body, exam, grid))


def heart_axes(body: Mapping, exam: Mapping) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return centers and semi-axes of ventricles, right and left atrium, as CT shows them."""
    (center, axes), *atria = mediastinum.heart_axes(body, exam)
    return [(center, axes * np.array([[1.0], [SLIM], [1.0]])), *atria]


def _heart(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth in the heart and its roots, wherever it reaches; drawn long below."""
    depth = np.full(grid.shape, mediastinum.FAR)
    parts = heart_axes(body, exam)
    below = np.minimum(grid.z - np.float32(parts[0][0][2]), 0)
    resting = Grid(grid.x, grid.y, grid.z - np.float32(0.45) * below, grid.step_mm)
    for center, axes in parts:
        put_ellipsoid(depth, resting, center, axes)
    for nodes, radii in mediastinum.outflow(body, exam):
        put_tube(depth, grid, nodes, radii)
    return depth


def between(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth in the mediastinum: everything between the lungs, with its fat."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    z = grid.z.astype(np.float64)
    levels = [at["hilum"] - 0.6 * w, at["hilum"], at["arch"], -0.06 * body["height"], 0.1 * w]
    wide = np.interp(z, levels, [0.05, 0.09, 0.15, 0.17, 0.24]) * body["mediastinum"]
    wide, ahead = wide.astype(np.float32), grid.y / d
    spine = 0.115 / (1 + np.exp((ahead + 0.28) / 0.07))
    front = (cage.front(body, z) / d - 0.14).astype(np.float32)
    wedge = 0.16 / (1 + np.exp((front - ahead) / 0.08))
    half = w * (spine + wide * np.exp(-(((ahead - 0.06) / 0.46) ** 2)) + wedge + 0.022)
    bent = cage.spine_x(body, grid.z) * (ahead < 0) + 0.5 * exam["shift"] * w
    depth = (half - np.abs(grid.x - bent)).astype(np.float32)
    for nodes, radii in (*vessels(body, exam), *airway(body, exam)):
        put_tube(depth, grid, nodes, radii + FAT_MM)
    np.maximum(depth, _heart(body, exam, grid) + np.float32(FAT_MM), out=depth)
    if body["thymus"]:
        center = [-0.02 * w, 0.6 * d, at["arch"]]
        put_ellipsoid(depth, grid, center, np.diag([0.42, 0.3, 0.45]) * w * body["thymus"])
    return depth


def aorta(body: Mapping, exam: Mapping) -> Tube:
    """Return the aorta from its root over the arch down to the abdomen."""
    nodes, radii = mediastinum.great_vessels(body, exam)[0]
    low = nodes[-1] - [0.0, 0.0, 0.8 * body["width"]]
    return _smooth(np.concatenate([nodes, [low]]), np.append(radii, 0.95 * radii[-1]))


def artery_end(body: Mapping, exam: Mapping, side: int) -> np.ndarray:
    """Return where a pulmonary artery enters its lung, mm; the left one lies higher."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    x, y, down = (0.25, -0.06, 0.2) if side > 0 else (-0.3, -0.16, 0.08)
    return np.array([x * w, y * d, at["carina"] - down * w])


def vessels(body: Mapping, exam: Mapping) -> list[Tube]:
    """Return the great vessels: aorta first, then its branches, veins and pulmonary arteries."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    arch, carina = at["arch"], at["carina"]
    left, right = (artery_end(body, exam, side) for side in (-1, 1))
    fork = [-0.12 * w, 0.12 * d, carina - 0.1 * w]
    plan = [
        ([[0.05, 0.1, arch], [0.1, 0.1, arch + 0.25 * w], [0.16, 0.0, 0.3 * w]], [0.05, 0.045]),
        ([[-0.03, 0.0, arch], [-0.09, 0.02, arch + 0.25 * w], [-0.13, 0.05, 0.3 * w]], [0.035] * 2),
        ([[-0.12, -0.15, arch], [-0.17, -0.15, 0.6 * arch], [-0.3, 0, 0.1 * w]], [0.042, 0.038]),
        ([[0.17, 0.08, carina - 0.35 * w], [0.16, 0.08, carina], [0.15, 0.12, 0.5 * arch],
          [0.24, 0.15, 0.1 * w]], [0.075, 0.06]),
        ([[0.15, 0.12, 0.7 * arch], [-0.05, 0.25, 0.5 * arch], [-0.3, 0.2, 0.05 * w]], [0.055] * 2),
        ([[0.09, 0.0, carina - 0.75 * w], [0.1, -0.1, cage.dome(body, exam, 1) - 0.8 * w]],
         [0.1, 0.09]),
    ]  # fmt: skip
    out = [aorta(body, exam)]
    for nodes, (first, last) in plan:
        path = np.array([[x * w, y * d, z] for x, y, z in nodes])
        out.append(_smooth(path, w * np.linspace(first, last, len(path))))
    below = [-0.14 * w, 0.35 * d, carina - 0.5 * w]
    arteries = ([below, fork, left], [fork, [0.08 * w, 0.0, carina - 0.17 * w], right])
    wide = ([0.11, 0.1, 0.075], [0.085, 0.078, 0.07])
    return out + [
        _smooth(np.array(p), w * np.array(r)) for p, r in zip(arteries, wide, strict=True)
    ]


def airway(body: Mapping, exam: Mapping) -> list[Tube]:
    """Return what mediastinum surrounds trachea and main bronchi."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    r, carina = 0.06 * w, np.array([exam["trachea_x"] * w, -0.14 * d, at["carina"]])
    top = np.array([0.5 * carina[0], 0.0, 0.05 * w])
    right = np.array([0.15 * w, -0.18 * d, carina[2] - 0.13 * w])
    left = np.array([-0.3 * w, -0.24 * d, carina[2] - 0.22 * w])
    return [
        (np.array([top, carina]), np.array([r, r])),
        (np.array([carina, right]), np.array([0.055, 0.045]) * w),
        (np.array([carina, left]), np.array([0.055, 0.042]) * w),
    ]


def gullet(body: Mapping, exam: Mapping) -> Tube:
    """Return the esophagus, behind trachea and left atrium."""
    w, d, at = body["width"], body["depth"], cage.levels(body, exam)
    low = cage.dome(body, exam, -1) - 0.25 * w
    nodes = [
        [-0.02 * w, -0.12 * d, 0.3 * w],
        [-0.03 * w, -0.32 * d, at["carina"]],
        [-0.03 * w, -0.34 * d, 0.5 * (low + at["carina"])],
        [-0.14 * w, -0.1 * d, low],
    ]
    return _smooth(np.array(nodes), np.full(4, 0.048 * w))


def _smooth(nodes: np.ndarray, radii: np.ndarray) -> Tube:
    path = curve(list(np.column_stack([nodes, radii])), SMOOTH * (len(nodes) - 1) + 1)
    return path[:, :3], path[:, 3]


def chambers(body: Mapping, exam: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth in the blood of the four chambers; the heart's muscle lies around it."""
    depth = np.full(grid.shape, mediastinum.FAR)
    (center, axes), (right, right_axes), (left, left_axes) = heart_axes(body, exam)
    long, across, up = axes
    sign = 1.0 if across[0] + across[1] > 0 else -1.0
    inner = np.array([0.72 * long, 0.33 * across, 0.6 * up])
    put_ellipsoid(depth, grid, center - sign * 0.36 * across, inner)
    put_ellipsoid(depth, grid, center + sign * 0.5 * across + 0.04 * long, 0.9 * inner)
    put_ellipsoid(depth, grid, right, 0.82 * right_axes)
    put_ellipsoid(depth, grid, left, 0.85 * left_axes)
    for nodes, radii in mediastinum.outflow(body, exam):
        put_tube(depth, grid, nodes, 0.75 * radii)
    return depth
