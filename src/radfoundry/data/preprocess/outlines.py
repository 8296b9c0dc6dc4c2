"""Bring what readers outlined onto another grid, and count what did not arrive.

Nearest neighbors miss what is smaller than the voxels that they are taken for. A finding's part
that they miss is kept where it fills most of a voxel; what lies outside the grid is told.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.data.gate.source import GateError

Move = Callable[[np.ndarray], np.ndarray]

TOUCHING = 3  # neighbors along each axis: voxels that share a corner are one part
LEAST_LOST = {"findings": 0.01, "structures": 0.05}  # of a region's volume: less is rounding
NAMED_PART = {"findings": 0.0, "structures": 0.05}  # of it: smaller parts of anatomy are specks


@dataclass(frozen=True)
class Unit:
    """How large a voxel of the source is, in words that a reader knows."""

    size: float
    name: str

    def of(self, count: float) -> str:
        """Return what so many voxels are.

        >>> Unit(0.0035, "ml").of(12)
        '0.042 ml'
        """
        return f"{self.size * count:.3g} {self.name}"


@dataclass
class _Parts:
    """Connected parts of every label of a map, numbered from 1.

    Attributes:
        numbers: int32, the source's shape; 0 where nothing is marked.
        labels: Label of each part; that of number 0 is 0.
        there: int32, the target's shape: which part each of its voxels was taken from.
        left: Voxels of the target that each part has.
    """

    numbers: np.ndarray
    labels: np.ndarray
    there: np.ndarray
    left: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Return how many voxels of the source each part has."""
        return _counted(self.numbers, len(self.labels))


def carried(
    labels: np.ndarray, kind: str, like: Move, places: np.ndarray, unit: Unit
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return a label map on the target's grid, and what of it is lost or was kept by force.

    Args:
        labels: uint8 ids of `labels.yaml` on the source's grid.
        kind: "structures" or "findings"; of the latter each connected part keeps a voxel.
        like: Brings integers from the source's grid to the target's, by nearest neighbor.
        places: int32, the source's shape: flat index into the target plus 1; 0 outside of it.
        unit: Of a voxel of the source.

    Raises:
        GateError: mask.lost where nothing is left of a finding.
    """
    moved = like(labels)
    parts = _numbered(labels, like)
    if kind == "findings":
        moved, kept = _with_small_parts(moved, parts, places)
    else:
        kept = np.zeros(0, int)
    warnings = [_kept_words(parts, kept)] if len(kept) else []
    sizes, outside = parts.sizes, _outside(parts, places)
    for label in np.unique(parts.labels[1:]):
        warnings += _lost_words(parts, int(label), kind, (sizes, outside), unit)
    return moved, tuple(warnings)


def _numbered(labels: np.ndarray, like: Move) -> _Parts:
    numbers, owners = np.zeros(labels.shape, np.int32), [0]
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None or label == regions.vocabulary().ignore:
            continue
        found, count = ndimage.label(labels[box] == label, np.ones([TOUCHING] * labels.ndim))
        view = numbers[box]
        view[found > 0] = found[found > 0] + len(owners) - 1
        owners += [label] * count
    there = like(numbers)
    return _Parts(numbers, np.array(owners), there, _counted(there, len(owners)))


def _counted(numbers: np.ndarray, count: int) -> np.ndarray:
    """Return how often each number occurs; that of 0, which is nothing, stays 0."""
    return np.bincount(numbers[numbers > 0], minlength=count)


def _with_small_parts(
    moved: np.ndarray, parts: _Parts, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels with a voxel for every part that lies on the grid, and the parts so kept."""
    missed = np.flatnonzero(parts.left[1:] == 0) + 1
    flat, there, kept = moved.ravel().copy(), parts.there.ravel(), []
    marked = np.isin(parts.numbers, missed) & (places > 0)
    numbers, targets = parts.numbers[marked], places[marked] - 1
    for number in missed:
        found, counts = np.unique(targets[numbers == number], return_counts=True)
        for target in found[np.argsort(-counts, kind="stable")]:
            other = there[target]
            if other and parts.left[other] == 1:
                continue  # the last voxel of another part
            parts.left[other] -= 1
            parts.left[number] += 1
            there[target], flat[target] = number, parts.labels[number]
            kept.append(number)
            break
    return flat.reshape(moved.shape), np.array(kept, int)


def _outside(parts: _Parts, places: np.ndarray) -> np.ndarray:
    """Return how many voxels of each part lie outside the target's grid."""
    beyond = parts.numbers[(places == 0) & (parts.numbers > 0)]
    return np.bincount(beyond, minlength=len(parts.labels))


def _kept_words(parts: _Parts, kept: np.ndarray) -> str:
    names = [_name(label, "findings") for label in np.unique(parts.labels[kept])]
    return f"mask.kept - parts smaller than a voxel, of {', '.join(names)}: {len(kept)}"


def _lost_words(
    parts: _Parts, label: int, kind: str, counts: tuple[np.ndarray, np.ndarray], unit: Unit
) -> list[str]:
    """Return a warning if parts or much of a region did not arrive."""
    sizes, outside = counts
    own = np.flatnonzero(parts.labels == label)
    whole = sizes[own].sum()
    gone = own[(parts.left[own] == 0) & (sizes[own] >= NAMED_PART[kind] * whole)]
    missing = sizes[gone].sum() + outside[np.setdiff1d(own, gone)].sum()
    if not len(gone) and missing < LEAST_LOST[kind] * whole:
        return []
    told = f"{unit.of(missing)} of {unit.of(whole)}, {len(gone)} of {len(own)} parts"
    words = f"{_name(label, kind)}: {told} do not arrive on the grid of the preprocessed image"
    if kind == "findings" and not parts.left[own].any():
        raise GateError("mask.lost", f"{words}; give it a larger grid or voxels that hold it")
    return [f"mask.lost - {words}"]


def _name(label: int, kind: str) -> str:
    known = getattr(regions.vocabulary(), kind)
    return next(str(one.name) for one in known if one.id == label)
