"""A pair of lungs as a shape: drawn outlines, where they may lie, and how they meet an image.

The outlines are anatomy drawn by hand, in a frame of each lung's own: u from the spine (0) to the
chest wall (1), v from apex (0) to costophrenic angle (1). They follow the convention of the V7 lung
masks: lung behind the heart counts, the medial border runs beside the spine. No human mask and no
real image was used to draw them.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.measure import points_in_poly

from radfoundry.anatomy.chest_xray.contrast import Field

SIDES = {"lung_right": -1, "lung_left": 1}  # a right lung lies at the viewer's left
MEDIAL, BASE, LATERAL, APEX = range(4)
OUTLINE = {
    MEDIAL: [(0.03, 0.1), (0, 0.25), (0, 0.5), (0, 0.75), (0, 0.88)],
    LATERAL: [(0.985, 1), (1, 0.93), (0.99, 0.8), (0.955, 0.6), (0.895, 0.45), (0.81, 0.3)]
    + [(0.69, 0.17), (0.55, 0.07)],
    APEX: [(0.4, 0.015), (0.28, 0), (0.14, 0.02)],
}
DIAPHRAGM = {  # the right dome is the higher one; the left lung reaches lower behind the heart
    -1: [(0.03, 0.9), (0.15, 0.868), (0.35, 0.845), (0.55, 0.86), (0.75, 0.905), (0.9, 0.96)],
    1: [(0.03, 0.975), (0.15, 0.955), (0.35, 0.91), (0.55, 0.895), (0.75, 0.92), (0.9, 0.965)],
}
POINTS = 64
LUNG_SIZE = np.array([1.3, 0.7])  # a step of one in u is about half of one in v: steps alike in mm
# Of each border: weight of its edge, where it is looked for outside and inside (the chest wall and
# apex are brightest on the outline itself, where rays graze the ribs), and how far it may move.
WEIGHT = np.array([0.6, 1.2, 1.2, 1.0])
OUTSIDE, INSIDE = np.array([1.0, 1.0, 0.5, 0.6]), np.array([1.0, 1.0, 1.5, 1.4])
FREEDOM = np.array([0.15, 1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Outline:
    """One lung's outline in its own frame, with what is needed to lay it on an image."""

    points: np.ndarray  # (POINTS, 2) u, v
    outward: np.ndarray  # (POINTS, 2) steps away from the lung
    border: np.ndarray  # (POINTS,) which border each point is of
    confidence: np.ndarray  # (POINTS,) below 1 where the heart hides the left diaphragm
    inner: np.ndarray  # (m, 2) points well inside, clear of the heart


def outline(side: int) -> Outline:
    """Return the outline of the right (-1) or left (1) lung, points evenly spaced."""
    parts = {MEDIAL: OUTLINE[MEDIAL], BASE: DIAPHRAGM[side], **OUTLINE}
    corners = np.array([p for kind in (MEDIAL, BASE, LATERAL, APEX) for p in parts[kind]], float)
    kinds = np.repeat(range(4), [len(parts[k]) for k in range(4)])
    ring = np.vstack([corners, corners[:1]])
    length = np.r_[0, np.cumsum(np.hypot(*(np.diff(ring, axis=0) / LUNG_SIZE).T))]
    at = np.linspace(0, length[-1], POINTS, endpoint=False)
    points = np.stack([np.interp(at, length, ring[:, i]) for i in (0, 1)], axis=1)
    border = kinds[np.searchsorted(length[:-1], at, side="right") - 1]
    along = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    normal = np.stack([-along[:, 1] / LUNG_SIZE[1], along[:, 0] / LUNG_SIZE[0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    if ((points - points.mean(0)) * normal).sum() < 0:
        normal = -normal
    hidden = (border == BASE) & (side > 0)
    confidence = np.where(hidden, np.clip((points[:, 0] - 0.2) / 0.5, 0.1, 1), 1)
    grid = np.array(
        [(u, v) for u in (0.15, 0.35, 0.55, 0.75) for v in (0.15, 0.3, 0.45, 0.6, 0.75)]
    )
    heart = (side > 0) & (grid[:, 0] < 0.4) & (grid[:, 1] > 0.4)
    return Outline(
        points, normal * LUNG_SIZE, border, confidence, grid[points_in_poly(grid, points) & ~heart]
    )


def place(poses: np.ndarray, points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return canvas coordinates x, y (n poses, m points) of points of a lung's frame.

    Args:
        poses: (n, 11), as fractions of the canvas: midline above and below, half width of the
            spine, apex right and left, base right and left, width right and left; then the fullness
            of the shoulders and the height of the domes, in the lung's frame.
        points: (m, 2) u, v.
        side: -1 the right lung, 1 the left.
    """
    right = side < 0
    u, v = points[None, :, 0], points[None, :, 1]
    top, base, width = (poses[:, [i if right else i + 1]] for i in (3, 5, 7))
    u = u * (1 + poses[:, [9]] * (1 - v) * 2 * (u > 0.3))
    v = v - poses[:, [10]] * (v > 0.8) * (1 - u)
    y = top + v * (base - top)
    midline = poses[:, [0]] + (poses[:, [1]] - poses[:, [0]]) * (y - 0.2) / 0.6
    return midline + side * (poses[:, [2]] + u * width), y


def look_up(framed: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a square image's values at canvas positions; its one-pixel frame answers outside."""
    size = framed.shape[0] - 2
    rows, columns = (np.clip(np.floor(at * size).astype(int), -1, size) for at in (y, x))
    return framed[rows + 1, columns + 1]


def views(field: Field, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return smoothed local contrast as seen outside a lung, and inside it (air counts bright)."""
    inside = np.where(field.air, 1.0, field.local_contrast)
    first, second = (
        ndimage.gaussian_filter(each, sigma) for each in (field.local_contrast, inside)
    )
    return np.pad(first, 1), np.pad(second, 1)


def fill(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    """Return the inside of a closed outline as booleans (size, size); x, y are canvas fractions."""
    canvas = Image.new("1", (size, size))
    corners = np.stack([x, y], axis=1) * size - 0.5
    ImageDraw.Draw(canvas).polygon([tuple(corner) for corner in corners.tolist()], fill=1)
    return np.array(canvas, bool)


def cheapest_chain(cost: np.ndarray, bend: np.ndarray, still: int | None = None) -> np.ndarray:
    """Return (m,) the state of each link of the cheapest chain, by dynamic programming.

    Args:
        cost: (m, k) cost of each state at each link; with `still`, the first link's is not asked.
        bend: (k, k) cost of going from one state (column) to the next (row).
        still: For a closed chain: the state of its first link, and after its last.
    """
    total = cost[0].copy()
    if still is not None:
        total = np.where(np.arange(len(total)) == still, 0.0, np.inf)
    came_from = []
    for link in cost[1:]:
        ways = total + bend
        came_from.append(ways.argmin(1))
        total = ways.min(1) + link
    state = int((total if still is None else total + bend[still]).argmin())
    chain = [state]
    for origin in reversed(came_from):
        state = int(origin[state])
        chain.append(state)
    return np.array(chain[::-1])
