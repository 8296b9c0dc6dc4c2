"""The rib cage and the diaphragm: the surfaces that shape the lungs."""

from collections.abc import Mapping

import numpy as np

from radfoundry.phantoms._bodies.space import Grid


def half_width(body: Mapping, z: np.ndarray) -> np.ndarray:
    """Return the inner half width (mm) of the rib cage at heights z."""
    level = np.maximum(-z / (body["height"] * body["widest"]), 1e-3)
    above = 1 - np.minimum(level, 1)
    rising = (1 - body["narrowing"] * above) * (1 - above**3) ** body["roundness"]
    return body["width"] * rising * np.maximum(1 - body["taper"] * np.maximum(level - 1, 0), 0.6)


def front(body: Mapping, z: np.ndarray) -> np.ndarray:
    """Return y (mm) of the inner front wall of the rib cage at heights z."""
    level = np.clip(-z / (0.6 * body["height"]), 0, 1)
    return body["depth"] * (-0.15 + 1.1 * np.sqrt(1 - (1 - level) ** 2))


def back(body: Mapping, z: np.ndarray) -> np.ndarray:
    """Return y (mm) of the inner back wall of the rib cage at heights z."""
    level = np.clip(-z / (0.45 * body["height"]), 0, 1)
    return -body["depth"] * (0.62 + 0.38 * np.sqrt(1 - (1 - level) ** 2))


def spine_x(body: Mapping, z: np.ndarray) -> np.ndarray:
    """Return x (mm) of the spine at heights z: it sways."""
    sway = np.sin(3.3 * z / body["height"] + body["sway_phase"])
    return body["sway"] * body["width"] * sway


def dome(body: Mapping, exam: Mapping, side: int) -> float:
    """Return the height (mm) of the top of a diaphragm dome; side 1 is right, -1 left."""
    right = -body["height"] * exam["inspiration"]
    return right if side > 0 else right - exam["dome_difference"]


def diaphragm(body: Mapping, exam: Mapping, x: np.ndarray, y: np.ndarray, side: int) -> np.ndarray:
    """Return the height (mm) of one side of the diaphragm over points x, y."""
    top = dome(body, exam, side)
    width, depth = half_width(body, np.array(top)), body["depth"]
    middle, forward = 0.45 * width, 0.12 * depth
    lateral = _fall((side * x - middle) / (width - middle))
    medial = np.clip((middle - side * x) / middle, 0, 1.5) ** 2
    behind = _fall((forward - y) / (forward + depth))
    before = _fall((y - forward) / (0.95 * depth - forward))
    fall = exam["recess"] * (lateral + 1.3 * behind) + 0.3 * exam["recess"] * before
    return (top - body["width"] * (fall + exam["cardiophrenic"] * medial)).astype(np.float32)


def _fall(q: np.ndarray) -> np.ndarray:
    """Return how far a dome has fallen, 0 at its top, 1 at the wall, where it is steepest."""
    q = np.clip(q, 0, 0.995)
    return 0.55 * q**2 + 0.45 * (1 - np.sqrt(1 - q**2))


def levels(body: Mapping, exam: Mapping) -> dict[str, float]:
    """Return heights (mm) of the aortic arch, the carina and the hila."""
    top = -body["arch_level"] * body["height"]
    carina = top - 0.2 * body["width"]
    right = dome(body, exam, 1)
    return {
        "arch": top,
        "carina": carina,
        "hilum": 0.72 * (carina - 0.2 * body["width"]) + 0.16 * right,
    }


def squared(across: np.ndarray, along: np.ndarray, square: float) -> np.ndarray:
    """Return 1 on the rim of a squircle, less inside, more outside; the arguments are reused.

    a^2 + b^2 - square a^2 b^2: a circle for square 0, a square for 1 (Fernandez-Guasti 1992).
    """
    across *= across
    along *= along
    reach = across + along
    np.minimum(across, 1, out=across)
    across *= np.minimum(along, 1, out=along)
    across *= np.float32(square)
    reach -= across
    return reach


def cavity_depth(body: Mapping, grid: Grid) -> np.ndarray:
    """Return the depth (mm) of each point below the inside of the rib cage."""
    z = grid.z.astype(np.float64)
    wide, fore, aft = half_width(body, z), front(body, z), back(body, z)
    deep = (fore - aft) / 2
    across = grid.x * (1 / np.maximum(wide, 1)).astype(np.float32)
    along = (grid.y - ((fore + aft) / 2).astype(np.float32)) * (1 / deep).astype(np.float32)
    reach = squared(across, along, body["square"])
    scale = 0.5 * np.minimum(wide, 1.3 * deep)
    return (np.float32(1) - reach) * scale.astype(np.float32)


def lung_depth(
    body: Mapping, exam: Mapping, grid: Grid, cavity: np.ndarray, side: int
) -> np.ndarray:
    """Return one lung's depth: the cavity of a side between its cupola and its diaphragm."""
    floor = diaphragm(body, exam, grid.x, grid.y, side)
    wide = (side * grid.x - body["apex_x"] * body["width"]) / (0.45 * body["width"])
    deep = (grid.y + 0.45 * body["depth"]) / (0.8 * body["depth"])
    shift = 0 if side > 0 else body["apex_difference"]
    roof = shift - 0.2 * body["height"] * (wide**2 + deep**2)
    depth = np.minimum(cavity, np.float32(0.85) * (roof.astype(np.float32) - grid.z))
    np.minimum(depth, np.float32(0.8) * (grid.z - floor), out=depth)
    return np.minimum(depth, np.float32(side) * grid.x, out=depth)
