"""Cases at rest as plain arrays, of which training reads pieces: no cohort is held in memory.

Images are stored with 16 bits, labels with 8; HU are whole numbers already, so a CT comes back as
it was, value for value. Nothing here opens a file: parts are functions that return an array, which
a caller maps from disk.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import torch

from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.volume import Volume

VERSION = 1  # of what is stored; files of another one are refused
LEVELS = np.iinfo(np.uint16).max  # steps of an image that is not in whole numbers


@dataclass(frozen=True)
class Encoded:
    """One case at rest.

    Attributes:
        name: The case's id.
        grid: Voxels along each axis.
        affine: 4 x 4, from voxel indices to millimetres.
        scale: (low, step) of an image in levels; None where the stored numbers are the image's.
        parts: Functions that return `image`, `anatomy`, and where there are any `findings` and
            `coarse<factor>`: all four channels (4, X, Y, Z) as float16 on a coarser grid.
        facts: See `Case`.
    """

    name: str
    grid: tuple[int, ...]
    affine: np.ndarray
    scale: tuple[float, float] | None
    parts: Mapping[str, Callable[[], np.ndarray]]
    facts: Mapping[str, str] = field(default_factory=dict)

    def case(self) -> Case:
        """Return the case; its arrays stay on disk until they are cut, but for scaled images."""
        voxels = self.parts["image"]()
        if self.scale is not None:
            low, step = self.scale
            voxels = (low + step * voxels.astype(np.float64)).astype(np.float32)
        none = np.broadcast_to(np.uint8(0), self.grid)  # takes no memory
        findings = self.parts["findings"]() if "findings" in self.parts else none
        image = Volume(voxels, self.affine)
        return Case(self.name, image, self.parts["anatomy"](), findings, self.facts)


class EncodedCases(Sequence[Case]):
    """Cases at rest, each read when it is asked for; can be handed to other processes."""

    def __init__(self, entries: Iterable[Encoded]) -> None:
        """Keep what is known of the cases, none of their voxels."""
        self.entries = list(entries)

    def __len__(self) -> int:
        """Return how many cases there are."""
        return len(self.entries)

    @overload
    def __getitem__(self, at: int) -> Case: ...

    @overload
    def __getitem__(self, at: slice) -> "EncodedCases": ...

    def __getitem__(self, at: int | slice) -> "Case | EncodedCases":
        """Return a case, or some of the cases."""
        if isinstance(at, slice):
            return EncodedCases(self.entries[at])
        return self.entries[at].case()

    def coarse(self, at: int, factor: int) -> np.ndarray | None:
        """Return the channels (4, X, Y, Z) of a case on the grid coarser by a factor, if stored."""
        stored = self.entries[at].parts.get(f"coarse{factor}")
        return None if stored is None else stored()


def arrays(case: Case, factors: Iterable[int] = ()) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the parts of a case by name, as they are stored, and what its card says.

    Args:
        case: CT in HU, or any image with its maps.
        factors: Of the coarser grids whose channels are stored as well; one that does not divide
            the grid is left out.
    """
    image, scale = sixteen_bits(np.asarray(case.image.voxels))
    found = {"image": image, "anatomy": np.asarray(case.anatomy, np.uint8)}
    if case.findings.any():
        found["findings"] = np.asarray(case.findings, np.uint8)
    fitting = [f for f in factors if not any(side % f for side in image.shape)]
    if fitting:
        full = torch.from_numpy(channels.encode(case))[None]
        found |= {f"coarse{f}": channels.smaller(full, f)[0].half().numpy() for f in fitting}
    card = {"grid": list(image.shape), "affine": case.image.affine.tolist(), "scale": scale}
    return found, card | {"parts": sorted(found)}


def sixteen_bits(voxels: np.ndarray) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Return an image in 16 bits, and (low, step) of its levels or None where it is exact.

    Whole numbers that fit into int16, such as HU, stay what they are. Other images become levels of
    uint16 between their ends, which moves a value by at most 1/131070 of their range.

    >>> sixteen_bits(np.array([-1024.0, 600.0]))
    (array([-1024,   600], dtype=int16), None)
    """
    kind = np.iinfo(np.int16)
    low, high = float(voxels.min()), float(voxels.max())
    if kind.min <= low and high <= kind.max:
        whole = voxels.astype(np.int16)
        if np.array_equal(whole, voxels):
            return whole, None
    step = (high - low) / LEVELS or 1.0
    return np.rint((voxels.astype(np.float64) - low) / step).astype(np.uint16), (low, step)


def spacings(cases: Sequence[Case]) -> np.ndarray:
    """Return the size (n, 3) of a voxel of each case along X, Y, Z, mm; none is read.

    Raises:
        ValueError: A size that is not a number above 0, with its case.
    """
    if isinstance(cases, EncodedCases):
        affines = [(entry.name, entry.affine) for entry in cases.entries]
    else:
        affines = [(case.name, case.image.affine) for case in cases]
    found = [np.linalg.norm(affine[:3, :3], axis=0) for _, affine in affines]
    for (name, _), sizes in zip(affines, found, strict=True):
        if not (np.isfinite(sizes) & (sizes > 0)).all():
            stated = " x ".join(f"{size:g}" for size in sizes)
            raise ValueError(f"case {name}: voxels of {stated} mm; allowed: numbers above 0")
    return np.array(found).reshape(-1, 3)


def grids(cases: Sequence[Case]) -> set[tuple[int, ...]]:
    """Return the grids of cases; those of cases at rest are known without reading them."""
    if isinstance(cases, EncodedCases):
        return {entry.grid for entry in cases.entries}
    return {case.image.voxels.shape for case in cases}
