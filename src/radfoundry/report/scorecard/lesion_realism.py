"""Rows of how real drawn lesions measure, and the tissue around them, beside real ones.

Each figure stands beside its floor, real lesions of other patients (`/real_floor`), and its null
arm, networks at 0 steps (`/untrained`).
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from radfoundry.config.untrained import ARM
from radfoundry.evaluation.metrics import effects
from radfoundry.evaluation.metrics.statistics import patient_weights
from radfoundry.evaluation.realism import distances, lesions
from radfoundry.evaluation.realism.distances import Rows
from radfoundry.report.scorecard.card import Row

ALL, ADDED = "all", "add"
FRECHET = {"lesion_frd": lesions.LESION, "shell_frd": lesions.SHELL}
SHIFT = "shell_shift"
DEFINED = 0.9  # of real lesions: a feature that fewer have is not compared
LEAST = int(distances.OPTIONS["least"])
NAN = float("nan")


def rows(
    own: pd.DataFrame, null: pd.DataFrame, recipe: str, draws: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield every row of a recipe.

    Drawn lesions of patients whose real ones are compared with are left out.

    Args:
        own: Of the table `lesions`.
        null: Drawn lesions of the null arm; may be empty.
        recipe: Whose samples they are.
        draws: Bootstrap samples of an interval.
        rng: Source of chance.
    """
    real, floor = (own[own["set"] == kind] for kind in (lesions.REAL, lesions.FLOOR))
    for kind in (ALL, ADDED):
        arms = {kind: _drawn(own, real, kind), f"{kind}/{lesions.FLOOR}": floor}
        if len(null):
            arms[f"{kind}/{ARM}"] = _drawn(null, real, kind)
        yield from _distances(real, arms, recipe, draws, rng)
        yield from _shifts(real, arms, recipe, draws, rng)


def _drawn(table: pd.DataFrame, real: pd.DataFrame, kind: str) -> pd.DataFrame:
    drawn = table[(table["set"] == lesions.DRAWN) & ~table["patient"].isin(real["patient"])]
    return drawn if kind == ALL else drawn[drawn["operation"] == kind]


def _distances(
    real: pd.DataFrame,
    arms: Mapping[str, pd.DataFrame],
    recipe: str,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Yield the distances of arms, n lesions against n, the same n for all, one of each patient.

    With several lesions of a patient, as many rows would be of fewer patients in one arm than in
    another. An arm that is too small is left out, so that it does not take the others' figures.
    """
    for metric, part in FRECHET.items():
        names = lesions.columns_of(real, part)
        names = [name for name in names if real[name].notna().mean() >= DEFINED]
        sets = {arm: _each(table, names, rng) for arm, table in arms.items()}
        large = {arm: own for arm, own in sets.items() if len(own.owners) >= LEAST}
        for some in (large, {arm: own for arm, own in sets.items() if arm not in large}):
            if some:
                told = {"draws": draws}
                found = distances.radiomic_distances(_each(real, names, rng), some, rng, told)
                yield from (_row(recipe, metric, row) for row in found.to_dict("records"))


def _row(recipe: str, metric: str, found: Mapping) -> Row:
    value, low, high = (float(found[name]) for name in ("value", "low", "high"))
    note = f"{found['note']}; one lesion a patient"
    return Row(recipe, metric, value, str(found["arm"]), low, high, int(found["n"]), note=note)


def _each(table: pd.DataFrame, names: list[str], rng: np.random.Generator) -> Rows:
    """Return one row of each patient, of those that have all features."""
    whole = table[table[names].notna().all(axis=1)]
    one = whole.groupby("patient").sample(1, random_state=rng) if len(whole) else whole
    return Rows(one[names].reset_index(drop=True), one["patient"].astype(str).to_list())


def _shifts(
    real: pd.DataFrame,
    arms: Mapping[str, pd.DataFrame],
    recipe: str,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Yield how far each feature of the tissue is off, in each arm."""
    for name in lesions.columns_of(real, lesions.SHELL):
        for arm, table in arms.items():
            pair = [each[each[name].notna()] for each in (table, real)]
            whose = [each["patient"].astype(str).to_numpy() for each in pair]
            weights = [patient_weights(own, draws, rng) for own in whose]
            found = effects.separation([each[name].to_numpy(float) for each in pair], weights)
            few = min(len(set(own)) for own in whose) < effects.FEWEST
            low, high = (NAN, NAN) if few else (found.low, found.high)
            place = f"{name.removeprefix(lesions.SHELL)}/{arm}"
            yield Row(recipe, SHIFT, found.value, place, low, high, len(pair[0]))
