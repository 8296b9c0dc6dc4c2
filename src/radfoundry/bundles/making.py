"""Make a bundle of a recipe: its files as bytes, from what training left; it opens no file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radfoundry import weights as storing
from radfoundry.bundles import model_card, privacy
from radfoundry.config import catalogue
from radfoundry.data.augmentation import WINDOW_HU
from radfoundry.release import identifiers
from radfoundry.release.dataset import versions
from radfoundry.release.volumes import label_table
from radfoundry.training.sealed import NETWORKS, TOLD, VERSION, BundleError, sealed
from radfoundry.weights import Weights

NOT_DRAWING = ("count", "splits", "prompts", "probes", "given")  # options of a dataset, not a draw
FEWEST_TOLD = 5  # patients: a smaller count is told as "fewer than 5"
LISTED = 5
ATLAS = "atlas.nii.gz"


@dataclass(frozen=True)
class Grid:
    """What is drawn on: voxels along X, Y, Z, and how they lie, in millimeters, RAS+.

    Attributes:
        shape: Of the training images.
        affine: The atlas's; or, where every patient has a field of view of its own, one of the
            median spacing about the middle.
        atlas: Whether all were brought to one atlas.
    """

    shape: tuple[int, ...]
    affine: np.ndarray
    atlas: bool = False


@dataclass(frozen=True)
class Origin:
    """All that a bundle is made from.

    Attributes:
        recipe: Its name.
        settings: Its entry in the checked config.
        modality: Of its cohort.
        phantoms: Whether its cohort is drawn.
        publish: The section of the config: licence, authors.
        networks: All of its generator's, by name.
        grid: Of the training images.
        cases: Columns case, patient, findings (joined by |), report; what the networks saw.
        ids: Of every case and patient of the cohort; none may be found in the bundle.
        scorecard: Rows of the scorecard, or None where it was not written.
        atlas: The file of the mean lung mask that all were brought to; empty where there is none.
    """

    recipe: str
    settings: Mapping[str, Any]
    modality: str
    phantoms: bool
    publish: Mapping[str, Any]
    networks: Mapping[str, Weights]
    grid: Grid
    cases: pd.DataFrame
    ids: frozenset[str]
    scorecard: pd.DataFrame | None = None
    atlas: bytes = b""


def made(origin: Origin) -> dict[str, bytes]:
    """Return the files of a bundle by name, its manifest last; equal origins give equal bytes.

    Raises:
        BundleError: The generator draws on patients' images, a network is missing, or an id of a
            case or patient would leave with it.
    """
    check_generator(str(origin.settings["generator"]))
    card = described(origin)
    files = {TOLD: _json(card), "labels.json": label_table().encode()}
    for name, network in origin.networks.items():
        for part, content in storing.packed(network).items():
            files[f"{NETWORKS}{name}/{part}"] = content
    if origin.atlas:
        files[ATLAS] = origin.atlas
    files["README.md"] = model_card.text(card, origin.scorecard).encode()
    if found := identifiers.ids_found(files, origin.ids):
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        listed = ", ".join(found[:LISTED])
        raise BundleError(f"ids of cases or patients would leave with the bundle: {listed}{more}")
    return sealed(files)


def check_generator(generator: str) -> None:
    """Refuse a generator that cannot draw where no patient's image is.

    Raises:
        BundleError: With those that can.
    """
    able = [name for name in catalogue.names("generators") if _lends(name) == "grid"]
    if generator not in able:
        message = f"{generator} draws on a patient's image, so no bundle of it can draw"
        raise BundleError(f"{message}; allowed: recipes of {', '.join(able)}")


def _lends(generator: str) -> str:
    return catalogue.stated("generators", generator, "SOURCE_LENDS", "image")


def described(origin: Origin) -> dict[str, Any]:
    """Return what `bundle.json` says."""
    generator, stated = origin.settings["generator"], dict(origin.settings["sample"])
    what = catalogue.constant("generators", generator, "NETWORKS")
    names = catalogue.networks_of(origin.settings)
    if lost := [name for name in names if name not in origin.networks]:
        raise BundleError(f"{origin.recipe}: {', '.join(lost)} is not trained; all of {names} are")
    known = catalogue.options("generators", generator) or {}
    sample = {key: stated.get(key, v) for key, v in known.items() if key not in NOT_DRAWING}
    sample |= {"given": []} if "given" in known else {}
    worded = "prompts" in known and sample.get("text", True)
    reads = worded and all(network.card.get("text", True) for network in origin.networks.values())
    return {
        "version": VERSION,
        "recipe": origin.recipe,
        "generator": generator,
        "modality": origin.modality,
        "grid": _grid(origin.grid),
        "window_hu": list(WINDOW_HU) if origin.modality == "CT" else None,
        "sample": sample,
        "reads_prompts": bool(reads),
        "networks": {name: _network(what[name], origin.networks[name]) for name in names},
        "training": training(origin),
        "phantoms": origin.phantoms,
        "limits": list(catalogue.stated("generators", generator, "LIMITS", ())),
        "licence": origin.publish["licence"],
        "authors": list(origin.publish["authors"]),
        "versions": versions(),
    }


def _grid(grid: Grid) -> dict[str, Any]:
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    return {
        "shape": list(grid.shape),
        "spacing_mm": [round(float(side), 4) for side in spacing],
        "affine": np.asarray(grid.affine, float).tolist(),
        "orientation": "RAS+",
        "atlas": grid.atlas,
    }


def _network(what: str, network: Weights) -> dict[str, Any]:
    """Return what a reader wants to know of a network; its own card has the rest."""
    told = (
        "objective", "channels", "size", "steps", "tones", "precision", "geometry", "spacing_mm",
    )  # fmt: skip
    count = sum(tensor.numel() for tensor in network.state.values())
    return {"what": what, "values": count} | {k: network.card[k] for k in told if k in network.card}


def training(origin: Origin) -> dict[str, Any]:
    """Return the training data in numbers; counts that could single out a patient are not told."""
    cases = origin.cases
    parts = cases["findings"].astype(str).str.split("|").explode()
    patients = cases["patient"].reindex(parts.index).groupby(parts).nunique()
    told = {str(name) or "none": int(count) for name, count in patients.items()}
    hidden = 0 if origin.phantoms else FEWEST_TOLD
    pairs = list(zip(cases["patient"].astype(str), cases["report"].astype(str), strict=True))
    found = {"cases": len(cases), "patients": int(cases["patient"].nunique())}
    more = [own.card.get("reports_without_images", {}) for own in origin.networks.values()]
    words = [piece for own in origin.networks.values() for piece in own.card.get("vocabulary", ())]
    return found | {
        "reports": sum(bool(report.strip()) for _, report in pairs),
        "reports_without_images": sum(told.get("count", 0) for told in more),
        "patients_by_finding": {n: c if c >= hidden else None for n, c in sorted(told.items())},
        "words": len(words),
        "words_of_one_patient": len(privacy.rare_words(words, pairs)),
    }


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=1, sort_keys=True)}\n".encode()
