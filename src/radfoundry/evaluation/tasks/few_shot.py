"""Tell findings in chest CT from a few patients: what samples add, measured by what patients add.

At each k a classifier is taught by k patients of each kind, alone, with samples, or with as many
further real patients: the positive control. Where that gains nothing, nothing can be said of
samples; where it gains, samples are measured by its gain (`share_of_real_gain`). What the arm
`untrained` reaches too, taught by samples of the recipe's null arm, no network learned. All arms of
a draw know the same patients, have networks of one size, as many steps, trials on the tune split
and as much patience, and are tested on the test split and on unseen cohorts. A target has a network
of its own.

Samples know more than k patients: their generator was trained on the whole train split. So what
they add to k patients is no gain from nothing; `extra_real` is what those patients give directly.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.case import Case
from radfoundry.evaluation.learners import classifier, targets
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks._few_shot import classifying, frame, task

MODALITIES = ("CT",)
ARMS: Mapping[str, Mapping[str, Any]] = {
    name: task.ARMS[name]
    for name in (
        "real", "real_repeated", "real_augmented", "synthetic_unfiltered", "synthetic_added",
        "synthetic_only", "extra_real", "untrained",
    )
}  # fmt: skip
PICTURES = {"phantom": (32, 32, 32), "workstation": (96, 96, 96), "paper": (128, 128, 128)}
NULL_ARMS = ("untrained",)  # with `untrained: true`
SUBGROUPS: Mapping[str, Any] = {
    "figures": ("few_shot_auroc",), "baseline": "real_repeated", "claimed": "synthetic_added",
}  # fmt: skip
OPTIONS: Mapping[str, Any] = {
    "findings": ("pleural_effusion",),
    "sides": ("pleural_effusion",),
    "severities": ("pleural_effusion",),
    "shots": (4, 8, 16, 32, "all"),
    "added": 32,
    "ratios": (),
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
# Twice the steps of a classifier: the tune split says when a training ends.
SIZES = {name: size._replace(steps=2 * size.steps) for name, size in classifier.SIZES.items()}


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm for each target and k; rows of `frame.run` with truth, score and threshold.

    The score is NaN where it could not be learned.
    """
    return frame.run(TASK, arm, cases, options, (rng, device, progress))


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return areas under the ROC curve, gains and shares: see `frame.summarised`."""
    return frame.summarised(TASK, few_shot.AREA, predictions, options, rng)


def _pooled(cases: Iterable[Case], options: Mapping, real: bool) -> Pool:
    read = partial(targets.labels_of, options=options)
    return classifier.pooled(cases, options["size"], read, real)


TASK = task.Task(
    "few_shot", ARMS, OPTIONS, SIZES, _pooled,
    classifying.LEARNER, classifying.taught, classifying.predicted,
)  # fmt: skip
