"""Rows for what a recipe is judged by first and nobody measured, so that its lack is seen."""

from collections.abc import Mapping

import pandas as pd

from radfoundry.report.scorecard.card import Row


def rows(card: pd.DataFrame, headlines: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """Return a row without a value for every headline metric that a recipe has no row of.

    Args:
        card: Rows of the scorecard: what was measured.
        headlines: By recipe, its metrics with why one may be missing.
    """
    there = set(zip(card["recipe"], card["metric"], strict=True))
    return [
        Row(recipe, metric, float("nan"), note=why)
        for recipe, metrics in headlines.items()
        for metric, why in metrics.items()
        if (recipe, metric) not in there
    ]
