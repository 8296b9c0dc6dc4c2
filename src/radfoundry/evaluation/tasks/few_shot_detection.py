"""Find lesions in radiographs by boxes, taught by the masks of a few patients.

The arms of `few_shot_segmentation` with a detector in place of its U-Net: a lesion is a part of a
finding's mask, and its box is what is looked for. Average precision of test films with a mask and
of those without the finding, at the size that the network sees: at an overlap of .3 and of .5, and
at .3 of small, medium and large lesions by themselves.

Samples know more than k patients: their generator was trained on the whole train split.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.case import Case
from radfoundry.evaluation.learners import radiographs, segmenting
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks._few_shot import detecting, frame, task

MODALITIES = ("CXR",)
ARMS: Mapping[str, Mapping[str, Any]] = task.ARMS
PICTURES = {"phantom": (64, 64), "workstation": (128, 128), "paper": (224, 224)}
NULL_ARMS = ("untrained", "untrained_pretrained")  # with `untrained: true`
SUBGROUPS: Mapping[str, Any] = {
    "figures": ("few_shot_ap30", "few_shot_ap50"),
    "baseline": "real_repeated", "claimed": "synthetic_added",
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
    "few_shot_detection", ARMS, OPTIONS, radiographs.SIZES, radiographs.masked,
    detecting.LEARNER, segmenting.taught, detecting.predicted,
)  # fmt: skip


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm for each target and k; rows of `frame.run` with what was found.

    These are truth, score, threshold, lesions and detections (see `lesions.columns`).
    """
    return frame.run(TASK, arm, cases, options, (rng, device, progress))


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return average precisions, their gains and shares: see `frame.summarised`."""
    parts = [
        frame.summarised(TASK, figure, predictions, options, rng) for figure in few_shot.PRECISIONS
    ]
    return pd.concat(parts, ignore_index=True)
