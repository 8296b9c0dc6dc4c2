"""Rows of drawn lesions: asked against measured, what is left of removed ones, what was untouched.

Each figure stands beside its null arms: `/untrained`, of networks at 0 steps, and `/shuffled`, of
what was asked of another sample. What a null arm reaches too is no control.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.config.untrained import ARM
from radfoundry.evaluation.control import FAILED, OUTSIDE, RESIDUAL
from radfoundry.evaluation.metrics import control
from radfoundry.evaluation.metrics.statistics import interval, patient_weights, wilson
from radfoundry.report.scorecard.card import Row

SHUFFLED = "shuffled"
SPEARMAN = "requested_measured_spearman"
CONCORDANCE = "requested_measured_concordance"
CROSS_TALK = "requested_measured_cross_talk"
DRAWN = "drawn_fraction"
NAN = float("nan")


def rows(
    own: pd.DataFrame, null: pd.DataFrame, recipe: str, draws: int, rng: np.random.Generator
) -> list[Row]:
    """Return every row of a recipe's drawn lesions.

    Args:
        own: Rows of the table `control`.
        null: The same of the null arm; may be empty.
        recipe: Whose samples they are.
        draws: Bootstrap samples of an interval.
        rng: Source of chance.
    """
    found = [*_of_arm(own, recipe, "", draws, rng), *_cross_talk(own, recipe)]
    other = own.assign(asked=_shuffled(own, rng))
    found += list(_agreements(other, recipe, f"/{SHUFFLED}", draws, rng))
    if len(null):
        found += list(_of_arm(null, recipe, f"/{ARM}", draws, rng))
    return found


def _of_arm(
    table: pd.DataFrame, recipe: str, ending: str, draws: int, rng: np.random.Generator
) -> Iterator[Row]:
    yield from _agreements(table, recipe, ending, draws, rng)
    for metric in (RESIDUAL, OUTSIDE):
        for organ, part in table[table["feature"] == metric].groupby("organ"):
            known = part[part["measured"].notna()]
            values = known["measured"].to_numpy(float)
            weights = patient_weights(known["patient"].to_numpy(), draws, rng)
            means = (weights @ values) / np.maximum(weights.sum(1), 1)
            value = float(values.mean()) if len(values) else NAN
            found = interval(value, means)
            low, high = found[1:] if known["patient"].nunique() > 1 else (NAN, NAN)
            note = f"median {np.median(values):.3f}" if len(values) else "not seen before either"
            yield Row(recipe, metric, value, f"{organ}{ending}", low, high, len(values), note=note)
    names = table["sample"].nunique()
    failed = int((table["feature"] == FAILED).sum())
    drawn = wilson(names - failed, names)
    yield Row(recipe, DRAWN, drawn.value, f"all{ending}", drawn.low, drawn.high, names, "fraction")


def _agreements(
    table: pd.DataFrame, recipe: str, ending: str, draws: int, rng: np.random.Generator
) -> Iterator[Row]:
    for (organ, feature), part in _asked(table).groupby(["organ", "feature"]):
        asked, measured = (part[name].to_numpy(float) for name in ("asked", "measured"))
        found = control.agreement(asked, measured, part["patient"].to_list(), draws, rng)
        arm = f"{organ}/{feature}{ending}"
        note = (
            f"slope {found.slope:.3g}, R2 {found.r2:.3g}, mean absolute error {found.mae:.4g}"
            if np.isfinite(found.spearman.value)
            else f"fewer than {control.FEWEST} pairs, or all asked alike"
        )
        value, low, high = found.spearman
        yield Row(recipe, SPEARMAN, value, arm, low, high, found.n, note=note)
        yield Row(recipe, CONCORDANCE, found.concordance, arm, n=found.n, unit="1")


def _asked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of features that were asked for."""
    plain = ~table["feature"].isin((RESIDUAL, OUTSIDE, FAILED))
    return table[plain & table["asked"].notna()]


def _cross_talk(table: pd.DataFrame, recipe: str) -> Iterator[Row]:
    """Yield how each knob moves every other one's measurement: rank correlations.

    Knobs are turned independently, so what moves with one is its doing.
    """
    for organ, part in table.groupby("organ"):
        asked = _asked(part).pivot(index="sample", columns="feature", values="asked")
        measured = part.pivot(index="sample", columns="feature", values="measured")
        for knob in asked.columns:
            for other in [name for name in asked.columns if name != knob]:
                pair = pd.concat([asked[knob], measured[other]], axis=1).dropna().to_numpy(float)
                if len(pair) >= control.FEWEST:
                    value = control.spearman(*pair.T)
                    arm = f"{organ}/{knob}>{other}"
                    yield Row(recipe, CROSS_TALK, value, arm, n=len(pair), unit="1")


def _shuffled(table: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Return, for every row, what was asked of another sample of the same feature and organ."""
    out = table["asked"].copy()
    for _, part in _asked(table).groupby(["organ", "feature"]):
        out.loc[part.index] = control.shuffled(part["asked"].to_numpy(float), rng)
    return out
