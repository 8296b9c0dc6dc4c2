"""Rows of a recipe's null arm: the same measurements, with claimed networks at 0 steps.

Beside them stands which share of each of the recipe's effects the null arm has too. What it has,
no network learned: the pipeline around it does it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.config.untrained import ARM
from radfoundry.evaluation.metrics import effects
from radfoundry.evaluation.metrics.statistics import Interval, patient_weights
from radfoundry.report.scorecard import probes, prompts, volumes
from radfoundry.report.scorecard.card import Row
from radfoundry.report.scorecard.formatting import shown

NAN = float("nan")
SHARE = "_share"
CHANCE = 0.5  # of drawing a finding on the side that is named, or of telling it from none
NOBODY = pd.DataFrame(columns=["case", "patient", "findings", "measurement", "value", "truth"])
AT_MOST = 0.2  # of an effect: the rest is the network's
NOTHING = "no share: the recipe's own interval holds chance, or there is none"


def rows(
    null: pd.DataFrame,
    distances: pd.DataFrame,
    trained: pd.DataFrame,
    recipe: str,
    draws: int,
    rng: np.random.Generator,
) -> list[Row]:
    """Return every row of a null arm, its arm ending in "/untrained"; none where nothing was drawn.

    Args:
        null: Rows of the table `probes` of the null arm.
        distances: Rows of the table `distances` of the null arm.
        trained: Rows of the table `probes` of the recipe.
        recipe: Whose null arm it is.
        draws: Bootstrap samples of an interval.
        rng: Source of chance.
    """
    nobody = NOBODY.astype({"value": float, "truth": float})
    found = prompts.rows(null, nobody, recipe, draws, rng)
    own = distances[distances["arm"] == "synthetic"]
    found += volumes.of_distances(own, recipe, {})
    tables = probes.wide(null), probes.wide(trained)
    found += _effects(*tables, recipe, probes.Bootstrap(draws, rng))
    whole = prompts.rows(trained, nobody, recipe, draws, rng)
    found += beyond_chance(found, whole, ("laterality_accuracy",))
    return [replace(row, arm=f"{row.arm}/{ARM}") for row in found]


def _effects(
    null: pd.DataFrame, trained: pd.DataFrame, recipe: str, bootstrap: probes.Bootstrap
) -> Iterator[Row]:
    """Yield which share of each finding's effect the null arm has."""
    for finding, measured in prompts.FINDINGS.items():
        pairs = [prompts.pair_of(drawn, finding) for drawn in (null, trained)]
        if not all(len(own) for pair in pairs for own in pair):
            continue
        values = [prompts.values_of(pair, measured) for pair in pairs]
        part, whole = (
            (own, [patient_weights(rows["sample"].to_numpy(), *bootstrap) for rows in pair])
            for own, pair in zip(values, pairs, strict=True)
        )
        of = effects.separation(*part).value, effects.separation(*whole).value
        found, n = effects.share(part, whole), sum(map(probes.known, values[0]))
        yield _row(recipe, f"prompt_effect{SHARE}", finding, found, n, of)


def beyond_chance(
    null: Sequence[Row], trained: Sequence[Row], metrics: Collection[str]
) -> list[Row]:
    """Return which share of what lies beyond chance the null arm has; none where it has less.

    What is not seen counts as wrong: a null arm that draws no fluid knows no sides.

    Args:
        null: Rows of the null arm.
        trained: Those of the recipe.
        metrics: Which of them: metrics that guessing brings to one half.
    """
    whole = {(row.metric, row.arm): row for row in trained if row.metric in metrics}
    return list(_beyond_chance(null, whole))


def _beyond_chance(null: Sequence[Row], whole: Mapping[tuple[str, str], Row]) -> Iterator[Row]:
    for row in [row for row in null if (row.metric, row.arm) in whole]:
        other = whole[row.metric, row.arm]
        beyond = other.value - CHANCE if other.low > CHANCE else NAN
        ends = (
            np.maximum(np.array([row.value, row.low, row.high]) - CHANCE, 0) / beyond
        )  # NaN stays
        found = Interval(*map(float, ends))
        of = row.value, other.value
        yield _row(row.recipe, f"{row.metric}{SHARE}", row.arm, found, row.n, of)


def _row(
    recipe: str, metric: str, arm: str, found: Interval, n: int, of: tuple[float, float]
) -> Row:
    note = f"{of[0]:.3g} untrained, {of[1]:.3g} trained"
    if not np.isfinite(found.value):
        note += "; not measurable in the null arm" if np.isnan(of[0]) else f"; {NOTHING}"
    return Row(recipe, metric, found.value, arm, found.low, found.high, n, note=note)


def sentence(card: pd.DataFrame, recipe: str) -> str:
    """Return what a recipe's null arm says of it, in plain words; "" where it has none.

    Args:
        card: Rows of the scorecard.
        recipe: One of its recipes.
    """
    own = card[(card["recipe"] == recipe) & card["arm"].str.endswith(f"/{ARM}")]
    if own.empty:
        return ""
    shares = own[own["metric"].str.endswith(SHARE) & own["value"].notna()]
    told = ", ".join(map(_told, shares.to_dict("records")))
    if shares.empty:
        return (
            "No effect of the untrained network can be set against the recipe's: too little was "
            "drawn, or the recipe itself has no effect that chance would not explain."
        )
    if (above := shares["value"] > AT_MOST).any():
        return (
            f"Untrained, the same pipeline has more than a fifth of {above.sum()} of {len(shares)} "
            f"effects ({told}): those are not drawn by what the network learned alone."
        )
    return (
        f"Untrained, the same pipeline has at most a fifth of each of {len(shares)} effects "
        f"({told}): they are drawn by what the network learned."
    )


def _told(row: Mapping[Any, Any]) -> str:
    what = str(row["arm"]).removesuffix(f"/{ARM}").replace("_", " ").replace("/", " ")
    named = f"side of {what}" if row["metric"].startswith("laterality") else what
    return f"{named} {shown(row['value'], row['unit'])}"
