"""Papers' figures beside ours: a generator states them, by metric and arm.

A figure is a number, or what an effect is reckoned from: `means` and `spreads` (standard
deviations) of two groups of `n` each, the first one with the finding in the prompt, and
`below_005`, whether the paper says that p is below 0.05. See `config.lookups.published`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from radfoundry.evaluation.metrics import effects
from radfoundry.report.scorecard.card import Row

NAN = float("nan")
Published = Mapping[str, Mapping[str, Any]]


def figure(published: Published, metric: str, arm: str) -> float:
    """Return a paper's figure of a metric and an arm; NaN where it has none.

    >>> effect = {"means": (0.75, 0.48), "spreads": (0.24, 0.06), "n": 32}
    >>> round(figure({"prompt_effect": {"heart": effect}}, "prompt_effect", "heart"), 2)
    1.52
    """
    stated = published.get(metric, {}).get(arm, NAN)
    return hedges(stated) if isinstance(stated, Mapping) else float(stated)


def hedges(groups: Mapping[str, Any]) -> float:
    """Return Hedges' g of two groups from their means, standard deviations and size."""
    first, second = (
        (np.array(mean), np.array(spread**2), np.array(float(groups["n"])))
        for mean, spread in zip(groups["means"], groups["spreads"], strict=True)
    )
    means, variances, counts = zip(first, second, strict=True)
    return float(effects.hedges(means, variances, counts))


def beside(rows: Iterable[Row], published: Mapping[str, Published]) -> list[Row]:
    """Return rows with their paper's figure, where they have none yet and the paper has one.

    Args:
        rows: Of any recipes and cohorts.
        published: What the paper of each recipe reports, by recipe.
    """
    return [
        replace(row, published=figure(published.get(row.recipe, {}), row.metric, row.arm))
        if np.isnan(row.published)
        else row
        for row in rows
    ]
