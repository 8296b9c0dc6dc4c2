"""Vectors of one lesion, of several of one case, and of many cases in parallel."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cc3d
import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.radiomics.engine import measured, use_one_thread
from radfoundry.radiomics.grid import resampled
from radfoundry.radiomics.guards import (
    RadiomicsError,
    box,
    check_intensities,
    check_mask,
    check_size,
)
from radfoundry.radiomics.names import UNDEFINED_WHEN_CONSTANT, UNDEFINED_WHEN_FLAT, vector_names
from radfoundry.radiomics.options import settings
from radfoundry.volume import Volume

Masks = Mapping[str, np.ndarray]


def extract(volume: Volume, mask: np.ndarray, options: Mapping[str, Any]) -> pd.Series:
    """Return the radiomics vector of one lesion, indexed by `vector_names`.

    Args:
        volume: A radiograph (X, 1, Z) gives 102 features of its plane, any other volume 107, or
            110 with the deprecated shapes.
        mask: Booleans on the volume's grid.
        options: What differs from `SETTINGS`, as in `settings`; an empty mapping for nothing.

    Returns:
        float64 values; NaN where the definition is 0/0, as texture of one gray level. Features of
        the mesh (surface, volume, sphericity) move by up to 0.2 % when axes are flipped.

    Raises:
        RadiomicsError: With one of this package's codes.
        ValueError: If mask and volume do not share a grid, or a setting is unknown.
    """
    used = settings(options, 2 if volume.is_radiograph else 3)
    grid = volume.voxels.shape
    if mask.shape != grid or mask.dtype != bool:
        raise ValueError(f"the mask must be bool on {grid}, not {mask.dtype} on {mask.shape}")
    check_mask(mask, used)
    voxels, lesion, spacing_mm, used, whole = _cropped(volume, mask, used)
    bins = check_intensities(voxels, _in_range(voxels, lesion, used), used, whole)
    values = measured(voxels, lesion, spacing_mm, used)
    names = vector_names(used["dimensions"], used["deprecatedShapes"])
    return _with_undefined(pd.Series({name: float(values[name]) for name in names}), bins)


def _with_undefined(vector: pd.Series, bins: int) -> pd.Series:
    """Return a vector with NaN for what a single gray level or intensity leaves undefined."""
    undefined = list(UNDEFINED_WHEN_FLAT) if bins == 1 else []
    if vector["original_firstorder_Range"] == 0:
        undefined += UNDEFINED_WHEN_CONSTANT
    return vector.mask(vector.index.isin([f"original_{name}" for name in undefined]))


def _cropped(volume: Volume, mask: np.ndarray, used: dict) -> tuple:
    """Return voxels, mask, spacing and settings as the engine gets them, and if all voxels count.

    Normalization and the engine's resampling look beyond the lesion; all else sees only its box.
    """
    spacing_mm, finer = volume.spacing_mm, 1.0
    if (wanted := used["resampledPixelSpacing"]) is not None:
        ratio = [1.0 if n == 0 else o / n for o, n in zip(spacing_mm, wanted, strict=True)]
        finer = float(np.prod(ratio))
        check_size(np.count_nonzero(mask) * finer, used)
        if used["resampling"] == "centered":
            how = used["interpolator"], used["rounding"]
            voxels, lesion, spacing_mm = resampled(volume, mask, wanted, *how)
            check_mask(lesion, used, " after resampling")
            used = {**used, "resampledPixelSpacing": None}
            return *_framed(voxels, lesion), spacing_mm, used, False
    if used["normalize"] or wanted is not None:
        return volume.voxels, mask, spacing_mm, used, True
    return *_framed(volume.voxels, mask), spacing_mm, used, False


def _framed(voxels: np.ndarray, lesion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a lesion's box in a frame of one voxel; a full mask the engine takes for an empty one.

    The plane of a radiograph gets none across it.
    """
    near = box(lesion, 0)
    frame = [
        (0, 0) if size == 1 and axis == 1 else (1, 1) for axis, size in enumerate(lesion.shape)
    ]
    return np.pad(voxels[near], frame, mode="edge"), np.pad(lesion[near], frame)


def _in_range(voxels: np.ndarray, lesion: np.ndarray, used: Mapping[str, Any]) -> np.ndarray:
    """Return the lesion without what an absolute resegmentation will take out of it."""
    limits = used["resegmentRange"]
    if limits is None or used["resegmentMode"] != "absolute" or used["normalize"]:
        return lesion
    low, high = limits[0], limits[1] if len(limits) > 1 else np.inf
    # NaN stays, to be refused by name
    inside = lesion & ~((voxels < low) | (voxels > high))
    check_mask(inside, used, f" within resegmentRange {list(limits)}")
    return inside


def extract_many(volume: Volume, masks: Masks, options: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per lesion of a case; one that is refused keeps its row, with its code.

    Args:
        volume: The image of the case.
        masks: Name of each region or lesion -> booleans on the volume's grid.
        options: As in `extract`.

    Returns:
        Columns `region`, `code` and `message` (empty where measured), and all features (NaN where
        refused), in the order of `masks`.
    """
    used = settings(options, 2 if volume.is_radiograph else 3)
    names = vector_names(used["dimensions"], used["deprecatedShapes"])
    rows = []
    for region, mask in masks.items():
        row: dict[str, Any] = {"region": region, "code": "", "message": ""}
        try:
            row |= dict(extract(volume, mask, options))
        except RadiomicsError as error:
            row |= {"code": error.code, "message": error.message}
        rows.append(row)
    return pd.DataFrame(rows, columns=["region", "code", "message", *names])


def rows_of_case(
    case: str, load: Callable[[], tuple[Volume, Masks]], options: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the rows of one case, read where it is measured: what a worker process runs.

    Args:
        case: Name of the case; becomes the first column.
        load: Reads the image and the masks; called here, so that no voxels travel to the worker.
        options: As in `extract`.
    """
    use_one_thread()
    rows = extract_many(*load(), options)
    rows.insert(0, "case", case)
    return rows


def extract_cases(
    loads: Mapping[str, Callable[[], tuple[Volume, Masks]]],
    options: Mapping[str, Any],
    workers: int = 1,
) -> pd.DataFrame:
    """Return the rows of many cases, in their order; any number of workers gives the same values.

    Args:
        loads: Name of each case -> what reads it, as in `rows_of_case`.
        options: As in `extract`.
        workers: Processes, of one thread each; 1 stays in this one.
    """
    from joblib import Parallel, delayed, parallel_config

    if not loads:
        return pd.DataFrame(columns=["case", "region", "code", "message"])
    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        jobs = (delayed(rows_of_case)(case, load, options) for case, load in loads.items())
        return pd.concat(Parallel()(jobs), ignore_index=True)


def masks_of(case: Case, options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the masks of a case that are to be measured, by region and lesion: `nodule 2`.

    Args:
        case: With its maps of anatomy and of findings.
        options: `regions` (names of `labels.yaml`); `lesions`: whether each connected part of a
            finding is measured too, from number 1, if it has `least_mm3`. A whole region is 0.

    Returns:
        Booleans on the case's grid.
    """
    findings = {label.name for label in regions.vocabulary().findings} | {"tumour"}
    masks = {}
    for region in options["regions"]:
        mask = regions.mask(case.findings if region in findings else case.anatomy, region)
        masks[f"{region} 0"] = mask
        if options["lesions"] and region in findings:
            parts = lesions(mask, case.image.spacing_mm, options["least_mm3"])
            masks |= {f"{region} {number}": part for number, part in parts}
    return masks


def lesions(
    mask: np.ndarray, spacing_mm: tuple, least_mm3: float = 30.0
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number and the mask of each connected part of a mask, the largest first.

    Voxels are connected by faces, edges and corners (26 neighbours). Parts of equal size are in the
    order of their first voxel. Masks are made one by one, since a body may hold many lesions.

    Args:
        mask: Booleans (X, Y, Z).
        spacing_mm: Length of a voxel along each axis.
        least_mm3: Parts smaller than this are left out.

    >>> mask = np.zeros((4, 4, 4), bool)
    >>> mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 3, 3] = True
    >>> [(number, int(part.sum())) for number, part in lesions(mask, (1, 1, 1), 1)]
    [(1, 2), (2, 1)]
    """
    if mask.dtype != bool or mask.ndim != 3:
        raise ValueError(f"the mask must be bool (X, Y, Z), not {mask.dtype} {mask.shape}")
    parts = cc3d.connected_components(mask, connectivity=26)
    sizes = np.bincount(parts.ravel())[1:] if parts.any() else np.zeros(0, int)
    _, first = np.unique(parts[mask], return_index=True)
    large = sizes * np.prod(spacing_mm) >= least_mm3 * (1 - 1e-9)
    kept = [part for part in np.lexsort((first, -sizes)) if large[part]]
    for number, part in enumerate(kept, start=1):
        yield number, parts == part + 1
