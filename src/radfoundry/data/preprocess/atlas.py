"""Make the atlas of a cohort: the mean lung mask of its cases.

No case is the template; or an atlas is taken that is there. Masks are brought to their mean place
and extent, then registered to their own mean, and the mean is kept as large as the cohort's lungs
are on average.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from radfoundry.data.preprocess.registration import (
    WORKING_MM,
    affine,
    coarse,
    fitted_moments,
    moments,
)
from radfoundry.data.preprocess.resampling import Grid, resampled
from radfoundry.volume import Volume

ROUNDS = 2
HELD = 0.5  # of the masks must hold a voxel of the atlas
LUNGS_FILL = (
    0.75  # of the grid along its tightest axis, where no spacing is stated: the body fits too
)


def build(
    masks: Iterable[Volume],
    grid: Sequence[int],
    spacing_mm: Sequence[float] | None = None,
    rounds: int = ROUNDS,
) -> Volume:
    """Return the mean mask of a cohort (0 or 1, uint8), its box in the middle of the grid.

    Axes lie along RAS, millimetres are counted from the mask's center of mass. The transforms that
    lead to the atlas change volumes by 1 in the geometric mean.

    Args:
        masks: One mask a case, true where above 0.5, on any grids; empty ones are left out.
        grid: Voxels along x, y, z.
        spacing_mm: Their size; None: isotropic, so that lungs fill 3/4 of the grid.
        rounds: Registrations to the mean.

    Raises:
        ValueError: There is no mask with a voxel.
    """
    small = [coarse(mask) for mask in masks if (np.asarray(mask.voxels) > 0.5).any()]
    if not small:
        raise ValueError("an atlas needs one mask at least that is not empty")
    spread = [moments(mask) for mask in small]
    typical = (np.zeros(3), np.exp(np.mean([np.log(one[1]) for one in spread], axis=0)))
    matrices = _unbiased([fitted_moments(one, typical) for one in spread])
    working = _working(small, matrices)
    for _ in range(rounds):
        mean = _mean(small, matrices, working)
        matrices = _unbiased([affine(mask, mean).matrix for mask in small])
    mean = _mean(small, matrices, working)
    target = _centerd(mean, grid, spacing_mm)
    held = resampled(mean, target).voxels >= HELD
    return Volume(held.astype(np.uint8), target.affine)


def taken(mask: Volume, grid: Sequence[int], name: str) -> Volume:
    """Return an atlas that is there already, as `build` returns one.

    Args:
        mask: True where above 0.5.
        grid: Voxels along x, y, z that the cohort asks for.
        name: Of its file, for the error.

    Raises:
        ValueError: It is on another grid, or empty.
    """
    have, want = (" x ".join(map(str, sides)) for sides in (mask.voxels.shape, grid))
    if have != want:
        raise ValueError(f"atlas {name} has {have} voxels; allowed: those of `grid`, {want}")
    lungs = np.asarray(mask.voxels) > 0.5
    if not lungs.any():
        raise ValueError(f"atlas {name} marks no lungs: no voxel is above 0.5")
    return Volume(lungs.astype(np.uint8), mask.affine)


def _unbiased(matrices: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return matrices whose linear parts have the identity as their mean (Guimond et al. 2000)."""
    mean = np.eye(4)
    mean[:3, :3] = np.mean([matrix[:3, :3] for matrix in matrices], axis=0)
    scales = [abs(np.linalg.det(matrix[:3, :3])) for matrix in matrices]
    mean[:3, :3] *= (np.exp(np.mean(np.log(scales))) / abs(np.linalg.det(mean[:3, :3]))) ** (1 / 3)
    return [np.linalg.solve(mean, matrix) for matrix in matrices]


def _working(masks: Sequence[Volume], matrices: Sequence[np.ndarray]) -> Grid:
    """Return a grid of 4 mm about the origin that holds every mask."""
    reach = np.zeros(3)
    for mask, matrix in zip(masks, matrices, strict=True):
        corners = np.array([[*c, 1] for c in np.ndindex(2, 2, 2)])
        world = (corners * [*mask.voxels.shape, 1]) @ (matrix @ mask.affine)[:3].T
        reach = np.maximum(reach, np.abs(world).max(0))
    return _about_origin(2 * np.ceil(reach / WORKING_MM) + 1, [WORKING_MM] * 3)


def _about_origin(shape: Sequence[float] | np.ndarray, spacing_mm: Sequence[float]) -> Grid:
    x, y, z = (int(count) for count in shape)
    placed = np.diag([*spacing_mm, 1.0])
    placed[:3, 3] = -(np.array([x, y, z]) - 1) / 2 * np.asarray(spacing_mm)
    return Grid((x, y, z), placed)


def _mean(masks: Sequence[Volume], matrices: Sequence[np.ndarray], grid: Grid) -> Volume:
    total = np.zeros(grid.shape, np.float32)
    for mask, matrix in zip(masks, matrices, strict=True):
        total += resampled(mask, grid, matrix).voxels
    return Volume(total / len(masks), grid.affine)


def _centerd(mean: Volume, grid: Sequence[int], spacing_mm: Sequence[float] | None) -> Grid:
    """Return the grid asked for, its center at the center of the mean's box."""
    inside = np.argwhere(mean.voxels >= HELD)
    first, last = inside.min(0), inside.max(0)
    middle = mean.affine[:3] @ [*((first + last) / 2), 1]
    if spacing_mm is None:
        extent = (last - first + 1) * WORKING_MM
        spacing_mm = [float((extent / np.asarray(grid)).max() / LUNGS_FILL)] * 3
    target = _about_origin(grid, spacing_mm)
    target.affine[:3, 3] += middle
    return target
