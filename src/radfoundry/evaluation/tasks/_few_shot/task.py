"""What differs between few-shot tasks, and the arms that they choose from."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from torch import nn

from radfoundry.case import Case
from radfoundry.evaluation.learners.classifier import Pool, Size
from radfoundry.evaluation.learners.plateau import Learner, Taught
from radfoundry.evaluation.tasks import _options
from radfoundry.evaluation.tasks._few_shot import copy_paste

# `sources` of the cases that teach; `before`, sources of those that teach for the first half of all
# steps, if any; `full`, for as many steps as arms to which something is added, where fewer are as
# many passes over the k patients; `augmented`: shifted, noisy, mirrored.
ARMS: Mapping[str, Mapping[str, Any]] = {
    "real": {"sources": ("real",), "full": False, "augmented": False},
    "real_repeated": {"sources": ("real",), "full": True, "augmented": False},
    "real_augmented": {"sources": ("real",), "full": True, "augmented": True},
    "copy_paste": {"sources": ("real", "pasted"), "full": True, "augmented": False},
    "synthetic_unfiltered": {"sources": ("real", "unfiltered"), "full": True, "augmented": False},
    "synthetic_added": {"sources": ("real", "samples"), "full": True, "augmented": False},
    "synthetic_only": {"sources": ("samples",), "full": True, "augmented": False},
    "synthetic_pretrained": {
        "before": ("samples",), "sources": ("real",), "full": True, "augmented": False,
    },
    "unfiltered_pretrained": {
        "before": ("unfiltered",), "sources": ("real",), "full": True, "augmented": False,
    },
    "extra_real": {"sources": ("real", "extra"), "full": True, "augmented": False},
    "untrained": {"sources": ("real", "untrained"), "full": True, "augmented": False},
    "untrained_pretrained": {
        "before": ("untrained",), "sources": ("real",), "full": True, "augmented": False,
    },
}  # fmt: skip
KNOWING = "the generator of the samples was trained on the whole train split, not on k patients"


class Task(NamedTuple):
    """What differs between few-shot tasks.

    Attributes:
        name: Of the task; its chance is of its own.
        arms: Those of `ARMS` that it has.
        defaults: What config may set, with defaults.
        sizes: Of its networks; their steps are the default.
        pooled: Returns cases as networks take them, from cases, options and whether they are real.
        learner: Builds, teaches and judges networks.
        taught: Returns what a pool teaches of the target at a place.
        predicted: Returns rows of the test cases, from their pool, a target's place, its network
            or None, and a device.
        kinds: Of cases that teach: 2, with and without what is asked for, or 1, those with it.
        pasted: Returns cases with lesions of the k patients, see `copy_paste.pasted`.
        knowing: What samples know more than the k patients: the note of what they add.
    """

    name: str
    arms: Mapping[str, Mapping[str, Any]]
    defaults: Mapping[str, Any]
    sizes: Mapping[str, Size]
    pooled: Callable[[Iterable[Case], Mapping, bool], Pool]
    learner: Learner
    taught: Callable[[Pool, int], Taught]
    predicted: Callable[[Pool, int, nn.Module | None, str], pd.DataFrame]
    kinds: int = 2
    pasted: Callable[..., tuple[Pool | None, str]] = copy_paste.pasted
    knowing: str = KNOWING

    def completed(self, arm: str, options: Mapping) -> dict[str, Any]:
        """Return options with defaults, the size itself in place of its name, and its steps.

        Raises:
            ValueError: For an arm or a size that the task does not have.
        """
        own = {"sides": (), "severities": (), **_options.merged(self.defaults, options)}
        _options.check(arm, self.arms, own["size"], self.sizes)
        size = self.sizes[own["size"]]
        chosen = {"size": size, "steps": own["steps"] or size.steps}
        told = {"seed": int(options.get("seed", 0)), "cohort": options.get("cohort", "")}
        return own | chosen | told

    def sources(self, arm: str) -> list[str]:
        """Return the sources that an arm is taught by."""
        return [*self.arms[arm].get("before", ()), *self.arms[arm]["sources"]]
