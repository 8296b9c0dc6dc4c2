"""Find in a results folder what a recipe's bundle is made from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radfoundry import tables, volume, weights
from radfoundry.bundles.making import ATLAS, Grid, Origin, check_generator
from radfoundry.config import lookups
from radfoundry.config.consistency import NO_METHOD
from radfoundry.data import thresholds
from radfoundry.training.sealed import BundleError


def origin(settings: Mapping[str, Any], recipe: str, results: str | Path = "results") -> Origin:
    """Return all that a recipe's bundle is made from.

    Args:
        settings: The checked config.
        recipe: A recipe of it.
        results: The folder that the workflow wrote.

    Raises:
        BundleError: There is no such recipe, or the workflow did not get that far.
    """
    if recipe not in settings["recipes"]:
        known = ", ".join(settings["recipes"])
        raise BundleError(f"recipe {recipe!r}: not in the config; allowed: {known or 'none there'}")
    entry = settings["recipes"][recipe]
    check_generator(entry["generator"])
    cohort = settings["cohorts"][entry["cohort"]]
    folder = Path(results) / "cohorts" / entry["cohort"]
    splits, cases = (_table(folder / f"{kind}.tsv", kind) for kind in ("splits", "cases"))
    images, seen = trained_on(folder, cohort["pseudolabel"], splits)
    card = Path(results) / "scorecard.tsv"
    return Origin(
        recipe,
        entry,
        cohort["modality"],
        "phantom" in cohort,
        settings["publish"],
        networks(settings, recipe, Path(results)),
        _grid(folder, images),
        cases[cases["case"].isin(seen)].reindex(columns=["case", "patient", "findings", "report"]),
        frozenset([*cases["case"], *cases["patient"]]),
        tables.read(card, "scorecard") if card.is_file() else None,
        volume.packed(volume.read(atlas)) if (atlas := folder / ATLAS).is_file() else b"",
    )


def trained_on(folder: Path, method: str, splits: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """Return the accepted images of the train split, and the cases none of whose labels failed.

    Raises:
        BundleError: None is left.
    """
    train = set(splits.loc[splits["split"] == "train", "case"])
    images = _all(folder / "batches", "images").assign(failed=False)
    images = images[(images["status"] == "ok") & images["case"].isin(train)]
    if method != NO_METHOD:
        labels = _all(folder / "labels" / method, "labels")
        failed = set(labels.loc[labels["status"] == "failed", "case"])
        images = images[~images["case"].isin(failed)]
    if images.empty:
        raise BundleError(f"{folder}: no case of the train split: run the workflow first")
    return images.sort_values("case"), set(images["case"])


def _grid(folder: Path, images: pd.DataFrame) -> Grid:
    """Return the grid of the training images; their affine is in what was done to each."""
    records = [json.loads(text) for text in images["record"]]
    shapes = {tuple(record["shape"]) for record in records}
    if len(shapes) > 1:
        raise BundleError(f"{folder}: training images are of {len(shapes)} grids, not of one")
    shape, affines = shapes.pop(), np.array([record["affine"] for record in records], float)
    atlas = folder / ATLAS
    if atlas.is_file():
        return Grid(shape, np.asarray(volume.read(atlas).affine, float), True)
    spacing = np.median(np.linalg.norm(affines[:, :3, :3], axis=1), axis=0)
    middle = -spacing * (np.array(shape) - 1) / 2
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = middle
    return Grid(shape, affine)


def networks(settings: Mapping[str, Any], recipe: str, results: Path) -> dict[str, weights.Weights]:
    """Return a recipe's networks by name; one carries the thresholds, where they were calibrated.

    Raises:
        WeightsError: A network is not there.
    """
    owners = lookups.networks(settings, recipe)
    found = {
        name: weights.read(results / "recipes" / owner / "networks" / name)
        for name, owner in owners.items()
    }
    network = lookups.read_at_thresholds(settings, recipe)
    curves = results / "recipes" / recipe / "channels.tsv"
    if not network or not curves.is_file():
        return found
    return thresholds.told(found, network, thresholds.chosen(tables.read(curves, "channels")))


def _all(folder: Path, kind: str) -> pd.DataFrame:
    """Return the tables of all batches as one."""
    paths = sorted(folder.glob("b*.tsv"))
    if not paths:
        raise BundleError(f"{folder}: there is no table of {kind}: run the workflow first")
    return pd.concat([tables.read(path, kind) for path in paths], ignore_index=True)


def _table(path: Path, kind: str) -> pd.DataFrame:
    if not path.is_file():
        raise BundleError(f"{path}: there is no such file: run the workflow first")
    return tables.read(path, kind)
