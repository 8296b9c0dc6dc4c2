"""Part a finding into its lesions."""

from collections.abc import Iterator

import cc3d
import numpy as np


def lesions(
    mask: np.ndarray, spacing_mm: tuple, least_mm3: float = 30.0
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number and the mask of each connected part of a mask, the largest first.

    Voxels are connected by faces, edges and corners (26 neighbours). Parts of equal size are in the
    order of their first voxel. Masks are made one by one, since a body may hold many lesions.

    Args:
        mask: Booleans (X, Y, Z).
        spacing_mm: Length of a voxel along each axis.
        least_mm3: Parts smaller than this are left out.

    >>> mask = np.zeros((4, 4, 4), bool)
    >>> mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 3, 3] = True
    >>> [(number, int(part.sum())) for number, part in lesions(mask, (1, 1, 1), 1)]
    [(1, 2), (2, 1)]
    """
    if mask.dtype != bool or mask.ndim != 3:
        raise ValueError(f"the mask must be bool (X, Y, Z), not {mask.dtype} {mask.shape}")
    parts = cc3d.connected_components(mask, connectivity=26)
    sizes = np.bincount(parts.ravel())[1:] if parts.any() else np.zeros(0, int)
    _, first = np.unique(parts[mask], return_index=True)
    large = sizes * np.prod(spacing_mm) >= least_mm3 * (1 - 1e-9)
    kept = [part for part in np.lexsort((first, -sizes)) if large[part]]
    for number, part in enumerate(kept, start=1):
        yield number, parts == part + 1
