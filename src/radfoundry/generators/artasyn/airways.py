"""Air bronchograms: the bronchi that stay dark where the lung around them has filled.

A tree starts at the hilum of a lung and forks outward in smooth, tapering branches. Lengths are
pixels of a picture 256 pixels wide, scaled by `texture.unit`.
"""

import numpy as np
from scipy import ndimage
from skimage.draw import line

from radfoundry.generators.artasyn import texture

HILUM = 0.45  # of the lung's height, from its top
STEMS = (2, 5)  # bronchi seen to leave the hilum
FORK_DEG = 24  # mean angle between a branch and its parent
WIDTHS = (1.2, 0.9, 0.7)  # of a generation: standard deviation of the profile
SHORTER = 0.68  # each generation is as long as this part of the one before


def bronchi(lung: np.ndarray, side: str, rng: np.random.Generator) -> np.ndarray:
    """Return how much air of a bronchus each pixel shows, in [0, 1].

    Args:
        lung: Mask (rows, columns) as viewed.
        side: "right" or "left": the patient's.
        rng: Draws the tree.
    """
    outward = -1 if side == "right" else 1
    rows, columns = np.argwhere(lung).T
    row = rows.min() + HILUM * np.ptp(rows)
    near = columns[np.abs(rows - row) <= max(1, 0.05 * np.ptp(rows))]
    hilum = np.array([row, near.max() if side == "right" else near.min()])
    reach = 0.4 * np.sqrt(lung.sum())
    branches = [
        (hilum, np.radians(angle + rng.normal(0, 6)), reach * rng.uniform(0.7, 1.1))
        for angle in np.linspace(-50, 70, int(rng.integers(*STEMS)))
    ]
    shown = np.zeros(lung.shape)
    for width in WIDTHS:
        drawn, grown = np.zeros(lung.shape, bool), []
        for start, angle, length in branches:
            end, last = _grown(drawn, (start, angle, length), outward, rng)
            for turn in (-1, 1):
                fork = np.radians(FORK_DEG) * turn * rng.uniform(0.6, 1.5)
                grown.append((end, last + fork, length * SHORTER * rng.uniform(0.7, 1.2)))
        soft = ndimage.gaussian_filter(drawn.astype(float), width * texture.unit(lung.shape))
        air = width / WIDTHS[0] * soft / max(float(soft.max()), 1e-9)
        shown = np.maximum(shown, air)
        branches = grown
    return shown


def _grown(
    drawn: np.ndarray, branch: tuple, outward: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Mark one branch, in four bent pieces; return its end and its last direction."""
    place, angle, length = branch
    limit = np.array(drawn.shape) - 1
    for _ in range(4):
        angle = angle + rng.normal(0, 0.12)
        step = length / 4 * np.array([np.sin(angle), outward * np.cos(angle)])
        ends = [np.clip(np.rint(p), 0, limit).astype(int) for p in (place, place + step)]
        drawn[line(*ends[0], *ends[1])] = True
        place = place + step
    return place, angle
