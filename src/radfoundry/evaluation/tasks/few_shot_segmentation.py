"""Mark findings in radiographs, taught by the masks of a few patients: what samples add to them.

The arms of `few_shot_radiographs`, with a U-Net in place of a classifier: films with a mask of the
finding stand beside films without the finding. A film that shows it and has no mask teaches nothing
and has no figure. Dice is that of test films with a mask, at the size that the network sees.

Samples know more than k patients: their generator was trained on the whole train split.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.case import Case
from radfoundry.evaluation.learners import radiographs, segmenting
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks._few_shot import frame, task

MODALITIES = ("CXR",)
ARMS: Mapping[str, Mapping[str, Any]] = task.ARMS
PICTURES = {"phantom": (64, 64), "workstation": (128, 128), "paper": (224, 224)}
NULL_ARMS = ("untrained", "untrained_pretrained")  # with `untrained: true`
SUBGROUPS: Mapping[str, Any] = {
    "figures": ("few_shot_dice",), "baseline": "real_repeated", "claimed": "synthetic_added",
}  # fmt: skip
OPTIONS: Mapping[str, Any] = {
    "findings": ("opacity",),
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
    "few_shot_segmentation", ARMS, OPTIONS, radiographs.SIZES, radiographs.masked,
    segmenting.LEARNER, segmenting.taught, segmenting.predicted,
)  # fmt: skip


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm for each target and k; rows of `frame.run` with what networks mark.

    These are truth, score, threshold, tp, fp and fn in pixels; NaN where it could not be learned.
    """
    return frame.run(TASK, arm, cases, options, (rng, device, progress))


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return Dice of films with a mask, gains and shares: see `frame.summarised`."""
    return frame.summarised(TASK, few_shot.DICE, predictions, options, rng)
