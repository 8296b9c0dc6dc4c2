"""Tell findings in radiographs from a few patients: what samples add, beside what else may help.

The arms of `few_shot`, and four questions more: does the filter matter (`synthetic_unfiltered`),
do samples teach better before than beside the k patients (`synthetic_pretrained`), does pasting the
patients' own lesions do as well (`copy_paste`, where masks are known), and is it what networks
learned: `untrained` and `untrained_pretrained` are taught by samples of the recipe's null arm. What
these reach too, no training of the generator brought.

Samples know more than k patients: their generator was trained on the whole train split.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.case import Case
from radfoundry.evaluation.learners import radiographs
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks._few_shot import classifying, frame, task

MODALITIES = ("CXR",)
ARMS: Mapping[str, Mapping[str, Any]] = task.ARMS
PICTURES = {"phantom": (64, 64), "workstation": (128, 128), "paper": (224, 224)}
NULL_ARMS = ("untrained", "untrained_pretrained")  # with `untrained: true`
SUBGROUPS: Mapping[str, Any] = {
    "figures": ("few_shot_auroc",), "baseline": "real_repeated", "claimed": "synthetic_added",
}  # fmt: skip
OPTIONS: Mapping[str, Any] = {
    "findings": ("opacity",),
    "sides": (),
    "severities": (),
    "shots": (4, 16, 64, "all"),
    "added": 64,
    "ratios": (),
    "size": "phantom",
    "steps": None,
    "trial": 10,
    "patience": 8,
    "batch": 16,
    "learning_rate": 3e-3,
    "precision": "float32",
    "augment": {"shift": 4, "flip": 0.5, "offset": 0.05, "noise": 0.05},
    "bootstrap": 1000,
}
TASK = task.Task(
    "few_shot_radiographs", ARMS, OPTIONS, radiographs.SIZES, radiographs.pooled,
    classifying.LEARNER, classifying.taught, classifying.predicted,
)  # fmt: skip


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
