"""Shapes of lung opacities: how densely each spot is filled, before any blending.

Each function takes lung masks by side ("right", "left"; pictures as viewed) and random numbers, and
returns densities in [0, 1] of the same shape: smooth, textured, not yet gated by the lungs.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from radfoundry.data.smooth_noise import smooth_noise, smoothstep
from radfoundry.generators.artasyn import texture
from radfoundry.generators.artasyn.airways import bronchi

SEGMENTS = (0, 1, 2, 3, 4, 10, 11, 12, 13, 14)  # strokes in one lung, as published
NO_SEGMENT = 0.2  # probability of the first of them
WIDTHS = (80, 50)  # pixels of a 256-pixel picture: two passes of the brush
BEND = 30  # how far the control point of a stroke may lie from its middle
SEGMENT_OPACITY = 0.95
BRONCHOGRAM = 0.45  # most of a consolidation's density that an air-filled bronchus takes away

Lungs = Mapping[str, np.ndarray]


def bezier(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return strokes of a grainy brush, blurred and crystallized: the published shape."""
    return texture.layered(brushed(lungs, rng), rng)


def brushed(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return the published strokes alone, before any blur."""
    shape = _shape(lungs)
    scale = texture.unit(shape)
    tip = texture.brush_tip(WIDTHS[0] * scale / texture.TIP[1], rng)
    chances = [NO_SEGMENT] + [(1 - NO_SEGMENT) / (len(SEGMENTS) - 1)] * (len(SEGMENTS) - 1)
    counts = np.zeros(len(lungs), int)
    while not counts.any():
        counts = rng.choice(SEGMENTS, len(lungs), p=chances)
    clear = np.ones(shape)
    for lung, count in zip(lungs.values(), counts, strict=True):
        inside = np.argwhere(lung)
        for _ in range(count):
            start, end = inside[rng.integers(len(inside), size=2)]
            control = (start + end) / 2 + rng.uniform(-BEND, BEND, 2) * scale
            curve = texture.bezier(start, control, end)
            stamps = [texture.stroke_stamps(curve, width * scale, rng) for width in WIDTHS]
            clear *= 1 - SEGMENT_OPACITY * texture.stamped(shape, tip, np.vstack(stamps))
    return 1 - clear


def strokes(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return the published strokes, merged into one ragged cloud whose crystals have no borders."""
    shape = _shape(lungs)
    drawn = brushed(lungs, rng)
    soft = ndimage.gaussian_filter(drawn, 3 * texture.unit(shape))
    merged = texture.layered(soft, rng, borders=False)
    return merged * texture.mottled(shape, rng)


def patch(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return one to three confluent consolidations, more often low than high."""
    shape = _shape(lungs)
    scale = texture.unit(shape)
    filled = np.zeros(shape)
    for _ in range(rng.integers(1, 4)):
        lung = lungs[_side(lungs, rng)]
        inside = np.argwhere(lung)
        # Dependent zones fill more often: of two spots, the lower.
        center = max(inside[rng.integers(len(inside), size=2)].tolist())
        radius = np.sqrt(rng.uniform(0.25, 0.9) * len(inside) / np.pi)
        across, along = _turned(shape, center, rng.uniform(0, np.pi))
        stretch = rng.uniform(0.75, 1.35)
        reach = 1 - np.hypot(across * stretch, along / stretch) / radius
        ragged = 0.25 * smooth_noise(shape, 14 * scale, rng)
        ragged += 0.12 * smooth_noise(shape, 5 * scale, rng)
        focus = smoothstep(reach + ragged, -0.45, 0.75)
        filled = np.maximum(filled, focus * rng.uniform(0.6, 1))
    return _aired(filled, lungs, rng) * texture.mottled(shape, rng)


def lobar(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return the consolidation of a zone of one lung, up to a fissure on one side of it.

    Toward the fissure it ends within a few pixels, along a slightly bent line; elsewhere it fades.
    """
    side = _side(lungs, rng)
    lung = lungs[side]
    scale = texture.unit(lung.shape)
    rows, columns = np.argwhere(lung).T
    height = (np.indices(lung.shape)[0] - rows.min()) / max(int(np.ptp(rows)), 1)
    across = (np.indices(lung.shape)[1] - columns.mean()) / max(int(np.ptp(columns)), 1)
    tilt, bend = rng.normal(0, 0.08), rng.uniform(-0.2, 0.2)
    fissure = rng.uniform(0.35, 0.6) + tilt * across + bend * across**2
    below = (height - fissure) * np.ptp(rows)
    ragged = smooth_noise(lung.shape, 12 * scale, rng)
    # A fissure is sharp only where the beam grazes it.
    width = scale * (3 + 14 * smoothstep(smooth_noise(lung.shape, 20 * scale, rng), -0.8, 1.5))
    if rng.random() < 0.35:  # an upper zone, its floor the fissure
        far = smoothstep(height + 0.06 * ragged, -0.05, 0.2)
        filled = smoothstep(-below / width, -1, 1) * far
    else:
        far = smoothstep(1 - height + 0.08 * ragged, -0.1, 0.15)
        filled = smoothstep(below / width, -1, 1) * far
    uneven = smoothstep(ragged, -2.2, 0.6)
    filled = filled * (0.45 + 0.55 * uneven) * _grown_lung(lung, 8 * scale)
    return _aired(filled, {side: lung}, rng) * texture.mottled(lung.shape, rng)


def nodular(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return four to eleven ill-defined foci, as of a bronchopneumonia, partly confluent."""
    shape = _shape(lungs)
    scale = texture.unit(shape)
    inside = np.argwhere(_core(np.logical_or.reduce(list(lungs.values())), 4 * scale))
    wobble = 0.2 * smooth_noise(shape, 4 * scale, rng) + 0.5 * smooth_noise(shape, 9 * scale, rng)
    clear = np.ones(shape)
    for _ in range(rng.integers(4, 12)):
        center = inside[rng.integers(len(inside))]
        radius = rng.uniform(12, 28) * scale
        across, along = _turned(shape, center, rng.uniform(0, np.pi))
        reach = 1 - np.hypot(across, along * rng.uniform(0.7, 1.4)) / radius
        focus = smoothstep(reach + wobble, -0.8, 1.5)
        clear *= 1 - focus * rng.uniform(0.4, 0.8)
    return (1 - clear) * texture.mottled(shape, rng)


def peripheral(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return a ragged band along the chest wall of each lung given."""
    shape = _shape(lungs)
    scale = texture.unit(shape)
    filled = np.zeros(shape)
    for side, lung in lungs.items():
        rows = np.indices(shape)[0]
        top, bottom = np.argwhere(lung)[:, 0].min(), np.argwhere(lung)[:, 0].max()
        middle = top + (bottom - top) * rng.uniform(0.45, 0.9)
        half = (bottom - top) * rng.uniform(0.35, 0.7)
        ragged = smooth_noise(shape, 12 * scale, rng)
        arc = smoothstep(1 - np.abs(rows - middle) / half + 0.25 * ragged, -0.1, 0.7)
        depth = rng.uniform(0.35, 0.75) * np.sqrt(lung.sum()) * (1 + 0.35 * ragged)
        inward = ndimage.distance_transform_edt(_grown_lung(lung, 6 * scale))
        band = smoothstep(1 - inward / np.maximum(depth, 1), -0.5, 0.6)
        filled = np.maximum(filled, arc * band * _lateral(lung, side))
    return filled * texture.mottled(shape, rng)


def diffuse(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return a patchy haze over the lungs given: basal, around the hila, or everywhere."""
    shape = _shape(lungs)
    scale = texture.unit(shape)
    both = np.logical_or.reduce(list(lungs.values()))
    rows, columns = np.argwhere(both).T
    height = (np.indices(shape)[0] - rows.min()) / max(int(np.ptp(rows)), 1)
    center = np.abs(np.indices(shape)[1] - columns.mean()) / max(int(np.ptp(columns)), 1)
    where = {
        "basal": smoothstep(height, 0.25, 0.75),
        "perihilar": smoothstep(-np.hypot(center, height - 0.5), -0.55, -0.15),
        "everywhere": np.ones(shape),
    }[str(rng.choice(["basal", "perihilar", "everywhere"]))]
    patchy = smoothstep(smooth_noise(shape, 18 * scale, rng), -1.6, 1.2)
    return where * (0.3 + 0.7 * patchy) * texture.mottled(shape, rng)


SHAPES: Mapping[str, Callable[[Lungs, np.random.Generator], np.ndarray]] = {
    "bezier": bezier,
    "patch": patch,
    "strokes": strokes,
    "lobar": lobar,
    "nodular": nodular,
    "peripheral": peripheral,
    "diffuse": diffuse,
}


PUBLISHED = ("bezier",)  # blended as published, too


def _aired(filled: np.ndarray, lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return a consolidation with bronchi that stay clear in it, more so where it is dense."""
    tree = np.zeros(filled.shape)
    for side, lung in lungs.items():
        tree = np.maximum(tree, bronchi(lung, side, rng))
    return filled * (1 - rng.uniform(0, BRONCHOGRAM) * tree * filled)


def _grown_lung(lung: np.ndarray, by: float) -> np.ndarray:
    """Return the lung and what lies within a distance of it."""
    return ndimage.distance_transform_edt(~lung) <= by


def _side(lungs: Lungs, rng: np.random.Generator) -> str:
    """Return the side of one lung, more often of the larger one."""
    areas = np.array([lung.sum() for lung in lungs.values()], float)
    return list(lungs)[int(rng.choice(len(areas), p=areas / areas.sum()))]


def _shape(lungs: Lungs) -> tuple[int, ...]:
    return next(iter(lungs.values())).shape


def _core(lung: np.ndarray, depth: float) -> np.ndarray:
    """Return the lung farther than `depth` from its edge, or all of it if that is nothing."""
    core = ndimage.distance_transform_edt(lung) > depth
    return core if core.any() else lung


def _turned(
    shape: tuple[int, ...], center: tuple[int, int] | np.ndarray | list[int], angle: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances along two axes turned by an angle about a center, in pixels."""
    rows, columns = np.indices(shape, float)
    down, right = rows - center[0], columns - center[1]
    return (
        right * np.cos(angle) + down * np.sin(angle),
        down * np.cos(angle) - right * np.sin(angle),
    )


def _lateral(lung: np.ndarray, side: str) -> np.ndarray:
    """Return 0 at the mediastinal edge of each row of a lung, rising to 1 in its outer half."""
    columns = np.indices(lung.shape)[1]
    left = np.where(lung, columns, lung.shape[1]).min(1, keepdims=True)
    right = np.where(lung, columns, -1).max(1, keepdims=True)
    across = (columns - left) / np.maximum(right - left, 1)
    return smoothstep(1 - across if side == "right" else across, 0.35, 0.65)
