"""Organs and findings of a chest radiograph as channels, on its pixels and on a coarser grid.

Axes are those of a radiograph's voxels, (X, Z).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.anatomy import regions
from radfoundry.case import Case

ORGANS = ("lung_right", "lung_left", "heart", "mediastinum")


class Shown(NamedTuple):
    """Maps of several pictures on a grid, for a network that is shown them.

    Attributes:
        classes: What the channels are.
        values: (n, K, x, z) in [0, 1]: the share of each cell that they cover.
        known: (n, K) bool: a class that nobody looked for is not known, an empty one may be.
    """

    classes: tuple[str, ...]
    values: Tensor
    known: Tensor


@cache
def finding_names() -> tuple[str, ...]:
    """Return the findings of `labels.yaml` that may lie in one of `ORGANS`."""
    chest = {number for organ in ORGANS for number in regions.ids(organ)}
    named = [(label.name, label.within) for label in regions.vocabulary().findings]
    return tuple(name for name, within in named if within and chest & set(regions.ids(within)))


def channels() -> tuple[str, ...]:
    """Return what the channels of a case's maps are: organs, then findings."""
    return *ORGANS, *finding_names()


def of_organs(anatomy: np.ndarray) -> np.ndarray:
    """Return the organs (4, X, Z), float32 0 or 1, of an anatomy map (X, 1, Z); they overlap."""
    return _stacked(regions.mask(anatomy[:, 0], organ) for organ in ORGANS)


def of_findings(findings: np.ndarray) -> np.ndarray:
    """Return the findings (n, X, Z), float32 0 or 1, of a findings map (X, 1, Z)."""
    numbers = (regions.label_id(name) for name in finding_names())
    return _stacked(findings[:, 0] == number for number in numbers)


def of_case(case: Case) -> np.ndarray:
    """Return the maps of a case (K, X, Z), float32 0 or 1; K as in `channels`."""
    return np.concatenate([of_organs(case.anatomy), of_findings(case.findings)])


def known(maps: np.ndarray, findings: Sequence[Mapping]) -> np.ndarray:
    """Return of which maps (K, X, Z) of a case it is known where they are, (K,) bool.

    An organ that has no pixel was not looked for or not found, and a finding that is stated but
    has none was not outlined: neither is nowhere.
    """
    stated = {str(one["name"]) for one in findings}
    sought = [name not in ORGANS and name not in stated for name in channels()]
    return maps.any((1, 2)) | np.array(sought)


def pooled(maps: np.ndarray, factors: Sequence[int], multiple: Sequence[int]) -> Tensor:
    """Return the share of each cell of the latents' grid that maps cover.

    Args:
        maps: (K, X, Z), 0 or 1.
        factors: Pixels of a cell along each axis.
        multiple: Of which the sides are made multiples first; what is added shows nothing.

    Returns:
        (K, x, z) in [0, 1].
    """
    wide = np.pad(maps, [(0, 0), *margins(maps.shape[1:], multiple)])
    return functional.avg_pool2d(torch.from_numpy(wide)[None].float(), tuple(factors))[0]


def margins(shape: Sequence[int], multiple: Sequence[int]) -> list[tuple[int, int]]:
    """Return how much is added behind each axis to make its side a multiple.

    >>> margins((62, 64), (8, 8))
    [(0, 2), (0, 0)]
    """
    return [(0, -side % step) for side, step in zip(shape, multiple, strict=True)]


def _stacked(masks: object) -> np.ndarray:
    return np.stack([np.asarray(mask, np.float32) for mask in masks])  # type: ignore[attr-defined]
