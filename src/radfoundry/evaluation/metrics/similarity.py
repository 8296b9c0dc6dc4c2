"""See a volume as two small pictures, to find copies and repeats without loading all of many.

The pictures are the mean along y, as seen from the front, and the middle axial slice.
"""

from collections.abc import Mapping

import numpy as np
from PIL import Image
from skimage.measure import block_reduce

from radfoundry.volume import Volume, projection

HU = (-1024.0, 600.0)  # what is beyond is cut, in real CT and drawn ones alike
BLOCK = 8  # pixels: pictures that differ over blocks differ in full, and few must be compared
SEEN = 64  # blocks along an axis of a volume
EDITED = 0.2  # of a volume: more is not an edit of it


def gray(image: Volume) -> np.ndarray:
    """Return a volume's voxels in [0, 1], float32: of CT `HU`; MR is so already."""
    voxels = image.voxels.astype(np.float32)
    if voxels.min() >= 0 and voxels.max() <= 1:  # no CT is: its air lies far below
        return voxels
    hu = np.clip(voxels, *HU)
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


def coarse(voxels: np.ndarray) -> np.ndarray:
    """Return means of blocks of a volume, at most `SEEN` along each axis: equal where it is."""
    sides = tuple(-(-n // SEEN) for n in voxels.shape)
    return block_reduce(voxels.astype(np.float32), sides, np.mean)


def edited_apart(first: np.ndarray, second: np.ndarray, limit: float) -> bool:
    """Return whether two images are one image that was edited differently.

    They are the same but for a fifth at most, and there they are not alike.

    Args:
        first: As `coarse` returns it.
        second: Of the same grid.
        limit: Mean difference, of the range, below which edits are alike.
    """
    if first.shape != second.shape:
        return False
    differs = first != second
    if not 0 < differs.mean() <= EDITED:
        return False
    return bool(
        np.abs(first - second)[differs].mean() >= limit * max(np.ptp(first), np.ptp(second))
    )
