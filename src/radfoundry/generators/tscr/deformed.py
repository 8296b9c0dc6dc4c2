"""More lesions than a cohort has: real ones turned, stretched and smoothed, and measured again.

Some dozen lesions are few to learn from what an elongation does when the volume stays. A deformed
lesion is no lesion of a patient, but its measurements are its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from radfoundry.generators.tscr.crops import CORE, RIM
from radfoundry.generators.tscr.fields import REACH, depths_of
from radfoundry.radiomics.differentiable_shape import shape_features
from radfoundry.radiomics.mesh import diameters

# Logarithms: of the size, of one axis against the others, and of a voxel's length.
SCALE, STRETCH, LENGTH = 0.2, 0.4, 0.05
SMOOTH = 1.5  # voxels: widest of the smoothing that every other lesion gets
LEAST_VOXELS = 30
TRIES = 4  # for each that is asked for; those that leave the grid are not taken


@dataclass(frozen=True)
class Example:
    """One lesion in the middle of its crop, and what was measured of it.

    Attributes:
        regions: uint8 (*space): 0 none, 1 rim or whole, 2 core; a cube or a square.
        spacing_mm: Length of a voxel along each axis.
        values: Measurements by name, as `features.measured` gives them; others than of shape are
            not read.
    """

    regions: np.ndarray
    spacing_mm: tuple[float, ...]
    values: Mapping[str, float]


def deformed(examples: Sequence[Example], count: int, rng: np.random.Generator) -> list[Example]:
    """Return as many as asked, or fewer where too few stay whole in their grid."""
    found: list[Example] = []
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        one = examples[int(rng.integers(len(examples)))]
        regions = _bent(one.regions, rng)
        if np.count_nonzero(regions) >= LEAST_VOXELS and not _at_edge(regions > 0):
            finer = float(np.exp(rng.uniform(-LENGTH, LENGTH)))
            spacing = tuple(round(finer * n, 4) for n in one.spacing_mm)
            found.append(Example(regions, spacing, shape_values(regions, spacing)))
    return found


def _bent(regions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    channels = 2 if (regions == CORE).any() else 1
    dims = regions.ndim
    depths = depths_of(regions, channels, [1.0] * dims)
    first, second = (np.linalg.qr(rng.normal(size=(dims, dims)))[0] for _ in range(2))
    stretch = rng.uniform(-SCALE, SCALE) * np.ones(dims)
    along = rng.uniform(-STRETCH, STRETCH)
    stretch += np.where(np.arange(dims) == 0, along * (dims - 1) / dims, -along / dims)
    matrix = first @ np.diag(np.exp(stretch)) @ second
    middle = (np.array(regions.shape) - 1) / 2
    center = np.argwhere(regions > 0).mean(0)
    sigma = rng.uniform(0, SMOOTH) if rng.random() < 0.5 else 0.0
    masks = []
    for depth in depths:
        smooth = ndimage.gaussian_filter(depth, sigma) if sigma else depth
        offset = center - matrix @ middle
        moved = ndimage.affine_transform(smooth, matrix, offset, order=1, cval=-REACH)
        masks.append(moved > 0)
    out = masks[0].astype(np.uint8) * RIM
    if channels > 1:
        out[masks[0] & masks[1]] = CORE
    return out


def _at_edge(mask: np.ndarray) -> bool:
    inner = mask[(slice(1, -1),) * mask.ndim]
    return bool(np.count_nonzero(mask) > np.count_nonzero(inner))


def shape_values(regions: np.ndarray, spacing_mm: tuple[float, ...]) -> dict[str, float]:
    """Return the shape measurements of a lesion by name, of a core only where there is one.

    As `features.measured` gives them, but without the engine, which measures texture too; of a
    plane without the diameter.
    """
    found: dict[str, float] = {}
    kind = "shape" if regions.ndim == 3 else "shape2D"
    for region, mask in (("whole", regions > 0), ("core", regions == CORE)):
        if not mask.any():
            continue
        features = shape_features(torch.from_numpy(mask)[None].double(), [spacing_mm])
        own = {name: float(value) for name, value in features.items()}
        if regions.ndim == 3:
            own |= _diameters(mask, spacing_mm)
        found |= {f"{region}_{kind}_{name}": value for name, value in own.items()}
    return found


def _diameters(mask: np.ndarray, spacing_mm: tuple[float, ...]) -> dict[str, float]:
    names = ("Maximum2DDiameterSlice", "Maximum2DDiameterColumn", "Maximum2DDiameterRow")
    turned = np.pad(mask.T, 1)
    values = diameters(turned, np.array(spacing_mm[::-1]))
    return dict(zip((*names, "Maximum3DDiameter"), values, strict=True))
