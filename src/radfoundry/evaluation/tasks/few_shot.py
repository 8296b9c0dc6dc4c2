"""Tell findings in chest CT from a few patients: what samples add, measured by what patients add.

At each k a classifier is taught by k patients of each kind, alone, with samples, or with as many
further real patients: the positive control. Where that gains nothing, nothing can be said of
samples; where it gains, samples are measured by its gain (`share_of_real_gain`). All arms of a
draw know the same patients, have networks of one size, as many steps, trials on the tune split and
as much patience, and are tested on the test split and on unseen cohorts. A target has a network of
its own.

Samples know more than k patients: their generator was trained on the whole train split. So what
they add to k patients is no gain from nothing; `extra_real` is what those patients give directly.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.case import Case
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks import _classifier, _options
from radfoundry.evaluation.tasks._classifier import Pool
from radfoundry.evaluation.tasks._few_shot import classifying, frame, targets

MODALITIES = ("CT",)
# Sources of the cases that teach; `full`: for as many steps as arms to which something is added,
# where `real` alone has as many passes over its cases; `augmented`: shifted, noisy, mirrored.
ARMS: Mapping[str, Mapping[str, Any]] = {
    "real": {"sources": ("real",), "full": False, "augmented": False},
    "real_repeated": {"sources": ("real",), "full": True, "augmented": False},
    "real_augmented": {"sources": ("real",), "full": True, "augmented": True},
    "synthetic_added": {"sources": ("real", "samples"), "full": True, "augmented": False},
    "synthetic_only": {"sources": ("samples",), "full": True, "augmented": False},
    "extra_real": {"sources": ("real", "extra"), "full": True, "augmented": False},
}
OPTIONS: Mapping[str, Any] = {
    "findings": ("pleural_effusion",),
    "sides": ("pleural_effusion",),
    "severities": ("pleural_effusion",),
    "shots": (4, 8, 16, 32, "all"),
    "added": 32,
    "size": "phantom",
    "steps": None,
    "trial": 10,
    "patience": 8,
    "batch": 16,
    "learning_rate": 3e-3,
    "precision": "float32",
    "augment": {"shift": 2, "flip": 0.5, "offset": 0.05, "noise": 0.05},
    "bootstrap": 1000,
}


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm for each target and k, and return what it says of every test case.

    Args:
        arm: A name in `ARMS`.
        cases: See `evaluation.tasks`. Samples of patients of tune, test and unseen teach nothing.
        options: See `OPTIONS`; `seed` (0 if left out) chooses the patients, in all arms the same.
        rng: Source of all other chance.
        device: Where to train.
        progress: As `training.loop.Callbacks` takes it; called anew for each training.

    Returns:
        One row per case, target and k: case, patient, cohort, findings, finding (`target/k4`,
        `target/all`), truth, score (NaN where it could not be learned), threshold, samples and
        extra (added cases of each kind), step (whose weights were best on tune), note.

    Raises:
        ValueError: For an unknown arm or size, a case without its facts, and a patient of the
            train or tune split who is tested.
    """
    options = merged(options) | {"seed": int(options.get("seed", 0))}
    _options.check(arm, ARMS, options["size"], _classifier.SIZES)
    options["steps"] = options["steps"] or 2 * _classifier.SIZES[options["size"]].steps
    return frame.run(TASK, arm, cases, options, (rng, device, progress))


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the figures of all arms and draws, with intervals; see `metrics.few_shot.summarised`.

    Args:
        predictions: Rows of `run` for every arm and seed, with the columns arm and seed.
        options: See `OPTIONS`: bootstrap.
        own: The recipe's cohort; other cohorts were seen by no training as well.
        rng: Source of chance for the bootstrap.
    """
    draws = int(merged(options or {})["bootstrap"])
    return frame.summarised(predictions, few_shot.AREA, draws, rng)


def merged(options: Mapping) -> dict[str, Any]:
    """Return `OPTIONS` with some changed, single entries of `augment` too; others are left out."""
    return _options.merged(OPTIONS, options)


def _pooled(cases: Iterable[Case], options: Mapping, real: bool) -> Pool:
    read = partial(targets.labels_of, options=options)
    return _classifier.pooled(cases, options["size"], read, real)


TASK = frame.Task(
    "few_shot", ARMS, _pooled, classifying.LEARNER, classifying.taught, classifying.predicted
)
