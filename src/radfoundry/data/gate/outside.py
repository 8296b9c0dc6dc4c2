"""Say which pixels of a radiograph hold no exposure: padding, and what shutters hide.

It refuses nothing: a shutter that would leave next to nothing of the picture is not believed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from skimage import draw

from radfoundry.data.gate.pixels import bits_stored, limits

Dataset = Any  # with the keywords of the standard as attributes

PADDING, SHUTTER, NO_SHUTTER = "int.padding", "dcm.shutter", "dcm.shutter_ignored"
LEAST_INSIDE = 0.05  # of the pixels; a smaller window is a slip of the writer, not a shutter
DEVICES = ("Shutter", "Collimator")  # PS3.3 C.7.6.11 and C.8.7.3


def padding(dataset: Dataset, words: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Return which pixels were written outside the scan, as the file's padding values say.

    Args:
        dataset: Of the file.
        words: Pixels with all their bits, (rows, columns), or (rows, columns, 3): colors have no
            padding.
        stored: The same of BitsStored bits. A padding value that these cannot hold is sought among
            the words.
    """
    ends = [dataset.get(f"PixelPadding{end}") for end in ("Value", "RangeLimit")]
    if ends[0] is None or stored.ndim != 2:
        return np.zeros(stored.shape[:2], bool)
    signed, allocated = bool(dataset.get("PixelRepresentation")), int(dataset.BitsAllocated)
    held = limits(bits_stored(dataset), signed)
    low, high = limits(allocated, signed)
    numbers = [  # some writers store the unsigned twin of -2000
        (int(end) - low) % (high - low) + low for end in ends if end is not None
    ]
    fit = all(held[0] <= number < held[1] for number in numbers)
    where = stored if fit else words
    return (where >= min(numbers)) & (where <= max(numbers))


def hidden(dataset: Dataset, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return which pixels (rows, columns) lie behind shutters or collimators, and a warning."""
    outside, warnings = np.zeros(shape, bool), []
    for device in DEVICES:
        shapes = dataset.get(f"{device}Shape") or ()
        for kind in [shapes] if isinstance(shapes, str) else shapes:
            inside = _inside(dataset, device, str(kind).strip().upper(), shape)
            if inside is None or inside.all():
                continue
            believed = (inside & ~outside).mean() >= LEAST_INSIDE
            outside |= ~inside & believed
            warnings.append(SHUTTER if believed else NO_SHUTTER)
    return outside, tuple(dict.fromkeys(warnings))


def _inside(dataset: Dataset, device: str, kind: str, shape: tuple[int, int]) -> np.ndarray | None:
    """Return what one opening leaves free, or None where the file does not say where it lies."""
    openings: dict[str, Callable[[Dataset, str, tuple[int, int]], np.ndarray]] = {
        "RECTANGULAR": _rectangle,
        "CIRCULAR": _circle,
        "POLYGONAL": _polygon,
    }
    try:
        return openings[kind](dataset, device, shape) if kind in openings else None
    except (AttributeError, TypeError, ValueError):  # a tag is missing, or holds no numbers
        return None


def _rectangle(dataset: Dataset, device: str, shape: tuple[int, int]) -> np.ndarray:
    edges = ("UpperHorizontalEdge", "LowerHorizontalEdge", "LeftVerticalEdge", "RightVerticalEdge")
    top, bottom, left, right = (int(getattr(dataset, device + edge)) for edge in edges)
    rows, columns = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]  # DICOM counts pixels from 1
    return (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right)


def _circle(dataset: Dataset, device: str, shape: tuple[int, int]) -> np.ndarray:
    row, column = (int(place) for place in getattr(dataset, f"CenterOfCircular{device}"))
    radius = int(getattr(dataset, f"RadiusOfCircular{device}"))
    rows, columns = np.ogrid[1 : shape[0] + 1, 1 : shape[1] + 1]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def _polygon(dataset: Dataset, device: str, shape: tuple[int, int]) -> np.ndarray:
    places = np.array(getattr(dataset, f"VerticesOfThePolygonal{device}"), float)
    inside = np.zeros(shape, bool)
    rows, columns = (places.reshape(-1, 2) - 1).T
    inside[draw.polygon(rows, columns, shape)] = True
    return inside
