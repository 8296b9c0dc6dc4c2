"""Turn a body into a radiograph: rays, lengths of tissue, attenuation, scatter, film.

Attenuation at the mean energy of a chest exposure (about 60 keV): water 0.0206 per mm; dense
bone adds 0.040 per mm (NIST XCOM: cortical bone 0.3148 cm2/g at 1.92 g/cm3).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radfoundry.phantoms._bodies.space import Grid, Points

WATER_PER_MM = 0.0206
BONE_PER_MM = 0.040
DEPTH_STEP_MM = 4.0
SCATTER_MM = 40.0  # reach of scattered rays at the detector


@dataclass(frozen=True)
class View:
    """How the x-rays see the body.

    Attributes:
        source_y_mm: Where the source is, y; behind the patient (negative) in PA.
        source_z_mm: Its height: above or below the chest the picture is tilted.
        turn_deg: The patient's rotation about the long axis.
        roll_deg: How the picture is turned in its plane.
        center_mm: (u, v) in the plane y = 0 at the middle of the picture.
        pixel_mm: Size of a pixel in that plane.
        size: Rows and columns of the square picture.
    """

    source_y_mm: float
    source_z_mm: float
    turn_deg: float
    roll_deg: float
    center_mm: tuple[float, float]
    pixel_mm: float
    size: int


def rays(view: View, half_depth_mm: float, step_mm: float) -> Grid:
    """Return a grid of points along rays: u, depth and v, large enough for the whole picture."""
    reach = 0.5 * view.size * view.pixel_mm
    angle = abs(np.radians(view.roll_deg))
    reach *= np.cos(angle) + np.sin(angle)
    n = int(np.ceil(2 * reach / step_mm)) + 2
    line = (np.arange(n) - (n - 1) / 2) * step_mm
    u, v = view.center_mm[0] + line, view.center_mm[1] + line
    count = int(np.ceil(2 * half_depth_mm / DEPTH_STEP_MM)) + 1
    deep = np.linspace(-half_depth_mm, half_depth_mm, count)
    near = (deep - view.source_y_mm) / -view.source_y_mm
    side = u[:, None] * near
    turn = np.radians(view.turn_deg)
    x = side * np.cos(turn) + deep * np.sin(turn)
    y = -side * np.sin(turn) + deep * np.cos(turn)
    z = view.source_z_mm + (v[None] - view.source_z_mm) * near[:, None]
    step = (step_mm, 2 * half_depth_mm / (count - 1), step_mm)
    return Grid(
        x.astype(np.float32)[..., None],
        y.astype(np.float32)[..., None],
        z.astype(np.float32)[None],
        step,
    )


def along_rays(filled: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the length (mm) of each ray in an organ, (U, V)."""
    return filled.sum(axis=1) * np.float32(grid.step_mm[1])


def shown(thickness: np.ndarray, view: View, step_mm: float) -> np.ndarray:
    """Return a (U, V) map as a picture (rows, columns): patient's right at the left, top up."""
    n = thickness.shape[0]
    angle = np.radians(view.roll_deg)
    scale = view.pixel_mm / step_mm
    # column grows as u falls, row grows as v falls
    turn = scale * np.array([[-np.sin(angle), -np.cos(angle)], [-np.cos(angle), np.sin(angle)]])
    middle = np.full(2, (view.size - 1) / 2)
    offset = (n - 1) / 2 - turn @ middle
    shape = (view.size, view.size)
    return ndimage.affine_transform(thickness, turn, offset, shape, order=1, mode="nearest")


def landed(points: np.ndarray, view: View) -> np.ndarray:
    """Return rows and columns (n, 2) where points (n, 3) of the body are seen."""
    turn, roll = np.radians(view.turn_deg), np.radians(view.roll_deg)
    x, y, z = np.asarray(points, np.float32).T
    side = x * np.cos(turn) - y * np.sin(turn)
    deep = x * np.sin(turn) + y * np.cos(turn)
    grow = -view.source_y_mm / (deep - view.source_y_mm)
    u = (side * grow - view.center_mm[0]) / view.pixel_mm
    v = (view.source_z_mm + (z - view.source_z_mm) * grow - view.center_mm[1]) / view.pixel_mm
    rows = -(np.cos(roll) * v + np.sin(roll) * u)
    columns = -(np.cos(roll) * u - np.sin(roll) * v)
    return np.stack([rows, columns], axis=1) + (view.size - 1) / 2


def splatted(points: Points, view: View) -> np.ndarray:
    """Return the length (mm) of each pixel's ray in a structure made of points."""
    where = landed(points.xyz, view)
    inside = ((where > 0) & (where < view.size - 1)).all(axis=1)
    where, mass = where[inside], points.mass[inside] / view.pixel_mm**2
    corner = where.astype(np.int32)
    part = where - corner
    flat = corner[:, 0] * view.size + corner[:, 1]
    total = np.zeros(view.size**2)
    for down in (0, 1):
        for right in (0, 1):
            share = (part[:, 0] if down else 1 - part[:, 0]) * (
                part[:, 1] if right else 1 - part[:, 1]
            )
            total += np.bincount(flat + down * view.size + right, share * mass, view.size**2)
    return total.reshape(view.size, view.size).astype(np.float32)


def exposed(
    attenuation: np.ndarray, spread: np.ndarray, film: Mapping, pixel_mm: float
) -> np.ndarray:
    """Return the detector's logarithmic signal: 0 in air, growing with density.

    Args:
        attenuation: Optical depth along each ray.
        spread: Optical depth whose scatter veils the picture (the body without findings, so that
            a finding changes the picture only where it lies).
        film: scatter (share), blur_mm.
        pixel_mm: Size of a pixel.
    """
    light = np.exp(-ndimage.gaussian_filter(attenuation, film["blur_mm"] / pixel_mm))
    veil = ndimage.gaussian_filter(np.exp(-spread), SCATTER_MM / pixel_mm)
    return -np.log((light + film["scatter"] * veil) / (1 + film["scatter"]))


def developed(signal: np.ndarray, levels: tuple[float, float], film: Mapping) -> np.ndarray:
    """Return gray levels in [0, 1]: air 0, lung and heart at the film's chosen grays.

    Args:
        signal: What `exposed` returned.
        levels: Its value in lung and in heart.
        film: lung_gray, heart_gray.
    """
    low, high = (np.log(film[n] / (1 - film[n])) for n in ("lung_gray", "heart_gray"))
    slope = (high - low) / max(levels[1] - levels[0], 0.2)
    gray = 1 / (1 + np.exp(-(low + slope * (signal - levels[0]))))
    air = 1 / (1 + np.exp(-(low - slope * levels[0])))
    return np.clip((gray - air) / (1 - air), 0, 1)


LETTERS = {"L": "1000 1000 1000 1000 1000 1111", "R": "1110 1001 1001 1110 1010 1001"}


def marked(picture: np.ndarray, letter: str, field: np.ndarray) -> np.ndarray:
    """Return the picture with a lead letter in the field, beside the left or right it names."""
    if letter not in LETTERS:
        return picture
    glyph = np.array([[float(dot) for dot in row] for row in LETTERS[letter].split()])
    unit = max(1, round(picture.shape[0] / 110))
    glyph = np.kron(glyph, np.ones((unit, unit)))
    rows, columns = (np.flatnonzero(field.any(axis=axis)) for axis in (1, 0))
    margin = len(columns) // 25 + 1
    top = rows[0] + len(rows) // 8
    left = columns[0] + margin if letter == "R" else columns[-1] - margin - glyph.shape[1]
    out = picture.copy()
    part = out[top : top + glyph.shape[0], left : left + glyph.shape[1]]
    np.maximum(part, 0.97 * glyph, out=part)
    return out
