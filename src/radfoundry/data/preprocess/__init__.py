"""Put raw images on a common footing, and bring label maps there and back.

Everything done to an image is written in its record, a mapping that JSON can hold, and undone from
it alone. Nothing is guessed in silence: what was mended is in the record's warnings.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from radfoundry.data.preprocess import outlines, radiographs, volumes
from radfoundry.data.preprocess.contradictions import agreeing
from radfoundry.data.preprocess.radiographs import OPTIONS, POLICIES, radiograph, with_spacing
from radfoundry.data.preprocess.volumes import VOLUME_OPTIONS, volumetric
from radfoundry.volume import Volume

__all__ = [
    "OPTIONS",
    "POLICIES",
    "VOLUME_OPTIONS",
    "agreeing",
    "carried",
    "like",
    "radiograph",
    "restore",
    "spacing_mm",
    "volumetric",
    "with_spacing",
]


def like(labels: np.ndarray, record: Mapping[str, Any]) -> np.ndarray:
    """Return a label map of the source's grid on the grid of its image, by nearest neighbor.

    Args:
        labels: Integers or booleans on the grid that the gate read, canonical axes.
        record: Of `radiograph` or `volumetric`, or read back from JSON.

    Raises:
        ValueError: The labels are not on the source's grid.
    """
    return _kind(record).like(labels, record)


def carried(
    maps: Mapping[str, np.ndarray | None], record: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray | None], tuple[str, ...]]:
    """Return readers' maps on the grid of their image, and what of them did not arrive.

    Every connected part of a finding that lies on that grid keeps at least one voxel.

    Args:
        maps: By kind ("structures", "findings"): uint8 on the grid that the gate read, or None.
        record: Of `radiograph` or `volumetric`, or read back from JSON.

    Returns:
        The maps; and warnings `mask.kept` and `mask.lost`, each with its words.

    Raises:
        GateError: mask.lost where nothing is left of a finding.
    """
    given = {kind: labels for kind, labels in maps.items() if labels is not None}
    if not given:
        return dict(maps), ()
    way = _kind(record)
    shape = _shape(record)
    flat = np.arange(1, np.prod(shape) + 1, dtype=np.int32).reshape(shape)
    places, unit = way.restore(flat, record, 0), _unit(record)
    moved, warnings = dict(maps), list[str]()
    for kind, labels in given.items():
        moved[kind], told = outlines.carried(
            labels, kind, lambda one: way.like(one, record), places, unit
        )
        warnings += told
    return moved, tuple(warnings)


def _shape(record: Mapping[str, Any]) -> tuple[int, ...]:
    if record.get("kind") != volumes.KIND:
        return record["size"], 1, record["size"]
    return tuple(record["shape"])


def _unit(record: Mapping[str, Any]) -> outlines.Unit:
    if record.get("kind") != volumes.KIND:
        return outlines.Unit(1.0, "pixels")
    return outlines.Unit(abs(np.linalg.det(np.array(record["source_affine"])[:3, :3])) / 1000, "ml")


def restore(voxels: np.ndarray, record: Mapping[str, Any], order: int = 0) -> np.ndarray:
    """Return a map or an image of the preprocessed grid on the grid that the gate read.

    Intensities stay in the units of the preprocessed image.

    Args:
        voxels: Integers or booleans (order 0), or intensities.
        record: Of `radiograph` or `volumetric`, or read back from JSON.
        order: 0 nearest neighbor, 1 linear (comes back as float32).

    Raises:
        ValueError: The voxels are not on the preprocessed grid, or order is neither 0 nor 1.
    """
    if order not in (0, 1):
        raise ValueError(f"order {order}: choose 0 (nearest neighbor) or 1 (linear)")
    return _kind(record).restore(voxels, record, order)


def spacing_mm(record: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Return the voxel size along X, Y, Z that a volume was brought to; None for a radiograph."""
    if record.get("kind") != volumes.KIND:
        return None
    return Volume(np.empty(0), np.array(record["affine"], float)).spacing_mm


def _kind(record: Mapping[str, Any]) -> Any:
    return volumes if record.get("kind") == volumes.KIND else radiographs
