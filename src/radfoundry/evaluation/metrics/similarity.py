"""See a CT as two small pictures, to find copies and repeats among many without loading them all.

The pictures are the mean along y, as seen from the front, and the middle axial slice.
"""

from collections.abc import Mapping

import numpy as np
from PIL import Image
from skimage.measure import block_reduce

from radfoundry.volume import Volume, projection

HU = (-1024.0, 600.0)  # what is beyond is cut, in real CT and drawn ones alike
BLOCK = 8  # pixels: pictures that differ over blocks differ in full, and few must be compared


def gray(image: Volume) -> np.ndarray:
    """Return a CT's voxels, `HU` as [0, 1], as float32."""
    hu = np.clip(image.voxels.astype(np.float32), *HU)
    return (hu - HU[0]) / (HU[1] - HU[0])


def thumbnail(rows_by_columns: np.ndarray, size: int) -> np.ndarray:
    """Return a picture as (size, size) pixels, each the mean of what it covers."""
    image = Image.fromarray(np.ascontiguousarray(rows_by_columns, np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BOX))


def coded(thumbnails: np.ndarray) -> np.ndarray:
    """Return thumbnails in [0, 1] as bytes."""
    return np.round(np.clip(thumbnails, 0, 1) * 255).astype(np.uint8)


def views(image: Volume, size: int) -> np.ndarray:
    """Return a CT's two thumbnails, (2, size, size) in [0, 1]."""
    voxels = gray(image)
    axial = voxels[:, :, voxels.shape[2] // 2].T
    return np.stack([thumbnail(seen, size) for seen in (projection(image.holding(voxels)), axial)])


def repeats(seen: Mapping[str, np.ndarray], limit: float) -> dict[str, str]:
    """Return which thumbnails repeat earlier ones: name of the later to name of the earlier.

    Args:
        seen: Name to thumbnails as bytes, all of one shape, in their order.
        limit: Mean difference, of the range, below which one repeats another.
    """
    names, found = list(seen), {}
    first: list[int] = []  # those that repeat none
    means = np.array([block_reduce(s / 255, (1, BLOCK, BLOCK), np.mean) for s in seen.values()])
    for n, name in enumerate(names):
        # A mean over blocks never exceeds the mean over pixels: no pair is missed.
        apart = np.abs(means[first] - means[n]).mean(axis=(1, 2, 3))
        for other in (names[first[i]] for i in np.flatnonzero(apart < limit)):
            if np.abs(seen[other] / 255 - seen[name] / 255).mean() < limit:
                found[name] = other
                break
        else:
            first.append(n)
    return found
