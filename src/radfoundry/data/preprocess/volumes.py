"""Put raw CT and MR volumes on a common footing, and bring label maps there and back.

Crop, spacing and registration are composed first and voxels interpolated once. Without an atlas the
image keeps its own axes, oblique ones too; only an atlas turns a patient.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from radfoundry.data.gate.source import GateError, Raw
from radfoundry.data.preprocess import intensity, placement
from radfoundry.data.preprocess.body import blocks, box, coarse_body, spread
from radfoundry.data.preprocess.registration import Registration, affine
from radfoundry.data.preprocess.resampling import Grid, grid_of, resampled
from radfoundry.volume import Volume

Lungs = Callable[[Volume], np.ndarray]

KIND = "volume"
COMMON: Mapping[str, Any] = {
    "spacing_mm": None,  # three sizes; None: the source's, or what `grid` asks for
    "grid": None,  # three counts; None: as many as the body or the image fills
    "crop_body": True,  # cut the air around the body away
    "margin_mm": 5.0,  # air kept around it
    "contradictions": "reject",  # tags and table that tell of two patients: or only warn
}
VOLUME_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "CT": {
        **COMMON,
        "window_hu": (-1024.0, 600.0),  # clipped there, still HU; outside the scan is the lower
        "atlas": False,  # bring the lungs onto the cohort's atlas
        "atlas_cases": 16,  # of which the atlas is made, elsewhere
    },
    "MR": {
        **COMMON,
        "bias_correction": True,  # even out the coil's shading
        "percentiles": (0.5, 99.5),  # of the body; they become 0 and 1
        "slices": False,  # take single planes too: volumes of one voxel along one axis
    },
}
THINNEST = 4  # voxels along the shortest axis: fewer are slices
LEAST_OVERLAP = 0.3  # Dice with the atlas below which these are not its lungs
POOR_OVERLAP = 0.7


@dataclass(frozen=True)
class _Plan:
    """Where an image goes, and what is recorded of it."""

    target: Grid
    matrix: np.ndarray
    facts: Mapping[str, Any]
    warnings: tuple[str, ...]


def volumetric(
    raw: Raw,
    modality: str,
    options: Mapping[str, Any] | None = None,
    atlas: Volume | None = None,
    lungs: Lungs | None = None,
    outlined: np.ndarray | None = None,
) -> tuple[Volume, dict[str, Any]]:
    """Return a CT in HU or an MR in [0, 1] on the grid asked for, and how it came there.

    The record (for `like` and `restore`, JSON can hold it) has source_shape, source_affine, shape
    and affine of the result, transform (4 x 4, patient to result in mm; the identity without an
    atlas), volume_scale (volume in the result over volume in the patient), window, outside (value
    beyond the scan), bias_corrected, atlas_dice (before and after; None without) and warnings.

    Args:
        raw: What the gate read.
        modality: "CT" or "MR".
        options: Departures from `VOLUME_OPTIONS[modality]`.
        atlas: Mask of the mean lungs, whose grid the result takes, where `atlas` is asked for.
        lungs: Marks the lungs of a CT (Volume in HU to booleans), for the atlas.
        outlined: Booleans on the image's grid, what readers marked: no crop cuts it off.

    Returns:
        Volume, float32; and the record.

    Raises:
        GateError: geo.ndim, geo.small, geo.too_large, int.constant, atlas.no_lungs,
            atlas.no_overlap.
        ValueError: An option is unknown or outside its range, or the atlas is missing.
    """
    chosen = placement.chosen(modality, options or {}, VOLUME_OPTIONS)
    image = _floored(raw.image, modality, chosen)
    _check_thickness(image.voxels.shape, chosen)
    body = coarse_body(image.voxels, image.spacing_mm, modality)
    if modality == "CT" and not body.any():
        raise GateError("int.constant", "nothing is denser than -500 HU: there is no body")
    if chosen.get("atlas"):
        plan = _onto_atlas(image, chosen, atlas, lungs)
    else:
        plan = _straight(image, body, chosen, outlined)
    level, limits = _levelled(image, body, modality, chosen)
    outside = limits[0] if modality == "CT" else 0.0
    ready = resampled(level, plan.target, plan.matrix, 1, outside)
    top = limits[1] if modality == "CT" else 1.0
    clipped = ready.holding(np.clip(ready.voxels, outside, top, dtype=np.float32))
    record = _record(raw, modality, plan) | {
        "window": list(limits),
        "outside": outside,
        "bias_corrected": bool(chosen.get("bias_correction", False)),
    }
    return clipped, record


def like(labels: np.ndarray, record: Mapping[str, Any]) -> np.ndarray:
    """Return labels of the source's grid on the result's grid, by nearest neighbor."""
    return _moved(labels, record, ("source_", ""), 0)


def restore(voxels: np.ndarray, record: Mapping[str, Any], order: int = 0) -> np.ndarray:
    """Return labels or intensities of the result's grid on the source's grid.

    Beyond the result's grid labels are 0, intensities what the record says lies outside.
    """
    return _moved(voxels, record, ("", "source_"), order)


def _moved(
    voxels: np.ndarray, record: Mapping[str, Any], ways: tuple[str, str], order: int
) -> np.ndarray:
    source, target = (
        Grid(tuple(record[f"{end}shape"]), np.array(record[f"{end}affine"])) for end in ways
    )
    if voxels.shape != source.shape:
        raise ValueError(f"voxels are {voxels.shape}, the record is of {source.shape}")
    matrix = np.array(record["transform"])
    matrix = matrix if ways[0] else np.linalg.inv(matrix)
    outside = record["outside"] if np.issubdtype(voxels.dtype, np.floating) else 0
    return resampled(Volume(voxels, source.affine), target, matrix, order, outside).voxels


def _check_thickness(shape: tuple[int, ...], chosen: Mapping[str, Any]) -> None:
    """Refuse what is no volume; a single plane is one where the cohort is one of slices."""
    sides = sorted(shape)
    if sides[0] == 1 and not chosen.get("slices"):
        message = f"{shape} voxels are one slice, not a volume; `slices: true` takes slices of MR"
        raise GateError("geo.ndim", message)
    if sides[sides[0] == 1] < THINNEST:
        message = f"{shape} voxels; a volume has at least {THINNEST} along each axis"
        raise GateError("geo.small", message)


def _floored(image: Volume, modality: str, chosen: Mapping[str, Any]) -> Volume:
    """Return a CT without the padding of its scanner, which would bleed into the body's edge."""
    if modality != "CT":
        return image
    return image.holding(np.maximum(image.voxels, np.float32(chosen["window_hu"][0])))


def _straight(
    image: Volume, body: np.ndarray, chosen: Mapping[str, Any], outlined: np.ndarray | None
) -> _Plan:
    shape = image.voxels.shape
    found = box(body, shape, blocks(shape, image.spacing_mm))
    marked = None if outlined is None else box(outlined, shape, (1, 1, 1))
    target, warnings = placement.placed(grid_of(image), found, chosen, marked)
    if found is None:
        warnings = (*warnings, "geo.no_body")
    return _Plan(target, np.eye(4), {"volume_scale": 1.0, "atlas_dice": None}, warnings)


def _onto_atlas(
    image: Volume, chosen: Mapping[str, Any], atlas: Volume | None, lungs: Lungs | None
) -> _Plan:
    if atlas is None or lungs is None:
        raise ValueError("atlas: true needs the atlas and a function that marks lungs")
    if chosen["grid"] is not None and tuple(chosen["grid"]) != atlas.voxels.shape:
        raise ValueError(f"grid {chosen['grid']} is not the atlas's {atlas.voxels.shape}")
    mask = np.asarray(lungs(image), bool)
    if not mask.any():
        raise GateError("atlas.no_lungs", "no lungs were found to lay on the atlas")
    way: Registration = affine(image.holding(mask), atlas)
    if way.dice_after < LEAST_OVERLAP:
        message = f"lungs meet those of the atlas with a Dice of {way.dice_after:.2f}"
        raise GateError("atlas.no_overlap", f"{message}; at least {LEAST_OVERLAP} is needed")
    poor = ("registration.poor",) if way.dice_after < POOR_OVERLAP else ()
    dice = [way.dice_before, way.dice_after]
    facts = {"volume_scale": way.volume_scale, "atlas_dice": dice}
    return _Plan(grid_of(atlas), way.matrix, facts, (*way.warnings, *poor))


def _levelled(
    image: Volume, body: np.ndarray, modality: str, chosen: Mapping[str, Any]
) -> tuple[Volume, tuple[float, float]]:
    """Return intensities ready to be interpolated, and the window that clips them."""
    if modality == "CT":
        low, high = chosen["window_hu"]
        return image, (float(low), float(high))
    shape = image.voxels.shape
    inside = spread(body, shape, blocks(shape, image.spacing_mm))
    even = intensity.without_shading(image, inside) if chosen["bias_correction"] else image
    limits = intensity.window(even.voxels, inside, chosen["percentiles"])
    return even.holding(intensity.stretched(even.voxels, limits)), limits


def _record(raw: Raw, modality: str, plan: _Plan) -> dict[str, Any]:
    source = grid_of(raw.image)
    return {
        "kind": KIND,
        "modality": modality,
        "source_shape": list(source.shape),
        "source_affine": source.affine.tolist(),
        "shape": list(plan.target.shape),
        "affine": np.asarray(plan.target.affine).tolist(),
        "transform": plan.matrix.tolist(),
        **plan.facts,
        "warnings": [*raw.warnings, *plan.warnings],
    }
