"""Find lesions in an image by voxels alone: independent of any generator, and of its networks.

Trees vote on every voxel by its intensity and by how bright, sharp and curved its surroundings are
at several scales, as an interactive segmenter of pixels does (ilastik). It learns from real cases
of splits that no generator saw, in seconds, and is as good as its own Dice says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from sklearn.ensemble import HistGradientBoostingClassifier

from radfoundry.anatomy import regions
from radfoundry.case import Case

SCALES = (1.0, 2.0, 4.0)  # voxels
MOST = 6000  # voxels of a case that are learned from, of lesion and of the rest each
LEAST_VOXELS = 8  # of a part that is believed


@dataclass(frozen=True)
class LesionReader:
    """What was learned; call it with a case to have the mask of its lesions."""

    trees: Any

    def __call__(self, case: Case) -> np.ndarray:
        """Return booleans (X, Y, Z) where a lesion is seen inside the body; the map is not read."""
        seen = looks(case)
        found = self.trees.predict(seen.reshape(-1, seen.shape[-1])).reshape(seen.shape[:-1]) > 0
        found = ndimage.binary_opening(found) if 1 not in found.shape else found
        parts, count = ndimage.label(found)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        kept = np.flatnonzero(sizes >= LEAST_VOXELS)
        return np.isin(parts, kept[kept > 0])


def fit(cases: Iterable[Case], lesion: str, rng: np.random.Generator) -> LesionReader:
    """Return a reader of real cases whose lesions are outlined.

    Args:
        cases: Of splits that no generator learned from.
        lesion: Region of `labels.yaml`.
        rng: Chooses the voxels that are learned from, and grows the trees.

    Raises:
        ValueError: No case shows the lesion.
    """
    rows, marks = [], []
    for case in cases:
        mask = regions.mask(case.findings, lesion).ravel()
        seen = looks(case)
        for at in _some(mask, rng):
            rows.append(seen.reshape(-1, seen.shape[-1])[at])
            marks.append(mask[at])
    if not any(mark.any() for mark in marks):
        raise ValueError(f"no held-out case shows a {lesion}: nothing can learn to find one")
    trees = HistGradientBoostingClassifier(
        max_iter=80, random_state=int(rng.integers(2**31)), early_stopping=False
    )
    return LesionReader(trees.fit(np.concatenate(rows), np.concatenate(marks)))


def _some(mask: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield places of lesion, and of the rest, at most `MOST` of each."""
    for own in (mask, ~mask):
        at = np.flatnonzero(own)
        yield at if len(at) <= MOST else np.sort(rng.choice(at, MOST, replace=False))


def looks(case: Case) -> np.ndarray:
    """Return what is seen at each voxel, float32 (X, Y, Z, n)."""
    image = np.asarray(case.image.voxels, np.float32)
    flat = tuple(0.0 if n == 1 else 1.0 for n in image.shape)
    found = [image]
    for scale in SCALES:
        sigma = tuple(scale * part for part in flat)
        smooth = ndimage.gaussian_filter(image, sigma)
        found += [smooth, _steepness(smooth), smooth - ndimage.gaussian_filter(smooth, sigma)]
        found.append(np.sqrt(np.abs(ndimage.gaussian_filter(image**2, sigma) - smooth**2)))
    return np.stack(found, -1)


def _steepness(smooth: np.ndarray) -> np.ndarray:
    axes = [axis for axis, n in enumerate(smooth.shape) if n > 1]
    return np.sqrt(sum(np.gradient(smooth, axis=axis) ** 2 for axis in axes))
