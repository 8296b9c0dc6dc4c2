"""Detect from a chest radiograph's pixels how it lies and whether white is dense.

Two cues. Edges: seen from the front a chest has more upright edges (spine, lung borders) than level
ones, whatever the polarity. Similarity: the ranks of the pixels are correlated with a drawn chest,
dark lungs beside a light middle over a light abdomen, at several places and sizes. A quarter turn
needs both: dense lungs and letters make level edges too. Nothing here is learned from images. It
reads frontal chests; of other views it says nothing useful.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from PIL import Image
from scipy import ndimage, stats

LYING_MARGIN = 0.05  # difference of correlations by which a chest on its side must win
INVERTED_MARGIN = 0.15  # difference of correlations
UPENDED_MARGIN = 0.13
FINE, COARSE = 64, 32  # pixels along a side; edges are counted on one, similarity on the other
RIM = FINE // 8  # collimator edges lie here and say nothing of the patient


@dataclass(frozen=True)
class Orientation:
    """How a picture lies, and how strongly its pixels say so.

    Attributes:
        quarter_turns: Counter-clockwise turns (as in numpy.rot90) that bring it upright: 0 to 3.
        inverted: Whether dense tissue is dark.
        side: Log ratio of upright to level edges; below 0 the patient may lie on a side.
        inversion: Correlation with the drawn chest as a negative, minus that as a positive.
        upending: Correlation turned by 180 degrees, minus that as it is (or the other quarter).
    """

    quarter_turns: int
    inverted: bool
    side: float
    inversion: float
    upending: float


def detect(picture: np.ndarray, outside: np.ndarray | None = None) -> Orientation:
    """Return how a chest radiograph lies; doubt counts as upright, positive.

    Args:
        picture: (rows, columns). Padding must be cut off or named: a dark frame reads as lungs.
        outside: Which pixels hold no exposure; they say nothing.
    """
    seen = np.ones(picture.shape, bool) if outside is None else ~outside
    fine, coarse = (_ranks(picture, seen, size) for size in (FINE, COARSE))
    side = _edges(*fine)
    similarity = [_similarity(*(np.rot90(one, turn) for one in coarse)) for turn in range(4)]
    positive = [float(scores.max()) for scores in similarity]
    negative = [float(-scores.min()) for scores in similarity]
    best = np.maximum(positive, negative)
    lying = side < 0 and max(best[1], best[3]) - max(best[0], best[2]) > LYING_MARGIN
    upright, other = (1, 3) if lying else (0, 2)
    inversion = max(negative[upright], negative[other]) - max(positive[upright], positive[other])
    inverted = inversion > INVERTED_MARGIN
    scores = negative if inverted else positive
    upending = scores[other] - scores[upright]
    margin = 0.0 if lying else UPENDED_MARGIN  # on a side, one of the two is true
    return Orientation(other if upending > margin else upright, inverted, side, inversion, upending)


def _ranks(picture: np.ndarray, seen: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a small square of ranks with mean 0 and norm 1, and which of it was seen.

    Contrast curves leave ranks alone. What was not seen is 0.
    """
    weight = _boxed(seen, size)
    small = _boxed(np.where(seen, picture, 0), size) / np.maximum(weight, 1e-6)
    known = weight > 0.5
    ranks = np.zeros((size, size))
    if known.any():
        ranks[known] = stats.rankdata(small[known])
        ranks[known] -= ranks[known].mean()
    return ranks / max(float(np.linalg.norm(ranks)), 1e-12), known


def _boxed(picture: np.ndarray, size: int) -> np.ndarray:
    image = Image.fromarray(picture.astype(np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BOX), np.float64)


def _edges(ranks: np.ndarray, known: np.ndarray) -> float:
    smooth = ndimage.gaussian_filter(ranks, 1)
    across, down = (np.abs(ndimage.sobel(smooth, axis)) for axis in (1, 0))
    inner = ndimage.binary_erosion(known, iterations=3, border_value=1)
    inner &= np.pad(np.ones(np.subtract(ranks.shape, 2 * RIM), bool), RIM)
    if not inner.any():
        return 0.0
    return float(np.log((across[inner].mean() + 1e-9) / (down[inner].mean() + 1e-9)))


def _similarity(ranks: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the correlation of what is known with every drawn chest."""
    drawn = _drawn_chests()[:, known.ravel()]
    if not known.all():
        drawn = drawn - drawn.mean(axis=1, keepdims=True)
        drawn = drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-12)
    return drawn @ ranks[known]


@cache
def _drawn_chests() -> np.ndarray:
    """Return drawn chests at several places and sizes: (n, COARSE * COARSE), each of norm 1."""
    places = product((-0.12, 0.0, 0.12), (-0.15, 0.0, 0.15), (0.8, 1.0, 1.2), (0.8, 1.0, 1.2))
    drawn = [_drawn_chest(*place, air) for place in places for air in (False, True)]
    chests = np.stack([chest.ravel() for chest in drawn])
    chests -= chests.mean(axis=1, keepdims=True)
    return chests / np.linalg.norm(chests, axis=1, keepdims=True)


def _drawn_chest(right: float, down: float, width: float, height: float, air: bool) -> np.ndarray:
    """Draw one chest on [-1, 1] squared, with or without the air beside it: proportions by eye."""
    at = (np.arange(COARSE) + 0.5) / COARSE * 2 - 1
    x, y = (at[None, :] - right) / width, (at[:, None] - down) / height
    outward = np.abs(x)
    apex = _step(y + 0.72 - 0.5 * np.maximum(outward - 0.35, 0), 0.06)
    base = _step(0.52 + 0.12 * (outward - 0.4) - y, 0.06)
    wall = _step(0.62 + 0.2 * y - outward, 0.06)
    heart = _step(1 - np.hypot((x - 0.12) / 0.36, (y - 0.3) / 0.3), 0.12)
    lungs = _step(outward - 0.17, 0.05) * wall * apex * base * (1 - heart)
    middle = np.maximum(np.exp(-((x / 0.18) ** 2)), 0.8 * heart)
    abdomen = _step(y - 0.62, 0.06) * np.exp(-((x / 0.8) ** 4))
    beside_neck = _step(-0.8 - y, 0.06) * _step(outward - 0.4, 0.08)
    chest = -lungs + 0.7 * middle + abdomen - 0.6 * beside_neck
    if not air:
        return chest
    flesh = _step(outward - 0.67 - 0.2 * y, 0.05) * _step(y + 0.75, 0.1)
    beside = _step(outward - 0.85, 0.06)
    return (chest + 0.3 * flesh) * (1 - beside) - 0.9 * beside


def _step(distance: np.ndarray, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-distance / width))
