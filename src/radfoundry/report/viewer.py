"""Whole volumes on the page, to be leafed through: packed small, and the viewer that shows them.

The viewer is NiiVue (`vendored/README.md`). It lies on a page once, packed and inert, and only on
pages of volumes; `templates/viewer.js` unpacks and runs it when somebody asks. Intensities are the
bytes of the window of the page's pictures; anatomy is tinted and findings are outlined in the same
colors. What is too large for a page is shown on a coarser grid, or left out, and both are said.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pkgutil import get_data
from typing import Any, NamedTuple

import nibabel
import numpy as np
from matplotlib.colors import to_rgb
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.data.preprocess.intensity import covering
from radfoundry.data.preprocess.resampling import resampled
from radfoundry.report import overlays, slices
from radfoundry.volume import Volume, reordered

SIDES = (96, 80, 64, 48)  # voxels of the longest axis; the first that fits into MOST_BYTES
MOST_BYTES = 600_000  # of one volume and its labels, packed
AS_TEXT = 4 / 3  # bytes of base64 for each
LEVEL = 9  # of zlib: a page is read more often than made
OPACITY = 0.5  # of all labels; the viewer has one for a map
WINDOWS_HU = {"Lung": (-1350.0, 150.0), "Soft tissue": (-160.0, 240.0)}
TOUCHING = ndimage.generate_binary_structure(3, 1)  # voxels that share a face
ROOM = "radfoundry.report"


class Code(NamedTuple):
    """What is there at a voxel: names, color, and whether that is seen or only said."""

    names: tuple[str, ...]
    colour: str
    seen: bool


class Viewed(NamedTuple):
    """One volume as the viewer reads it.

    Attributes:
        name: What its button says.
        image: .nii.gz of uint8, 0 at the lower end of the page's window and 255 at its upper end.
        labels: .nii.gz of codes, one for all that is there at a voxel; b"" without any label.
        codes: What the codes mean, from 1 on.
        center: Voxel that the viewer starts at: that of the page's pictures.
        window: Intensities that are black and white: HU in CT, the scanner's own units in MR.
        grid: Voxels along x, y and z of what is shown.
        whole: Those of the volume itself.
    """

    name: str
    image: bytes
    labels: bytes
    codes: tuple[Code, ...]
    center: tuple[int, ...]
    window: tuple[float, float]
    grid: tuple[int, ...]
    whole: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of image and labels."""
        return len(self.image) + len(self.labels)


class Library(NamedTuple):
    """The viewer's code: packed as text, the digest that a policy allows it by, and licenses."""

    data: str
    digest: str
    licenses: str


@cache
def library() -> Library:
    """Return the vendored viewer."""
    packed, licenses = (
        get_data(ROOM, f"vendored/{name}") or b""
        for name in ("niivue.umd.js.gz", "niivue.licenses.txt")
    )
    digest = hashlib.sha256(gzip.decompress(packed)).digest()
    data, allowed = (base64.b64encode(content).decode() for content in (packed, digest))
    return Library(data, allowed, licenses.decode())


def of_cases(cases: Iterable[tuple[str, Case]], modality: str) -> list[Viewed]:
    """Return what the viewer shows of cases; a volume of one plane is left to the pictures.

    Args:
        cases: What each is called, and the case.
        modality: "CT" or "MR".
    """
    return [
        _viewed(name, case, modality) for name, case in cases if min(case.image.voxels.shape) > 1
    ]


def _viewed(name: str, case: Case, modality: str) -> Viewed:
    parts = case.image, case.anatomy, case.findings
    picture = slices.VolumePicture(name, *parts, modality)
    gray, center = case.image.holding(slices.gray(picture)), slices.center(picture)
    maps = [case.image.holding(labels.astype(np.uint8)) for labels in parts[1:]]
    whole = case.image.voxels.shape
    for side in SIDES:
        grid = covering(gray, _counts(whole, side))
        levels = np.round(255 * np.clip(resampled(gray, grid).voxels, 0, 1)).astype(np.uint8)
        labels, codes = _coded(*(resampled(part, grid, order=0).voxels for part in maps))
        packed = _packed(Volume(levels, grid.affine)), _packed(Volume(labels, grid.affine))
        if sum(map(len, packed)) <= MOST_BYTES:
            break
    at = [int((c + 0.5) * n / w) for c, n, w in zip(center, grid.shape, whole, strict=True)]
    window = slices.window_of(picture)
    return Viewed(name, *packed, codes, tuple(at), window, grid.shape, whole)


def _counts(whole: Sequence[int], side: int) -> tuple[int, int, int]:
    """Return voxels along x, y and z, no more than `side`, in the proportions of the whole."""
    share = min(1.0, side / max(whole))
    x, y, z = (max(2, round(n * share)) if share < 1 else n for n in whole)
    return x, y, z


def _coded(anatomy: np.ndarray, findings: np.ndarray) -> tuple[np.ndarray, tuple[Code, ...]]:
    """Return one map of what is there at each voxel, and what its codes mean.

    A voxel of a finding that touches another id has the finding's color, so that it is outlined;
    the others have that of their anatomy, as on the page's pictures.
    """
    edge = ndimage.grey_erosion(findings, footprint=TOUCHING) != findings
    edge |= ndimage.grey_dilation(findings, footprint=TOUCHING) != findings
    parts = np.stack([anatomy, findings, edge & (findings > 0)], axis=-1).reshape(-1, 3)
    found, numbers = np.unique(parts, axis=0, return_inverse=True)
    first = 0 if not found[0].any() else 1  # 0 is nothing; where there is none, codes begin at 1
    codes = tuple(_code(*row) for row in found.tolist() if any(row))
    kind = np.uint8 if len(codes) < 256 else np.uint16
    return (numbers.reshape(anatomy.shape) + first).astype(kind), codes


def _code(structure: int, finding: int, rim: int) -> Code:
    known = _labels()
    there = [known[number] for number in (structure, finding) if number in known]
    shown = finding if rim else structure
    seen = shown in known and known[shown].name not in overlays.UNPAINTED
    names = tuple(label.name.replace("_", " ") for label in there)
    return Code(names, known[shown].colour if seen else "#000000", seen)


@cache
def _labels() -> dict[int, regions.Label]:
    vocabulary = regions.vocabulary()
    return {label.id: label for label in (*vocabulary.structures, *vocabulary.findings)}


def _packed(volume: Volume) -> bytes:
    """Return the bytes of a .nii.gz, b"" of nothing but zeros."""
    if not volume.voxels.any():
        return b""
    image = nibabel.Nifti1Image(reordered(volume.voxels, "F"), volume.affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), LEVEL, mtime=0)


def fitting(recipes: Sequence[Sequence[Viewed]], room: int) -> list[list[Viewed]]:
    """Return the volumes of each recipe that a page has room for, in order.

    Recipes take turns, so that none is left without as long as there is room.

    Args:
        recipes: The volumes of each.
        room: Bytes that are left on the page for them and the viewer.
    """
    kept: list[list[Viewed]] = [[] for _ in recipes]
    left = (room - len(library().data)) / AS_TEXT
    for turn in range(max(map(len, recipes), default=0)):
        for own, volumes in zip(kept, recipes, strict=True):
            if turn < len(volumes) and volumes[turn].size <= left:
                own.append(volumes[turn])
                left -= volumes[turn].size
    return kept


def part(kept: Sequence[Viewed], every: Sequence[Viewed], modality: str) -> dict[str, Any]:
    """Return what the page's template shows of a recipe's volumes, {} where it has none.

    Args:
        kept: Those with room on the page, see `fitting`.
        every: All of them.
        modality: "CT" or "MR".
    """
    if not every:
        return {}
    data = {"volumes": [_data(one, modality) for one in kept], "opacity": OPACITY}
    names = {name for one in kept for code in one.codes if code.seen for name in code.names}
    legend = {
        overlays.said(label): _rgb(label.colour)
        for label in _labels().values()
        if label.name.replace("_", " ") in names and label.name not in overlays.UNPAINTED
    }
    windows = ["Wide", *(WINDOWS_HU if modality == "CT" else ())]
    shown = {"names": [one.name for one in kept], "windows": windows, "legend": legend}
    return {**shown, "data": data, "notes": _notes(kept, every)}


def _data(one: Viewed, modality: str) -> dict[str, Any]:
    """Return one volume as the script reads it; windows are in its bytes, 0 to 255."""
    low, high = one.window
    windows = [one.window, *(WINDOWS_HU.values() if modality == "CT" else ())]
    return {
        "name": one.name,
        **{what: base64.b64encode(getattr(one, what)).decode() for what in ("image", "labels")},
        "codes": [
            {"name": "; ".join(code.names), "rgb": _rgb(code.colour), "seen": code.seen}
            for code in one.codes
        ],
        "center": one.center,
        "low": low,
        "high": high,
        "unit": " HU" if modality == "CT" else "",
        "windows": [[255 * (end - low) / (high - low) for end in pair] for pair in windows],
    }


def _rgb(colour: str) -> list[int]:
    return [round(255 * share) for share in to_rgb(colour)]


def _notes(kept: Sequence[Viewed], every: Sequence[Viewed]) -> list[str]:
    """Return what is not shown as it is, in words."""
    coarse = [
        f"{one.name}: {_by(one.grid)} voxels of {_by(one.whole)}"
        for one in kept
        if one.grid != one.whole
    ]
    left = [one.name for one in every if one not in kept]
    notes = []
    if coarse:
        notes.append(f"Shown on a coarser grid, to keep the page small: {'; '.join(coarse)}.")
    if left:
        notes.append(
            f"Left out, since the page would grow too large: {', '.join(left)}. "
            "Pictures of accepted samples stand below."
        )
    return notes


def _by(counts: Sequence[int]) -> str:
    return " × ".join(str(count) for count in counts)


def of_page(recipes: Sequence[Mapping[str, Any]], room: int) -> list[dict[str, Any]]:
    """Return `part` for each recipe of a page, from its key `volumes`; for `room` see `fitting`."""
    every = [list(recipe.get("volumes") or []) for recipe in recipes]
    pairs = zip(fitting(every, room), every, recipes, strict=True)
    return [part(kept, own, recipe.get("modality", "CXR")) for kept, own, recipe in pairs]
