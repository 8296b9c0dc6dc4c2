"""What a few-shot classifier is asked for: a finding, its side, or how much of it there is.

A target is named by its positive kind. `pleural_effusion` stands against cases without it;
`pleural_effusion_left` against those on the right, where both sides are left out;
`pleural_effusion_severe` against mild ones, where moderate ones are left out. Side and severity
are what the labeler reads in a case's report, or in the prompt of a sample.
"""

import math
from collections.abc import Mapping

from radfoundry.text import labeler

LEFT, SEVERE = "_left", "_severe"
SIDES = {"left": 1.0, "right": 0.0}
SEVERITIES = {"severe": 1.0, "mild": 0.0}
AGAINST = {LEFT: "left against right, both sides left out",
           SEVERE: "severe against mild, moderate left out"}  # fmt: skip


def names(options: Mapping) -> list[str]:
    """Return the targets that the options findings, sides and severities ask for, in order.

    >>> names({"findings": ["nodule"], "sides": ["nodule"], "severities": []})
    ['nodule', 'nodule_left']
    """
    sides = [name + LEFT for name in options["sides"]]
    return [*options["findings"], *sides, *(name + SEVERE for name in options["severities"])]


def findings(options: Mapping) -> tuple[str, ...]:
    """Return the finding of each target of `names`.

    >>> findings({"findings": ["nodule"], "sides": ["nodule"], "severities": []})
    ('nodule', 'nodule')
    """
    return (*options["findings"], *options["sides"], *options["severities"])


def labels_of(facts: Mapping, options: Mapping) -> list[float]:
    """Return 1, 0, or NaN where it is open, for each target of `names`.

    Args:
        facts: findings and report, as `text.labeler.labels_of` takes them; or a sample's prompt.
        options: findings, sides, severities.
    """
    text = str(facts.get("report") or facts.get("prompt") or "")
    said = labeler.findings_of(text) if text else {}
    shown = labeler.labels_of(facts, [*options["sides"], *options["severities"]])
    kinds = [*(("side", SIDES, name) for name in options["sides"]),
             *(("severity", SEVERITIES, name) for name in options["severities"])]  # fmt: skip
    finer = [
        values.get(getattr(said.get(name), what, ""), math.nan) if present == 1 else math.nan
        for (what, values, name), present in zip(kinds, shown, strict=True)
    ]
    return labeler.labels_of(facts, options["findings"]) + finer


def against(target: str) -> str:
    """Return in words what a target's two kinds are; "" for a finding and its absence.

    >>> against("pleural_effusion_left")
    'left against right, both sides left out'
    """
    return next((words for ending, words in AGAINST.items() if target.endswith(ending)), "")
