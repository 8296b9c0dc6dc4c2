"""What a person sees of a case: a picture that tells nothing of where it comes from.

Pictures of one modality are made in the same way, have the same number of pixels and of bytes, and
hold no text. It opens no file and draws no label but what it is asked to.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.volume import picture

GRAYS = 192  # levels of a picture with outlines; the other colors of its palette are the labels'
UNMARKED = ("body", "abdomen")  # their outlines would say nothing
SEEN_PERCENT = (1.0, 99.5)  # of an MR's voxels, from black to white


def plain(
    case: Case, modality: str, size: int, window_hu: Sequence[float], rng: np.random.Generator
) -> bytes:
    """Return a case as a gray PNG without any label; a volume as its three middle slices.

    Args:
        case: Radiograph in [0, 1], CT in HU, or MR.
        modality: "CXR", "CT" or "MR".
        size: Pixels along a side of a panel; a volume has three panels side by side.
        window_hu: HU that are black and white in CT.
        rng: Of the dither that hides how many gray levels the image had before it was stored.
    """
    middle = [n // 2 for n in case.image.voxels.shape]
    panels = _panels(case, modality, middle)
    canvas = [_fitted(_gray(case, modality, window_hu, p), m, size) for p, m in panels]
    return _stored(_dithered(np.hstack(canvas), 255, rng))


def outlined(
    case: Case, modality: str, size: int, window_hu: Sequence[float], rng: np.random.Generator
) -> bytes:
    """Return a case with its labels outlined, as a PNG of 256 colors; arguments as of `plain`.

    A volume is cut where most is labeled: of findings, else of anatomy.

    Raises:
        ValueError: If nothing is labeled in the case.
    """
    if not (_marked(case.findings).any() or _marked(case.anatomy).any()):
        raise ValueError(f"{case.name} has no label: there is no outline to judge")
    maps = [_marked(case.anatomy), _marked(case.findings)]
    places = _most(maps[1] if maps[1].any() else maps[0])
    pages = []
    for panel, mm in _panels(case, modality, places):
        gray = _fitted(_gray(case, modality, window_hu, panel), mm, size)
        page = _dithered(gray, GRAYS - 1, rng)
        for labels in maps:
            _outline(page, _fitted(panel(labels), mm, size, nearest=True))
        pages.append(page)
    return _stored(np.hstack(pages), _palette())


def legend(case: Case) -> list[list[str]]:
    """Return name and color of every label that `outlined` draws in a case, somewhere."""
    words = regions.vocabulary()
    found = {*np.unique(_marked(case.anatomy)), *np.unique(_marked(case.findings))}
    return [
        [label.name.replace("_", " "), label.colour]
        for label in (*words.structures, *words.findings)
        if label.id in found
    ]


class _Panel:
    """One slice through a volume, or the whole of a radiograph, as rows and columns."""

    def __init__(self, axis: int, index: int) -> None:
        self.axis, self.index = axis, index

    def __call__(self, voxels: np.ndarray) -> np.ndarray:
        return picture(np.expand_dims(np.take(voxels, self.index, self.axis), 1))


def _panels(
    case: Case, modality: str, places: Sequence[int]
) -> list[tuple[_Panel, tuple[float, float]]]:
    """Return the panels of a case, each with the size in mm of its pixels along rows, columns."""
    x, y, z = case.image.spacing_mm
    coronal = _Panel(1, 0 if modality == "CXR" else places[1]), (z, x)
    if modality == "CXR":
        return [coronal]
    return [(_Panel(2, places[2]), (y, x)), coronal, (_Panel(0, places[0]), (z, y))]


def _gray(case: Case, modality: str, window_hu: Sequence[float], panel: _Panel) -> np.ndarray:
    low, high = {"CXR": (0.0, 1.0), "CT": tuple(window_hu)}.get(modality) or np.percentile(
        case.image.voxels, SEEN_PERCENT
    )
    return np.clip((panel(case.image.voxels) - low) / max(high - low, 1e-6), 0, 1)


def _fitted(
    pixels: np.ndarray, mm: tuple[float, float], size: int, nearest: bool = False
) -> np.ndarray:
    """Return a picture brought onto a square canvas, its shape in mm kept, 0 around it."""
    tall, wide = (n * s for n, s in zip(pixels.shape, mm, strict=True))
    rows, columns = (max(1, round(size * side / max(tall, wide))) for side in (tall, wide))
    how = Image.Resampling.NEAREST if nearest else Image.Resampling.BICUBIC
    kind = np.uint8 if nearest else np.float32
    resized = np.asarray(Image.fromarray(pixels.astype(kind)).resize((columns, rows), how))
    canvas = np.zeros((size, size), kind)
    top, left = (size - rows) // 2, (size - columns) // 2
    canvas[top : top + rows, left : left + columns] = resized
    return canvas


def _dithered(gray: np.ndarray, top: int, rng: np.random.Generator) -> np.ndarray:
    """Return [0, 1] as whole levels, rounded by chance to one of the three nearest.

    An image that was stretched from few levels would otherwise show it as gaps in its histogram.
    """
    levels = np.floor(np.clip(gray, 0, 1) * top + rng.uniform(-0.5, 1.5, gray.shape))
    return np.clip(levels, 0, top).astype(np.uint8)


def _marked(labels: np.ndarray) -> np.ndarray:
    """Return a label map less what is not outlined."""
    unmarked = [*map(regions.label_id, UNMARKED), regions.vocabulary().ignore]
    return np.where(np.isin(labels, unmarked), 0, labels).astype(np.uint8)


def _most(labels: np.ndarray) -> list[int]:
    """Return along each axis the index where most voxels are labeled."""
    others = [tuple(a for a in range(3) if a != axis) for axis in range(3)]
    return [int((labels > 0).sum(other).argmax()) for other in others]


def _outline(page: np.ndarray, labels: np.ndarray) -> None:
    """Draw the inner border of every label into a page, in its own color of the palette."""
    for place, number in enumerate(_numbers()):
        mask = labels == number
        if mask.any():
            page[mask & ~ndimage.binary_erosion(mask)] = GRAYS + place


def _numbers() -> list[int]:
    words = regions.vocabulary()
    return [label.id for label in (*words.structures, *words.findings)]


def _palette() -> list[int]:
    """Return 256 colors: grays first, then those of the labels, in the order of `_numbers`."""
    words = regions.vocabulary()
    grays = [round(255 * level / (GRAYS - 1)) for level in range(GRAYS)]
    colors = [ImageColor.getrgb(label.colour) for label in (*words.structures, *words.findings)]
    listed = [level for gray in grays for level in (gray, gray, gray)]
    listed += [level for color in colors for level in color[:3]]
    return listed + [0] * (3 * 256 - len(listed))


def _stored(levels: np.ndarray, palette: list[int] | None = None) -> bytes:
    """Return a PNG without any text, not compressed: how far one shrinks would tell its noise."""
    image = Image.fromarray(levels)
    if palette:
        image.putpalette(palette)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0, optimize=False)
    return buffer.getvalue()
