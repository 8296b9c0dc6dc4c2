"""A bundle in memory: draw one sample from a prompt, a seed and, if wanted, given lobes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config import catalogue
from radfoundry.training import sealed
from radfoundry.training.sealed import TOLD, BundleError
from radfoundry.volume import Volume
from radfoundry.weights import Weights

LARGEST_SEED = 2**63 - 1
LARGEST_GUIDANCE = 20.0  # beyond it every voxel is at an end of its range
GRID = "grid"  # what a sample is made on: a grid, no patient
NOTHING_HU = -1024
LOBES = tuple(lobe for lobes in regions.LOBES.values() for lobe in lobes)


@dataclass(frozen=True, eq=False)
class Bundle:
    """Networks at rest, and what drawing with them needs.

    Attributes:
        card: What `bundle.json` says: generator, grid, options of drawing, what it was trained on.
        weights: Networks by name.
        sha256: Of the manifest, which has the sha256 of every file.
    """

    card: Mapping[str, Any]
    weights: Mapping[str, Weights]
    sha256: str = ""
    _ready: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels of what is drawn, along X, Y, Z."""
        return tuple(self.card["grid"]["shape"])

    @property
    def affine(self) -> np.ndarray:
        """Of the grid, in millimeters, RAS+."""
        return np.array(self.card["grid"]["affine"], float)

    def draw(
        self,
        prompt: str = "",
        seed: int = 0,
        *,
        lobes: Volume | None = None,
        like: Volume | None = None,
        spacing: Sequence[float] | None = None,
        device: str = "cpu",
        **options: Any,
    ) -> Case:
        """Return one drawn image with its label map; equal arguments give equal bytes.

        Args:
            prompt: Findings in words, as a report has them; "" asks for nothing.
            seed: Of all chance, 0 to 2^63 - 1.
            lobes: Label map (ids of `labels.json`) on the bundle's grid: its five lobes are kept.
            like: Any volume on a grid of the bundle's shape; the sample has its affine. Otherwise
                it is that of `lobes`, or the bundle's.
            spacing: Size of a voxel along X, Y, Z, mm; of `like`, the place and axes stay.
            device: As PyTorch names it.
            options: `guidance`, 0 to 20: how strongly the prompt counts; `steps` of the sampler.

        Raises:
            BundleError: Something is asked for that the bundle cannot do.
            ValueError: A voxel size that its networks were not taught.
        """
        if spacing is not None and lobes is not None:
            said = np.asarray(spacing).tolist()
            raise BundleError(f"spacing {said}: allowed: without lobes, which have theirs")
        lender = like if like is not None else lobes
        sizes = lender.spacing_mm if lender is not None and spacing is None else spacing
        request = self.request(prompt, seed, lobes, sizes, **options)
        source = self._source(lobes, like)
        networks = self._ready.get(device)
        if networks is None:
            networks = self._ready[device] = self._generator().prepare(self.weights, device)
        return self._generator().draw(request, source, networks)

    def request(
        self,
        prompt: str = "",
        seed: int = 0,
        lobes: Volume | None = None,
        spacing: Sequence[float] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Return what is asked for as the workflow's generator plans it: one row of requests.

        Its voxel size is the one stated, else the recipe's, else that of the bundle's grid.

        Raises:
            BundleError: As for `draw`.
        """
        if not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
            raise BundleError(f"seed {seed!r}: allowed: a whole number from 0 to {LARGEST_SEED}")
        asked = {**self.card["sample"], **self._checked(options), "count": 1, "splits": ["train"]}
        asked |= self._words(prompt) | self._given(lobes) | {"spacing": None}
        row: dict[str, Any] = {"case": GRID, "split": "train", "report": ""}
        row |= dict.fromkeys(LOBES, "present") | {"spacing": self._sizes(spacing)}
        planned = self._generator().plan(pd.DataFrame([row]), asked, seed)
        return planned.iloc[0].to_dict() | {"request": f"syn-{seed}", "seed": seed}

    def _sizes(self, spacing: Sequence[float] | None) -> list[float]:
        own = np.linalg.norm(self.affine[:3, :3], axis=0)
        known = [spacing, self.card["sample"].get("spacing"), own]
        sizes = np.array(next(found for found in known if found is not None), float)
        if sizes.shape != (3,) or not (np.isfinite(sizes) & (sizes > 0)).all():
            raise BundleError(f"spacing {sizes.tolist()}: allowed: three numbers above 0, in mm")
        return sizes.tolist()

    def _generator(self) -> ModuleType:
        return catalogue.load("generators", self.card["generator"])

    def _words(self, prompt: str) -> dict[str, Any]:
        """Return the options that ask for a prompt; none for a network that reads none."""
        if not prompt.strip():
            return {"text": False} if "text" in self.card["sample"] else {}
        if not self.card["reads_prompts"]:
            raise BundleError(f"prompt {prompt[:60]!r}: this bundle's networks read no prompts")
        return {"prompts": [{"text": prompt}], "text": True}

    def _given(self, lobes: Volume | None) -> dict[str, Any]:
        if lobes is None:
            return {"given": []} if "given" in self.card["sample"] else {}
        if "given" not in self.card["sample"]:
            raise BundleError("lobes: this bundle's networks keep no given lobes")
        labels = self._labels(lobes)
        lost = [name for name in LOBES if not regions.mask(labels, name).any()]
        if lost:
            raise BundleError(f"lobes: the label map has no {', '.join(lost)}; needed: all five")
        return {"given": ["lobes"]}

    def _checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        known = [name for name in ("guidance", "steps", "method") if name in self.card["sample"]]
        for name, value in options.items():
            if name not in known:
                allowed = ", ".join(known) or "none"
                raise BundleError(f"option {name!r}: this bundle takes: {allowed}")
            if name == "guidance" and not 0 <= float(value) <= LARGEST_GUIDANCE:
                raise BundleError(f"guidance {value!r}: allowed: 0 to {LARGEST_GUIDANCE:g}")
            if name == "steps" and not (isinstance(value, int) and value > 0):
                raise BundleError(f"steps {value!r}: allowed: a whole number above 0")
        return dict(options)

    def _source(self, lobes: Volume | None, like: Volume | None) -> Case:
        """Return a case without a patient: an empty image on the grid, and the lobes if given."""
        if like is not None:
            self._on_grid(like, "like")
        lender = like if like is not None else lobes
        affine = self.affine if lender is None else lender.affine
        image = Volume(np.full(self.shape, NOTHING_HU, np.float32), affine)
        anatomy = np.zeros(self.shape, np.uint8)
        if lobes is not None:
            anatomy = self._labels(lobes)
        return Case(GRID, image, anatomy, np.zeros(self.shape, np.uint8))

    def _labels(self, lobes: Volume) -> np.ndarray:
        """Return a label map as ids (uint8) of structures, on the bundle's grid."""
        self._on_grid(lobes, "lobes")
        labels = lobes.voxels.astype(np.uint8)
        if not np.array_equal(labels, lobes.voxels):
            low, high = lobes.voxels.min(), lobes.voxels.max()
            message = f"lobes: values from {low:g} to {high:g}"
            raise BundleError(f"{message}; allowed: whole ids of labels.json, 0 to 255")
        return labels

    def _on_grid(self, volume: Volume, what: str) -> None:
        if volume.voxels.shape != self.shape:
            have, want = (" x ".join(map(str, s)) for s in (volume.voxels.shape, self.shape))
            raise BundleError(f"{what}: {have} voxels; this bundle draws {want}: resample it first")


def load(path: str | Path) -> Bundle:
    """Return the bundle of a folder or .zip.

    Raises:
        BundleError: It is no bundle, a file of it is missing or not the one that was written, or
            its generator is not installed here.
    """
    files, sha256 = sealed.read(path)
    card, known = json.loads(files[TOLD]), catalogue.names("generators")
    if card["generator"] not in known:
        message = f"{path}: needs the generator {card['generator']!r}"
        raise BundleError(f"{message}; installed here: {', '.join(known)}")
    return Bundle(card, sealed.networks(files, str(path)), sha256)
