"""Findings as changes of a body: how much of the lung at each point they replace.

Nothing here draws at random: a finding of `findings.choose` holds everything.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from radfoundry.phantoms._bodies import cage
from radfoundry.phantoms._bodies.space import Grid, ellipsoid, extent

SIDES = {"right": 1, "left": -1}
AERATED = 0.26  # density of lung with its small vessels, water 1
BULLA = 0.03  # density of a bulla


def affected(exam: Mapping, findings: Sequence[Mapping]) -> dict:
    """Return the examination as the findings change it: a larger heart, flat diaphragms."""
    out = dict(exam)
    for finding in findings:
        if finding["name"] == "cardiomegaly":
            out["heart"] = out["heart"] * finding["factor"]
        if finding["name"] == "emphysema":
            share = ("mild", "moderate", "severe").index(finding["severity"]) / 2
            out["recess"] = out["recess"] * (0.95 - 0.2 * share)
            out["inspiration"] = out["inspiration"] * (1.01 + 0.02 * share)
    return out


def place(body: Mapping, exam: Mapping, side: int, at: np.ndarray) -> np.ndarray:
    """Return millimeters (n, 3) of points given in parts of a lung.

    Parts run from hilum to wall, from back to front and from base to top.
    """
    w, top = body["width"], cage.dome(body, exam, side)
    z = top * (1 - at[:, 2]) - 0.04 * body["height"] * at[:, 2]
    wide = cage.half_width(body, z)
    fore, aft = cage.front(body, z), cage.back(body, z)
    x = 0.15 * w + at[:, 0] * np.maximum(wide - 0.15 * w, 0)
    y = aft + at[:, 1] * (fore - aft)
    return np.stack([side * x, y, z], axis=1)


def share(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    """Return how much of the lung at each point a finding replaces, in [0, 1].

    Args:
        body: The person.
        exam: As `affected` by the findings.
        finding: One of `findings.choose`, of the lung.
        grid: Where.

    Raises:
        ValueError: If the finding is not one of the lung.
    """
    if finding["name"] not in _FIELDS:
        raise ValueError(f"{finding['name']!r} is no finding of the lung: {', '.join(_FIELDS)}")
    return _FIELDS[finding["name"]](body, exam, finding, grid)


def added_density(name: str) -> float:
    """Return what a finding adds to the density (water 1) of the lung it replaces: air or fluid.

    >>> added_density("emphysema") < 0 < added_density("nodule")
    True
    """
    return (BULLA if name == "emphysema" else 1.0) - AERATED


def _cloud(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    field = _blobs(body, exam, finding, grid)
    return np.minimum(field, 1) * np.float32(finding["strength"])


def _blobs(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    blobs = np.asarray(finding["blobs"])
    centers = place(body, exam, SIDES[finding["side"]], blobs)
    field = np.zeros(grid.shape, np.float32)
    for center, radius in zip(centers, blobs[:, 3] * body["width"], strict=True):
        axes = np.eye(3) * radius
        box = grid.box(*extent(center, axes, 0))
        if field[box].size:
            depth = np.maximum(ellipsoid(grid.part(box), center, axes), 0) * np.float32(1 / radius)
            field[box] += np.float32(2.2) * depth * depth * (3 - 2 * depth)
    return field


def _lobe_filled(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    side = SIDES[finding["side"]]
    depth = lobe_depth(body, exam, grid, side, finding["location"])
    return lobe_filled(body, exam, finding, grid, depth)


def lobe_filled(
    body: Mapping, exam: Mapping, finding: Mapping, grid: Grid, depth: np.ndarray
) -> np.ndarray:
    """Return how much of a lobe at each point is filled, from the depth (mm) in that lobe."""
    patchy = np.float32(finding["share"]) + np.minimum(_blobs(body, exam, finding, grid), 1)
    return grid.filled(depth) * np.minimum(patchy, 1) * np.float32(finding["strength"])


def lobe_depth(body: Mapping, exam: Mapping, grid: Grid, side: int, lobe: str) -> np.ndarray:
    """Return the depth (mm) of each point of a lung in one of its lobes, between the fissures.

    The oblique fissure runs from high at the back to the diaphragm in front; the horizontal one
    leaves it at the hilum, on the right only.
    """
    z_hilum = cage.levels(body, exam)["hilum"] + (0.05 if side < 0 else 0.0) * body["width"]
    floor = cage.dome(body, exam, side)
    slope = (z_hilum - floor) / (0.75 * body["depth"])
    oblique = z_hilum - slope * (grid.y + np.float32(0.1 * body["depth"])) - grid.z
    oblique = np.float32(1 / np.hypot(1, slope)) * oblique.astype(np.float32)
    if lobe == "lower lobe":
        return oblique
    if side < 0:
        return -oblique
    horizontal = (np.float32(z_hilum + 0.03 * body["width"]) - grid.z) + 0 * grid.x
    return np.minimum(-oblique, horizontal if lobe == "middle lobe" else -horizontal)


def _fluid(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    side = SIDES[finding["side"]]
    lean = np.radians(finding["lean_deg"])
    low = cage.dome(body, exam, side) - 0.2 * body["width"]
    tall = -low * finding["level"] * np.cos(lean) ** 2
    deep = 2 * body["depth"] * finding["level"] * 0.7 * np.sin(lean) ** 2
    height = np.float32(np.cos(lean)) * (grid.z - np.float32(low))
    height = height + np.float32(np.sin(lean)) * (grid.y + np.float32(body["depth"]))
    wall = np.maximum(cage.cavity_depth(body, grid), 0)
    climb = np.float32(0.35 * body["width"]) * np.exp(
        wall * np.float32(-1 / (0.13 * body["width"]))
    )
    return grid.filled(np.float32(tall + deep) + climb - height)


def _ball(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    center = place(body, exam, SIDES[finding["side"]], np.asarray([finding["at"]]))[0]
    axes = np.eye(3) * finding["radius_mm"]
    field = np.zeros(grid.shape, np.float32)
    box = grid.box(*extent(center, axes, grid.edge_mm))
    if field[box].size:
        field[box] = grid.filled(ellipsoid(grid.part(box), center, axes))
    return field


def _holes(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    blobs = np.asarray(finding["blobs"])
    centers = place(body, exam, SIDES[finding["side"]], blobs)
    field = np.zeros(grid.shape, np.float32)
    for center, radius in zip(centers, blobs[:, 3] * body["width"], strict=True):
        axes = np.eye(3) * radius
        box = grid.box(*extent(center, axes, grid.edge_mm))
        if field[box].size:
            np.maximum(
                field[box], grid.filled(ellipsoid(grid.part(box), center, axes)), out=field[box]
            )
    return field


_FIELDS = {
    "opacity": _cloud,
    "ground_glass": _cloud,
    "consolidation": _lobe_filled,
    "nodule": _ball,
    "pleural_effusion": _fluid,
    "emphysema": _holes,
}
