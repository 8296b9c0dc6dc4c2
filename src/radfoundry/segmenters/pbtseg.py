"""Lungs of a frontal radiograph without a network: PBTSeg as published, and an improved form.

`published` follows ART-ASyn's PBTSeg: global thresholds, and rules for what a lung looks like.
`improved` (the default) gives up global thresholds: contrast is normalized locally, a pair of drawn
lungs is laid on the image where its edges fit best, each outline then moves to the edges beside it
by dynamic programming, and the heart is the bright shadow between. Neither has seen a human mask.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.measure import label, regionprops

from radfoundry import volume
from radfoundry.anatomy.chest_xray import contrast, lung_fit
from radfoundry.volume import Volume

if TYPE_CHECKING:  # PBTSeg runs without torch
    from radfoundry.weights import Weights

CITATION = "PBTSeg, of Cao, Fan, Cai, ART-ASyn (its form `improved` is of this project)"
STRUCTURES = ("lung_right", "lung_left", "heart", "mediastinum")
MODALITIES = ("CXR",)
NEEDS_WEIGHTS = False
METHODS = ("improved", "published")
OPTIONS: dict[str, Any] = {
    "method": "improved",  # or published
    "least_fit": 1.0,  # edge contrast, in local deviations, below which no lung is claimed
}

# Published settings, for pictures of 256 x 256.
PUBLISHED_SIZE = 256
THRESHOLDS = range(50, 161, 5)
AREAS = (2000, 10000)
PATIENCE = 130


def structures(options: Mapping) -> tuple[str, ...]:
    """Return what a choice of options labels: the published method knows lungs alone."""
    return STRUCTURES[:2] if options.get("method") == "published" else STRUCTURES


def prepare(
    options: Mapping, weights: "Weights | None" = None, device: str = "cpu"
) -> Callable[[Volume], np.ndarray]:
    """Return the segmenter: a radiograph goes in, its anatomy map (uint8, same grid) comes out.

    Args:
        options: `OPTIONS`, of which any may be left out.
        weights: Not used; PBTSeg has none.
        device: Not used; it runs on the CPU.

    Raises:
        ValueError: An option or method that does not exist.
    """
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise ValueError(f"pbtseg has no options {sorted(unknown)}: choose from {sorted(OPTIONS)}")
    chosen = OPTIONS | dict(options)
    if chosen["method"] == "published":
        return published
    if chosen["method"] != "improved":
        raise ValueError(f"no method {chosen['method']!r}: choose from {', '.join(METHODS)}")
    return partial(improved, float(chosen["least_fit"]))


def published(image: Volume) -> np.ndarray:
    """Return lungs by the algorithm as published, on the exposed film stretched to 256 x 256."""
    picture = volume.picture(image.voxels)
    film = contrast.content_box(picture)
    if film is None:
        return np.zeros(image.voxels.shape, np.uint8)
    top, bottom, left, right = film
    shown = picture[top:bottom, left:right]
    stretched = contrast.resized(shown, (PUBLISHED_SIZE, PUBLISHED_SIZE))
    masks = {}
    for name, lung in threshold_lungs(np.round(stretched * 255)).items():
        masks[name] = np.zeros(picture.shape, bool)
        masks[name][top:bottom, left:right] = contrast.resized(lung, shown.shape, nearest=True)
    return contrast.label_map(masks, *picture.shape)


def threshold_lungs(gray: np.ndarray) -> dict[str, np.ndarray]:
    """Return the lungs that published PBTSeg finds in a 256 x 256 picture of 0 to 255."""
    width = gray.shape[1]
    best: dict = {}
    for threshold in THRESHOLDS:
        regions = [
            r for r in regionprops(label(gray <= threshold)) if looks_like_lung(r, gray.shape)
        ]
        if not regions and threshold > PATIENCE:
            break
        for region in sorted(regions, key=lambda r: -r.area)[:2]:
            if region.bbox[1] < width / 3:
                name = "lung_right"
            elif region.bbox[3] > 2 * width / 3:
                name = "lung_left"
            else:
                continue
            if name not in best or region.area > best[name].area:
                best[name] = region
    masks = {name: np.zeros(gray.shape, bool) for name in best}
    for name, region in best.items():
        masks[name][region.slice] = region.image_filled
    return masks


def looks_like_lung(region, shape: tuple[int, int]) -> bool:
    """Return whether a connected region passes the published rules of area, form and place."""
    top, left, bottom, right = region.bbox
    if not AREAS[0] < region.area < AREAS[1] or bottom - top <= right - left:
        return False
    center = np.array(region.centroid) / shape
    if region.solidity <= 0.6 or (np.abs(center - 0.5) >= 1 / 3).any():
        return False
    hull = np.pad(region.image_convex, 1)
    rim = (hull & ~ndimage.binary_erosion(hull))[1:-1, 1:-1]
    rows, columns = np.nonzero(rim)
    rows, columns = rows + top, columns + left
    outer = (rows == 0) | (rows == shape[0] - 1) | (columns == 0) | (columns == shape[1] - 1)
    return outer.mean() < 0.15


def improved(least_fit: float, image: Volume) -> np.ndarray:
    """Return lungs, heart and mediastinum by fitting a pair of drawn lungs.

    Args:
        least_fit: Edge contrast below which the picture shows no lungs: all 0 comes back.
        image: The radiograph, intensities in [0, 1].
    """
    picture = volume.picture(image.voxels)
    found = lung_fit.find(contrast.square(picture))
    if found is None or found.contrast < least_fit:
        return np.zeros(image.voxels.shape, np.uint8)
    return contrast.label_map(found.masks, *picture.shape)
