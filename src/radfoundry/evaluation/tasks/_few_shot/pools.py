"""The cases of a few-shot task as networks take them, and who of them may teach."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np

from radfoundry.case import Case
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.tasks._few_shot.regimes import SAMPLES, UNFILTERED, UNTRAINED
from radfoundry.evaluation.tasks._few_shot.task import Task

DRAWN = (SAMPLES, UNFILTERED, UNTRAINED)


class Pools(NamedTuple):
    """All cases, shrunk, with one column of labels for each target; drawn ones by source."""

    train: Pool
    tune: Pool
    tested: Pool
    drawn: Mapping[str, Pool]


def read(task: Task, arm: str, cases: Mapping[str, Iterable[Case]], options: Mapping) -> Pools:
    """Return all cases that an arm needs; samples of patients who judge or are tested are left out.

    Raises:
        ValueError: For a case without its facts, and a patient of the train or tune split who is
            tested.
    """
    tested = task.pooled(chain(cases["test"], cases["unseen"]), options, True)
    train, tune = (task.pooled(cases[part], options, True) for part in ("train", "tune"))
    held = {*tune.facts["patient"], *tested.facts["patient"]}
    drawn = {
        source: pool.at(~pool.facts["patient"].isin(held).to_numpy(bool))
        for source, pool in _drawn(task, arm, cases, options).items()
    }
    found = Pools(train, tune, tested, drawn)
    _refuse_shared(found)
    return found


def _drawn(
    task: Task, arm: str, cases: Mapping[str, Iterable[Case]], options: Mapping
) -> dict[str, Pool]:
    """Return the samples that an arm is taught by, and the kept ones whatever teaches it.

    Kept samples are counted in every arm: as many are added in all. Where all samples are read the
    kept ones are found among them, so that no file is read twice.
    """
    used, kept = task.sources(arm), set[str]()
    first = UNFILTERED if UNFILTERED in used else SAMPLES
    found = {}
    for source in [s for s in DRAWN if s == first or (s == UNTRAINED and s in used)]:
        own = _noted(_of_train(cases.get(source, ())), kept)
        found[source] = task.pooled(own, options, False)
    if first == UNFILTERED:
        pool = found[UNFILTERED]
        found[SAMPLES] = pool.at(np.array([name in kept for name in pool.facts["case"]], bool))
    return found


def _noted(samples: Iterable[Case], kept: set[str]) -> Iterator[Case]:
    """Yield samples, and note the names of those that experts kept."""
    for sample in samples:
        if sample.facts.get("kept"):
            kept.add(sample.name)
        yield sample


def _of_train(samples: Iterable[Case]) -> Iterator[Case]:
    """Yield samples whose source is in no other split than train, as far as that is stated."""
    return (sample for sample in samples if sample.facts.get("split", "train") == "train")


def _refuse_shared(pools: Pools) -> None:
    taught = {*pools.train.facts["patient"], *pools.tune.facts["patient"]}
    shared = sorted(taught & {*pools.tested.facts["patient"]})
    if shared:
        raise ValueError(f"patients of train or tune are tested: {', '.join(shared[:5])}")
