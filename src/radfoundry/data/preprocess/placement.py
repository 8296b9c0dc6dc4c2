"""Decide which grid a volume is brought to."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from radfoundry.data.gate.source import GateError
from radfoundry.data.preprocess.resampling import Grid

LARGEST = 2**29  # voxels: 2 GiB of float32
SAME = 1e-3  # voxel sizes that differ less than this are the same: voxels are then not interpolated
ROUNDING = 1e-3  # of a voxel, which an affine stored in single precision is off


def chosen(
    modality: str, options: Mapping[str, Any], table: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a modality's options with its defaults filled in.

    Raises:
        ValueError: The modality or an option is unknown or outside its range.
    """
    if modality not in table:
        raise ValueError(f"modality {modality!r}: choose from {', '.join(table)}")
    unknown = sorted(set(options) - set(table[modality]))
    if unknown:
        raise ValueError(f"no options {unknown}: choose from {', '.join(table[modality])}")
    whole = {**table[modality], **options}
    for name, least in (("spacing_mm", 0.05), ("grid", 8)):
        asked = whole[name]
        if asked is not None and (len(asked) != 3 or not all(one >= least for one in asked)):
            raise ValueError(f"{name} {asked}: three numbers of at least {least}, or null")
    if not whole["margin_mm"] >= 0:
        raise ValueError(f"margin_mm {whole['margin_mm']}: at least 0")
    for name, ends in (("window_hu", (-1024, 32000)), ("percentiles", (0, 100))):
        low, high = whole.get(name, ends)
        if not ends[0] <= low < high <= ends[1]:
            raise ValueError(f"{name} {low} and {high} must rise from {ends[0]} to {ends[1]}")
    return whole


def placed(
    source: Grid,
    body: np.ndarray | None,
    options: Mapping[str, Any],
    marked: np.ndarray | None = None,
) -> tuple[Grid, tuple[str, ...]]:
    """Return the grid to fill, its axes along the source's, and what there is to warn of.

    A fixed grid is centered on the body. Without a spacing its voxels are cubes as small as still
    hold the body (or the whole image, where nothing is cropped).

    Args:
        source: The grid of the image.
        body: (2, 3) first and last + 1 voxel of the body; None where none was found.
        options: spacing_mm, grid, crop_body, margin_mm.
        marked: (2, 3) of what readers outlined, as `body`; None where nothing is. It is held, with
            its margin, wherever the grid is large enough.

    Raises:
        GateError: geo.too_large.
    """
    sizes = np.linalg.norm(source.affine[:3, :3], axis=0)
    if body is not None and marked is not None:
        body = np.array([np.minimum(body[0], marked[0]), np.maximum(body[1], marked[1])])
    box = _box(source, sizes, body, options)
    whole = np.array([np.zeros(3), source.shape])
    kept = box if options["crop_body"] else whole
    spacing = _spacing(sizes, kept, options)
    exact = (kept[1] - kept[0]) * sizes / spacing
    count = np.ceil(exact - ROUNDING).astype(int)
    if options["grid"] is not None:
        count = np.array(options["grid"])
        kept = box
    if np.prod(count.astype(float)) > LARGEST:
        raise GateError("geo.too_large", f"{count.tolist()} voxels; at most {LARGEST} in all")
    cropped = body is not None and ((body[1] - body[0]) * sizes / spacing > count + 1).any()
    x, y, z = (int(n) for n in np.maximum(count, 1))
    warnings = ("geo.body_cropped",) if cropped else ()
    return Grid(
        (x, y, z),
        _affine(source, _held(kept, count, spacing / sizes, marked), count, spacing / sizes),
    ), warnings


def _box(
    source: Grid, sizes: np.ndarray, body: np.ndarray | None, options: Mapping[str, Any]
) -> np.ndarray:
    """Return the body's box with its margin, within the image."""
    if body is None:
        return np.array([np.zeros(3), source.shape])
    margin = np.round(options["margin_mm"] / sizes)
    return np.array([np.maximum(body[0] - margin, 0), np.minimum(body[1] + margin, source.shape)])


def _spacing(sizes: np.ndarray, kept: np.ndarray, options: Mapping[str, Any]) -> np.ndarray:
    if options["spacing_mm"] is not None:
        asked = np.array(options["spacing_mm"], float)
        return np.where(np.abs(asked / sizes - 1) < SAME, sizes, asked)
    if options["grid"] is None:
        return sizes
    return np.full(3, ((kept[1] - kept[0]) * sizes / np.array(options["grid"])).max())


def _held(
    kept: np.ndarray, count: np.ndarray, ratio: np.ndarray, marked: np.ndarray | None
) -> np.ndarray:
    """Return the box to center on, shifted as little as lets a smaller grid hold what is marked."""
    if marked is None:
        return kept
    reach = count * ratio / 2
    low, high = marked[1] - reach, marked[0] + reach  # of the center, for either end to be held
    center = (kept[0] + kept[1]) / 2
    shifted = np.where(low > high, (marked[0] + marked[1]) / 2, np.clip(center, low, high))
    return kept + (shifted - center)


def _affine(source: Grid, kept: np.ndarray, count: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Return the affine that centers a grid on a box; where voxels are as large, they coincide."""
    first = (kept[0] + kept[1] - 1) / 2 - (count - 1) / 2 * ratio
    first = np.where(ratio == 1, np.floor(first + 0.5 + ROUNDING), first)
    steps = np.diag([*ratio, 1.0])
    steps[:3, 3] = first
    return source.affine @ steps
