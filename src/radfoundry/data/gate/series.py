"""Build a volume of the DICOM files in a folder: one series, no slice missing, twice or askew."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from radfoundry.data.gate import dicom, enhanced, stacking, tolerances
from radfoundry.data.gate.dicom import Slice
from radfoundry.data.gate.geometry import canonical, solid
from radfoundry.data.gate.source import (
    MAX_VOXEL_BYTES,
    GateError,
    Raw,
    Source,
    guarded,
    opened,
    within,
)

MAX_FILES = 5000
BESIDE = (".txt", ".md", ".json", ".csv", ".xml", ".html", ".pdf", ".log")  # known companions
BESIDE_NAMES = ("DICOMDIR", "LICENSE", "VERSION", "SHA256SUMS")
SLICE_SUFFIXES = ("", ".dcm", ".dicom", ".dic", ".ima", ".img")  # else no file of bytes unknown
NAMED = 5  # files left out are named up to so many
LONGEST_NAME = 40
FEW = 3  # slices of a scout


@dataclass
class _Found:
    """The slices of a folder by file name, and what was left out, by code."""

    slices: dict[str, Slice] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, code: str, names: Iterable[str]) -> None:
        """Leave files out, for the reason that a code stands for."""
        for name in names:
            self.slices.pop(name, None)
            self.left_out.setdefault(code, []).append(name)

    def warnings(self) -> tuple[str, ...]:
        """Return each code with the files it is about."""
        return tuple(f"{code} - {named(names)}" for code, names in self.left_out.items())


def read(folder: str | Path, root: str | Path | None, modality: str) -> Raw:
    """Return the volume of the one series in a folder, canonical and float32.

    Copies of slices, localizers, pages, objects of other modalities, pictures and files of the
    system are left out, with a warning that names them. The digest is that of the sorted digests
    of the slices: names change nothing. One file of many frames is read as such.

    Args:
        folder: Holds the files themselves, not further folders of them.
        root: Where given, every file's real place must lie under it.
        modality: "CT" or "MR".

    Raises:
        GateError: dcm.series, dcm.spacing, dcm.duplicate, dcm.tilt, dcm.orientation, dcm.rescale,
            geo.ndim, io.too_large, and the codes of reading one file.
    """
    found = _Found()
    files = _files(folder, root, found)
    sources = [(path, _source(path, root, found)) for path in files]
    known = [(path.name, source) for path, source in sources if source is not None]
    if len(known) == 1 and enhanced.has_frames(known[0][1]):
        raw = guarded(enhanced.decode, known[0][1], modality)
        return Raw(raw.image, raw.sha256, True, (*found.warnings(), *raw.warnings), raw.facts)
    found.slices = {name: _slice(name, source, modality) for name, source in known}
    _of_one_series(found, modality)
    return _volume(found, modality)


def named(names: Sequence[str]) -> str:
    """Return file names as a warning holds them: few, short, of plain characters.

    >>> named(["Thumbs.db", "a|b"])
    'Thumbs.db, a?b'
    """
    shown = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..." for name in names]
    plain = ["".join(c if c.isprintable() and c != "|" else "?" for c in name) for name in shown]
    more = [f"and {len(plain) - NAMED} more"] if len(plain) > NAMED else []
    return ", ".join(plain[:NAMED] + more)


def _volume(found: _Found, modality: str) -> Raw:
    slices = list(found.slices.values())
    stacking.check_alike(slices)
    normal = stacking.normal_of(slices[0])
    slices = sorted(slices, key=lambda one: float(normal @ one.position))
    places = np.array([one.position for one in slices])
    names = {one.sha256: name for name, one in found.slices.items()}
    called = [named([names[one.sha256]]) for one in slices]
    step, origin, uneven = stacking.even(places, normal, float(slices[0].spacing_mm.min()), called)
    stack, warnings = _stacked(slices, modality, names)
    affine = stacking.affine_of(slices[0], normal * step, origin)
    image, mended = canonical(stack, affine)
    image = solid(image)
    floats = image.holding(np.ascontiguousarray(image.voxels))
    codes = tuple(dict.fromkeys((*found.warnings(), *uneven, *warnings, *mended)))
    return Raw(floats, _digest(slices), True, codes, dicom.technical_tags(slices[0]))


def _files(folder: str | Path, root: str | Path | None, found: _Found) -> list[Path]:
    """Return what may be DICOM in a folder: all files but those of the system and known texts."""
    real = within(folder, root)
    try:
        entries = sorted(os.scandir(real), key=lambda entry: entry.name)
    except OSError:
        raise GateError("io.perm", "the folder may not be listed by this user") from None
    files = [Path(entry.path) for entry in entries if not entry.is_dir()]
    found.drop("dcm.left_out", [file.name for file in files if file.name.startswith(".")])
    files = [file for file in files if not file.name.startswith(".") and not _beside(file.name)]
    if not files:
        raise GateError("dcm.series", "the folder holds no file that could be a slice")
    if len(files) > MAX_FILES:
        raise GateError("io.too_large", f"{len(files)} files; a series has at most {MAX_FILES}")
    if sum(file.stat().st_size for file in files if file.exists()) > MAX_VOXEL_BYTES:
        raise GateError("io.too_large", f"the files hold more than {MAX_VOXEL_BYTES} bytes")
    return files


def _beside(name: str) -> bool:
    return name.upper() in BESIDE_NAMES or name.lower().endswith(BESIDE)


def _source(path: Path, root: str | Path | None, found: _Found) -> Source | None:
    """Return a file's bytes if it may be a slice; else it is left out, or refused by its name.

    A file whose bytes are unknown may be a damaged slice, unless its name says that it is none.
    """
    suffix = path.suffix.lower()
    may_be_slice = suffix in SLICE_SUFFIXES or suffix[1:].isdigit()
    try:
        source = opened(path, root)
    except GateError as error:
        if error.code in ("io.format", "io.empty", "io.short") and not may_be_slice:
            found.drop("dcm.left_out", [path.name])
            return None
        raise _told_of(path.name, error) from None
    if source.kind == "dicom":
        return source
    if source.kind != "raster" and may_be_slice:
        told = f"among the slices lies a file of another kind: {source.kind}"
        raise _told_of(path.name, GateError("dcm.series", told))
    found.drop("dcm.left_out", [path.name])
    return None


def _told_of(name: str, error: GateError) -> GateError:
    return GateError(error.code, f"{named([name])}: {error.message}")


def _slice(name: str, source: Source, modality: str) -> Slice:
    try:
        return guarded(dicom.slice_of, source, modality)
    except GateError as error:
        raise _told_of(name, error) from None


def _of_one_series(found: _Found, modality: str) -> None:
    """Leave only the slices of the one series there is."""
    count = len(found.slices)
    every = found.slices.items()
    found.drop("dcm.other_objects", [n for n, one in every if one.modality != modality])
    found.drop("dcm.localizer", [n for n, one in every if one.localizer])
    found.drop("dcm.page", _pages(found.slices))
    found.drop("dcm.copy", _copies(found.slices))
    found.drop("dcm.localizer", _scouts(found.slices))
    if not found.slices:
        raise GateError("dcm.series", f"none of {count} files is a slice of a {modality}")
    series = len({one.series for one in found.slices.values()})
    if series > 1:
        told = f"the folder holds {series} series: give each a folder of its own"
        raise GateError("dcm.series", told)


def _pages(slices: dict[str, Slice]) -> list[str]:
    """Return pictures of text, such as of the dose: they lie nowhere, and in no series of slices.

    Only among slices that lie somewhere: alone, they are what the folder holds.
    """
    nowhere = [n for n, one in slices.items() if np.isnan([*one.position, *one.cosines]).all()]
    lying = {one.series for name, one in slices.items() if name not in nowhere}
    words = {name: [str(w).upper() for w in slices[name].dataset.get("ImageType") or ()]
             for name in nowhere}  # fmt: skip
    return [
        n for n in nowhere if lying and (slices[n].series not in lying or "SECONDARY" in words[n])
    ]


def _copies(slices: dict[str, Slice]) -> list[str]:
    """Return files that hold what another holds: the same bytes, or the same pixels and place."""
    seen: set[object] = set()
    copies = []
    for name in sorted(slices, key=lambda name: (len(name), name)):  # "a (1)" is the copy of "a"
        keys = {slices[name].sha256, _content(slices[name])}
        if keys & seen:
            copies.append(name)
        seen |= keys
    return sorted(copies)


def _content(one: Slice) -> tuple:
    pixels = hashlib.sha256(one.dataset.get("PixelData") or b"").hexdigest()
    scale = [str(one.dataset.get(tag)) for tag in ("RescaleSlope", "RescaleIntercept")]
    place = (*one.position.tolist(), *one.cosines.tolist(), *one.spacing_mm.tolist())
    return one.series, pixels, *scale, *place, one.size


def _scouts(slices: dict[str, Slice]) -> list[str]:
    """Return slices of another, short series that cross those of the longest one."""
    if not slices:
        return []
    longest, _ = Counter(one.series for one in slices.values()).most_common(1)[0]
    lengths = Counter(one.series for one in slices.values())
    main = next(one.cosines for one in slices.values() if one.series == longest)
    short = [n for n, one in slices.items() if one.series != longest and lengths[one.series] <= FEW]
    return [n for n in short if np.abs(slices[n].cosines - main).max() > tolerances.ANGLE]


def _stacked(
    slices: Sequence[Slice], modality: str, names: Mapping[str, str]
) -> tuple[np.ndarray, list[str]]:
    """Return float32 voxels (columns, rows, slices), each slice rescaled by its own tags."""
    stack = np.empty((slices[0].size[1], slices[0].size[0], len(slices)), np.float32, order="F")
    warnings: list[str] = []
    for place, one in enumerate(slices):
        try:
            picture, codes = guarded(dicom.values, one, modality)
        except GateError as error:
            raise _told_of(names[one.sha256], error) from None
        stack[..., place] = picture.T
        warnings += codes
    return stack, warnings


def _digest(slices: Sequence[Slice]) -> str:
    return hashlib.sha256("\n".join(sorted(one.sha256 for one in slices)).encode()).hexdigest()
