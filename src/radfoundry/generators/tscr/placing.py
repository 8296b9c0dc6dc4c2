"""Where a drawn lesion may lie: inside its organ, away from what is forbidden and from others.

Nothing here is chance: a request says by a number in [0, 1) which of the places it takes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage, signal

from radfoundry.anatomy import regions as vocabulary
from radfoundry.case import Case
from radfoundry.generators.tscr.crops import Voxel, plane_of


def allowed(
    case: Case, asked: Mapping[str, Any], taken: np.ndarray, near: np.ndarray
) -> np.ndarray:
    """Return where a lesion may lie, as booleans on the case's grid.

    Args:
        case: Its anatomy map tells the organ; a case without one has none that is known, and all
            of its image that is not background will do.
        asked: `region` of `labels.yaml`; `forbidden`, names of regions; `distance_mm`, how far
            from these and from other lesions.
        taken: Voxels of other lesions.
        near: Where distances count as kept, such as the lesion that the new one replaces.

    Raises:
        ValueError: A region that does not exist; the case has no voxel of the organ.
    """
    inside = vocabulary.mask(case.anatomy, asked["region"])
    if not case.anatomy.any():
        inside = case.image.voxels > np.median(case.image.voxels)
    if not inside.any():
        raise ValueError(f"{case.name}: its anatomy map shows no {asked['region']}")
    kept_off = taken.copy()
    for name in asked["forbidden"]:
        kept_off |= vocabulary.mask(case.anatomy, name)
    if not kept_off.any():
        return inside
    far = ndimage.distance_transform_edt(~kept_off, sampling=case.image.spacing_mm)
    return inside & ((far > asked["distance_mm"]) | near) & ~taken


def shares(free: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Return how much of a lesion would lie where it may, for each voxel as its crop's center.

    Args:
        free: Booleans on the case's grid.
        regions: A crop's regions; the crop's middle is at index size // 2.

    Returns:
        float (X, Y, Z) in [0, 1]; beyond the case nothing is free.
    """
    flat, mask = plane_of(free.shape), (regions > 0).astype(np.float32)
    if flat is not None:
        mask = np.expand_dims(mask, flat)
    before = [n // 2 for n in mask.shape]
    box = ndimage.find_objects((mask > 0).astype(np.uint8))[0]  # what correlates costs its size
    margin = [
        (first - part.start, n - 1 - first - (n - part.stop))
        for first, n, part in zip(before, mask.shape, box, strict=True)
    ]
    padded = _padded(free.astype(np.float32), margin)
    found = signal.correlate(padded, mask[box], mode="valid", method="fft")
    return np.clip(found / mask.sum(), 0, 1)


def _padded(array: np.ndarray, margin: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return an array with zeros around it; a negative margin cuts it instead."""
    cut = tuple(
        slice(max(0, -a), n - max(0, -b)) for (a, b), n in zip(margin, array.shape, strict=True)
    )
    return np.pad(array[cut], [(max(0, a), max(0, b)) for a, b in margin])


def place(case: Case, regions: np.ndarray, free: np.ndarray, asked: Mapping[str, Any]) -> Voxel:
    """Return the voxel in which the middle of a lesion's crop lies.

    Args:
        case: Its affine gives millimetres their voxel.
        regions: The lesion, in a crop.
        free: Where it may lie, see `allowed`.
        asked: `least_inside`, the share of the lesion that must lie there; `position_mm` (RAS+),
            the very place; or `center`, a voxel to lie as near to as can be; or `at` in [0, 1),
            which of all places it takes.

    Raises:
        ValueError: It fits nowhere, or not where it is asked for; with how much of it would.
    """
    found, size = shares(free, regions), int(np.count_nonzero(regions))
    what = f"{case.name}: of a lesion of {size} voxels"
    least = asked["least_inside"] - 0.5 / size
    if asked.get("position_mm") is not None:
        at = np.linalg.solve(case.image.affine, [*asked["position_mm"], 1.0])[:3]
        voxel = tuple(int(n) for n in np.rint(at))
        within = all(0 <= n < length for n, length in zip(voxel, found.shape, strict=True))
        share = float(found[voxel]) if within else 0.0
        if share < least:
            raise ValueError(
                f"{what} {share:.0%} would lie in the {asked['region']} at {asked['position_mm']} "
                f"mm; allowed: {asked['least_inside']:.0%} or more"
            )
        return voxel  # type: ignore[return-value]
    places = np.argwhere(found >= least)
    if not len(places):
        raise ValueError(
            f"{what} at most {found.max():.0%} fits into the {asked['region']} away from other "
            f"lesions and what is forbidden; asked for: {asked['least_inside']:.0%}"
        )
    if "center" in asked:
        away = (places - np.asarray(asked["center"])) * case.image.spacing_mm
        chosen = int(np.argmin((away**2).sum(1)))
    else:
        chosen = min(int(asked["at"] * len(places)), len(places) - 1)
    return tuple(int(n) for n in places[chosen])  # type: ignore[return-value]
