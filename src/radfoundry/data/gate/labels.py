"""Read a reader's masks, or a phantom's own, as label maps with the ids of `labels.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.data.gate.pairs import opened_whole
from radfoundry.data.gate.placing import placed
from radfoundry.data.gate.source import GateError
from radfoundry.volume import Volume

Maps = tuple[np.ndarray | None, np.ndarray | None]
SUFFIXES = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha", ".mhd", ".png", ".tif", ".tiff")
OWN = {"anatomy": "structures", "findings": "findings"}
ALIASES = {"lungs": "lung", "airways": "airway", "cardiomediastinum": "mediastinum"}
IGNORE = "ignore"
OTHERS = "*"
CORE = "tumour_core"


@dataclass(frozen=True)
class Masks:
    """What readers marked, on the grid of the image.

    Attributes:
        structures: uint8 anatomy map, or None where they said nothing of anatomy.
        findings: uint8 findings map, or None where they said nothing of findings.
        warnings: Codes of what was mended on the way, such as "geo.cropped_mask".
        not_given: Structures and findings that the mapping names and no file that is there shows:
            of these nothing is known, not even that they are absent.
    """

    structures: np.ndarray | None
    findings: np.ndarray | None
    warnings: tuple[str, ...] = ()
    not_given: tuple[str, ...] = ()


@dataclass
class _Reader:
    """Reads mask files on one grid and gathers what had to be mended."""

    grid: Volume
    root: str | Path | None
    warnings: list[str] = field(default_factory=list)
    not_given: list[str] = field(default_factory=list)

    def values(self, path: Path) -> np.ndarray:
        found = placed(opened_whole(path, self.root), self.grid)
        self.warnings += [code for code in found.warnings if code not in self.warnings]
        return found.values


def read_labels(
    path: str | Path,
    mapping: Mapping | None,
    grid: Volume,
    root: str | Path | None = None,
) -> Maps:
    """Return the anatomy and findings maps of `read_masks`, without its warnings."""
    masks = read_masks(path, mapping, grid, root)
    return masks.structures, masks.findings


def read_masks(
    path: str | Path,
    mapping: Mapping | None,
    grid: Volume,
    root: str | Path | None = None,
) -> Masks:
    """Return the anatomy and findings maps, uint8, on the grid of the image they belong to.

    A map of which the readers said nothing is None: no truth, not the truth that nothing is there.

    Args:
        path: One file whose values the mapping names; or a folder of masks whose file names the
            mapping names (a structure without a file is not given); or, with no mapping, a folder
            with `anatomy` and `findings` maps (or one anatomy file) that hold our own ids.
        mapping: What a value, or a file, means: a structure or finding of labels.yaml, "ignore",
            "background", or a list of these where one value means several things. The value "*"
            stands for all that are not named. A file of a folder that is not binary has a mapping
            of its own.
        grid: The image as `read` returned it.
        root: Where given, every file's real place must lie under it.

    Raises:
        GateError: mask.label, mask.noninteger, geo.mismatch, and the codes of reading a file.
        ValueError: The mapping names what labels.yaml does not have.
    """
    path, reader = Path(path), _Reader(grid, root)
    if path.is_dir():
        maps = _of_folder(_files(path), mapping, reader)
    elif mapping is None:
        maps = _checked(reader.values(path), "structures"), None
    else:
        masks = _named(reader.values(path), mapping)
        maps = _composed(masks, _meanings(mapping), grid.voxels.shape)
    return Masks(*maps, tuple(reader.warnings), tuple(reader.not_given))


def _files(folder: Path) -> dict[str, Path]:
    """Return the mask files of a folder by their name without suffix."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        suffix = next((end for end in SUFFIXES if file.name.endswith(end)), None)
        if suffix and not file.name.startswith("."):
            found.setdefault(file.name.removesuffix(suffix), file)
    return found


def _of_folder(found: Mapping[str, Path], mapping: Mapping | None, reader: _Reader) -> Maps:
    if mapping is None:
        return _own(found, reader)
    present = {str(name): meaning for name, meaning in mapping.items() if str(name) in found}
    if not present:
        raise GateError("mask.label", f"no mask among {', '.join(map(str, mapping))} is there")
    reader.not_given += _not_given(mapping, present)
    masks: dict[str, np.ndarray] = {}
    for name, meaning in present.items():
        values = reader.values(found[name])
        own = meaning if isinstance(meaning, Mapping) else _binary(name, values, meaning)
        _join(masks, _named(values, own))
    findings = {label.name for label in _labels("findings")}
    spoken = _meanings(present) | (_meanings(mapping) & findings)  # no file, no finding
    return _composed(masks, spoken, reader.grid.voxels.shape)


def _not_given(mapping: Mapping, present: Mapping) -> list[str]:
    """Return what a mapping names and neither a file nor the file of a whole that it is part of."""
    given = _meanings(present)
    given |= {lung for lung, lobes in regions.LOBES.items() if given.issuperset(lobes)}
    given |= {"lung"} if given.issuperset(regions.LOBES) else set()
    known = regions.vocabulary().regions
    wholes = [known[name] for name in given - {"body"} if name in known]
    missing = _meanings(mapping) - given - {IGNORE, "background"}
    return sorted(
        name
        for name in missing
        if name in known and not any(regions.label_id(name) in whole for whole in wholes)
    )


def _own(found: Mapping[str, Path], reader: _Reader) -> Maps:
    if not set(OWN) & set(found):
        raise GateError("io.missing", f"the folder holds neither of {', '.join(OWN)}")
    maps = [
        _checked(reader.values(found[name]), kind) if name in found else None
        for name, kind in OWN.items()
    ]
    return maps[0], maps[1]


def _binary(name: str, values: np.ndarray, meaning: str | list) -> dict:
    """Return the mapping of a mask's one value, whichever number it is."""
    marked = [value for value in _distinct(values) if value]
    if len(marked) > 1:
        raise GateError("mask.label", f"mask {name!r} has several values; it must be binary")
    return {marked[0] if marked else 1: meaning}


def _named(values: np.ndarray, mapping: Mapping) -> dict[str, np.ndarray]:
    """Return a boolean mask for every meaning of a map's values."""
    meanings = {int(value): _words(word) for value, word in mapping.items() if value != OTHERS}
    unknown = [value for value in _distinct(values) if value and value not in meanings]
    if unknown and OTHERS not in mapping:
        raise GateError(
            "mask.label", f"values {unknown[:5]} have no meaning; stated: {dict(mapping)}"
        )
    meanings |= {value: _words(mapping[OTHERS]) for value in unknown}
    by_word: dict[str, list[int]] = {}
    for value, words in meanings.items():
        for word in words:
            by_word.setdefault(word, []).append(value)
    return {word: _any_of(values, numbers) for word, numbers in by_word.items()}


def _any_of(values: np.ndarray, numbers: list[int]) -> np.ndarray:
    return values == numbers[0] if len(numbers) == 1 else np.isin(values, numbers)


def _words(meaning: str | list) -> list[str]:
    words = [meaning] if isinstance(meaning, str) else meaning
    return [ALIASES.get(word, word) for word in words]


def _meanings(mapping: Mapping) -> set[str]:
    """Return every word that a mapping, or one within it, speaks of."""
    words: set[str] = set()
    for meaning in mapping.values():
        words |= _meanings(meaning) if isinstance(meaning, Mapping) else set(_words(meaning))
    return words


def _join(masks: dict[str, np.ndarray], more: Mapping[str, np.ndarray]) -> None:
    for word, mask in more.items():
        masks[word] = masks[word] | mask if word in masks else mask


def _distinct(values: np.ndarray) -> list[int]:
    """Return the values that occur, sorted; counting beats sorting for the few of a label map."""
    low, high = int(values.min()), int(values.max())
    if high - low >= 2**16:
        return np.unique(values).tolist()
    return (np.flatnonzero(np.bincount(values.ravel().astype(np.int64) - low)) + low).tolist()


def _composed(masks: Mapping[str, np.ndarray], meanings: set[str], shape: tuple[int, ...]) -> Maps:
    """Return both maps; what a reader ignored is ignored in the maps the mapping speaks of."""
    kinds = {label.name: kind for kind in OWN.values() for label in _labels(kind)}
    names = meanings - {IGNORE, "background"}
    if names - set(kinds):
        raise ValueError(f"{sorted(names - set(kinds))} are not in labels.yaml")
    parts = {k: {n: m for n, m in masks.items() if kinds.get(n) == k} for k in OWN.values()}
    structures = regions.compose(parts["structures"]) if parts["structures"] else None
    maps = {"structures": np.zeros(shape, np.uint8) if structures is None else structures}
    maps["findings"] = np.zeros(shape, np.uint8)
    for name in sorted(parts["findings"], key=CORE.__eq__):  # the core lies within the rim
        maps["findings"][parts["findings"][name]] = regions.label_id(name)
    for kind, labels in maps.items():
        if IGNORE in masks and kind in {kinds[name] for name in names}:
            labels[masks[IGNORE]] = regions.vocabulary().ignore
    spoken = {kinds[name] for name in names}
    return tuple(labels if kind in spoken else None for kind, labels in maps.items())  # type: ignore[return-value]


def _labels(kind: str) -> tuple[regions.Label, ...]:
    return getattr(regions.vocabulary(), kind)


def _checked(values: np.ndarray, kind: str) -> np.ndarray:
    try:
        regions.check(values, kind)
    except ValueError as error:
        raise GateError("mask.label", str(error)) from None
    return values.astype(np.uint8)
