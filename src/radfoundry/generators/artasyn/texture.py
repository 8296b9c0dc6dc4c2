"""Paint textures: brush tips, stamps, crystals and smooth noise, blended into a picture.

Pictures are (rows, columns) as viewed. Lengths are given in pixels of a picture 256 pixels wide and
scaled by `unit`, so that a texture looks the same at every resolution. Nothing here knows of
lungs, cases or requests.
"""

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from radfoundry.data.smooth_noise import smooth_noise, smoothstep

NOMINAL = 256  # the published lengths are pixels of a picture this wide
TIP = (106, 168)  # rows and columns of the published brush tip
TIP_ALPHA = 16 / 255  # its mean opacity
LAYERS = {"blur": 0.4, "crystal": 0.5, "crystal_blur": 0.5}  # opacity of each layer
ORDER = ("blur", "crystal", "crystal_blur", "crystal", "blur")  # bottom to top
MIXED = 6  # crystals that share a pixel where borders melt
NOT_OPAQUE = 0.999  # keeps the logarithm of a transparency finite


def unit(shape: tuple[int, ...]) -> float:
    """Return how many pixels of this picture make one pixel of the published size."""
    return max(shape) / NOMINAL


def brush_tip(scale: float, rng: np.random.Generator) -> np.ndarray:
    """Return a grainy brush tip: opacities with the published mean, `scale` times its size."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, n) for n in TIP), indexing="ij")
    grain = np.clip(1 + 0.8 * smooth_noise(TIP, 2, rng) + 0.6 * smooth_noise(TIP, 9, rng), 0, None)
    tip = grain * smoothstep(1 - np.hypot(rows, columns), 0, 0.7)
    size = [max(3, round(n * scale)) for n in TIP[::-1]]
    small = Image.fromarray(tip.astype(np.float32)).resize(size, Image.Resampling.BOX)
    alpha = np.asarray(small, np.float32)
    return np.clip(alpha * TIP_ALPHA / alpha.mean(), 0, NOT_OPAQUE)


def bezier(start: np.ndarray, control: np.ndarray, end: np.ndarray, n: int = 100) -> np.ndarray:
    """Return (n, 2) points of a quadratic Bezier curve."""
    t = np.linspace(0, 1, n)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def stroke_stamps(curve: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """Return one pass of a brush along a curve as (n, 5) row, column, width, angle, opacity.

    One stamp per 0.05 width of curve, at points of the curve drawn without replacement; width,
    angle and opacity jitter as published.
    """
    length = np.linalg.norm(np.diff(curve, axis=0), axis=1).sum()
    n = int(np.clip(length / (0.05 * width), 1, len(curve)))
    where = curve[rng.choice(len(curve), n, replace=False)]
    jitter = rng.uniform([0.3 * width, 0, 0.07, 0.67], [width, 360, 0.3, 1], size=(n, 4))
    return np.column_stack([where, jitter[:, :2], jitter[:, 2] * jitter[:, 3]])


def stamped(shape: tuple[int, ...], tip: np.ndarray, stamps: np.ndarray) -> np.ndarray:
    """Return the opacity that stamps of one tip build up on an empty canvas."""
    source = Image.fromarray(tip)
    clear = np.zeros(shape)  # logarithm of the transparency, which stamps add to
    for row, column, width, angle, opacity in stamps:
        side = int(np.ceil(width)) + 2
        top, left = round(row - side / 2), round(column - side / 2)
        patch = _turned(source, side, width, angle) * opacity
        lo = (max(0, -top), max(0, -left))
        hi = (min(side, shape[0] - top), min(side, shape[1] - left))
        if lo[0] < hi[0] and lo[1] < hi[1]:
            inside = patch[lo[0] : hi[0], lo[1] : hi[1]]
            clear[top + lo[0] : top + hi[0], left + lo[1] : left + hi[1]] += np.log1p(-inside)
    return -np.expm1(clear)


def _turned(tip: Image.Image, side: int, width: float, angle: float) -> np.ndarray:
    grow = tip.width / width
    cos, sin = np.cos(np.radians(angle)) * grow, np.sin(np.radians(angle)) * grow
    half = side / 2
    across = (cos, sin, tip.width / 2 - half * (cos + sin))
    down = (-sin, cos, tip.height / 2 - half * (cos - sin))
    affine = (*across, *down)
    turned = tip.transform(
        (side, side), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR, fillcolor=0
    )
    return np.asarray(turned)


def crystallized(layer: np.ndarray, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return a layer with every Voronoi cell of random seeds filled with its mean."""
    seeds = rng.uniform(0, layer.shape, size=(cells, 2))
    grid = np.indices(layer.shape).reshape(2, -1).T
    owner = cKDTree(seeds).query(grid)[1]
    sums = np.bincount(owner, layer.ravel(), cells)
    means = sums / np.maximum(np.bincount(owner, minlength=cells), 1)
    return means[owner].reshape(layer.shape)


def melted(layer: np.ndarray, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return crystals without borders: each pixel mixes the means of the seeds around it.

    A seed's share falls off with the squared distance, on the scale of a cell, so that the mosaic
    stays and no straight edge of a cell is left: lungs have none.
    """
    seeds = rng.uniform(0, layer.shape, size=(cells, 2))
    soft = ndimage.gaussian_filter(layer, np.sqrt(layer.size / cells) / 3)
    means = soft[tuple(seeds.astype(int).T)]
    distance, owner = cKDTree(seeds).query(np.indices(layer.shape).reshape(2, -1).T, MIXED)
    squared = distance**2 * cells / layer.size
    shares = np.exp(-3 * (squared - squared[:, :1])) * (squared[:, -1:] - squared)
    mixed = (means[owner] * shares).sum(1) / np.maximum(shares.sum(1), 1e-9)
    return mixed.reshape(layer.shape)


def layered(
    layer: np.ndarray, rng: np.random.Generator, cells: int = 500, borders: bool = True
) -> np.ndarray:
    """Return the opacity of the published stack of blurred and crystallized copies of a layer.

    Args:
        layer: Opacities (rows, columns) in [0, 1].
        rng: Places the crystals.
        cells: How many crystals.
        borders: Whether their borders show, as published.
    """
    scale = unit(layer.shape)
    crystal = (crystallized if borders else melted)(layer, cells, rng)
    copies = {
        "blur": ndimage.gaussian_filter(layer, 8 * scale),
        "crystal": crystal,
        "crystal_blur": ndimage.gaussian_filter(crystal, 3 * scale),
    }
    clear = np.ones(layer.shape)
    for name in ORDER:
        clear *= 1 - LAYERS[name] * np.clip(copies[name], 0, 1)
    return 1 - clear


def mottled(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return the grain of the published texture alone, about 1 everywhere, to multiply a shape."""
    scale = unit(shape)
    grain = smooth_noise(shape, 3 * scale, rng) + 0.7 * smooth_noise(shape, 10 * scale, rng)
    field = layered(np.clip(0.5 + 0.35 * grain, 0, 1), rng, borders=False)
    return np.clip(field / field.mean(), 0.3, 1.7)
