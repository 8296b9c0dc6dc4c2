"""The few numbers that a recipe is judged by first: on the page, and in a release's datasheet."""

import math
from collections.abc import Mapping, Sequence

from radfoundry.report import cohorts
from radfoundry.report.scorecard.card import metric

HEADLINES = (
    *("image_auroc", "pixel_dice", "prompt_effect", "laterality_accuracy", "joint_lobe_dice"),
    *("anatomy_dice", "prompt_auroc_ratio", "pointing_accuracy"),
    *("utility_auroc_gain", "memorised_fraction"),
)
CONTESTED = ("image_auroc", "pixel_dice")  # their arms are rivals; other metrics' are findings
# Arms that stand beside a recipe's figure, never for it.
REFERENCE = ("/real", "/untrained", "/shuffled")


def of(own: Sequence[Mapping], recipe: str) -> list[dict]:
    """Return one number or none for each of `HEADLINES`, on the test set of most cases.

    Only where no test set has a figure is there none. Of rivals the best arm is named, and beside
    it, as `own`, what the recipe's arm reaches there; elsewhere it is the recipe's own arm. What
    real images or untrained networks reach is no headline of a recipe, however many they are.

    Args:
        own: Rows of the scorecard of this recipe.
        recipe: Its name.
    """
    found = []
    for name in HEADLINES:
        rows = _rows(own, name)
        rows = [row for row in rows if math.isfinite(row["value"])] or rows
        mine = [row for row in rows if str(row["arm"]).startswith(recipe)] or rows
        first = max(mine, key=lambda row: row["n"], default=None)
        if first is not None:
            best = _best(rows, first) if name in CONTESTED else first
            beside = "" if best is first else cohorts.number(first)["estimate"]
            found.append(cohorts.number(best) | {"good": metric(name).good, "own": beside})
    return found


def missing(own: Sequence[Mapping]) -> list[str]:
    """Return the titles of those of `HEADLINES` that a recipe's scorecard has no row of."""
    return [metric(name).title for name in HEADLINES if not _rows(own, name)]


def _rows(own: Sequence[Mapping], name: str) -> list[Mapping]:
    rows = [row for row in own if row["metric"] == name]
    return [row for row in rows if not str(row["arm"]).endswith(REFERENCE)]


def _best(rows: Sequence[Mapping], first: Mapping) -> Mapping:
    """Return the row of the best arm on the test set of the first row, which wins a tie."""
    setting = cohorts.number(first)["setting"]
    rivals = [row for row in rows if cohorts.number(row)["setting"] == setting]
    return max([first, *rivals], key=lambda row: row["value"])
