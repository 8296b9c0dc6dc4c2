"""How much of each point of a body its soft organs fill."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radfoundry.phantoms._bodies import cage, mediastinum, trunk
from radfoundry.phantoms._bodies.space import Grid


@dataclass(frozen=True)
class Organs:
    """How much of each point of a grid an organ fills, in [0, 1]; float32 (U, D, V)."""

    body: np.ndarray
    lung_right: np.ndarray
    lung_left: np.ndarray
    heart: np.ndarray
    mediastinum: np.ndarray
    gas: np.ndarray


def organs(body: Mapping, exam: Mapping, grid: Grid) -> Organs:
    """Return how much of each point of the grid belongs to which soft organ."""
    inside = cage.cavity_depth(body, grid)
    heart = np.minimum(mediastinum.heart_depth(body, exam, grid), inside - np.float32(3))
    middle = mediastinum.mediastinum_depth(body, exam, grid)
    cavity = np.minimum(inside, -heart)
    np.minimum(cavity, -middle, out=cavity)
    floor = np.where(grid.x > 0, *(cage.diaphragm(body, exam, grid.x, grid.y, s) for s in (1, -1)))
    return Organs(
        body=grid.filled(trunk.trunk_depth(body, exam, grid)),
        lung_right=grid.filled(cage.lung_depth(body, exam, grid, cavity, 1)),
        lung_left=grid.filled(cage.lung_depth(body, exam, grid, cavity, -1)),
        heart=grid.filled(np.minimum(heart, grid.z - floor)),
        mediastinum=grid.filled(np.minimum(middle, inside)),
        gas=grid.filled(mediastinum.gas_depth(body, exam, grid)),
    )


def lung_field(body: Mapping, exam: Mapping, grid: Grid, side: int) -> np.ndarray:
    """Return how much of each point a reader counts to a lung, behind the heart too.

    Readers follow V7's convention: from the edge of the vertebrae to the ribs, heart or not.
    """
    depth = cage.lung_depth(body, exam, grid, cage.cavity_depth(body, grid), side)
    edge = np.float32(0.19 * body["width"] * body["mediastinum"])
    beside = grid.x - cage.spine_x(body, grid.z).astype(np.float32)
    return grid.filled(np.minimum(depth, np.float32(side) * beside - edge))
