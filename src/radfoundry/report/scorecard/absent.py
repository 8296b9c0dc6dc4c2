"""Rows for what a recipe is judged by first and has no figure of, so that its lack is seen."""

from collections.abc import Mapping

import pandas as pd

from radfoundry.report.scorecard.card import Row
from radfoundry.report.scorecard.few_shot import CLAIMS

ARM = "not_measured"


def rows(card: pd.DataFrame, headlines: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """Return a row without a value for every headline metric that a recipe has no row of.

    Of what samples add to few patients, the row of the arm with samples is asked for.

    Args:
        card: Rows of the scorecard: what was measured.
        headlines: By recipe, its metrics with why one may be missing.
    """
    arms = card["arm"].astype(str).str.split("/").str[0]
    there = {
        (recipe, metric)
        for recipe, metric, arm in zip(card["recipe"], card["metric"], arms, strict=True)
        if CLAIMS.get(metric, arm) == arm
    }
    return [
        Row(recipe, metric, float("nan"), ARM, note=why)
        for recipe, metrics in headlines.items()
        for metric, why in metrics.items()
        if (recipe, metric) not in there
    ]
