"""Another patient's organs, drawn from those of a case: shifted, scaled, smoothly displaced."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage

KNOTS = 4  # of the displacement along each axis
SHIFT, SCALE, BEND = 0.025, 0.06, 0.012  # deviations: sides of the picture, share, sides


def chosen(amount: float, rng: np.random.Generator) -> dict[str, Any] | None:
    """Return how organs are moved, as plain values for a request; None leaves them as they are.

    Args:
        amount: Times the usual deviations; 0 for none.
        rng: Makes every choice.
    """
    drawn = np.clip(rng.normal(0, 1, 4 + 2 * KNOTS**2), -2, 2) * amount
    if not amount:
        return None
    return {
        "shift": np.round(SHIFT * drawn[:2], 4).tolist(),
        "scale": np.round(np.exp(SCALE * drawn[2:4]), 4).tolist(),
        "bend": np.round(BEND * drawn[4:].reshape(2, KNOTS, KNOTS), 4).tolist(),
    }


def applied(labels: np.ndarray, warp: Mapping[str, Any] | None) -> np.ndarray:
    """Return a label map (X, 1, Z) moved as a warp says, nearest label; 0 from outside.

    Args:
        labels: uint8 ids.
        warp: As `chosen` returns it.
    """
    if warp is None:
        return labels.copy()
    sides = np.array([labels.shape[0], labels.shape[2]], float)
    places = np.indices((labels.shape[0], labels.shape[2])).astype(float)
    middle = ((sides - 1) / 2)[:, None, None]
    scale, shift = (np.array(warp[key])[:, None, None] for key in ("scale", "shift"))
    bend = np.stack([_spread(np.array(part), places.shape[1:]) for part in warp["bend"]])
    sources = middle + (places - middle) / scale - (shift + bend) * sides[:, None, None]
    moved = ndimage.map_coordinates(labels[:, 0], sources, order=0, mode="constant", cval=0)
    return moved[:, None]


def _spread(knots: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return knots (n, n) as a smooth field of a shape."""
    axes = [np.linspace(0, side - 1, n) for side, n in zip(knots.shape, shape, strict=True)]
    return ndimage.map_coordinates(
        knots, np.meshgrid(*axes, indexing="ij"), order=3, mode="nearest"
    )
