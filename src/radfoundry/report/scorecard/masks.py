"""Turn descriptions of masks into rows of the scorecard: like real ones, and where they may lie?

Masks of the test split are the real ones. Beside each figure of a recipe stand that of other real
films, of the tune split (`/real`), and that of its null arm (`/untrained`).
"""

import numpy as np
import pandas as pd

from radfoundry.config.untrained import ARM
from radfoundry.evaluation import masks
from radfoundry.evaluation.metrics import effects
from radfoundry.report.scorecard.card import Row

FLOOR = "real_floor"
ENDINGS = {"synthetic": "", FLOOR: "/real", ARM: f"/{ARM}"}


def rows(
    own: pd.DataFrame, null: pd.DataFrame, recipe: str, draws: int, rng: np.random.Generator
) -> list[Row]:
    """Return `mask_distance` and `inside_region_fraction` of each finding; [] where none is drawn.

    Args:
        own: The table `masks` of the recipe.
        null: That of its null arm; empty where there is none.
        recipe: Whose samples they are.
        draws: Bootstrap samples of an interval.
        rng: Source of chance.
    """
    sets = {"synthetic": own[own["set"] == "drawn"], FLOOR: own[own["set"] == "tune"]}
    sets |= {ARM: null[null["set"] == "drawn"]}
    if sets["synthetic"].empty:
        return []
    given = {arm: part for arm, part in sets.items() if len(part)}
    far = masks.compared(own[own["set"] == "test"], given, rng, {"draws": draws})
    found = []
    for row in far.to_dict("records"):
        kind, finding = row["arm"].split("/")
        figures = row["value"], f"{finding}{ENDINGS[kind]}", row["low"], row["high"], row["n"]
        found.append(Row(recipe, masks.METRIC, *figures, note=row["note"]))
    for kind, part in given.items():
        for finding in sorted(set(part["finding"])):
            each = part[part["finding"] == finding]
            unit = "patient" if kind == FLOOR else "case"
            mean = effects.mean(each["inside"].to_numpy(float), each[unit].to_list(), draws, rng)
            figures = mean.value, f"{finding}{ENDINGS[kind]}", mean.low, mean.high, len(each)
            note = "before masks were cut to it, if they were" if kind != FLOOR else "as labeled"
            found.append(Row(recipe, "inside_region_fraction", *figures, note=note))
    return found
