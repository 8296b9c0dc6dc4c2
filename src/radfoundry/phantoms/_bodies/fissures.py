"""The fissures between the lobes of a lung: curved sheets, drawn as the thin lines a CT shows.

The oblique fissure runs from high at the back to the diaphragm in front; on the right the
horizontal one leaves it near the hilum. Both bulge as each person's own do. A fissure is two
layers of pleura, far thinner than a voxel: what is seen of it is partial volume.
"""

from collections.abc import Mapping

import numpy as np

from radfoundry.phantoms._bodies import cage
from radfoundry.phantoms._bodies.space import Grid

PLEURA_MM = 0.4  # both layers of pleura with the fluid between them


def heights(
    body: Mapping, exam: Mapping, x: np.ndarray, y: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return how high the oblique and horizontal fissures stand over points x, y of one lung.

    Returns:
        Both heights (mm), shaped as x and y together, and the cosine of the oblique one's tilt.
    """
    w, d = body["width"], body["depth"]
    start = cage.levels(body, exam)["hilum"] + (0.05 if side < 0 else 0.0) * w
    slope = (start - cage.dome(body, exam, side)) / (0.75 * d)
    phase = np.random.default_rng([body["tree_seed"], side + 8]).uniform(0, 2 * np.pi, 2)
    out, ahead = side * x / w - 0.5, y / d
    wave = np.sin(2.4 * ahead + phase[0]) + 0.7 * np.sin(4.0 * out + phase[1])
    oblique = start - slope * (y + 0.1 * d) + 0.035 * w * wave - 0.1 * w * out
    dome = 0.05 - 0.25 * out**2 - 0.06 * ahead + 0.012 * np.sin(5 * ahead + phase[1])
    horizontal = start + w * dome + 0 * y
    return (
        oblique.astype(np.float32),
        horizontal.astype(np.float32),
        float(1 / np.hypot(1, slope)),
    )


def lobe_depth(body: Mapping, exam: Mapping, grid: Grid, side: int, lobe: str) -> np.ndarray:
    """Return the depth (mm) of each point of a lung in one of its lobes, between the fissures.

    Args:
        body: The person.
        exam: How they are examined.
        grid: Where.
        side: 1 right, -1 left.
        lobe: "upper lobe", "middle lobe" (right) or "lower lobe".
    """
    oblique, horizontal, tilt = heights(body, exam, grid.x, grid.y, side)
    below = (oblique - grid.z) * np.float32(tilt)
    if lobe == "lower lobe":
        return below
    if side < 0:
        return -below
    under = horizontal - grid.z
    return np.minimum(-below, under if lobe == "middle lobe" else -under)


def sheets(body: Mapping, exam: Mapping, grid: Grid, side: int) -> np.ndarray:
    """Return how much of each voxel the fissures of one lung fill, in [0, 1]."""
    oblique, horizontal, tilt = heights(body, exam, grid.x, grid.y, side)
    below = (oblique - grid.z) * np.float32(tilt)
    filled = _sheet(below, grid.edge_mm)
    if side > 0:
        filled += _sheet(horizontal - grid.z, grid.edge_mm) * (below < 0)
    return np.minimum(filled, 1)


def _sheet(depth: np.ndarray, edge_mm: float) -> np.ndarray:
    """Return the share of a thin sheet at depth 0 in voxels of the given edge."""
    near = np.maximum(1 - np.abs(depth) * np.float32(1 / edge_mm), 0)
    return near * np.float32(min(PLEURA_MM / edge_mm, 1))
