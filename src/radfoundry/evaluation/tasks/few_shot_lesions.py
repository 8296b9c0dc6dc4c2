"""Outline lesions in CT and MR, taught by a few patients whose lesions are outlined.

The arms of `few_shot_segmentation` for volumes, and for slices of MR: a U-Net of slices marks each
lesion, and Dice and sensitivity are those of whole test cases, by size too. Only cases with a
lesion teach and are tested: k patients are k with one. `copy_paste` puts lesions of the k patients
elsewhere into organs of others of them.

Samples know more than k patients: their generator was trained on the whole train split, and those
of a generator that edits are volumes of its patients, whose own lesions may stand in them. So read
what they add beside the arm `untrained`, which has the same volumes: what it reaches too, no
network learned.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.case import Case
from radfoundry.evaluation.learners import lesion_volumes, segmenting, slices
from radfoundry.evaluation.metrics import marked_lesions
from radfoundry.evaluation.tasks._few_shot import frame, pasted_lesions, task

MODALITIES = ("CT", "MR")
ARMS: Mapping[str, Mapping[str, Any]] = task.ARMS
PICTURES = {"phantom": (48, 48, 48), "workstation": (128, 128, 128), "paper": (224, 224, 224)}
KINDS = 1  # of cases that teach: those with a lesion
NULL_ARMS = ("untrained", "untrained_pretrained")  # with `untrained: true`
SUBGROUPS: Mapping[str, Any] = {
    "figures": ("few_shot_dice",), "baseline": "real_repeated", "claimed": "synthetic_added",
}  # fmt: skip
OPTIONS: Mapping[str, Any] = {
    "findings": ("tumour",),
    "organ": "organ",
    "window": (0.0, 1.0),
    "windows": {},  # of single cohorts, by name
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
    "augment": {"shift": 3, "flip": 0.5, "offset": 0.05, "noise": 0.05},
    "bootstrap": 1000,
}
KNOWING = (
    f"{task.KNOWING}; edited volumes bring lesions of further patients along: read it beside the "
    "arm untrained"
)
TASK = task.Task(
    "few_shot_lesions", ARMS, OPTIONS, lesion_volumes.SIZES, lesion_volumes.pooled,
    segmenting.LEARNER, slices.taught, slices.predicted, KINDS, pasted_lesions.pasted, KNOWING,
)  # fmt: skip


def run(
    arm: str,
    cases: Mapping[str, Iterable[Case]],
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    progress: Any = None,
) -> pd.DataFrame:
    """Train one arm for each lesion and k; rows of `frame.run` with what networks mark.

    These are truth, score, threshold, and tp, fp, fn and the lesion's voxels at the size that the
    network sees; NaN where it could not be learned.
    """
    return frame.run(TASK, arm, cases, options, (rng, device, progress))


def summarise(
    predictions: pd.DataFrame, options: Mapping | None, own: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Return Dice and sensitivity, gains and shares, and both by size: see `frame.summarised`."""
    parts = [
        frame.summarised(TASK, figure, predictions, options, rng)
        for figure in marked_lesions.FIGURES
    ]
    return pd.concat(parts, ignore_index=True)
