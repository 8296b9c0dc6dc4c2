"""A real picture, the synthetic one and its mask on one another, to be wiped across by a slider.

Without a script they lie side by side, so nothing is lost. Pictures are WebP of bounded size: a
page holds two sliders for each recipe, less than 200 kB.
"""

import base64
import io
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image
from scipy import ndimage

from radfoundry.case import Case
from radfoundry.report import overlays, slices
from radfoundry.report.charts import OUTLINE
from radfoundry.volume import Volume, picture

SHOWN = 2  # of a recipe
SIDE = 384  # pixels of the longer side
MOST_BYTES = 22_000  # of one picture
QUALITIES = (85, 70, 50, 30, 15, 5)  # of WebP; the first that fits
LINE = 2  # pixels of an outline
VIEW = slices.VIEWS[0]  # axial


class Pane(NamedTuple):
    """One of the pictures that lie on one another: what it is, and its WebP."""

    label: str
    webp: bytes


class Slider(NamedTuple):
    """Pictures of one place, in the order in which the slider shows them."""

    caption: str
    panes: tuple[Pane, ...]


def of_radiographs(samples: Iterable[Case], source_of: Callable[[Case], Volume]) -> list[Slider]:
    """Return a slider for each sample.

    Args:
        samples: What is shown.
        source_of: Returns the image of a sample's source.
    """
    return [_radiograph(sample, source_of(sample)) for sample in samples]


def _radiograph(sample: Case, source: Volume) -> Slider:
    seen, real = picture(sample.image.voxels), picture(source.voxels)
    wide, high = sample.image.spacing_mm[::2]
    size = _size(seen.shape, (high, wide))
    masked = None
    if sample.findings.any():
        masked = _painted(_gray(seen, size), _nearest(picture(sample.findings), size) > 0)
    return _slider(sample.name, _gray(real, size), _gray(seen, size), masked)


def of_volumes(
    samples: Iterable[Case], source_of: Callable[[Case], Volume], modality: str
) -> list[Slider]:
    """Return a slider of an axial slice for each sample; its source at the same place.

    Args:
        samples: What is shown.
        source_of: Returns the image of a sample's source; on another grid it is left out.
        modality: "CT" or "MR".
    """
    return [_volume(sample, source_of(sample), modality) for sample in samples]


def _volume(sample: Case, source: Volume, modality: str) -> Slider:
    own = slices.VolumePicture("", sample.image, sample.anatomy, sample.findings, modality)
    place = slices.center(own)[VIEW.axis]
    wide, high = sample.image.spacing_mm[VIEW.across], sample.image.spacing_mm[VIEW.up]
    flat, anatomy, findings = (
        slices.viewed(part, VIEW.axis, place)
        for part in (slices.gray(own), sample.anatomy, sample.findings)
    )
    size, real, masked = _size(flat.shape, (high, wide)), None, None
    if source.voxels.shape == sample.image.voxels.shape:
        other = slices.gray(slices.VolumePicture("", source, modality=modality))
        real = _gray(slices.viewed(other, VIEW.axis, place), size)
    if anatomy.any() or findings.any():
        labels = _nearest(anatomy, size)
        masked = _painted(_gray(flat, size), _nearest(findings, size) > 0, labels)
    return _slider(f"{sample.name}, axial slice", real, _gray(flat, size), masked)


def part(slider: Slider) -> dict[str, Any]:
    """Return what the page's template shows of a slider."""
    panes = [
        {"label": pane.label, "data": base64.b64encode(pane.webp).decode()} for pane in slider.panes
    ]
    return {"caption": slider.caption, "panes": panes, "most": 100 * (len(panes) - 1)}


def _slider(
    name: str, real: np.ndarray | None, synthetic: np.ndarray, masked: np.ndarray | None
) -> Slider:
    shown = {"Source": real, "Synthetic": synthetic, "With mask": masked}
    panes = tuple(Pane(label, _webp(one)) for label, one in shown.items() if one is not None)
    lacking = [label.lower() for label, one in shown.items() if one is None]
    return Slider(name + (f" (not available: {', '.join(lacking)})" if lacking else ""), panes)


def _size(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """Return width and height in pixels, in the proportions of the body."""
    high, wide = (n * mm for n, mm in zip(shape, spacing_mm, strict=True))
    scale = SIDE / max(wide, high)
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _gray(seen: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return intensities from 0 to 1 as (height, width, 3) bytes."""
    values = np.round(255 * np.clip(np.nan_to_num(seen.astype(np.float32)), 0, 1))
    image = Image.fromarray(np.ascontiguousarray(values.astype(np.uint8)))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC).convert("RGB"))


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(labels.astype(np.uint8)))
    return np.asarray(image.resize(size, Image.Resampling.NEAREST))


def _painted(
    gray: np.ndarray, mask: np.ndarray, structures: np.ndarray | None = None
) -> np.ndarray:
    """Return a picture whose structures are tinted and whose mask is outlined, uint8 RGB."""
    shown = gray.astype(np.float32)
    if structures is not None:
        tints = overlays.tints()[structures]
        opacity = tints[..., 3:]
        shown = shown * (1 - opacity) + 255 * tints[..., :3] * opacity
    edge = ndimage.binary_dilation(mask, iterations=LINE) & ~mask
    shown[edge] = 255 * np.array(to_rgb(OUTLINE))
    return np.round(shown).astype(np.uint8)


def _webp(pixels: np.ndarray) -> bytes:
    """Return a picture as WebP of at most `MOST_BYTES`, if quality allows."""
    data = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "WEBP", quality=quality, method=4)
        data = buffer.getvalue()
        if len(data) <= MOST_BYTES:
            break
    return data
