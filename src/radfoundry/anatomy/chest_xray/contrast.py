"""What every segmenter of radiographs needs: the body, local contrast, tidy lungs.

Pictures here are viewed arrays (rows, columns), float in [0, 1] with dense tissue white, on any
canvas; positions are fractions of the canvas, (0, 0) its upper left corner.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import reconstruction

from radfoundry import volume
from radfoundry.anatomy import regions

PADDING = 2 / 255  # canvas beyond the exposed film is written as 0, JPEG leaves a little more
WORKING_SIZE = 128  # pixels along a side; outlines found here are sharp to a third of a rib


@dataclass(frozen=True)
class Field:
    """A radiograph with its contrast normalized locally.

    Attributes:
        local_contrast: Intensity in local standard deviations (square array, dense tissue positive,
            within -2.5 and 2.5), 0 beyond the exposed film and in the air beside the patient.
        air: Where there is film but no patient (False beyond the film).
        box: The body's left, right, top and bottom, as fractions of the canvas.
    """

    local_contrast: np.ndarray
    air: np.ndarray
    box: tuple[float, float, float, float]


def content_box(picture: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return the exposed film (first row, end row, first column, end column); None on black."""
    exposed = ndimage.binary_opening(picture > PADDING, iterations=2)
    rows, columns = np.flatnonzero(exposed.any(1)), np.flatnonzero(exposed.any(0))
    if len(rows) == 0:
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def resized(picture: np.ndarray, shape: tuple[int, int], nearest: bool = False) -> np.ndarray:
    """Return a picture brought to another shape: area averages, or nearest for labels."""
    if picture.shape == shape:
        return picture
    how = Image.Resampling.NEAREST if nearest else Image.Resampling.BOX
    if not nearest and min(shape) > min(picture.shape):
        how = Image.Resampling.BILINEAR
    kind = np.uint8 if nearest else np.float32
    return np.asarray(Image.fromarray(picture.astype(kind)).resize(shape[::-1], how))


def square(picture: np.ndarray) -> np.ndarray:
    """Return a picture padded with black at right and bottom until it is square."""
    rows, columns = picture.shape
    side = max(rows, columns)
    return np.pad(picture, ((0, side - rows), (0, side - columns)))


def locally_normalized(
    picture: np.ndarray, size: int = WORKING_SIZE, reach: float = 0.14
) -> Field | None:
    """Return the field of a square picture, or None where nothing was exposed.

    Args:
        picture: Square array in [0, 1].
        size: Pixels along a side of the field.
        reach: Standard deviation of the Gaussian neighborhood that mean and deviation are taken
            over, as a fraction of the canvas; air beside the patient does not count in it.
    """
    film = content_box(picture)
    if film is None:
        return None
    exposed = np.zeros(picture.shape, np.float32)
    exposed[film[0] : film[1], film[2] : film[3]] = 1
    small = resized(picture, (size, size)).astype(np.float64)
    shown = resized(exposed, (size, size)) >= 0.5
    air = beside_patient(small, shown, np.array(film) / picture.shape[0] * size)
    body = (shown & ~air).astype(float)
    share = ndimage.gaussian_filter(body, reach * size) + 1e-3
    mean = ndimage.gaussian_filter(small * body, reach * size) / share
    spread = ndimage.gaussian_filter((small - mean) ** 2 * body, reach * size) / share
    local_contrast = np.clip((small - mean) / (np.sqrt(spread) + 0.02), -2.5, 2.5) * body
    return Field(local_contrast, air, body_box(body > 0, film, picture.shape[0]))


def beside_patient(small: np.ndarray, shown: np.ndarray, film: np.ndarray) -> np.ndarray:
    """Return where the film shows air beside the patient.

    A pixel's level is the brightest that must be crossed to reach it from the rim (reconstruction
    by erosion). Air lies below the level at which the flood would break into the chest.
    """
    smooth = np.where(shown, ndimage.gaussian_filter(small, 1.0), 0)
    padded = np.pad(smooth, 1)
    seed = np.full_like(padded, padded.max())
    seed[[0, -1]], seed[:, [0, -1]] = padded[[0, -1]], padded[:, [0, -1]]
    level = reconstruction(seed, padded, method="erosion")[1:-1, 1:-1]
    top, bottom, left, right = film
    rows, columns = np.mgrid[: small.shape[0], : small.shape[1]] + 0.5
    chest = (np.abs((columns - left) / (right - left) - 0.5) < 0.27) & (
        np.abs((rows - top) / (bottom - top) - 0.5) < 0.22
    )
    if not chest.any() or not shown.any():
        return np.zeros_like(shown)
    low, high = np.quantile(small[shown], [0.02, 0.98])
    limit = min(0.85 * np.quantile(level[chest], 0.02), low + 0.35 * (high - low))
    air = (level <= limit) & (smooth <= limit)
    return ndimage.binary_dilation(air) & shown


def body_box(
    body: np.ndarray, film: tuple[int, int, int, int], side: int
) -> tuple[float, float, float, float]:
    """Return left, right, top and bottom of the body as fractions; those of the film if none."""
    body = ndimage.binary_opening(body, iterations=3)
    rows, columns = np.flatnonzero(body.mean(1) > 0.1), np.flatnonzero(body.mean(0) > 0.1)
    if len(rows) == 0 or len(columns) == 0:
        top, bottom, left, right = (float(edge) / side for edge in film)
        return left, right, top, bottom
    edges = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    left, right, top, bottom = (float(edge) / body.shape[0] for edge in edges)
    return left, right, top, bottom


def tidy(mask: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Return a mask's largest connected part with its holes filled.

    Args:
        mask: Booleans (rows, columns).
        least: A part smaller than this fraction of the picture is dropped: all False comes back.
    """
    parts, count = ndimage.label(mask)
    if count == 0:
        return np.zeros_like(mask, bool)
    areas = np.bincount(parts.ravel())[1:]
    if areas.max() < least * mask.size:
        return np.zeros_like(mask, bool)
    return ndimage.binary_fill_holes(parts == areas.argmax() + 1)


def label_map(masks: Mapping[str, np.ndarray], rows: int, columns: int) -> np.ndarray:
    """Return the anatomy map (X, 1, Z) of viewed masks, cut to the picture's own shape."""
    if not masks:
        return volume.plane(np.zeros((rows, columns), np.uint8))
    return volume.plane(regions.compose(masks)[:rows, :columns])
