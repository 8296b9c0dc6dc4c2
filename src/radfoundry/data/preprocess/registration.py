"""Bring a patient's lungs onto an atlas by one affine transform.

The step is MedSyn's (mutual information of lung masks), done on masks of 4 mm, coarse to fine: the
surface of a smooth mask is found to a fraction of a voxel, and full size costs minutes. The paper
has three levels; here the last is left out (docs/decisions.md). The result is checked by overlap,
and a registration that made things worse is not used.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from radfoundry.data.preprocess.resampling import Grid, grid_of, in_one_thread, resampled
from radfoundry.volume import Volume

WORKING_MM = 4.0
MARGIN = 5  # voxels of the working grid around a mask
BINS = 32
SAMPLED = 0.5  # of the voxels, on a regular lattice
SHRINK, SMOOTH = (4, 2), (2, 1)  # of the working grid, by level
ROUNDS = 100  # of the optimizer, at most, at each level
RELAX = 0.8  # of the step, at each turn; less stops early, millimeters off
LONGEST_MM, SHORTEST_MM = 2.0, 0.01  # its steps, as the farthest a point moves
STRETCH = (0.5, 2.0)  # along an axis, at the start
EQUAL = 0.005  # of Dice: no worse than a fit that is simpler
SCALE = (0.125, 8.0)  # of volume: lungs of an infant and of a tall adult differ by about this


@dataclass(frozen=True)
class Registration:
    """How one mask comes onto another.

    Attributes:
        matrix: 4 x 4, from millimetres of the moving image to those of the fixed one.
        dice_before: Overlap of the masks where they lie, 0 to 1.
        dice_after: Overlap under `matrix`.
        warnings: Codes: registration.moments where the optimizer did not better a fit of center and
            extent, registration.identity where nothing bettered leaving the image where it is.
    """

    matrix: np.ndarray
    dice_before: float
    dice_after: float
    warnings: tuple[str, ...] = ()

    @property
    def volume_scale(self) -> float:
        """Volume on the fixed grid over volume in the patient."""
        return float(abs(np.linalg.det(self.matrix[:3, :3])))


def affine(moving: Volume, fixed: Volume, seed: int = 0) -> Registration:
    """Return the affine transform that lays a mask on another.

    Args:
        moving: Mask of a patient, true where above 0.5.
        fixed: Mask of the atlas, or a mean of masks in [0, 1].
        seed: Of the jitter of the sampling lattice; equal seeds give equal bits.

    Raises:
        ValueError: A mask is empty.
    """
    small, still = coarse(moving), coarse(fixed)
    start = fitted_moments(moments(small), moments(still))
    found = _optimized(small, still, start, seed)
    ways = {"": found, "registration.moments": start, "registration.identity": np.eye(4)}
    overlaps = {code: _overlap(small, still, matrix) for code, matrix in ways.items()}
    best = (
        ""
        if overlaps[""] > max(overlaps.values()) - EQUAL
        else max(overlaps, key=lambda code: overlaps[code])
    )
    warnings = (best,) if best else ()
    return Registration(ways[best], overlaps["registration.identity"], overlaps[best], warnings)


def coarse(mask: Volume, spacing_mm: float = WORKING_MM) -> Volume:
    """Return a mask as fractions (float32) on a grid along RAS that holds it with a margin.

    Raises:
        ValueError: The mask is empty.
    """
    inside = np.argwhere(np.asarray(mask.voxels) > 0.5)
    if not len(inside):
        raise ValueError("the mask is empty: there is nothing to register")
    ends = np.array([inside.min(0) - 0.5, inside.max(0) + 0.5])
    corners = [[*ends[list(which), range(3)], 1] for which in np.ndindex(2, 2, 2)]
    world = np.array(corners) @ np.asarray(mask.affine)[:3].T
    first = world.min(0) - MARGIN * spacing_mm
    count = np.ceil((world.max(0) - world.min(0)) / spacing_mm).astype(int) + 2 * MARGIN
    placed = np.diag([spacing_mm] * 3 + [1.0])
    placed[:3, 3] = first + spacing_mm / 2
    x, y, z = (int(n) for n in count)
    source = Volume(np.asarray(mask.voxels, np.float32), mask.affine)
    return resampled(source, Grid((x, y, z), placed))


def moments(mask: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Return center and standard deviation along x, y, z, in mm, of a mask that lies along RAS."""
    weights = np.asarray(mask.voxels, float)
    means, spreads = [], []
    for axis in range(3):
        profile = weights.sum(tuple(other for other in range(3) if other != axis))
        at = mask.affine[axis, 3] + mask.affine[axis, axis] * np.arange(len(profile))
        mean = float(np.average(at, weights=profile))
        means.append(mean)
        spreads.append(float(np.sqrt(np.average((at - mean) ** 2, weights=profile))))
    return np.array(means), np.array(spreads)


def fitted_moments(
    moving: tuple[np.ndarray, np.ndarray], fixed: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return the 4 x 4 matrix that matches center and extent along x, y, z of two masks."""
    stretch = np.clip(fixed[1] / np.maximum(moving[1], 1e-6), *STRETCH)
    matrix = np.diag([*stretch, 1.0])
    matrix[:3, 3] = fixed[0] - stretch * moving[0]
    return matrix


def _optimized(moving: Volume, fixed: Volume, start: np.ndarray, seed: int) -> np.ndarray:
    """Return the matrix that maximizes mutual information, or the start where none is found."""
    import SimpleITK as sitk  # noqa: N813  costs jobs that register nothing 0.2 s

    guess = np.linalg.inv(start)  # the toolkit's transforms lead from the fixed to the moving image
    transform = sitk.AffineTransform(3)
    transform.SetCenter(moments(fixed)[0].tolist())
    transform.SetMatrix(guess[:3, :3].ravel().tolist())
    center = np.array(transform.GetCenter())
    transform.SetTranslation((guess[:3] @ [*center, 1] - center).tolist())
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED, seed + 1)  # 0 would mean the clock
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=LONGEST_MM,
        minStep=SHORTEST_MM,
        numberOfIterations=ROUNDS,
        relaxationFactor=RELAX,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(SHRINK)
    method.SetSmoothingSigmasPerLevel(SMOOTH)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        with in_one_thread():  # sums in one order: equal bits
            method.Execute(_to_sitk(fixed), _to_sitk(moving))
    except RuntimeError:  # all samples left the image
        return start
    inverse = np.eye(4)
    inverse[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    inverse[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    scale = 1 / np.linalg.det(inverse[:3, :3])
    return np.linalg.inv(inverse) if SCALE[0] < scale < SCALE[1] else start


def _to_sitk(mask: Volume) -> Any:
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(mask.voxels.T)
    image.SetSpacing([float(size) for size in np.diag(mask.affine)[:3]])
    image.SetOrigin(mask.affine[:3, 3].tolist())
    return image


def _overlap(moving: Volume, fixed: Volume, matrix: np.ndarray) -> float:
    """Return the Dice coefficient on the fixed grid, of parts of voxels too."""
    moved = resampled(moving, grid_of(fixed), matrix).voxels > 0.5
    whole = float((moving.voxels > 0.5).sum()) * abs(
        np.linalg.det(moving.affine[:3, :3] @ matrix[:3, :3])
    )
    still = fixed.voxels > 0.5
    voxel = abs(np.linalg.det(fixed.affine[:3, :3]))
    return float(2 * (moved & still).sum() * voxel / (whole + still.sum() * voxel))
