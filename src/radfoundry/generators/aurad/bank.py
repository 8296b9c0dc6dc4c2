"""Real masks of the train split, and the pixels below them: what two baselines take findings from.

It is kept as a network is, and learns nothing. It holds patients' images: it is no part of any
bundle. A release of `transformed` or `copy_paste` shows what was taken of it, and names the donors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.generators._radiographs import latents, maps
from radfoundry.weights import Weights


@dataclass(frozen=True)
class Bank:
    """Ill cases of one grid.

    Attributes:
        names: Of the n cases.
        patients: Whose they are.
        images: (n, X, Z) in [0, 1].
        anatomies: Anatomy maps (n, X, Z), uint8.
        findings: Findings maps (n, X, Z), uint8.
    """

    names: Sequence[str]
    patients: Sequence[str]
    images: np.ndarray
    anatomies: np.ndarray
    findings: np.ndarray

    def donor(self, name: str, share: float, patient: str = "") -> int:
        """Return a case with a mask of a finding: at a share, from 0 to 1, of those there are.

        Args:
            name: Of the finding.
            share: Which.
            patient: Of whom none is taken; "" for nobody.

        Raises:
            ValueError: There is none.
        """
        own = np.array([bool(patient) and one == patient for one in self.patients], bool)
        there = (self.findings == regions.label_id(name)).any((1, 2))
        rows = np.flatnonzero(there & ~own)
        if not len(rows):
            other = " of another patient" if there.any() else ""
            raise ValueError(f"{name}: no training case{other} has a mask of it")
        return int(rows[min(int(share * len(rows)), len(rows) - 1)])

    def mask(self, row: int, name: str) -> np.ndarray:
        """Return the mask (X, Z), bool, of a finding of a case."""
        return np.asarray(self.findings[row] == regions.label_id(name))


def fit(cases: Sequence[Case], card: Mapping[str, Any], generator: torch.Generator) -> Weights:
    """Return the bank of at most `most` ill cases, chosen at random where there are more.

    Args:
        cases: Radiographs of one grid.
        card: See `options.of_bank`.
        generator: Makes the choice.

    Raises:
        ValueError: No case has a mask; cases are of several grids.
    """
    latents.one_grid(cases)
    order = torch.randperm(len(cases), generator=generator).tolist()
    rows = sorted(
        [at for at in order if maps.of_findings(cases[at].findings).any()][: card["most"]]
    )
    if not rows:
        raise ValueError(f"none of {len(cases)} training cases has a mask of a finding")
    kept = [cases[at] for at in rows]
    state = {
        "images": torch.stack([latents.picture(one)[0].add(1).div(2).half() for one in kept]),
        "anatomies": _stacked([one.anatomy for one in kept]),
        "findings": _stacked([one.findings for one in kept]),
    }
    whose = [str(one.facts.get("patient", "")) for one in kept]
    return Weights(state, {**card, "names": [one.name for one in kept], "patients": whose})


def rebuilt(weights: Weights | None) -> Bank:
    """Return the bank of weights that `fit` made; an empty one without."""
    if weights is None:
        nothing = np.zeros((0, 1, 1), np.uint8)
        return Bank((), (), nothing.astype(np.float32), nothing, nothing)
    parts = {name: part.numpy() for name, part in weights.state.items()}
    images = parts["images"].astype(np.float32)
    names, patients = weights.card["names"], weights.card["patients"]
    return Bank(names, patients, images, parts["anatomies"], parts["findings"])


def _stacked(maps_of: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack([np.asarray(one[:, 0], np.uint8) for one in maps_of]))
