"""Find the lungs of a frontal radiograph: lay drawn ones on it, then follow the edges beside them.

Everything is deterministic and nothing is learned. The coarse search is a cross-entropy search over
eleven numbers that say how a pair of lungs lies; the fine one moves each outline by dynamic
programming. Air beside the patient, collimation and padding are no evidence for a lung.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage
from scipy.stats import norm, qmc

from radfoundry.anatomy.chest_xray import heart, lung_shape
from radfoundry.anatomy.chest_xray.contrast import Field, locally_normalized
from radfoundry.anatomy.chest_xray.lung_shape import (
    FREEDOM,
    INSIDE,
    OUTSIDE,
    SIDES,
    WEIGHT,
    Outline,
)

# Where a pair of lungs may lie: as fractions of the body's box, or (the last two) of the lung.
MEAN = np.array([0.5, 0.5, 0.045, 0.14, 0.14, 0.82, 0.82, 0.35, 0.35, 0, 0])
SPREAD = np.array([0.06, 0.06, 0.012, 0.1, 0.1, 0.11, 0.11, 0.07, 0.07, 0.05, 0.03])
ACROSS, DOWN = [0, 1, 2, 7, 8], [3, 4, 5, 6]
PAIRS = ((3, 4, 0.2), (5, 6, 0.4), (7, 8, 0.4), (0, 1, 0.7))  # the second starts near the first
ALIKE = ((3, 4, 0, 0.04), (5, 6, 0.012, 0.05), (7, 8, 0, 0.05))  # and may end this much off it
ROUNDS = (0.09, 0.07, 0.05, 0.04, 0.03, 0.03)  # how far beside the outline an edge is looked for
STARTS, TRIALS, ELITE = 1024, 400, 32
LEAST_CONTRAST = 1.0  # below it no lungs are believed (noise 0.2, a chest on its side 0.9)
SURE = 0.01  # neither a network nor drawn lungs are surer than this of a pixel
STEPS = np.linspace(-0.1, 0.22, 33)  # how far an outline may move, in its lung's frame


@dataclass(frozen=True)
class LungFit:
    """What was found in a radiograph.

    Attributes:
        masks: `lung_right`, `lung_left`, `heart` and `mediastinum` on the canvas; they overlap.
        contrast: How much darker the lungs are than what lies beside them, in local deviations:
            about 2 where lungs are plain to see, below 1 where there are none.
    """

    masks: Mapping[str, np.ndarray]
    contrast: float


def find(canvas: np.ndarray) -> LungFit | None:
    """Return the lungs, heart and mediastinum of a square picture; None if it is black."""
    field = locally_normalized(canvas)
    if field is None:
        return None
    pose, contrast = search(field)
    sharp, masks = lung_shape.views(field, sigma=0.8), {}
    for name, side in SIDES.items():
        x, y = lung_shape.place(pose, moved(sharp, pose, outlines()[side], side), side)
        masks[name] = lung_shape.fill(x[0], y[0], len(canvas))
    return LungFit(masks | heart.silhouette(field, pose, masks), contrast)


def in_shape(
    likely: Mapping[str, np.ndarray], canvas: np.ndarray, weight: float
) -> dict[str, np.ndarray]:
    """Return log odds of structures: a network's, averaged with those of the drawn lungs.

    Args:
        likely: The network's probabilities (S, S) by structure; those of `LungFit`.
        canvas: The picture (S, S); where it shows no lungs to lay outlines on, the network decides.
        weight: Of the drawn lungs, 0 to 1. Their odds fall by e per 1/64 of the canvas.
    """
    capped = {name: np.clip(chance, SURE, 1 - SURE) for name, chance in likely.items()}
    odds = {name: np.log(chance / (1 - chance)) for name, chance in capped.items()}
    found = find(canvas) if weight > 0 else None
    if found is None or found.contrast < LEAST_CONTRAST:
        return odds
    most = float(np.log((1 - SURE) / SURE))
    for name, mask in found.masks.items():
        inside = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
        drawn = np.clip(inside * 64 / len(canvas), -most, most)
        odds[name] = (1 - weight) * odds[name] + weight * drawn
    return odds


@cache
def outlines() -> Mapping[int, Outline]:
    """Return the drawn outline of each side."""
    return {side: lung_shape.outline(side) for side in SIDES.values()}


@cache
def normal() -> np.ndarray:
    """Return evenly spread standard normal deviates (STARTS, 11): a search without chance."""
    draws = qmc.Sobol(len(MEAN), scramble=False).random(STARTS)
    return norm.ppf(np.clip(draws, 1e-3, 1 - 1e-3))


def search(field: Field) -> tuple[np.ndarray, float]:
    """Return the pose (1, 11) that fits best and how well: cross-entropy search, coarse to fine."""
    left, right, top, bottom = field.box
    scale = np.ones(len(MEAN))
    scale[ACROSS], scale[DOWN] = right - left, bottom - top
    mean, spread = MEAN * scale, SPREAD * scale
    mean[:2], mean[DOWN] = mean[:2] + left, mean[DOWN] + top
    spread[2] = SPREAD[2]
    poses = mean + spread * normal()
    for first, second, share in PAIRS:
        poses[:, second] = poses[:, first] + share * (poses[:, second] - mean[second])
    views = lung_shape.views(field, sigma=1.2)
    for reach in (*ROUNDS, ROUNDS[-1]):
        merit = evidence(views, poses, reach) - misfit(poses, mean, spread)
        best = np.argsort(-merit, kind="stable")[:ELITE]
        answer, fit = poses[best[:1]], float(merit[best[0]])
        center, width = poses[best].mean(0), poses[best].std(0) + 0.004
        poses = np.vstack([answer, center + width * normal()[:TRIALS]])
    return answer, fit


def evidence(views: tuple[np.ndarray, np.ndarray], poses: np.ndarray, reach: float) -> np.ndarray:
    """Return (n,) how much darker each pose's lungs are than what lies beside and between them."""
    total = np.zeros(len(poses))
    for side, lung in outlines().items():
        weight = WEIGHT[lung.border] * lung.confidence
        edges = edge_contrast(views, lung.points, lung, poses, side, 1.5 * reach)
        total += np.clip(edges, -0.7, 1.5) @ (weight / weight.sum())
        core = lung_shape.look_up(views[1], *lung_shape.place(poses, lung.inner, side))
        total -= 0.5 * np.clip(core, -1, 1).mean(1)
    return total


def edge_contrast(views, points, lung: Outline, poses, side: int, reach: float) -> np.ndarray:
    """Return (n, m) local contrast outside less that inside along an outline, `reach` in its frame.

    Args:
        views: The local contrast as seen outside and inside.
        points: (POINTS, 2), or several copies of the outline (k, POINTS, 2): then m is k POINTS.
        lung: The outline whose borders and normals count.
        poses: (n, 11).
        side: -1 the right lung, 1 the left.
        reach: Where to look, along the normals.
    """
    step = lung.outward * reach
    beyond = (points + step * OUTSIDE[lung.border][:, None]).reshape(-1, 2)
    within = (points - step * INSIDE[lung.border][:, None]).reshape(-1, 2)
    outside = lung_shape.place(poses, beyond, side)
    inside = lung_shape.place(poses, within, side)
    return lung_shape.look_up(views[0], *outside) - lung_shape.look_up(views[1], *inside)


def misfit(poses: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return (n,) how unlikely poses are: off the mean, or one lung unlike the other."""
    unlike = sum(
        ((poses[:, second] - poses[:, first] - shift) / width) ** 2
        for first, second, shift, width in ALIKE
    )
    return 0.02 * (((poses - mean) / spread) ** 2).sum(1) + 0.03 * unlike


def moved(
    views: tuple[np.ndarray, np.ndarray], pose: np.ndarray, lung: Outline, side: int
) -> np.ndarray:
    """Return an outline's points (m, 2) moved along their normals onto the edges beside them.

    The closed chain of moves with the best sum of edge contrast, less bending and distance, found
    by dynamic programming; it starts and ends unmoved beside the spine.
    """
    everywhere = lung.points + lung.outward * STEPS[:, None, None]
    gain = edge_contrast(views, everywhere, lung, pose, side, 0.045).reshape(len(STEPS), -1).T
    free = (FREEDOM[lung.border] * lung.confidence)[:, None]
    cost = 3 * STEPS**2 / np.maximum(free, 0.05) - np.clip(gain, -0.5, 1.5) * free
    bend = 600 * (STEPS[:, None] - STEPS) ** 2
    order = np.roll(np.arange(len(lung.points)), -3)
    still = int(np.abs(STEPS).argmin())
    chain = lung_shape.cheapest_chain(cost[order], bend, still)
    shift = np.empty(len(order))
    shift[order] = STEPS[chain]
    return lung.points + lung.outward * shift[:, None]
