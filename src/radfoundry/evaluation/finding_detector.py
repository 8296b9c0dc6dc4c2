"""A detector of findings for pseudo-masks: taught by painted disease, told what is normal.

The network is a task's that finds disease without a diseased example (`DETECTOR`), taught by what a
generator without networks paints into healthy films of the train split; what is normal is learned
from healthy films of the tune split. Plug-ins come in as arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray.marking import (
    Normality,
    confidence,
    marked,
    normality,
    strength,
)
from radfoundry.case import Case
from radfoundry.evaluation.metrics import finding_masks
from radfoundry.weights import Weights

NORMAL, GRAY = "normal", "gray"  # keys of the card: what is normal by region, and of gray alone
REGION = "region"  # the arm that marks all of a region


class Plugins(NamedTuple):
    """The task whose network detects, and the generator whose samples teach it."""

    task: ModuleType
    generator: ModuleType


def fit(
    plugins: Plugins,
    films: Sequence[Case],
    planned: pd.DataFrame,
    options: Mapping[str, Any],
    rng: np.random.Generator,
    **running: Any,
) -> Weights:
    """Return the weights of a detector, its card with what is normal in each region.

    Args:
        plugins: What trains.
        films: Healthy radiographs with anatomy.
        planned: A row for each of them, as the generator's `plan` takes them: case, split (train or
            tune), findings and the status of structures.
        options: Of a method's `findings`: arm, per_case, names, quantile, least_area, options.
        rng: Source of all chance.
        running: `device` and `progress`, as the task's `fit` takes them.

    Raises:
        ValueError: A split has no film, or nothing could be painted.
    """
    splits = dict(zip(planned["case"].astype(str), planned["split"], strict=True))
    if lacking := {"train", "tune"} - set(splits.values()):
        raise ValueError(f"no healthy film in {', '.join(sorted(lacking))}: a detector needs both")
    samples = painted(plugins.generator, films, planned, options["per_case"], rng)
    taught = plugins.task.Material(*plugins.task.of_split(films, samples, splits, "train"))
    own = options["options"]
    weights: Weights = plugins.task.fit(options["arm"], taught, own, rng, **running)
    healthy = [film for film in films if splits[film.name] == "tune"]
    found = {
        NORMAL: scores(plugins.task, weights, healthy, own, running.get("device", "cpu")),
        GRAY: grays(plugins.task, healthy),
    }
    card = {key: learned(maps, healthy, options) for key, maps in found.items()}
    return replace(weights, card={**weights.card, **card, "films": len(films)})


def painted(
    generator: ModuleType,
    films: Sequence[Case],
    planned: pd.DataFrame,
    per_case: int,
    rng: np.random.Generator,
) -> list[Case]:
    """Return a generator's samples of healthy films of the train split, without those that fail."""
    train = planned[planned["split"] == "train"]
    asked = {"count": per_case * len(train), "per_case": per_case, "splits": ["train"]}
    requests = generator.plan(train, asked, int(rng.integers(2**31)))
    sources, samples = {film.name: film for film in films}, []
    for request in requests.to_dict("records"):
        try:
            sample = generator.draw(request, sources[request["source"]])
        except ValueError:  # no opacity shows in this film
            continue
        samples.append(replace(sample, facts={**sample.facts, "split": "train"}))
    return samples


def learned(
    maps: Sequence[np.ndarray], healthy: Sequence[Case], options: Mapping
) -> dict[str, dict[str, Any]]:
    """Return what is normal, as a card holds it, in each region that the detector may mark in."""
    anatomies = [volume.picture(film.anatomy) for film in healthy]
    found = {
        name: normality(maps, [regions.mask(one, name) for one in anatomies], options)
        for name in sorted({regions.within(name) for name in options["names"]})
    }
    return {name: one._asdict() for name, one in found.items()}


def scores(
    task: ModuleType, weights: Weights, films: Sequence[Case], options: Mapping, device: str = "cpu"
) -> Sequence[np.ndarray]:
    """Return how unusual the network finds each pixel of each film, (rows, columns)."""
    found: Sequence[np.ndarray] = task.predict(weights, grays(task, films), options, device).maps
    return found


def grays(task: ModuleType, films: Sequence[Case]) -> list[np.ndarray]:
    """Return films as the network is shown them, (rows, columns): leveled, no score at all."""
    return [task.normal_of(film).picture for film in films]


def normal_of(weights: Weights, key: str = NORMAL) -> dict[str, Normality]:
    """Return what is normal in each region, from the card of weights that `fit` made."""
    return {name: Normality(**one) for name, one in weights.card[key].items()}


def compared(
    plugin: ModuleType, weights: Weights, film: Case, truth: np.ndarray, options: Mapping
) -> list[dict[str, Any]]:
    """Return how the detector's mask of a film agrees with a reader's, beside two null arms.

    `gray` cuts the film itself as the detector's score is cut: bright is ill. `region` is a mask of
    all of the region. Columns are region, arm, confidence and those of `finding_masks.measured`.

    Args:
        plugin: The task.
        weights: From `fit`.
        film: With anatomy.
        truth: (rows, columns) ids of findings; 0 for none, 255 where nothing counts.
        options: Of a method's `findings`.
    """
    gray = grays(plugin, [film])[0]
    score = scores(plugin, weights, [film], options["options"])[0]
    normal, bright = normal_of(weights), normal_of(weights, GRAY)
    ignored, rows = truth == regions.vocabulary().ignore, []
    for name, own in normal.items():
        inside = regions.mask(volume.picture(film.anatomy), name)
        lies_there = [n for n in options["names"] if regions.within(n) == name]
        wanted = np.isin(truth, [regions.label_id(n) for n in lies_there])
        if not wanted.any():
            continue
        flat = np.zeros_like(gray), Normality(-1.0, [0.0])
        for arm, (seen, usual) in {
            "detector": (score, own), GRAY: (gray, bright[name]), REGION: flat
        }.items():  # fmt: skip
            mask = marked(seen, inside, usual.threshold, options)
            row: dict[str, Any] = {"region": name, "arm": arm}
            row["confidence"] = confidence(strength(seen, mask), usual)
            rows.append(row | finding_masks.measured(mask, seen, wanted, inside, ignored))
    return rows
