"""Small pictures of all samples in one sheet (a sprite, as WebP), so that a page can show all.

A sheet is square: picture n lies in column n % columns and row n // columns, see `columns_of`.
"""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from radfoundry.case import Case
from radfoundry.report import slices
from radfoundry.volume import picture

MOST = 10_000  # samples on one sheet
SIDES = ((1_000, 64), (4_000, 48), (MOST, 32))  # pixels of a picture's side, for so many at most
MOST_BYTES = 1_500_000  # of a sheet: the page holds one for each recipe
QUALITIES = (70, 50, 30, 15, 5)  # of WebP; the first that fits


def side_of(n: int) -> int:
    """Return how many pixels wide and high each of n pictures is."""
    return next(side for most, side in SIDES if n <= most)


def columns_of(n: int) -> int:
    """Return how many pictures lie beside one another in a sheet of n; at least 1."""
    return max(1, math.ceil(math.sqrt(n)))


def thumbnail(case: Case, modality: str, side: int) -> np.ndarray:
    """Return a small picture of a case, (side, side) uint8, black around it.

    A radiograph whole; of a volume the axial slice through its largest finding, or its middle.

    Args:
        case: Image and, where there are any, anatomy and findings.
        modality: "CXR", "CT" or "MR".
        side: In pixels.
    """
    if case.image.is_radiograph:
        seen, (wide, high) = picture(case.image.voxels), case.image.spacing_mm[::2]
    else:
        shown = slices.VolumePicture(case.name, case.image, case.anatomy, case.findings, modality)
        seen = slices.viewed(slices.gray(shown), 2, slices.center(shown)[2])
        wide, high = case.image.spacing_mm[:2]
    size_mm = seen.shape[1] * wide, seen.shape[0] * high
    size = [max(1, round(side * mm / max(size_mm))) for mm in size_mm]
    bytes_ = np.round(np.clip(np.nan_to_num(seen), 0, 1) * 255).astype(np.uint8)
    small = Image.fromarray(np.ascontiguousarray(bytes_))
    whole = Image.new("L", (side, side))
    whole.paste(
        small.resize((size[0], size[1]), Image.Resampling.BOX),
        ((side - size[0]) // 2, (side - size[1]) // 2),
    )
    return np.asarray(whole)


def sheet(pictures: Sequence[np.ndarray]) -> bytes:
    """Return pictures of one size as one WebP of at most `MOST_BYTES`, if quality allows.

    Without any, the bytes of one black picture.

    Args:
        pictures: (side, side) uint8 each, at most `MOST`.
    """
    side = len(pictures[0]) if len(pictures) else 1
    columns = columns_of(len(pictures))
    rows = max(1, math.ceil(len(pictures) / columns))
    whole = np.zeros((rows * side, columns * side), np.uint8)
    for n, one in enumerate(pictures):
        top, left = n // columns * side, n % columns * side
        whole[top : top + side, left : left + side] = one
    image, data = Image.fromarray(whole), b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=4)
        data = buffer.getvalue()
        if len(data) <= MOST_BYTES:
            break
    return data
