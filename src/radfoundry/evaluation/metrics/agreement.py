"""A second opinion: how far two segmenters agree on one case, region by region.

What both leave out is not agreement: there is nothing to compare, so it is NaN and says so. What
one of them leaves out is disagreement: a Dice of 0.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import edt
import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.evaluation.metrics import overlap

NAN = float("nan")
# What is claimed once all its parts are, so that a segmenter of lobes and one of lungs compare.
BUILT: Mapping[str, tuple[str, ...]] = {
    **regions.LOBES,
    "lungs": ("lung_right", "lung_left"),
    "cardiomediastinum": ("heart", "mediastinum"),
}
BOTH_ABSENT, FIRST_ABSENT, SECOND_ABSENT = "both absent", "absent in first", "absent in second"


@dataclass(frozen=True)
class Agreement:
    """How two masks of one region compare.

    Attributes:
        dice: In [0, 1]; 0 if one mask is empty, NaN if both are.
        distance_mm: 95th percentile of the distances between the surfaces, the larger of the two
            directions; NaN if a mask is empty.
        note: "" or which of them is empty.
    """

    dice: float
    distance_mm: float
    note: str = ""


def shared_regions(first: Collection[str], second: Collection[str]) -> tuple[str, ...]:
    """Return the regions that two segmenters claim both, also those that they claim by parts.

    >>> shared_regions(["lung_upper_lobe_left", "lung_lower_lobe_left"], ["lung_left", "heart"])
    ('lung_left',)
    """
    mine, others = (_completed(claims) for claims in (first, second))
    return tuple(name for name in mine if name in others)


def _completed(claims: Collection[str]) -> list[str]:
    whole = list(claims)
    for name, parts in BUILT.items():
        if name not in whole and all(part in whole for part in parts):
            whole.append(name)
    return whole


def second_opinion(
    first: np.ndarray,
    second: np.ndarray,
    claimed: tuple[Collection[str], Collection[str]],
    spacing_mm: Sequence[float] = (1, 1, 1),
) -> dict[str, Agreement]:
    """Return how two segmenters' maps of one case agree in every region that both claim.

    Args:
        first: Anatomy map (X, Y, Z), or (X, 1, Z) of a radiograph.
        second: Anatomy map of the same shape.
        claimed: The structures that each of the two claims to label.
        spacing_mm: Of the voxels.

    Raises:
        ValueError: Maps of different shape, values or regions that `labels.yaml` does not have.
    """
    if first.shape != second.shape:
        raise ValueError(f"the maps differ in shape: {first.shape} and {second.shape}")
    for labels in (first, second):
        regions.check(labels)
    pairs = {
        name: (regions.mask(first, name), regions.mask(second, name))
        for name in shared_regions(*claimed)
    }
    return {name: compared(*pair, spacing_mm) for name, pair in pairs.items()}


def compared(
    first: np.ndarray, second: np.ndarray, spacing_mm: Sequence[float] = (1, 1, 1)
) -> Agreement:
    """Return how two masks of one shape compare."""
    shown = bool(first.any()), bool(second.any())
    if not any(shown):
        return Agreement(NAN, NAN, BOTH_ABSENT)
    if not all(shown):
        return Agreement(0.0, NAN, SECOND_ABSENT if shown[0] else FIRST_ABSENT)
    return Agreement(overlap.dice(first, second), surface_distance(first, second, spacing_mm))


def surface_distance(
    first: np.ndarray, second: np.ndarray, spacing_mm: Sequence[float], percentile: float = 95
) -> float:
    """Return a percentile of the distances between two surfaces in mm, symmetric.

    A surface is what an erosion by faces takes away. From each surface voxel the distance to the
    nearest one of the other surface is taken; the percentile of each direction, and of the two the
    larger: the Hausdorff distance without its outliers. NaN if a mask is empty.
    """
    if not (first.any() and second.any()):
        return NAN
    thick = [axis for axis, count in enumerate(first.shape) if count > 1]
    box = ndimage.find_objects((first | second).astype(np.uint8))[0]
    spacing = tuple(float(spacing_mm[axis]) for axis in thick)
    # A film's single plane is no surface: it is compared as a picture.
    planes = [
        mask[box].reshape([mask[box].shape[axis] for axis in thick]) for mask in (first, second)
    ]
    rims = [np.pad(mask & ~ndimage.binary_erosion(mask), 1) for mask in planes]
    far = [edt.edt(np.ascontiguousarray(~rim), anisotropy=spacing) for rim in rims]
    return max(
        float(np.percentile(away[rim], percentile))
        for away, rim in zip(far, reversed(rims), strict=True)
    )


def opinion(found: Agreement, least_dice: float, most_mm: float | None = None) -> str:
    """Return "agree" or "disagree" by a limit of the Dice and, if given, of the distance.

    Where both leave the region out the answer is "both absent", which is neither.

    Raises:
        ValueError: A Dice limit outside [0, 1].
    """
    if not 0 <= least_dice <= 1:
        raise ValueError(f"the least Dice is {least_dice}, it must lie in 0 to 1")
    if found.note == BOTH_ABSENT:
        return BOTH_ABSENT
    near = most_mm is None or found.distance_mm <= most_mm
    return "agree" if not found.note and found.dice >= least_dice and near else "disagree"
