"""Train one arm of a few-shot task for each target and each number of patients.

All arms of a draw know the same k patients, have networks of one size, as many steps, trials on the
tune split and as much patience, and are tested on the test split and on unseen cohorts. A target
has a network of its own. Samples of patients of tune, test and unseen cohorts teach nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from radfoundry.case import Case
from radfoundry.evaluation.learners import targets
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.learners.plateau import Best, Training
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks import _options
from radfoundry.evaluation.tasks._few_shot import pools, regimes, teaching
from radfoundry.evaluation.tasks._few_shot.pools import DRAWN, Pools
from radfoundry.evaluation.tasks._few_shot.regimes import EXTRA, Regime
from radfoundry.evaluation.tasks._few_shot.task import Task
from radfoundry.evaluation.tasks._few_shot.teaching import Asked
from radfoundry.seeds import seed


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
        cases: See `evaluation.tasks`. Samples of patients of tune, test and unseen teach nothing.
        options: Those of the task; `seed` (0 if left out) chooses the patients, in all arms the
            same.
        how: Source of all other chance (equal ones train arms of equal cases alike), device, and
            progress as `Callbacks` takes it, called anew for each training.

    Returns:
        The rows of `task.predicted` for each target, k and ratio, with finding (`target/k4`,
        `target/all`, `target/x0.25/k4`), samples and extra (added cases of each kind), step (whose
        weights were best on tune), note.

    Raises:
        ValueError: For an unknown arm or size, a case without its facts, and a patient of the
            train or tune split who is tested.
    """
    options, (rng, device, progress) = task.completed(arm, options), how
    chance = int(rng.integers(2**62))
    known = pools.read(task, arm, cases, options)
    rows = []
    for place, target in enumerate(targets.names(options)):
        own = dict(options)
        if targets.against(target):  # in a mirror, left is right
            own["augment"] = options["augment"] | {"flip": 0}
        for asked in _asked(task, known, place, target, options):
            training = Training(_generator(chance, task, asked), device, progress)
            best, note = teaching.trained(task, arm, known, asked, own, training)
            step, reached = (best.step, best.network) if best else (0, None)
            rows.append(task.predicted(known.tested, place, reached, device).assign(
                step=step, finding=asked.name(), note=note,
                **_added(task.sources(arm), asked.regime, best),
            ))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def summarised(
    task: Task,
    figure: few_shot.Figure,
    predictions: pd.DataFrame,
    options: Mapping | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the figures of all arms and draws, with intervals; see `metrics.few_shot.summarised`.

    Args:
        task: What differs between tasks.
        figure: What is measured of an arm: no part of the task, so that no training depends on it.
        predictions: Rows of `run` for every arm and seed, with the columns arm and seed.
        options: Those of the task: bootstrap.
        rng: Source of chance for the bootstrap.
    """
    draws = int(_options.merged(task.defaults, options or {})["bootstrap"])
    found = few_shot.summarised(predictions, draws, rng, figure)
    against = found["findings"].map(lambda name: targets.against(name.split("/")[0]))
    drawn = found["arm"].str.contains("synthetic|unfiltered|untrained")
    synthetic = drawn | (found["metric"] == figure.share)
    notes = zip(found["note"], against, np.where(synthetic, task.knowing, ""), strict=True)
    return found.assign(note=["; ".join(filter(None, parts)) for parts in notes])


def _generator(chance: int, task: Task, asked: Asked) -> torch.Generator:
    """Return the chance of one training: of its target and k, whatever is trained before it."""
    where = f"{asked.target}/{regimes.name_of(asked.shots)}"
    return torch.Generator().manual_seed(seed(chance, task.name, where))


def _added(used: list[str], regime: Regime, best: Best | None) -> dict[str, int]:
    """Return how many samples and further patients of each kind taught an arm."""
    taught = set(used) if best else set()
    drawn = [regime.count(source) for source in DRAWN if source in taught]
    return {"samples": max(drawn, default=0), "extra": regime.count(EXTRA) * (EXTRA in taught)}


def _asked(task: Task, known: Pools, place: int, target: str, options: Mapping) -> Iterator[Asked]:
    """Yield each k and ratio with its regime; all chance is of the draw and the target alone."""
    own, train = seed(options["seed"], task.name, target), known.train

    def by_kind(pool: Pool, owner: str) -> list[np.ndarray]:
        # Each source begins anew: arms of equal samples are taught by the same ones.
        chance = np.random.default_rng(own)
        found = regimes.by_kind(pool.labels[:, place], list(pool.facts[owner]), chance)
        return found[: task.kinds]

    patients = by_kind(train, "patient")
    drawn = {source: by_kind(pool, "case") for source, pool in known.drawn.items()}
    for shots in options["shots"]:
        k = min(map(len, patients)) if shots == regimes.ALL else shots
        for ratio in options["ratios"] or (None,):
            most = options["added"] if ratio is None else min(options["added"], round(ratio * k))
            regime = regimes.regime(patients, drawn, shots, max(1, most))
            yield Asked(place, target, shots, regime, ratio)
