"""Train one arm of a few-shot task for each target and each number of patients.

All arms of a draw know the same k patients, have networks of one size, as many steps, trials on the
tune split and as much patience, and are tested on the test split and on unseen cohorts. A target
has a network of its own. Samples of patients of tune, test and unseen cohorts teach nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from radfoundry.case import Case
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks._classifier import Pool
from radfoundry.evaluation.tasks._few_shot import copy_paste, plateau, regimes, targets
from radfoundry.evaluation.tasks._few_shot.plateau import Best, Learner, Taught, Training
from radfoundry.evaluation.tasks._few_shot.regimes import (
    EXTRA,
    PASTED,
    REAL,
    SAMPLES,
    UNFILTERED,
    UNTRAINED,
    Regime,
)
from radfoundry.seeds import seed

UNCHANGED = {"shift": 0, "flip": 0, "offset": 0, "noise": 0}
FINE_TUNING = 0.1  # of the learning rate, with weights that samples taught
DRAWN = (SAMPLES, UNFILTERED, UNTRAINED)
KNOWING = "the generator of the samples was trained on the whole train split, not on k patients"


class Task(NamedTuple):
    """What differs between few-shot tasks.

    Attributes:
        name: Of the task; its chance is of its own.
        arms: Each a mapping: `sources` of the cases that teach; `before`, sources of those that
            teach for the first half of all steps, if any; `full`, for as many steps as arms to
            which something is added, where fewer are as many passes over the k patients;
            `augmented`: shifted, noisy, mirrored.
        pooled: Returns cases as networks take them, from cases, options and whether they are real.
        learner: Builds, teaches and judges networks.
        taught: Returns what a pool teaches of the target at a place.
        predicted: Returns rows of the test cases, from their pool, a target's place, its network
            or None, and a device.
    """

    name: str
    arms: Mapping[str, Mapping[str, Any]]
    pooled: Callable[[Iterable[Case], Mapping, bool], Pool]
    learner: Learner
    taught: Callable[[Pool, int], Taught]
    predicted: Callable[[Pool, int, nn.Module | None, str], pd.DataFrame]


class Pools(NamedTuple):
    """All cases, shrunk, with one column of labels for each target; drawn ones by source."""

    train: Pool
    tune: Pool
    tested: Pool
    drawn: Mapping[str, Pool]


class Setting(NamedTuple):
    """One training of an arm: what teaches, by source, the tune split, and how."""

    material: Mapping[str, Taught]
    tune: Taught
    options: Mapping


def run(
    task: Task,
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    how: tuple[np.random.Generator, str, Any],
) -> pd.DataFrame:
    """Train one arm for each target and k, and return what it says of every test case.

    Args:
        task: What differs between tasks.
        arm: A name in its arms.
        cases: See `evaluation.tasks`.
        options: Findings, sides, severities, shots, added, trial, patience, augment, seed (chooses
            the patients, in all arms the same), and those of the learner.
        how: Source of all other chance, device, and progress as `Callbacks` takes it, called anew
            for each training.

    Returns:
        The rows of `task.predicted` for each target and k, with finding (`target/k4`,
        `target/all`), samples and extra (added cases of each kind), step (whose weights were best
        on tune), note.

    Raises:
        ValueError: For a case without its facts, and a patient of the train or tune split who is
            tested.
    """
    rng, device, progress = how
    pools = _pools(task, arm, cases, options)
    _refuse_shared(pools)
    rows = []
    for place, target in enumerate(targets.names(options)):
        own = dict(options)
        if targets.against(target):  # in a mirror, left is right
            own["augment"] = options["augment"] | {"flip": 0}
        for shots, regime in _regimes(task, pools, place, target, options):
            training = Training(_generator(rng), device, progress)
            best, note = _trained(task, arm, pools, (place, target, shots, regime), own, training)
            step, reached = (best.step, best.network) if best else (0, None)
            rows.append(task.predicted(pools.tested, place, reached, device).assign(
                step=step, finding=f"{target}/{regimes.name_of(shots)}", note=note,
                **_added(task.arms[arm], regime, best),
            ))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def summarised(
    predictions: pd.DataFrame,
    figure: few_shot.Figure,
    draws: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the figures of all arms and draws with their notes; see `metrics.few_shot`."""
    found = few_shot.summarised(predictions, draws, rng, figure)
    against = found["findings"].map(lambda name: targets.against(name.split("/")[0]))
    synthetic = found["arm"].str.contains("synthetic|untrained") | (found["metric"] == figure.share)
    notes = zip(found["note"], against, np.where(synthetic, KNOWING, ""), strict=True)
    return found.assign(note=["; ".join(filter(None, parts)) for parts in notes])


def _generator(rng: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def _used(made: Mapping[str, Any]) -> list[str]:
    """Return the sources that an arm is taught by."""
    return [*made.get("before", ()), *made["sources"]]


def _added(made: Mapping[str, Any], regime: Regime, best: Best | None) -> dict[str, int]:
    """Return how many samples and further patients of each kind taught an arm."""
    used = set(_used(made)) if best else set()
    drawn = [regime.count(source) for source in DRAWN if source in used]
    return {"samples": max(drawn, default=0), "extra": regime.count(EXTRA) * (EXTRA in used)}


def _pools(task: Task, arm: str, cases: Mapping[str, Iterable[Case]], options: Mapping) -> Pools:
    tested = task.pooled(chain(cases["test"], cases["unseen"]), options, True)
    train, tune = (task.pooled(cases[part], options, True) for part in ("train", "tune"))
    held = {*tune.facts["patient"], *tested.facts["patient"]}
    drawn = {}
    # Kept samples are counted in every arm: as many are added in all. Others are read if they are
    # used.
    for source in [s for s in DRAWN if s == SAMPLES or s in _used(task.arms[arm])]:
        pool = task.pooled(_of_train(cases.get(source, ())), options, False)
        drawn[source] = pool.at(~pool.facts["patient"].isin(held).to_numpy(bool))
    return Pools(train, tune, tested, drawn)


def _of_train(samples: Iterable[Case]) -> Iterator[Case]:
    """Yield samples whose source is in no other split than train, as far as that is stated."""
    return (sample for sample in samples if sample.facts.get("split", "train") == "train")


def _refuse_shared(pools: Pools) -> None:
    taught = {*pools.train.facts["patient"], *pools.tune.facts["patient"]}
    shared = sorted(taught & {*pools.tested.facts["patient"]})
    if shared:
        raise ValueError(f"patients of train or tune are tested: {', '.join(shared[:5])}")


def _regimes(
    task: Task, pools: Pools, place: int, target: str, options: Mapping
) -> Iterator[tuple[int | str, Regime]]:
    """Yield each k with its regime; all chance is of the draw and the target alone."""
    chance = np.random.default_rng(seed(options["seed"], task.name, target))
    train = pools.train
    patients = regimes.by_kind(train.labels[:, place], list(train.facts["patient"]), chance)
    drawn = {
        source: regimes.by_kind(pool.labels[:, place], list(pool.facts["case"]), chance)
        for source, pool in pools.drawn.items()
    }
    for shots in options["shots"]:
        yield shots, regimes.regime(patients, drawn, shots, options["added"])


def _trained(
    task: Task,
    arm: str,
    pools: Pools,
    asked: tuple[int, str, int | str, Regime],
    options: Mapping,
    training: Training,
) -> tuple[Best | None, str]:
    """Return the best network of an arm, or None and why there is none."""
    made, (place, _, _, regime) = task.arms[arm], asked
    material, note = _material(task, made, pools, asked, options)
    if not material:
        return None, note
    known = np.isfinite(pools.tune.labels[:, place])
    steps = options["steps"] if made["full"] else _passes(options, regime)
    own = {"steps": steps, "augment": options["augment"] if made["augmented"] else UNCHANGED}
    setting = Setting(material, task.taught(pools.tune.at(known), place), {**options, **own})
    return _fitted(task.learner, made, setting, training), note


def _material(
    task: Task,
    made: Mapping[str, Any],
    pools: Pools,
    asked: tuple[int, str, int | str, Regime],
    options: Mapping,
) -> tuple[dict[str, Taught], str]:
    """Return what teaches an arm, by source, and a note; {} and why there is nothing."""
    place, target, shots, regime = asked
    used = _used(made)
    if reason := regime.reasons[REAL] or "; ".join(
        filter(None, (regime.reasons.get(source, "") for source in used))
    ):
        return {}, reason
    chosen = {source: _chosen(pools, source, regime) for source in used if source != PASTED}
    note = ""
    if PASTED in used:
        chance = np.random.default_rng(
            seed(options["seed"], f"{task.name}/{PASTED}", f"{target}/{shots}")
        )
        kinds = [pools.train.at(rows) for rows in regime.cases[REAL]]
        count = regime.added or options["added"]
        found, note = copy_paste.pasted(kinds, (place, target), count, chance)
        if found is None:
            return {}, note
        chosen[PASTED] = found
    return {source: task.taught(pool, place) for source, pool in chosen.items()}, note


def _fitted(
    learner: Learner, made: Mapping[str, Any], setting: Setting, training: Training
) -> Best:
    """Return the best network; one that is taught by others before shares its steps with them."""
    sources, options = setting.material, setting.options
    taught = joined([sources[source] for source in made["sources"]])
    if not made.get("before"):
        return plateau.fit(learner, taught, setting.tune, options, training)
    half = max(1, options["steps"] // 2)
    earlier = joined([sources[source] for source in made["before"]])
    first = plateau.fit(learner, earlier, setting.tune, {**options, "steps": half}, training)
    then = {"steps": max(1, options["steps"] - half), "start": first.network.state_dict(),
            "learning_rate": FINE_TUNING * options["learning_rate"]}  # fmt: skip
    best = plateau.fit(learner, taught, setting.tune, {**options, **then}, training)
    return best._replace(step=half + best.step)


def _chosen(pools: Pools, source: str, regime: Regime) -> Pool:
    pool = pools.drawn.get(source, pools.train)
    return pool.at(np.concatenate(regime.cases[source]))


def joined(parts: list[Taught]) -> Taught:
    """Return images and their truth from several sources as one."""
    return torch.cat([images for images, _ in parts]), np.concatenate([own for _, own in parts])


def _passes(options: Mapping, regime: Regime) -> int:
    """Return steps in which k patients are seen as often as in arms to which others are added."""
    own = sum(map(len, regime.cases[REAL]))
    return max(1, round(options["steps"] * own / (own + 2 * regime.added)))
