"""Branching trees that fill the lungs from the hilum: vessels and airways as weighted points.

Growth: random goals in the lung are joined one by one, nearest to the hilum first, to the node
that makes a short and direct path; radii follow Murray's law (the cube of a branch is the sum of
the cubes of its twigs).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from radfoundry.phantoms._bodies import cage
from radfoundry.phantoms._bodies.space import Points

DIRECT = 0.35  # how much a detour costs, against the length of a new branch
BRONCHUS_MM = 1.1  # radius of the smallest airways drawn, in an adult
TWIG_MM = 0.95  # radius of the smallest vessels drawn, in an adult


@dataclass(frozen=True)
class Tree:
    """Branches: nodes (n, 3) mm, each one's parent (-1 for the root) and radius (n,) mm."""

    nodes: np.ndarray
    parents: np.ndarray
    radii: np.ndarray


def grow(root: np.ndarray, goals: np.ndarray, twig_mm: float) -> Tree:
    """Return the tree that reaches all goals (n, 3) from the root (3,)."""
    order = np.argsort(np.linalg.norm(goals - root, axis=1), kind="stable")
    nodes = np.concatenate([root[None], goals[order]]).astype(np.float64)
    parents = np.full(len(nodes), -1)
    path = np.zeros(len(nodes))
    for i in range(1, len(nodes)):
        gap = np.linalg.norm(nodes[:i] - nodes[i], axis=1)
        parents[i] = np.argmin(gap + DIRECT * path[:i])
        path[i] = path[parents[i]] + gap[parents[i]]
    cubes = np.full(len(nodes), twig_mm**3)
    for i in range(len(nodes) - 1, 0, -1):
        cubes[parents[i]] += cubes[i]
    return Tree(nodes, parents, np.cbrt(cubes))


def lung_trees(body: Mapping, exam: Mapping, side: int, goals: int) -> list[Tree]:
    """Return artery and vein of one lung, grown to goals drawn with the body's own seed."""
    w = body["width"]
    rng = np.random.default_rng([body["tree_seed"], side + 1])
    hilum = hilum_of(body, exam, side)
    spots = _inside(body, exam, side, rng.uniform(size=(2 * goals, 3)))
    twig = TWIG_MM * w / 140 * body["vessels"]
    trees = []
    for offset, chosen in (((0, 0, 0.05), spots[::2]), ((-0.02, 0.1, -0.12), spots[1::2])):
        root = hilum + np.array([side * offset[0], offset[1], offset[2]]) * w
        trees.append(grow(root, chosen, twig))
    return trees


def airway_tree(body: Mapping, exam: Mapping, side: int, goals: int) -> Tree:
    """Return the bronchi of one lung beyond its main bronchus."""
    w = body["width"]
    rng = np.random.default_rng([body["tree_seed"], side + 4])
    spots = _inside(body, exam, side, rng.uniform(size=(goals, 3)))
    root = hilum_of(body, exam, side) + np.array([0, -0.04 * w, 0.03 * w])
    return grow(root, spots, BRONCHUS_MM * w / 140)


def hilum_of(body: Mapping, exam: Mapping, side: int) -> np.ndarray:
    """Return the hilum of one lung: the left one is higher."""
    w, z = body["width"], cage.levels(body, exam)["hilum"]
    return np.array([side * 0.25 * w, -0.1 * body["depth"], z + (0 if side > 0 else 0.08 * w)])


def _inside(body: Mapping, exam: Mapping, side: int, unit: np.ndarray) -> np.ndarray:
    """Return the points of a unit cube carried into a lung, those that land in it."""
    h, w, d = body["height"], body["width"], body["depth"]
    x = side * (0.15 + 0.83 * unit[:, 0]) * w
    y = (-0.95 + 1.75 * unit[:, 1]) * d
    floor = cage.diaphragm(body, exam, x, y, side) + 3
    z = floor + (-0.03 * h - floor) * unit[:, 2]
    wide, fore, aft = cage.half_width(body, z), cage.front(body, z), cage.back(body, z)
    rho = (x / wide) ** 2 + ((y - (fore + aft) / 2) / ((fore - aft) / 2)) ** 2
    return np.stack([x, y, z], axis=1)[(rho < 0.93) & (z > floor)]


def vessel_points(tree: Tree, step_mm: float) -> Points:
    """Return the branches as points whose mass is their volume, bent a little like vessels."""
    child = np.arange(1, len(tree.nodes))
    start, end = tree.nodes[tree.parents[child]], tree.nodes[child]
    grand = np.maximum(tree.parents[tree.parents[child]], 0)
    inflow = start - tree.nodes[grand]
    length = np.linalg.norm(end - start, axis=1)
    count = np.maximum(2, np.ceil(length / step_mm)).astype(int)
    which = np.repeat(np.arange(len(child)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    t = ((np.arange(len(which)) - first + 0.5) / count[which])[:, None]
    bend = 0.25 * inflow / np.maximum(np.linalg.norm(inflow, axis=1, keepdims=True), 1e-9)
    bend = (bend * length[:, None])[which]
    center = start[which] * (1 - t) + end[which] * t + bend * t * (1 - t) ** 2 * 2
    radius = tree.radii[child][which]
    return _thick(center, radius, (length / count)[which], step_mm)


def _thick(center: np.ndarray, radius: np.ndarray, step: np.ndarray, width: float) -> Points:
    """Return points spread over the cross-section of thick branches."""
    mass = np.pi * radius**2 * step
    thick = radius > 0.5 * width
    angle = np.arange(6) * np.pi / 3
    ring = np.stack([np.cos(angle), 0.5 * np.sin(2 * angle), np.sin(angle)], axis=1) * 0.7
    spread = center[thick, None] + radius[thick, None, None] * ring
    xyz = np.concatenate([center[~thick], spread.reshape(-1, 3)])
    weight = np.concatenate([mass[~thick], np.repeat(mass[thick] / 6, 6)])
    return Points(xyz.astype(np.float32), weight.astype(np.float32))
