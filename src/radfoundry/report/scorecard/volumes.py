"""Turn tables of whole drawn volumes into rows of the scorecard: resolution and distances."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import effects
from radfoundry.report.scorecard.card import GAIN, Row
from radfoundry.report.scorecard.published import Published, figure

NAN = float("nan")
SCALE = "the paper's is on features of another network, another scale"
RESTORED = ("psnr_db", "ssim", "mmd")
LESS_IS_BETTER = ("mmd",)


def of_resolutions(
    table: pd.DataFrame, recipe: str, bootstrap: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield how both methods restore held-out cases, and what the network gains.

    The paired difference is that of the better over the worse direction: trilinear less network
    for a distance.

    Args:
        table: Rows of the table `resolutions`.
        recipe: Whose network it is.
        bootstrap: Draws of an interval.
        rng: Source of chance.
    """
    for metric in RESTORED:
        rows = table[(table["metric"] == metric) & table["value"].notna()]
        arms = {str(arm): own for arm, own in rows.groupby("arm")}
        for arm, own in arms.items():
            found = effects.mean(own["value"].to_numpy(), own["patient"].to_numpy(), bootstrap, rng)
            yield Row(recipe, f"sr_{metric}", found.value, arm, found.low, found.high, len(own))
        if {"sr", "trilinear"} <= set(arms):
            order = ("trilinear", "sr") if metric in LESS_IS_BETTER else ("sr", "trilinear")
            values, units = (
                tuple(arms[arm][column].to_numpy() for arm in order)
                for column in ("value", "patient")
            )
            found = effects.gain(values, units, bootstrap, rng)
            yield Row(
                recipe,
                f"sr_{metric}{GAIN}",
                found.value,
                "-".join(order),
                found.low,
                found.high,
                len(arms["sr"]),
                note="paired by patient",
            )


def of_distances(table: pd.DataFrame, recipe: str, paper: Published) -> Iterator[Row]:
    """Yield the distances of drawn from real volumes, beside the published system's."""
    for row in table.to_dict("records"):
        published = figure(paper, row["metric"], row["arm"])
        note = row["note"] if np.isnan(published) else f"{row['note']}; {SCALE}"
        yield Row(
            recipe,
            row["metric"],
            row["value"],
            row["arm"],
            row["low"],
            row["high"],
            int(row["n"]),
            published=published,
            note=note,
        )
