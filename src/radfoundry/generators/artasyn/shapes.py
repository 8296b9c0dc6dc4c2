"""Shapes of lung opacities: how densely each spot is filled, before any blending.

Each function takes lung masks by side ("right", "left"; pictures as viewed) and random numbers, and
returns densities in [0, 1] of the same shape: smooth, textured, not yet gated by the lungs.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from radfoundry.data.smooth_noise import smooth_noise, smoothstep
from radfoundry.generators.artasyn import texture

SEGMENTS = (0, 1, 2, 3, 4, 10, 11, 12, 13, 14)  # strokes in one lung, as published
NO_SEGMENT = 0.2  # probability of the first of them
WIDTHS = (80, 50)  # pixels of a 256-pixel picture: two passes of the brush
BEND = 30  # how far the control point of a stroke may lie from its middle
SEGMENT_OPACITY = 0.95

Lungs = Mapping[str, np.ndarray]


def bezier(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return strokes of a grainy brush, blurred and crystallized: the published shape."""
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
    return texture.layered(1 - clear, rng)


def patch(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return one segmental or lobar consolidation, sometimes bounded sharply by a fissure."""
    lung = _one_of(lungs, rng)
    scale = texture.unit(lung.shape)
    inside = np.argwhere(lung)
    # Dependent zones fill more often: of two spots, the lower.
    center = max(inside[rng.integers(len(inside), size=2)].tolist())
    radius = np.sqrt(rng.uniform(0.12, 0.4) * len(inside) / np.pi)
    across, along = _turned(lung.shape, center, rng.uniform(0, np.pi))
    stretch = rng.uniform(0.75, 1.35)
    reach = 1 - np.hypot(across * stretch, along / stretch) / radius
    ragged = reach + 0.2 * smooth_noise(lung.shape, 10 * scale, rng)
    filled = smoothstep(ragged, -0.3, 0.45)
    if rng.random() < 0.4:
        _, above = _turned(lung.shape, center, rng.normal(0, 0.25))
        edge = rng.choice([-1, 1]) * above + rng.uniform(-0.1, 0.5) * radius
        filled = filled * smoothstep(edge, -1.5 * scale, 1.5 * scale)
    return filled * texture.mottled(lung.shape, rng)


def nodular(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return three to nine round foci."""
    shape = _shape(lungs)
    scale = texture.unit(shape)
    inside = np.argwhere(_core(np.logical_or.reduce(list(lungs.values())), 4 * scale))
    wobble = smooth_noise(shape, 4 * scale, rng)
    filled = np.zeros(shape)
    for _ in range(rng.integers(3, 10)):
        center = inside[rng.integers(len(inside))]
        radius = rng.uniform(6, 13) * scale
        across, along = _turned(shape, center, rng.uniform(0, np.pi))
        reach = 1 - np.hypot(across, along * rng.uniform(0.8, 1.25)) / radius
        focus = smoothstep(reach + 0.16 * wobble, -0.2, 0.8)
        filled = np.maximum(filled, focus * rng.uniform(0.75, 1))
    return filled * np.sqrt(texture.mottled(shape, rng))


def peripheral(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return a ragged band along the chest wall of each lung given."""
    shape = _shape(lungs)
    scale = texture.unit(shape)
    filled = np.zeros(shape)
    for side, lung in lungs.items():
        rows = np.indices(shape)[0]
        top, bottom = np.argwhere(lung)[:, 0].min(), np.argwhere(lung)[:, 0].max()
        middle = top + (bottom - top) * rng.uniform(0.35, 0.85)
        half = (bottom - top) * rng.uniform(0.15, 0.4)
        ragged = smooth_noise(shape, 9 * scale, rng)
        arc = smoothstep(1 - np.abs(rows - middle) / half + 0.25 * ragged, -0.1, 0.5)
        depth = rng.uniform(9, 20) * scale * (1 + 0.35 * ragged)
        inward = ndimage.distance_transform_edt(lung)
        band = smoothstep(1 - inward / np.maximum(depth, 1), -0.35, 0.35)
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
    patchy = smoothstep(smooth_noise(shape, 18 * scale, rng), -1.2, 1.0)
    return where * (0.25 + 0.75 * patchy) * texture.mottled(shape, rng)


SHAPES: Mapping[str, Callable[[Lungs, np.random.Generator], np.ndarray]] = {
    "bezier": bezier,
    "patch": patch,
    "nodular": nodular,
    "peripheral": peripheral,
    "diffuse": diffuse,
}


def _shape(lungs: Lungs) -> tuple[int, ...]:
    return next(iter(lungs.values())).shape


def _one_of(lungs: Lungs, rng: np.random.Generator) -> np.ndarray:
    """Return one lung, more often the larger one."""
    areas = np.array([lung.sum() for lung in lungs.values()], float)
    return list(lungs.values())[int(rng.choice(len(areas), p=areas / areas.sum()))]


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
