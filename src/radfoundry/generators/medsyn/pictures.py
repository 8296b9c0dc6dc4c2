"""What MedSyn's networks see of a cohort, a piece at a time: coarse pictures, crops of full ones.

Both can be handed to worker processes; neither holds a cohort.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.data.encoded import EncodedCases
from radfoundry.generators.medsyn import geometry
from radfoundry.volume import Volume

KEPT_BYTES = 2**27  # of coarse pictures that were computed, not read: a cohort of phantoms


class CoarsePictures:
    """The channels of all cases at low resolution, laid as the network wants them; 16-bit."""

    def __init__(self, cases: Sequence[Case], options: Mapping[str, Any]) -> None:
        """Keep the cases; `options` are the low-resolution network's."""
        self.cases, self.options = cases, options
        self._kept: dict[int, Tensor] = {}
        self.shape = (len(cases), *self._one(0).shape)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.cases)

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Return some of them (n, C, *space), float16."""
        chosen = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        return torch.stack([self._one(row) for row in chosen])

    def _one(self, row: int) -> Tensor:
        """Return one picture; as many as fit into `KEPT_BYTES` are remembered."""
        if row in self._kept:
            return self._kept[row]
        stored = _stored(self.cases, row, self.options)
        if self.options["downsampling"] == "nearest":
            found = torch.from_numpy(nearest(self.cases[row], self.options))[None]
            made = laid(found, self.options).to(torch.float16)
        elif stored is None:
            made = coarse(picture(self.cases[row], self.options), self.options)
        else:
            made = laid(torch.from_numpy(stored)[None], self.options)
        if len(self._kept) * made[0].nbytes < KEPT_BYTES:
            self._kept[row] = made[0].contiguous()
        return made[0]


def _stored(cases: Sequence[Case], row: int, options: Mapping[str, Any]) -> np.ndarray | None:
    """Return the padded coarse channels (C, X, Y, Z) of a case at rest, if its blocks fit ours.

    What is stored are means on the curve `channels.TONES`.
    """
    means = options["downsampling"] == "mean" and curve(options) == channels.TONES
    if not (means and isinstance(cases, EncodedCases)):
        return None
    found, factor = cases.coarse(row, options["factor"]), options["factor"]
    before = [-side % options["multiple"] // 2 for side in cases.entries[row].grid]
    if found is None or any(margin % factor for margin in before):
        return None
    return channels.padded(np.array(found[: options["channels"]]), options["multiple"] // factor)


class Crops:
    """Crops of cases at full resolution, encoded once they are cut."""

    def __init__(self, cases: Sequence[Case], options: Mapping[str, Any]) -> None:
        """Keep the cases; `options` are the super-resolution network's."""
        self.cases, self.options = cases, options
        self.geometry = geometry.of_cases(cases, options["multiple"])

    def drawn(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return crops (B, C, *crop), turned and enlarged as the options say, and geometry (B, 6).

        The voxels of what was enlarged are smaller, and its geometry says so.
        """
        rows = torch.randint(len(self.cases), (self.options["batch"],), generator=generator)
        clean = torch.stack([self._crop(self.cases[row], generator) for row in rows.tolist()])
        told, (turn, zoom) = self.geometry[rows], (self.options[key] for key in ("turn", "zoom"))
        if turn or zoom:
            matrix = channels.turns(len(clean), turn, zoom, generator)
            return channels.rotated(clean, matrix), geometry.moved(told, matrix, clean.shape[2:])
        return clean, told

    def blurred(self, clean: Tensor, share: Tensor | float, generator: torch.Generator) -> Tensor:
        """Return crops on the coarse grid, (1 - share) of them and a share of normal noise."""
        low = smaller(clean, self.options)
        return (1 - share) * low + share * torch.randn(low.shape, generator=generator)

    def __call__(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return crops (B, C, *crop), and what is known of them.

        `low`: their low-resolution selves (B, C, *coarse) with noise, MedSyn's augmentation, its
        share from U(0, `noise`). `geometry` (B, 6), where the network is told.
        """
        clean, told = self.drawn(generator)
        share = torch.rand((len(clean), 1, 1, 1, 1), generator=generator) * self.options["noise"]
        known = {"low": laid(self.blurred(clean, share, generator), self.options)}
        known |= {"geometry": told} if self.options.get("geometry") else {}
        return laid(clean, self.options), known

    def _crop(self, case: Case, generator: torch.Generator) -> Tensor:
        """Return one crop (C, *crop) from anywhere in a padded case."""
        starts, multiple = [], self.options["multiple"]
        for side, want in zip(case.image.voxels.shape, self.options["crop"], strict=True):
            room = side + -side % multiple - want
            start = int(torch.randint(max(0, room) + 1, (), generator=generator))
            starts.append(start - (-side % multiple) // 2)
        return torch.from_numpy(cut(case, starts, self.options))


def cut(case: Case, starts: Sequence[int], options: Mapping[str, Any]) -> np.ndarray:
    """Return the channels (C, *crop) of a box of a case; what lies outside of it is background.

    Args:
        case: CT with its anatomy map; only the box is read.
        starts: The box's first voxel along each axis; may be negative.
        options: `crop`, the box's sides (never beyond the padded case's), `channels`, `multiple`.
    """
    inside, margins = [], [(0, 0)]
    for start, want, side in zip(starts, options["crop"], case.anatomy.shape, strict=True):
        more = -side % options["multiple"]
        end = min(start + want, side + more - more // 2)
        box = slice(min(max(start, 0), side), max(0, min(end, side)))
        inside.append(box)
        margins.append((max(0, box.start - start), end - max(start, box.stop)))
    voxels, labels = (np.array(part[tuple(inside)]) for part in (case.image.voxels, case.anatomy))
    seen = Case(case.name, Volume(voxels, case.image.affine), labels, labels, {})
    encoded = channels.encode(seen, curve(options))[: options["channels"]]
    return np.pad(encoded, margins, constant_values=-1)


def curve(options: Mapping[str, Any]) -> dict[float, float]:
    """Return the tone curve of a network's images, of its options or its card."""
    return {hu: tone for hu, tone in options["tones"]}


def picture(case: Case, options: Mapping[str, Any]) -> np.ndarray:
    """Return a case's channels (C, X, Y, Z), within background up to whole blocks."""
    encoded = channels.encode(case, curve(options))[: options["channels"]]
    return channels.padded(encoded, options["multiple"])


def nearest(case: Case, options: Mapping[str, Any]) -> np.ndarray:
    """Return every `factor`-th voxel of a case's picture (C, *coarse); no other one is read."""
    factor, sides = options["factor"], case.anatomy.shape
    before = [-side % options["multiple"] // 2 for side in sides]
    kept = tuple(slice(-margin % factor, None, factor) for margin in before)
    voxels, labels = (np.array(part[kept]) for part in (case.image.voxels, case.anatomy))
    seen = Case(case.name, Volume(voxels, case.image.affine), labels, labels, {})
    encoded = channels.encode(seen, curve(options))[: options["channels"]]
    margins = [(0, 0)]
    for margin, side, have in zip(before, sides, labels.shape, strict=True):
        first = -(-margin // factor)
        whole = (side + -side % options["multiple"]) // factor
        margins.append((first, whole - first - have))
    return np.pad(encoded, margins, constant_values=-1)


def coarse(full: np.ndarray, options: Mapping[str, Any]) -> Tensor:
    """Return channels (1, C, *space) at low resolution, as the network wants them laid."""
    small = smaller(torch.as_tensor(full)[None], options)
    return laid(small, options).to(torch.float16)


def smaller(pictures: Tensor, options: Mapping[str, Any]) -> Tensor:
    """Return pictures (B, C, X, Y, Z) on the coarse grid."""
    return channels.smaller(pictures, options["factor"], options.get("downsampling", "mean"))


def laid(pictures: Tensor, options: Mapping[str, Any]) -> Tensor:
    """Return (B, C, X, Y, Z) with the depth first for a pseudo-3D network, or back."""
    return channels.turned(pictures) if options["design"] == "pseudo3d" else pictures
