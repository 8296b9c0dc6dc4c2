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
from radfoundry.anatomy.chest_xray.marking import Normality, normality
from radfoundry.case import Case
from radfoundry.weights import Weights

NORMAL = "normal"  # the key of the card that holds what is normal, by region


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
    normal = learned(plugins.task, weights, healthy, options, running.get("device", "cpu"))
    card = {NORMAL: {name: one._asdict() for name, one in normal.items()}}
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
    task: ModuleType, weights: Weights, healthy: Sequence[Case], options: Mapping, device: str
) -> dict[str, Normality]:
    """Return what is normal in the region of each finding that the detector may be asked for."""
    maps = scores(task, weights, healthy, options["options"], device)
    anatomies = [volume.picture(film.anatomy) for film in healthy]
    names = sorted({regions.within(name) for name in options["names"]})
    return {
        name: normality(maps, [regions.mask(one, name) for one in anatomies], options)
        for name in names
    }


def scores(
    task: ModuleType, weights: Weights, films: Sequence[Case], options: Mapping, device: str = "cpu"
) -> Sequence[np.ndarray]:
    """Return how unusual the network finds each pixel of each film, (rows, columns)."""
    pictures = [task.normal_of(film).picture for film in films]
    found: Sequence[np.ndarray] = task.predict(weights, pictures, options, device).maps
    return found


def normal_of(weights: Weights) -> dict[str, Normality]:
    """Return what is normal in each region, from the card of weights that `fit` made."""
    return {name: Normality(**one) for name, one in weights.card[NORMAL].items()}
