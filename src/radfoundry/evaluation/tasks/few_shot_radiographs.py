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
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks import _options
from radfoundry.evaluation.tasks._few_shot import classifying, frame, radiographs

MODALITIES = ("CXR",)
ARMS: Mapping[str, Mapping[str, Any]] = radiographs.ARMS
NULL_ARMS = ("untrained", "untrained_pretrained")  # with `untrained: true`
OPTIONS: Mapping[str, Any] = {
    "findings": ("opacity",),
    "sides": (),
    "severities": (),
    "shots": (4, 16, 64, "all"),
    "added": 64,
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
TASK = frame.Task(
    "few_shot_radiographs", ARMS, radiographs.pooled,
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
    """Train one arm for each target and k, and return what it says of every test case.

    Args:
        arm: A name in `ARMS`.
        cases: See `evaluation.tasks`. Samples of patients of tune, test and unseen teach nothing.
        options: See `OPTIONS`; `seed` (0 if left out) chooses the patients, in all arms the same.
        rng: Source of all other chance.
        device: Where to train.
        progress: As `training.loop.Callbacks` takes it; called anew for each training.

    Returns:
        Rows of `frame.run`, with truth, score (NaN where it could not be learned) and threshold.

    Raises:
        ValueError: For an unknown arm or size, a case without its facts, and a patient of the
            train or tune split who is tested.
    """
    options = _options.merged(OPTIONS, options) | {"seed": int(options.get("seed", 0))}
    _options.check(arm, ARMS, options["size"], radiographs.SIZES)
    size = radiographs.SIZES[options["size"]]
    options |= {"size": size, "steps": options["steps"] or size.steps}
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
    draws = int(_options.merged(OPTIONS, options or {})["bootstrap"])
    return frame.summarised(predictions, few_shot.AREA, draws, rng)
