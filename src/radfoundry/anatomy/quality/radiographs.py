"""How far the pseudo-label of a radiograph can be trusted, from the labels alone.

Rules of anatomy: two lungs, each on its own side, of plausible area, in one piece. A structure that
was not found has no measurements: they are NaN, never 0.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.quality.status import LUNGS, Quality, failed
from radfoundry.volume import Volume

# Plausible area, as a fraction of the film: from an infant with wide collimation to a chest that
# fills it (a lung takes 7 to 22 % of most films).
AREAS = {
    "lung_right": (0.02, 0.4),
    "lung_left": (0.02, 0.4),
    "lungs": (0.04, 0.75),
    "heart": (0.01, 0.35),
    "mediastinum": (0.003, 0.35),
    "cardiomediastinum": (0.013, 0.5),
}
WHOLE = 0.9  # the largest connected part holds at least this share of a structure
TOUCHING = 0.12  # cropped: more than this share of the outline runs along the film's edge
LIKE = 4.0  # one lung is at most so many times as large as the other


def assess(
    labels: np.ndarray, structures: Sequence[str], image: Volume | None = None
) -> dict[str, Quality]:
    """Return the quality of each structure of a radiograph's anatomy map.

    Args:
        labels: Anatomy map (X, 1, Z).
        structures: Regions that the segmenter claims to label.
        image: The radiograph; its black rim is then not counted as film.
    """
    viewed = volume.picture(labels)
    film = _film(viewed if image is None else volume.picture(image.voxels), image is not None)
    masks = {name: regions.mask(viewed, name) for name in structures}
    found = {name: _assess_one(name, mask, film) for name, mask in masks.items()}
    if all(name in masks for name in LUNGS):
        found |= _as_a_pair(found, *(masks[name] for name in LUNGS))
    return found


def _film(picture: np.ndarray, shows: bool) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero((picture > 0).any(axis)) for axis in (1, 0))
    if not shows or len(rows) == 0:
        return slice(0, picture.shape[0]), slice(0, picture.shape[1])
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _assess_one(name: str, mask: np.ndarray, film: tuple[slice, slice]) -> Quality:
    if not mask.any():
        return Quality(name, "absent", "no pixel is labeled")
    parts, _ = ndimage.label(mask)
    area = float(mask.sum() / mask[film].size)
    whole = float(np.bincount(parts.ravel())[1:].max() / mask.sum())
    edge = _along_edge(mask, film)
    low, high = AREAS.get(name, (0.0, 1.0))
    status, reason = "present", ""
    if not low <= area <= high:
        status, reason = "failed", f"area {area:.3f} of the film is not within {low} and {high}"
    elif whole < WHOLE:
        status, reason = "failed", f"largest of its parts holds only {whole:.2f} of it"
    elif edge > TOUCHING:
        status, reason = "cropped", f"{edge:.2f} of its outline lies on the film's edge"
    return Quality(name, status, reason, area, whole, edge)


def _along_edge(mask: np.ndarray, film: tuple[slice, slice]) -> float:
    shown = np.zeros_like(mask)
    shown[film] = True
    rim = mask & ~ndimage.binary_erosion(mask)
    edge = ~ndimage.binary_erosion(shown)
    return float((rim & edge).sum() / rim.sum())


def _as_a_pair(
    found: dict[str, Quality], right: np.ndarray, left: np.ndarray
) -> dict[str, Quality]:
    """Return the qualities of two lungs once they are compared with each other."""
    if not right.any() and not left.any():
        return {name: Quality(name, "failed", "neither lung was found") for name in LUNGS}
    if any(found[name].status in ("absent", "failed") for name in LUNGS):
        return {}
    sizes = dict(zip(LUNGS, (int(right.sum()), int(left.sum())), strict=True))
    small = min(sizes, key=lambda name: sizes[name])
    ratio = max(sizes.values()) / sizes[small]
    if np.nonzero(right)[1].mean() >= np.nonzero(left)[1].mean():
        return failed(found, LUNGS, "the right lung lies at the viewer's right")
    if _touching(right, left) > TOUCHING:
        return failed(found, LUNGS, "the lungs run into each other")
    if ratio > LIKE:
        return failed(found, (small,), f"the other lung is {ratio:.1f} times as large")
    return {}


def _touching(right: np.ndarray, left: np.ndarray) -> float:
    rim = right & ~ndimage.binary_erosion(right)
    return float((rim & ndimage.binary_dilation(left)).sum() / rim.sum())
