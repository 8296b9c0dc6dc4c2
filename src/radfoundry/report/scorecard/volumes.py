"""Turn tables of whole volumes into rows of the scorecard: resolution, channels, distances."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.data import thresholds
from radfoundry.data.channels import MIDWAY
from radfoundry.evaluation.metrics import effects
from radfoundry.evaluation.metrics.statistics import Interval
from radfoundry.report.scorecard.card import GAIN, Row
from radfoundry.report.scorecard.published import Published, figure

NAN = float("nan")
SCALE = "the paper's is on features of another network, another scale"
RESTORED = ("psnr_db", "ssim", "mmd")
LESS_IS_BETTER = ("mmd",)
DETAIL = {  # metric of the table: metric of the scorecard, arm of its own where it has one
    "detail_variance_kept": ("detail_variance_kept", "sr"),
    "spread_to_error": ("detail_spread_to_error", "sr"),
    "seed_sd_hu": ("detail_sd_hu", "seed_to_seed"),
    "missing_sd_hu": ("detail_sd_hu", "missing"),
    "detail_power": ("detail_power", ""),
}
REGRESSES = 0.25  # of the variance that chance should have


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


def of_detail(
    table: pd.DataFrame, recipe: str, bootstrap: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield how much of the detail that a coarse grid lacks the network draws by chance.

    Args:
        table: Rows of the table `resolutions`.
        recipe: Whose network it is.
        bootstrap: Draws of an interval.
        rng: Source of chance.
    """
    rows = table[table["metric"].isin(DETAIL) & table["value"].notna()]
    for (metric, arm), own in rows.groupby(["metric", "arm"], sort=False):
        name, named = DETAIL[str(metric)]
        found = effects.mean(own["value"].to_numpy(), own["patient"].to_numpy(), bootstrap, rng)
        note = _drawn_or_not(found.value) if metric == "spread_to_error" else ""
        yield _row(recipe, name, named or str(arm), found, own, note)


def _drawn_or_not(share: float) -> str:
    if share < REGRESSES:
        return "the network regresses: what it adds hardly changes with the seed"
    return "the network draws: what it adds changes with the seed"


def of_channels(
    tuned: pd.DataFrame,
    held_out: pd.DataFrame,
    recipe: str,
    bootstrap: int,
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Yield how channels agree with real labels, read midway and at their chosen thresholds.

    Args:
        tuned: Rows of the table `channels` that thresholds are chosen by.
        held_out: The same of test cases.
        recipe: Whose networks drew them.
        bootstrap: Draws of an interval.
        rng: Source of chance.
    """
    chosen = thresholds.chosen(tuned)
    known, seen = (table[table["dice"].notna()] for table in (held_out, tuned))
    for name, rows in known.groupby("channel", sort=False):
        midway = float(getattr(MIDWAY, str(name)))
        groups, noted = {}, seen.loc[seen["channel"] == name, "case"].nunique()
        for arm, value in (("calibrated", chosen.get(str(name), midway)), ("midway", midway)):
            own = groups[arm] = rows[np.isclose(rows["threshold"], value)]
            found = effects.mean(own["dice"].to_numpy(), own["patient"].to_numpy(), bootstrap, rng)
            yield _row(recipe, "channel_dice", f"{name}/{arm}", found, own, f"above {value:g}")
        values, units = ([g[c].to_numpy() for g in groups.values()] for c in ("dice", "patient"))
        found = effects.gain(values, units, bootstrap, rng)
        said = "chosen on" if name in chosen else "left midway, with"
        note = f"threshold {said} {noted} cases of the tune split; paired by patient"
        arm = f"{name}/calibrated-midway"
        yield _row(recipe, f"channel_dice{GAIN}", arm, found, groups["midway"], note)


def _row(
    recipe: str, metric: str, arm: str, found: Interval, behind: pd.DataFrame, note: str = ""
) -> Row:
    return Row(recipe, metric, found.value, arm, found.low, found.high, len(behind), note=note)


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
