"""What must hold of a lesion before the engine sees it; each refusal has a code."""

from collections.abc import Mapping
from typing import Any

import cc3d
import numpy as np


class RadiomicsError(ValueError):
    """A lesion that has no meaningful vector; `code` says why, for the case's row."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message

    def __reduce__(self) -> tuple:
        """Survive the way back from a worker process."""
        return type(self), (self.code, self.message)


def box(mask: np.ndarray, padding: int) -> tuple[slice, ...]:
    """Return the bounding box of a mask that is not empty, padded but inside the grid."""
    corners = []
    for axis, size in enumerate(mask.shape):
        others = tuple(n for n in range(mask.ndim) if n != axis)
        where = np.flatnonzero(mask.any(axis=others))
        corners.append(slice(max(where[0] - padding, 0), min(where[-1] + 1 + padding, size)))
    return tuple(corners)


def check_mask(mask: np.ndarray, options: Mapping[str, Any], when: str = "") -> None:
    """Refuse a mask that is empty, a point, a line, or too large (0.4 GB a million voxels).

    Args:
        mask: Booleans (X, Y, Z).
        options: As `settings` gives them.
        when: Said after the reason, as " within resegmentRange [0, 5]".

    Raises:
        RadiomicsError: `rad.empty`, `rad.one_voxel`, `rad.too_small` or `rad.too_large`.
    """
    count = int(np.count_nonzero(mask))
    if count == 0:
        raise RadiomicsError("rad.empty", f"the mask has no voxel{when}")
    if count == 1:
        raise RadiomicsError("rad.one_voxel", f"the mask has a single voxel{when}")
    spans = sum(part.stop - part.start > 1 for part in box(mask, 0))
    if count < options["minimumROISize"] or spans < options["minimumROIDimensions"]:
        raise RadiomicsError("rad.too_small", f"{count} voxels along {spans} axes are few{when}")
    check_size(count, options)


def check_size(count: float, options: Mapping[str, Any]) -> None:
    """Refuse more voxels than `maximumROISize`."""
    if count > (allowed := options["maximumROISize"]):
        raise RadiomicsError("rad.too_large", f"{count:.0f} voxels exceed maximumROISize {allowed}")


def check_intensities(
    voxels: np.ndarray, lesion: np.ndarray, options: Mapping[str, Any], whole: bool
) -> int:
    """Return the number of gray levels that the lesion will be discretised to.

    Raises:
        RadiomicsError: `rad.nonfinite` or `rad.bins`.
    """
    seen = (voxels if whole else voxels[lesion]).astype(np.float64)
    if not np.isfinite(seen).all():
        bad = np.count_nonzero(~np.isfinite(seen))
        raise RadiomicsError("rad.nonfinite", f"{bad} voxels are not finite")
    low, high = (float(edge(voxels[lesion])) for edge in (np.min, np.max))
    if options["normalize"] and (deviation := seen.std()) > 0:
        low, high = (edge * options["normalizeScale"] / deviation for edge in (low, high))
    # pyradiomics would allocate a matrix of this size squared, for every direction
    wanted = options["binCount"] or high // options["binWidth"] - low // options["binWidth"] + 1
    if wanted > options["maximumBins"]:
        text = f"{wanted:.0f} gray levels over {low:g} to {high:g} exceed {options['maximumBins']}"
        raise RadiomicsError("rad.bins", text)
    bins = 1 if low == high else int(wanted)
    _check_zones(voxels, lesion, bins, options["maximumMatrix"])
    return bins


def _check_zones(seen: np.ndarray, lesion: np.ndarray, bins: int, allowed: int) -> None:
    """Refuse a size-zone matrix of more cells than allowed; the engine holds it three times.

    It is as wide as the largest zone of touching voxels of one gray level, which is no larger than
    the commonest gray level.
    """
    inside = seen[lesion]
    if bins * inside.size <= allowed:
        return
    edges = np.histogram_bin_edges(inside, bins)
    if bins * np.histogram(inside, edges)[0].max() <= allowed:
        return
    levels = np.where(lesion, np.digitize(seen, edges[1:-1]) + 1, 0).astype(np.uint16)
    largest = int(cc3d.statistics(cc3d.connected_components(levels))["voxel_counts"][1:].max())
    if bins * largest > allowed:
        text = f"{bins} gray levels, a zone of {largest} voxels, exceed maximumMatrix {allowed}"
        raise RadiomicsError("rad.bins", text)
