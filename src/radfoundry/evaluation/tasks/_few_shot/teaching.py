"""Train the network of one arm, for one target and one number of patients."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from radfoundry.evaluation.learners import plateau
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.learners.plateau import Best, Learner, Taught, Training
from radfoundry.evaluation.tasks._few_shot.pools import Pools
from radfoundry.evaluation.tasks._few_shot.regimes import PASTED, REAL, Regime, name_of
from radfoundry.evaluation.tasks._few_shot.task import Task
from radfoundry.seeds import seed

UNCHANGED = {"shift": 0, "flip": 0, "offset": 0, "noise": 0}
FINE_TUNING = 0.1  # of the learning rate, with weights that samples taught


class Asked(NamedTuple):
    """What a network is asked for: a target by its place and name, by so many patients.

    `ratio` is how many cases are added for each of them; None where `added` says how many.
    """

    place: int
    target: str
    shots: int | str
    regime: Regime
    ratio: float | None = None

    def name(self) -> str:
        """Return how it is called in tables.

        >>> Asked(0, "nodule", 4, None).name(), Asked(0, "nodule", "all", None, 0.25).name()
        ('nodule/k4', 'nodule/x0.25/all')
        """
        by = "" if self.ratio is None else f"x{self.ratio:g}/"
        return f"{self.target}/{by}{name_of(self.shots)}"


class Setting(NamedTuple):
    """One training of an arm: what teaches, by source, the tune split, and how."""

    material: Mapping[str, Taught]
    tune: Taught
    options: Mapping


def trained(
    task: Task, arm: str, pools: Pools, asked: Asked, options: Mapping, training: Training
) -> tuple[Best | None, str]:
    """Return the best network of an arm and a note, or None and why there is none."""
    made = task.arms[arm]
    material, note = _material(task, arm, pools, asked, options)
    if not material:
        return None, note
    known = np.isfinite(pools.tune.labels[:, asked.place])
    steps = options["steps"] if made["full"] else passes(options, asked.regime)
    own = {"steps": steps, "augment": options["augment"] if made["augmented"] else UNCHANGED}
    tune = task.taught(pools.tune.at(known), asked.place)
    setting = Setting(material, tune, {**options, **own})
    return _fitted(task.learner, made, setting, training), note


def passes(options: Mapping, regime: Regime) -> int:
    """Return steps in which k patients are seen as often as in arms to which others are added."""
    kinds = regime.cases[REAL]
    own = sum(map(len, kinds))
    return max(1, round(options["steps"] * own / (own + len(kinds) * regime.added)))


def _material(
    task: Task, arm: str, pools: Pools, asked: Asked, options: Mapping
) -> tuple[dict[str, Taught], str]:
    """Return what teaches an arm, by source, and a note; {} and why there is nothing."""
    used, regime = task.sources(arm), asked.regime
    if reason := regime.reasons[REAL] or "; ".join(
        filter(None, (regime.reasons.get(source, "") for source in used))
    ):
        return {}, reason
    chosen = {source: _chosen(pools, source, regime) for source in used if source != PASTED}
    note = ""
    if PASTED in used:
        found, note = _pasted(task, pools, asked, options)
        if found is None:
            return {}, note
        chosen[PASTED] = found
    return {source: task.taught(pool, asked.place) for source, pool in chosen.items()}, note


def _pasted(task: Task, pools: Pools, asked: Asked, options: Mapping) -> tuple[Pool | None, str]:
    where = f"{asked.target}/{asked.shots}"
    chance = np.random.default_rng(seed(options["seed"], f"{task.name}/{PASTED}", where))
    kinds = [pools.train.at(rows) for rows in asked.regime.cases[REAL]]
    count = asked.regime.added or options["added"]
    return task.pasted(kinds, (asked.place, asked.target), count, chance)


def _chosen(pools: Pools, source: str, regime: Regime) -> Pool:
    pool = pools.drawn.get(source, pools.train)
    return pool.at(np.concatenate(regime.cases[source]))


def _fitted(
    learner: Learner, made: Mapping[str, Any], setting: Setting, training: Training
) -> Best:
    """Return the best network; one that is taught by others before shares its steps with them."""
    sources, options = setting.material, setting.options
    taught = _joined([sources[source] for source in made["sources"]])
    if not made.get("before"):
        return plateau.fit(learner, taught, setting.tune, options, training)
    half = max(1, options["steps"] // 2)
    earlier = _joined([sources[source] for source in made["before"]])
    first = plateau.fit(learner, earlier, setting.tune, {**options, "steps": half}, training)
    then = {"steps": max(1, options["steps"] - half), "start": first.network.state_dict(),
            "learning_rate": FINE_TUNING * options["learning_rate"]}  # fmt: skip
    best = plateau.fit(learner, taught, setting.tune, {**options, **then}, training)
    return best._replace(step=half + best.step)


def _joined(parts: list[Taught]) -> Taught:
    """Return images and their truth from several sources as one."""
    return torch.cat([images for images, _ in parts]), np.concatenate([own for _, own in parts])
