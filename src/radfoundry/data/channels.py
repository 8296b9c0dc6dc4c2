"""A chest CT and its lobes, airways and vessels as the four channels that are drawn together.

After MedSyn (Xu et al. 2024): image, lobes, airway, vessel, each in [-1, 1], axes (C, X, Y,
Z). The five lobes are levels of one channel. What a network draws is no exact level: reading it
back takes a vote of the neighborhood, unless the channel holds nothing but levels.
"""

from collections.abc import Mapping
from functools import cache, partial
from typing import NamedTuple

import cc3d
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.data.augmentation import WINDOW_HU
from radfoundry.volume import Volume, to_int16

NAMES = ("image", "lobes", "airway", "vessel")
# Half a voxel of one lobe and half of another reads as a lobe between them: lobes that touch most
# are next to each other, and a wide gap parts all of them from what is no lung.
LEVELS = {
    "lung_upper_lobe_right": -0.2,
    "lung_middle_lobe_right": 0.1,
    "lung_lower_lobe_right": 0.4,
    "lung_lower_lobe_left": 0.7,
    "lung_upper_lobe_left": 1.0,
}
LUNG_FROM = -0.6  # midway between background and the lowest lobe
# Fluid and muscle are 40 HU apart, a bulla and lung 150, in a window of 1600: soft tissue takes a
# third of the range and lung a fifth, lest that be lost in the noise of what is drawn.
TONES = {WINDOW_HU[0]: -1.0, -700.0: -0.55, -100.0: -0.3, 100.0: 0.35, WINDOW_HU[1]: 1.0}
CURVES: Mapping[str, Mapping[float, float]] = {
    "tissue": TONES,
    "linear": {WINDOW_HU[0]: -1.0, WINDOW_HU[1]: 1.0},  # MedSyn, section 5.1
}
EXACT = 0.02  # a channel whose every voxel is this near to a level was written, not drawn
VOTE_SIGMA = 1.0  # voxels over which drawn lobes are voted on
DOUBT_SIGMA = 0.15  # half of the step between two lobes
LEAST_PART = 8  # voxels of a drawn airway's piece


class Thresholds(NamedTuple):
    """From which value on a drawn channel shows its structure.

    Written channels need no better than midway. What a network draws of a structure thinner than a
    voxel falls short of its level everywhere: see `thresholds` for what suits drawn ones.
    """

    lobes: float = LUNG_FROM
    airway: float = 0.0
    vessel: float = 0.0


MIDWAY = Thresholds()


def encode(case: Case, tones: Mapping[float, float] = TONES) -> np.ndarray:
    """Return image, lobes, airway and vessel as float32 (4, X, Y, Z) in [-1, 1].

    Args:
        case: CT in HU with its anatomy map. Without a lobe the lobe channel is -1 throughout.
        tones: The curve of the image channel, one of `CURVES`.
    """
    shapes = _shapes(np.asarray(case.anatomy))
    return np.concatenate([toned(case.image.voxels, tones)[None], shapes])


def _shapes(labels: np.ndarray) -> np.ndarray:
    """Return lobes, airway and vessel as float32 (3, *space) of an anatomy map (uint8)."""
    return _table_of_shapes()[:, labels]


@cache
def _table_of_shapes() -> np.ndarray:
    """Return the channels (3, 256) that each label is: a look-up is faster than seven masks."""
    every = np.arange(256, dtype=np.uint8)
    lobes = np.full(every.shape, -1, np.float32)
    for name, level in LEVELS.items():
        lobes[regions.mask(every, name)] = level
    trees = (regions.mask(every, name) for name in ("airway", "lung_vessel"))
    return np.stack([lobes, *(2 * tree.astype(np.float32) - 1 for tree in trees)])


def decode(
    channels: np.ndarray,
    affine: np.ndarray,
    tones: Mapping[float, float] = TONES,
    thresholds: Thresholds = MIDWAY,
) -> tuple[Volume, np.ndarray]:
    """Return the CT (int16 HU) and the anatomy map (uint8) of channels, drawn or encoded.

    Args:
        channels: (4, X, Y, Z), or (1, X, Y, Z) for an image without anatomy (the map is then 0).
        affine: Of the grid.
        tones: The curve that the image channel was drawn on.
        thresholds: Those that suit what is drawn.
    """
    image = Volume(to_int16(hounsfield(channels[0], tones)), affine)
    if len(channels) == 1:
        return image, np.zeros(image.voxels.shape, np.uint8)
    masks = read_lobes(channels[1], thresholds.lobes)
    masks["airway"] = shown("airway", channels[2], thresholds.airway)
    masks["lung_vessel"] = shown("vessel", channels[3], thresholds.vessel)
    return image, regions.compose(masks)


def toned(hu: np.ndarray, tones: Mapping[float, float] = TONES) -> np.ndarray:
    """Return HU as the image channel (float32, [-1, 1]): see `CURVES`; beyond the window it is cut.

    >>> print(toned(np.array([-2000.0, -700.0, 0.0, 100.0, 600.0])))
    [-1.    -0.55   0.025  0.35   1.   ]
    >>> print(toned(np.array([-2000.0, -212.0, 600.0]), CURVES["linear"]))
    [-1.  0.  1.]
    """
    if hu.dtype == np.int16:  # as stored: a look-up is five times as fast
        return _table_of_tones(tuple(tones.items()))[np.asarray(hu).view(np.uint16)]
    return np.interp(hu, list(tones), list(tones.values())).astype(np.float32)


@cache
def _table_of_tones(tones: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Return the image channel (65536,) of every int16, in the order of its bits."""
    every = np.arange(2**16, dtype=np.uint16).view(np.int16)
    return toned(every.astype(np.float64), dict(tones))


def hounsfield(channel: np.ndarray, tones: Mapping[float, float] = TONES) -> np.ndarray:
    """Return an image channel in HU (float64), within the window: the inverse of `toned`."""
    return np.interp(channel, list(tones.values()), list(tones))


def shown(name: str, channel: np.ndarray, threshold: float) -> np.ndarray:
    """Return where (X, Y, Z) a drawn channel shows its structure: all lobes, airway or vessels.

    Args:
        name: Of `NAMES`, but the image.
        channel: (X, Y, Z).
        threshold: What lies above it shows the structure.
    """
    if name == "lobes":
        return _large(channel > threshold)
    return read_airway(channel, threshold) if name == "airway" else channel > threshold


def read_lobes(channel: np.ndarray, threshold: float = LUNG_FROM) -> dict[str, np.ndarray]:
    """Return the mask of each lobe (X, Y, Z) of a lobe channel.

    In a drawn channel each voxel of lung takes the lobe that its neighborhood votes for; of a lobe
    in several pieces the largest stays, the others go to the lobe next to them.
    """
    levels = np.array(list(LEVELS.values()), np.float32)
    if _written(channel, (-1.0, *levels)):
        return {name: np.abs(channel - level) < EXACT for name, level in LEVELS.items()}
    lung = shown("lobes", channel, threshold)
    distance = np.stack([channel - level for level in levels])
    votes = np.exp(-0.5 * (distance / DOUBT_SIGMA) ** 2) * lung
    chosen = np.stack([ndimage.gaussian_filter(vote, VOTE_SIGMA) for vote in votes]).argmax(0)
    pieces = [_largest(lung & (chosen == index)) for index in range(len(levels))]
    nearest = _nearest(np.stack(pieces), lung)
    return {name: lung & (nearest == index) for index, name in enumerate(LEVELS)}


def read_airway(channel: np.ndarray, threshold: float = 0.0) -> np.ndarray:
    """Return where a channel shows the airway; specks of a drawn one are left out."""
    tree = channel > threshold
    if _written(channel, (-1.0, 1.0)) or not tree.any():
        return tree
    return cc3d.dust(tree.astype(np.uint8), threshold=LEAST_PART, connectivity=26) > 0


def smaller(channels: Tensor, factor: int, downsampling: str = "mean") -> Tensor:
    """Return (B, C, *space) on a coarser grid: of blocks of `factor` voxels along each axis.

    MedSyn takes every fourth voxel (section 5.1): `downsampling` "nearest", the first of a block.
    Means keep thin airways and bullae as a share of a voxel.
    """
    if factor == 1:
        return channels
    if downsampling == "nearest":
        every, thinned = slice(None), slice(None, None, factor)
        return channels[(every, every) + (thinned,) * (channels.ndim - 2)]
    pool = functional.avg_pool3d if channels.ndim == 5 else functional.avg_pool2d
    return pool(channels, factor)


def turned(channels: Tensor) -> Tensor:
    """Return (..., X, Y, Z) as (..., Z, Y, X), as the published networks want it; or back."""
    return torch.swapaxes(channels, -1, -3)


def padded(channels: np.ndarray, multiple: int) -> np.ndarray:
    """Return channels (C, X, Y, Z) within as much background as makes each side a multiple."""
    more = [(0, 0), *((n // 2, n - n // 2) for n in (-s % multiple for s in channels.shape[1:]))]
    return np.pad(channels, more, constant_values=-1)


def cropped(channels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the middle (C, *shape) of channels: the inverse of `padded`."""
    starts = [(have - want) // 2 for have, want in zip(channels.shape[1:], shape, strict=True)]
    cut = (slice(start, start + want) for start, want in zip(starts, shape, strict=True))
    return channels[(slice(None), *cut)]


def turns(count: int, turn: float, zoom: float, generator: torch.Generator) -> Tensor:
    """Return matrices (count, 3, 4) that turn about the long axis and enlarge half of the pictures.

    They lead from places in the new picture to those in the old one, both from -1 to 1 along each
    axis, axes in the order Z, Y, X.

    Args:
        count: Pictures.
        turn: Largest angle, radians (MedSyn: 0.2).
        zoom: Largest part by which they are enlarged.
        generator: The source of chance.
    """
    angle, grow = (torch.rand(count, generator=generator) for _ in range(2))
    angle = (2 * angle - 1) * turn
    grow = 1 + (2 * grow - 1).clamp(min=0) * zoom
    matrix = torch.zeros(count, 3, 4)
    # grid_sample counts axes from the last: Z, Y, X.
    matrix[:, 0, 0] = 1 / grow
    matrix[:, 1, 1] = matrix[:, 2, 2] = angle.cos() / grow
    matrix[:, 1, 2], matrix[:, 2, 1] = angle.sin() / grow, -angle.sin() / grow
    return matrix


def rotated(pictures: Tensor, matrix: Tensor) -> Tensor:
    """Return pictures (B, C, X, Y, Z) moved by the matrices (B, 3, 4) of `turns`.

    The first channel is interpolated, of the others the nearest voxel is taken.
    """
    places = functional.affine_grid(matrix, list(pictures.shape), align_corners=False)
    sample = partial(functional.grid_sample, padding_mode="border", align_corners=False)
    labels = sample(pictures[:, 1:], places, mode="nearest")
    return torch.cat([sample(pictures[:, :1], places, mode="bilinear"), labels], 1)


def _written(channel: np.ndarray, levels: tuple[float, ...]) -> bool:
    """Whether every voxel lies at a level."""
    away = np.min([np.abs(channel - level) for level in levels], axis=0)
    return bool(away.max() < EXACT)


def _large(mask: np.ndarray) -> np.ndarray:
    """Return the pieces of a mask that are at least a twentieth of it."""
    least = max(2, int(mask.sum()) // 20)
    return cc3d.dust(mask.astype(np.uint8), threshold=least, connectivity=6) > 0


def _largest(mask: np.ndarray) -> np.ndarray:
    return cc3d.largest_k(mask.astype(np.uint8), k=1, connectivity=6) > 0 if mask.any() else mask


def _nearest(pieces: np.ndarray, lung: np.ndarray) -> np.ndarray:
    """Return for each voxel the number of the piece that holds it or is nearest; -1 if none."""
    held = pieces.any(0)
    number = np.where(held, pieces.argmax(0), -1)
    if not held.any() or not (lung & ~held).any():
        return number
    places = ndimage.distance_transform_edt(~held, return_distances=False, return_indices=True)
    return number[tuple(places)]
