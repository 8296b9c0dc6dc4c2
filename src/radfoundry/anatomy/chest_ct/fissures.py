"""The fissures of a lung as smooth surfaces: where anatomy expects them, moved to what is seen.

A surface is a map of heights (voxels along z) over the lung's columns. The lung is sheared so that
the expected surface lies flat: averages along it then show a fissure that no single voxel shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
from scipy import ndimage
from skimage.measure import block_reduce

COLUMN_MM = 1.5  # columns finer than half of this are merged
ALONG_MM = 3.0  # scale of averaging along a sheet
WIDE_MM, NEAR_MM = (15.0, 12.0, 9.0, 7.0, 5.0, 4.0), (10.0, 8.0, 6.0, 5.0, 4.0, 3.0)
FREE_MM = (8.0, 6.0, 5.0, 5.0)  # smoothness of the free surface, round by round
STARTS_MM = [(shift, tilt) for shift in (0, -15, 15, -30, 30) for tilt in (0, -50, 50)]
LEAST_SEEN = 1.2  # mean strength along a fissure, in standard deviations of the noise
LEAST_NOISE = 1e-4  # of curvature; an image without noise shows rounding
STEP_MM = 1.0  # between samples of a column
THICK_MM = 1.5  # scale across a sheet; a fissure is thinner than any voxel
FAINTEST = 1.0  # standard deviations of the noise that a sample of a fissure reaches
BRIGHTEST = 5.0  # more counts no more
PIECE_MM2 = 400.0  # area at which a connected ridge counts half; noise makes small ones
STIFFNESS = 0.02  # pull of the expected surface against sheets
FREEDOM_MM = np.array([25.0, 25, 40, 40, 40, 50])  # that each term of a surface may move


@dataclass(frozen=True)
class Stack:
    """A lung's box as the search sees it.

    Attributes:
        bright: (X, Y, Z) brightness above parenchyma, in shares of blood, 0 where not to be used.
        weight: (X, Y, Z) 1 where lung tissue may be used, 0 in vessels, bronchi and at the rim.
        trees: (X, Y, Z) 1 in vessels and bronchi.
        spacing_mm: Voxel size along each axis.
    """

    bright: np.ndarray
    weight: np.ndarray
    trees: np.ndarray
    spacing_mm: Sequence[float]


@dataclass(frozen=True)
class Evidence:
    """What speaks for a fissure around a surface, in standard deviations of the noise.

    Attributes:
        values: (X, Y, H) strength of the ridges that may be the fissure's, 0 elsewhere.
        offsets_mm: (H,) heights above the surface.
        columns: (X, Y) booleans, where the surface runs through usable lung.
        thinning: Every so many columns along x and y tell all, for the averaging.
    """

    values: np.ndarray
    offsets_mm: np.ndarray
    columns: np.ndarray
    thinning: tuple[int, int]


def evidence(stack: Stack, surface: np.ndarray, reach_mm: float, along_mm: float) -> Evidence:
    """Return what speaks for a fissure within `reach_mm` above and below a surface.

    Args:
        stack: The lung.
        surface: (X, Y) heights, voxels.
        reach_mm: Vertical distance that is searched.
        along_mm: Scale of averaging along the surface.
    """
    offsets = np.arange(-reach_mm, reach_mm + STEP_MM / 2, STEP_MM, dtype=np.float32)
    levels = surface[..., None] + offsets / np.float32(stack.spacing_mm[2])
    bright, weight, trees = (
        _along(_sampled(image, levels), along_mm, stack.spacing_mm)
        for image in (stack.bright, stack.weight, stack.trees)
    )
    known = weight > 0.1
    mean = bright / np.maximum(weight, 0.1)
    mean = np.where(known, mean - np.median(mean[known]) if known.any() else 0, 0)
    thick = max(THICK_MM, 0.6 * stack.spacing_mm[2]) / STEP_MM
    curved = -ndimage.gaussian_filter1d(mean, thick, axis=2, order=2)
    usable = weight > 0.3
    values = np.where(usable, curved / _noise(curved[usable]), 0)
    lung = weight + trees
    crowd = trees / np.maximum(lung, 0.1)
    typical = max(float(crowd[lung > 0.5].mean()) if (lung > 0.5).any() else 0.0, 1e-3)
    values = values - 0.5 * np.clip(crowd / typical - 1, 0, 3)
    columns = np.any(usable[..., np.abs(offsets) <= 4], axis=2)
    ridges = _ridges(values.astype(np.float32), stack.spacing_mm)
    thinning = tuple(max(1, round(0.7 * along_mm / step)) for step in stack.spacing_mm[:2])
    return Evidence(ridges, offsets, np.asarray(columns), (thinning[0], thinning[1]))


def _ridges(values: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return the crests along each column; the larger the piece they form, the more they count."""
    crest = values > FAINTEST
    crest[..., 1:] &= values[..., 1:] >= values[..., :-1]
    crest[..., :-1] &= values[..., :-1] > values[..., 1:]
    pieces = cc3d.connected_components(crest, connectivity=26)
    area = np.bincount(pieces.ravel()) * (spacing_mm[0] * spacing_mm[1])
    share = area / (area + PIECE_MM2)
    share[0] = 0
    share = share**2
    return np.minimum(values, np.float32(BRIGHTEST)) * share.astype(np.float32)[pieces]


def _noise(values: np.ndarray) -> float:
    """Return the robust standard deviation of curvatures."""
    if not len(values):
        return 1.0
    return max(float(1.4826 * np.median(np.abs(values - np.median(values)))), LEAST_NOISE)


def _sampled(image: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the image (X, Y, Z) at heights (X, Y, H), linear between voxels, 0 beyond the box."""
    top = image.shape[2] - 1
    low = np.clip(np.floor(levels), 0, max(top - 1, 0)).astype(np.intp)
    part = np.clip(levels - low, 0, 1).astype(np.float32)
    below = np.take_along_axis(image, low, 2)
    above = np.take_along_axis(image, np.minimum(low + 1, top), 2)
    inside = (levels > -0.5) & (levels < top + 0.5)
    return np.where(inside, below + part * (above - below), np.float32(0))


def _along(values: np.ndarray, sigma_mm: float, spacing_mm: Sequence[float]) -> np.ndarray:
    sigma = [sigma_mm / spacing_mm[0], sigma_mm / spacing_mm[1], 0]
    return ndimage.gaussian_filter(values, sigma, mode="constant", truncate=3)


def terms(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the six terms of a surface of second order over coordinates from 0 to 1."""
    a, b = np.broadcast_arrays(u - 0.5, v - 0.5)
    return np.stack([np.ones_like(a), a, b, a * a, a * b, b * b])


def find(
    stack: Stack, expected: np.ndarray, over: np.ndarray, reach_mm: float
) -> np.ndarray | None:
    """Return the surface (X, Y) of a fissure, heights in voxels, or None where none is seen.

    A surface of second order is drawn from many starts to the evidence, then again from nearer by,
    then let go to follow the evidence freely.

    Args:
        stack: The lung.
        expected: (X, Y) heights, voxels.
        over: (6, X, Y) terms of each column, of `terms`.
        reach_mm: How far above and below the expected surface the fissure may lie.
    """
    steps = [max(1, int(COLUMN_MM / step)) for step in stack.spacing_mm[:2]]
    if max(steps) == 1:
        return _searched(stack, expected, over, reach_mm)
    thin = (slice(None, None, steps[0]), slice(None, None, steps[1]))
    surface = _searched(_merged(stack, steps), expected[thin], over[:, *thin], reach_mm)
    return None if surface is None else _spread(surface, steps, expected.shape)


def _searched(
    stack: Stack, expected: np.ndarray, over: np.ndarray, reach_mm: float
) -> np.ndarray | None:
    """Return what `find` promises, on the stack's own columns."""
    along, rise = max(ALONG_MM, 1.2 * stack.spacing_mm[0]), stack.spacing_mm[2]
    found = evidence(stack, expected, reach_mm, along)
    tries = [drawn(found, over, WIDE_MM, start) for start in STARTS_MM]
    surface = expected + max(tries, key=lambda one: one[1])[0] / rise
    found = evidence(stack, surface, NEAR_MM[0] * 2, along)
    surface = surface + drawn(found, over, NEAR_MM, (0.0, 0.0))[0] / rise
    strength = 0.0
    for smooth in FREE_MM:
        found = evidence(stack, surface, 12.0, along)
        offsets = settled(found, stack.spacing_mm, smooth)
        strength = seen(found, offsets)
        surface = surface + offsets / rise
    return surface if strength >= LEAST_SEEN else None


def _merged(stack: Stack, steps: Sequence[int]) -> Stack:
    """Return the lung on columns that are means of several, for speed on fine grids."""
    size = (steps[0], steps[1], 1)
    bright, weight, trees = (
        block_reduce(image, size, np.mean) for image in (stack.bright, stack.weight, stack.trees)
    )
    width, depth, height = stack.spacing_mm
    return Stack(bright, weight, trees, (width * steps[0], depth * steps[1], height))


def _spread(surface: np.ndarray, steps: Sequence[int], shape: Sequence[int]) -> np.ndarray:
    """Return a surface over merged columns as one over all, linear between their middles."""
    at = [
        (np.arange(size) - 0.5 * (step - 1)) / step for size, step in zip(shape, steps, strict=True)
    ]
    grid = np.meshgrid(*at, indexing="ij")
    return ndimage.map_coordinates(surface, grid, order=1, mode="nearest")


def drawn(
    found: Evidence, over: np.ndarray, reaches_mm: Sequence[float], start: Sequence[float]
) -> tuple[np.ndarray, float]:
    """Return how far (X, Y), mm, a surface of second order moves, and the evidence it gathers.

    Each round fits by weighted least squares; what lies far off counts less, over a reach that
    shrinks.

    Args:
        found: The evidence around the surface.
        over: (6, X, Y) terms of each column.
        reaches_mm: Standard deviations of the weights, one per round.
        start: Shift (mm) and tilt (mm from back to front) from which the first round departs.
    """
    thin = tuple(slice(None, None, step) for step in found.thinning)
    i, j, k = np.nonzero(found.values[thin])
    basis, target = over[:, *thin][:, i, j], found.offsets_mm[k]
    weight = found.values[thin][i, j, k] / max(found.columns[thin].sum(), 1)
    pull = np.diag(STIFFNESS / FREEDOM_MM**2)
    best, gathered = np.array([start[0], 0, start[1], 0, 0, 0], np.float32), 0.0
    for reach in reaches_mm:
        near = weight * np.exp(-0.5 * ((target - best @ basis) / reach) ** 2)
        gathered = float(near.sum())
        left = (basis * near) @ basis.T + pull * reach**2
        best = np.linalg.solve(left, (basis * near) @ target).astype(np.float32)
    return np.tensordot(best, over, 1), gathered


def settled(found: Evidence, spacing_mm: Sequence[float], smooth_mm: float) -> np.ndarray:
    """Return offsets (X, Y) in mm of a free surface that follows the evidence smoothly."""
    total = np.zeros(found.columns.shape, np.float32)
    for spread in (6.0, 4.0, 3.0, 2.0, 2.0):
        near = np.exp(-0.5 * ((found.offsets_mm - total[..., None]) / spread) ** 2)
        mass = found.values * near
        weight = _flat(mass.sum(2), smooth_mm, spacing_mm)
        pull = _flat(mass @ found.offsets_mm, smooth_mm, spacing_mm)
        total = (pull / (weight + 0.5)).astype(np.float32)
    return total


def _flat(values: np.ndarray, sigma_mm: float, spacing_mm: Sequence[float]) -> np.ndarray:
    return ndimage.gaussian_filter(values, [sigma_mm / s for s in spacing_mm[:2]], mode="constant")


def seen(found: Evidence, offsets: np.ndarray) -> float:
    """Return the share of the columns in which a ridge lies within 2 mm of offsets (X, Y), mm."""
    if not found.columns.any():
        return 0.0
    near = np.abs(found.offsets_mm - offsets[..., None]) <= 2
    return float((found.values * near).max(2)[found.columns].mean())
