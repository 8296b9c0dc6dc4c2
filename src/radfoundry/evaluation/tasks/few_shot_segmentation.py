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
from radfoundry.evaluation.metrics import few_shot
from radfoundry.evaluation.tasks import _options
from radfoundry.evaluation.tasks._few_shot import frame, radiographs, segmenting

MODALITIES = ("CXR",)
ARMS: Mapping[str, Mapping[str, Any]] = radiographs.ARMS
NULL_ARMS = ("untrained", "untrained_pretrained")  # with `untrained: true`
OPTIONS: Mapping[str, Any] = {
    "findings": ("opacity",),
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
    "few_shot_segmentation", ARMS, radiographs.masked,
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
    """Train one arm for each target and k, and return what it says of every test case.

    Args:
        arm: A name in `ARMS`.
        cases: See `evaluation.tasks`. Samples of patients of tune, test and unseen teach nothing.
        options: See `OPTIONS`; `seed` (0 if left out) chooses the patients, in all arms the same.
        rng: Source of all other chance.
        device: Where to train.
        progress: As `training.loop.Callbacks` takes it; called anew for each training.

    Returns:
        Rows of `frame.run`, with truth, score, threshold, tp, fp and fn in pixels (NaN where it
        could not be learned).

    Raises:
        ValueError: For an unknown arm or size, a case without its facts, and a patient of the
            train or tune split who is tested.
    """
    options = _options.merged(OPTIONS, options) | {"seed": int(options.get("seed", 0))}
    _options.check(arm, ARMS, options["size"], radiographs.SIZES)
    size = radiographs.SIZES[options["size"]]
    options |= {"sides": (), "severities": ()}
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
    return frame.summarised(predictions, few_shot.DICE, draws, rng)
