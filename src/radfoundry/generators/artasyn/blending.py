"""Put an opacity into a film: where it may lie, what gray it has, and what shows through it.

Filled lung is as dense as soft tissue. So an opacity tends to the gray of the heart, and where it
touches heart, diaphragm or chest wall to the gray of these: the border between them vanishes (the
silhouette sign). It ends with the lung and a few pixels beyond, because a border that vanishes must
be painted from both sides. Pictures are (rows, columns) in [0, 1].
"""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.data.smooth_noise import smoothstep
from radfoundry.generators.artasyn import texture
from radfoundry.generators.artasyn.shapes import PUBLISHED, SHAPES, Lungs

COLOR_PERCENTILE = 85
RIM = 0.15  # part of the strength that fades out: the blend ends instead of thinning forever
VISIBLE = 0.012  # least change of intensity that the mask counts: 3 of 255 gray levels
LEAST_AREA = 40  # pixels of a 256-pixel picture
FAINT = {"diffuse": 0.7, "nodular": 0.5}  # a haze is fainter than a consolidation
REACH = 5  # pixels beyond the labeled lung where an opacity ends
TOUCH = 6  # pixels: how far the gray of heart, diaphragm and wall reaches into an opacity
AROUND = 24  # pixels: the exposure of a film varies over this, and the gray of an opacity with it
CLOSE = (0.2, 0.04)  # how much darker or brighter than the heart that gray may be
FINE = {True: 4, False: 6}  # pixels: structure finer than this shows through; True: as published


def sides_of(labels: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Return the pictured lungs by side, those that are there; an unsided pair is split."""
    both = regions.mask(labels, "lungs")
    lungs = {side: regions.mask(labels, f"lung_{side}") for side in ("right", "left")}
    if both.any() and not (lungs["right"] | lungs["left"]).any():
        middle = np.arange(both.shape[1]) < np.argwhere(both)[:, 1].mean()
        lungs = {"right": both & middle, "left": both & ~middle}
    lungs = {side: mask for side, mask in lungs.items() if mask.any()}
    if not lungs:
        raise ValueError(f"{name}: the source has no lung in its anatomy map")
    return lungs


def painted(
    asked: Mapping, lungs: Lungs, original: np.ndarray, rng: np.random.Generator, urge: float
) -> np.ndarray:
    """Return the opacity to blend, in [0, 1], exactly zero outside the slightly dilated lungs.

    Args:
        asked: The request's parameters.
        lungs: Masks by side.
        original: The picture to paint on: the published gate follows its brightness.
        rng: Draws the shape and the texture.
        urge: 0 as asked, 1 at full strength.
    """
    sides = lungs if asked["sides"] == "both" else {asked["sides"]: lungs.get(asked["sides"])}
    chosen = {side: mask for side, mask in sides.items() if mask is not None} or lungs
    alpha = SHAPES[asked["shape"]](chosen, rng)
    both = np.logical_or.reduce(list(chosen.values()))
    if asked["shape"] in PUBLISHED:
        alpha = alpha * (0.5 * original + 0.5) * gate(both)
    else:
        alpha = alpha * contact(both)
    peak = float(np.quantile(alpha[alpha > 0.1 * alpha.max()], 0.9)) if alpha.any() else 1.0
    strength = asked["strength"] * FAINT.get(asked["shape"], 1)
    alpha = np.clip(alpha / peak - RIM, 0, None) / (1 - RIM)
    return np.clip(alpha * (strength + urge * (1 - strength)), 0, 0.95)


def gate(lungs: np.ndarray) -> np.ndarray:
    """Return the published anatomical gate, remapped to reach zero at the dilated lungs' edge."""
    scale = texture.unit(lungs.shape)
    wide = ndimage.binary_dilation(lungs, iterations=max(1, round(3 * scale)))
    soft = ndimage.gaussian_filter(wide.astype(float), 5 * scale)
    return np.where(wide, np.clip(3 * (soft - 0.5), 0, 1), 0)


def contact(lungs: np.ndarray) -> np.ndarray:
    """Return 1 in the lungs, falling to 0 within `REACH` pixels around them."""
    beyond = ndimage.distance_transform_edt(~lungs) / (REACH * texture.unit(lungs.shape))
    return smoothstep(1 - beyond, 0, 1)


def opacity_color(original: np.ndarray, labels: np.ndarray) -> float:
    """Return the intensity of the opacity: the published percentile of the exposed picture.

    Where the heart is labeled its median is the most: consolidated lung is as dense as soft tissue,
    never as the bones and the abdomen that fill the upper percentiles of some pictures.
    """
    color = float(np.percentile(original[original > 0], COLOR_PERCENTILE))
    heart = regions.mask(labels, "heart")
    return min(color, float(np.median(original[heart]))) if heart.any() else color


def grays(original: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the gray that a full opacity has at each pixel.

    That of `opacity_color`, less where the tissue around is darker, and beside heart, diaphragm and
    chest wall more and more their own.
    """
    lungs = regions.mask(labels, "lungs") & ~regions.mask(labels, "heart")
    apart = 3 * texture.unit(original.shape)  # the labels' own border is seldom exact
    firm = (ndimage.distance_transform_edt(~lungs) > apart) & (original > 0)
    color = opacity_color(original, labels)
    around, _ = _mean_of(original, firm, AROUND)
    color = np.minimum(color, np.clip(0.5 * (color + around), color - CLOSE[0], None))
    near, amount = _mean_of(original, firm, TOUCH)
    near = np.clip(near, color - CLOSE[0], color + CLOSE[1])
    return color + smoothstep(amount, 0, 0.45) * (near - color)


def _mean_of(original: np.ndarray, where: np.ndarray, width: float) -> tuple:
    """Return the smooth mean of the picture over some pixels, and how many there are nearby."""
    sigma = width * texture.unit(original.shape)
    amount = ndimage.gaussian_filter(where.astype(float), sigma)
    total = ndimage.gaussian_filter(np.where(where, original, 0.0), sigma)
    return total / np.maximum(amount, 1e-6), amount


def blended(
    original: np.ndarray, alpha: np.ndarray, color: float | np.ndarray, shown: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture with the opacity and the mask of what changed; it never darkens.

    Args:
        original: The picture.
        alpha: What of each pixel the opacity hides.
        color: Of the opacity: one, as published, or one for each pixel.
        shown: The share of fine structure that stays on top, as structures superimpose in a
            projection (0 as published), and how many pixels wide the finest hidden one is.
    """
    scale = texture.unit(original.shape)
    detail, width = shown
    fine = original - ndimage.gaussian_filter(original, width * scale)
    composite = original + alpha * (color + detail * fine - original)
    composite = np.clip(np.maximum(original, composite), 0, 1)
    changed = composite - original >= VISIBLE
    reach = ndimage.iterate_structure(
        ndimage.generate_binary_structure(2, 1), round(2 * scale) or 1
    )
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(changed, reach)) & (alpha > 0)
    parts, n = ndimage.label(closed)
    areas = np.bincount(parts.ravel(), minlength=n + 1)
    kept = np.flatnonzero(areas >= LEAST_AREA * scale**2)
    mask = np.isin(parts, kept[kept > 0])
    return np.where(mask, composite, original).astype(original.dtype), mask


def quality(
    original: np.ndarray, drawn: np.ndarray, mask: np.ndarray, lungs: Lungs, alpha: np.ndarray
) -> dict[str, float | int]:
    """Return how well the mask covers what is seen.

    Keys: `area` of the mask in pixels; `contrast` mean change inside it; `density` mean opacity
    inside it (0 clear lung, 1 soft tissue); `ring` mean of the mask
    less that of the lung within 6 pixels around it, in the drawn picture (NaN if no lung is left
    there); `visible_fraction` share of the mask changed by 0.03 or more; `lung_fraction` area over
    that of the lungs. An empty mask has area, contrast and density 0 and no other figure.
    """
    if not mask.any():
        return {"area": 0, "contrast": 0.0, "density": 0.0}
    lung = np.logical_or.reduce(list(lungs.values()))
    reach = max(2, round(6 * texture.unit(mask.shape)))
    ring = ndimage.binary_dilation(mask, iterations=reach) & lung & ~mask
    change = (drawn - original)[mask]
    around = drawn[mask].mean() - drawn[ring].mean() if ring.any() else np.nan
    figures = {
        "contrast": change.mean(),
        "density": alpha[mask].mean(),
        "ring": around,
        "visible_fraction": np.mean(change >= 0.03),
        "lung_fraction": mask.sum() / lung.sum(),
    }
    rounded = {name: round(float(value), 5) for name, value in figures.items()}
    return {"area": int(mask.sum()), **rounded}
