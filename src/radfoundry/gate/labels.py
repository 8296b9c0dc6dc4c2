"""Read a reader's masks, or a phantom's own, as label maps with the ids of `labels.yaml`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from radfoundry import anatomy, volume
from radfoundry.gate import nifti, raster
from radfoundry.gate.geometry import canonical, coronal
from radfoundry.gate.source import GateError, Source, guarded, opened
from radfoundry.volume import Volume

Maps = tuple[np.ndarray | None, np.ndarray | None]
SUFFIXES = (".nii.gz", ".nii", ".png", ".tif", ".tiff")
OWN = {"anatomy": "structures", "findings": "findings"}
ALIASES = {"lungs": "lung", "airways": "airway", "cardiomediastinum": "mediastinum"}
IGNORE = "ignore"
SNAP = 1e-3  # affines closer than this, in mm, are the same


def read_labels(
    path: str | Path,
    mapping: Mapping | None,
    grid: Volume,
    root: str | Path | None = None,
) -> Maps:
    """Return the anatomy and findings maps, uint8, on the grid of the image they belong to.

    A map of which the readers said nothing is None: no truth, not the truth that nothing is there.

    Args:
        path: One file whose values the mapping names; or a folder of binary masks whose file names
            the mapping names (a structure without a file is absent); or, with no mapping, a folder
            with `anatomy` and `findings` maps (or one anatomy file) that hold our own ids.
        mapping: What a value, or a file, means: a structure or finding of labels.yaml, or "ignore".
        grid: The image as `read` returned it.
        root: Where given, every file's real place must lie under it.

    Raises:
        GateError: mask.label, mask.noninteger, geo.mismatch, and the codes of reading a file.
        ValueError: The mapping names what labels.yaml does not have.
    """
    path = Path(path)
    if path.is_dir():
        found = _files(path)
        return _own(found, grid, root) if mapping is None else _folder(found, mapping, grid, root)
    values = _values(path, grid, root)
    if mapping is None:
        return _checked(values, "structures"), None
    return _mapped(values, mapping)


def _files(folder: Path) -> dict[str, Path]:
    """Return the mask files of a folder by their name without suffix."""
    found: dict[str, Path] = {}
    for suffix in SUFFIXES:
        for file in sorted(folder.glob(f"*{suffix}")):
            found.setdefault(file.name.removesuffix(suffix), file)
    return found


def _own(found: Mapping[str, Path], grid: Volume, root: str | Path | None) -> Maps:
    if not set(OWN) & set(found):
        raise GateError("io.missing", f"the folder holds neither of {', '.join(OWN)}")
    maps = [
        _checked(_values(found[name], grid, root), kind) if name in found else None
        for name, kind in OWN.items()
    ]
    return maps[0], maps[1]


def _folder(
    found: Mapping[str, Path], mapping: Mapping, grid: Volume, root: str | Path | None
) -> Maps:
    present = {str(name): meaning for name, meaning in mapping.items() if str(name) in found}
    if not present:
        raise GateError("mask.label", f"no mask among {', '.join(map(str, mapping))} is there")
    masks: dict[str, np.ndarray] = {}
    for name, meaning in present.items():
        values = _values(found[name], grid, root)
        if np.unique(values[values != 0]).size > 1:
            raise GateError("mask.label", f"mask {name!r} has several values; it must be binary")
        masks[meaning] = masks.get(meaning, False) | (values != 0)
    return _composed(masks, mapping.values(), grid.voxels.shape)


def _mapped(values: np.ndarray, mapping: Mapping) -> Maps:
    meanings = {int(value): str(meaning) for value, meaning in mapping.items()}
    unknown = sorted(set(np.unique(values).tolist()) - {0, *meanings})
    if unknown:
        raise GateError("mask.label", f"values {unknown[:5]} have no meaning; told: {meanings}")
    masks: dict[str, np.ndarray] = {}
    for value, meaning in meanings.items():
        masks[meaning] = masks.get(meaning, False) | (values == value)
    return _composed(masks, meanings.values(), values.shape)


def _composed(masks: Mapping[str, np.ndarray], meanings, shape: tuple[int, ...]) -> Maps:
    """Return both maps; what a reader ignored is ignored in the maps the mapping speaks of."""
    kinds = {label.name: kind for kind in OWN.values() for label in _labels(kind)}
    names = {ALIASES.get(meaning, meaning) for meaning in meanings} - {IGNORE, "background"}
    if names - set(kinds):
        raise ValueError(f"{sorted(names - set(kinds))} are not in labels.yaml")
    own = {ALIASES.get(name, name): mask for name, mask in masks.items()}
    parts = {k: {n: m for n, m in own.items() if kinds.get(n) == k} for k in OWN.values()}
    structures = anatomy.compose(parts["structures"]) if parts["structures"] else None
    maps = {"structures": np.zeros(shape, np.uint8) if structures is None else structures}
    maps["findings"] = np.zeros(shape, np.uint8)
    for name, mask in parts["findings"].items():
        maps["findings"][mask] = anatomy.label_id(name)
    for kind, labels in maps.items():
        if IGNORE in own and kind in {kinds[name] for name in names}:
            labels[own[IGNORE]] = anatomy.vocabulary().ignore
    spoken = {kinds[name] for name in names}
    return tuple(labels if kind in spoken else None for kind, labels in maps.items())  # type: ignore[return-value]


def _labels(kind: str) -> tuple[anatomy.Label, ...]:
    return getattr(anatomy.vocabulary(), kind)


def _checked(values: np.ndarray, kind: str) -> np.ndarray:
    try:
        anatomy.check(values, kind)
    except ValueError as error:
        raise GateError("mask.label", str(error)) from None
    return values.astype(np.uint8)


def _values(path: Path, grid: Volume, root: str | Path | None) -> np.ndarray:
    """Return a mask's integers on the image's grid."""
    source = opened(path, root)
    if source.kind == "raster":
        values = guarded(raster.labels, source)
        if not grid.is_radiograph or values.shape != volume.picture(grid.voxels).shape:
            raise GateError("geo.mismatch", f"mask {values.shape}, image {grid.voxels.shape}")
        return volume.plane(values)
    if source.kind != "nifti":
        raise GateError("io.format", "masks are read from PNG, TIFF and NIfTI")
    return _volume_values(source, grid)


def _volume_values(source: Source, grid: Volume) -> np.ndarray:
    voxels, affine, _ = guarded(nifti.grid, source)
    mask, _ = canonical(voxels, affine)
    if grid.is_radiograph:
        mask = coronal(mask)
    if mask.voxels.shape != grid.voxels.shape:
        raise GateError("geo.mismatch", f"mask {mask.voxels.shape}, image {grid.voxels.shape}")
    apart = float(np.abs(mask.affine - grid.affine).max())
    if apart > SNAP:
        raise GateError("geo.mismatch", f"mask and image lie {apart:.3g} mm apart")
    if not np.isfinite(mask.voxels).all() or (mask.voxels != np.rint(mask.voxels)).any():
        raise GateError(
            "mask.noninteger", "values are not whole (was the mask scaled or resampled?)"
        )
    return mask.voxels.astype(np.int64)
