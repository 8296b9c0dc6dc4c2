"""Put a drawn crop into its source: the lesion as drawn, a soft margin, and nothing further out."""

import numpy as np
from scipy import ndimage


def feathered(regions: np.ndarray, margin: int) -> np.ndarray:
    """Return how much of what is drawn counts: 1 in the lesion, 0 from `margin` voxels out of it.

    >>> feathered(np.array([[0, 0, 0, 1, 1]]), 1).round(2).tolist()
    [[0.0, 0.0, 0.5, 1.0, 1.0]]
    """
    away = ndimage.distance_transform_edt(regions == 0)
    return np.clip(1 - away / (margin + 1), 0, 1) * (away <= margin)


def pasted(source: np.ndarray, drawn: np.ndarray, regions: np.ndarray, margin: int) -> np.ndarray:
    """Return the source with what is drawn in and around the lesion; outside it, bit for bit.

    Args:
        source: Intensities.
        drawn: In the same shape and units.
        regions: Above 0 in the lesion; an empty one leaves the source.
        margin: Voxels around the lesion that may change too.
    """
    if not (regions > 0).any():
        return source.copy()
    share = feathered(regions, margin)
    blended = np.where(share >= 1, drawn, source + share * (drawn - source))
    return np.where(share > 0, blended, source).astype(source.dtype)
