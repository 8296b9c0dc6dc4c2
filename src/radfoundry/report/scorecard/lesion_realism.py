"""Rows of how real drawn lesions measure, and the tissue around them, beside real ones.

Each figure stands beside its floor, real lesions of other patients (`/real_floor`), and its null
arm, networks at 0 steps (`/untrained`).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.config.untrained import ARM
from radfoundry.evaluation.metrics import effects
from radfoundry.evaluation.metrics.statistics import patient_weights
from radfoundry.evaluation.realism import distances, lesions
from radfoundry.evaluation.realism.distances import Rows
from radfoundry.report.scorecard.card import Row

ALL = "all"
FRECHET = {"lesion_frd": lesions.LESION, "shell_frd": lesions.SHELL}
SHIFT = "shell_shift"


def rows(
    own: pd.DataFrame, null: pd.DataFrame, recipe: str, draws: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield every row of a recipe.

    Args:
        own: Of the table `lesions`.
        null: Drawn lesions of the null arm; may be empty.
        recipe: Whose samples they are.
        draws: Bootstrap samples of an interval.
        rng: Source of chance.
    """
    real = own[own["set"] == lesions.REAL]
    arms = {ALL: own[own["set"] == lesions.DRAWN]}
    arms[f"{ALL}/{lesions.FLOOR}"] = own[own["set"] == lesions.FLOOR]
    if len(null):
        arms[f"{ALL}/{ARM}"] = null[null["set"] == lesions.DRAWN]
    for metric, part in FRECHET.items():
        names = lesions.columns_of(own, part)
        sets = {arm: Rows(table[names], _owners(table)) for arm, table in arms.items()}
        options = {"draws": draws}
        found = distances.radiomic_distances(
            Rows(real[names], _owners(real)), sets, rng, options
        ).set_index("arm")
        for arm, row in found.iterrows():
            value, low, high = (row[name] for name in ("value", "low", "high"))
            yield Row(recipe, metric, value, str(arm), low, high, int(row["n"]), note=row["note"])
    for name in lesions.columns_of(own, lesions.SHELL):
        for arm, table in arms.items():
            groups = [each[name].to_numpy(float) for each in (table, real)]
            weights = [patient_weights(np.array(_owners(each)), draws, rng)
                       for each in (table, real)]  # fmt: skip
            value, low, high = effects.separation(groups, weights)
            first, slash, ending = arm.partition("/")
            place = f"{name.removeprefix(lesions.SHELL)}{slash}{ending}"
            yield Row(recipe, SHIFT, value, place, low, high, len(table))


def _owners(table: pd.DataFrame) -> list[str]:
    return table["patient"].astype(str).to_list()
