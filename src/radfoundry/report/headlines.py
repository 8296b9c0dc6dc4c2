"""The few numbers that a recipe is judged by first: on the page, and in a release's datasheet."""

import math
from collections.abc import Mapping, Sequence

from radfoundry.evaluation.metrics.few_shot import ADDED, BASELINE
from radfoundry.report import cohorts
from radfoundry.report.scorecard.card import Row, metric

HEADLINES = (
    *("image_auroc", "pixel_dice", "prompt_effect", "laterality_accuracy", "joint_lobe_dice"),
    *("given_lobe_dice", "airway_volume_cm3", "anatomy_dice", "prompt_auroc_ratio"),
    *("pointing_accuracy", "inside_region_fraction", "mask_distance"),
    *("requested_measured_spearman", "removal_residual_fraction", "outside_identical_fraction"),
    *("fid", "utility_auroc_gain", "few_shot_auroc_gain", "few_shot_dice_gain"),
    "memorised_fraction",
)
CONTESTED = ("image_auroc", "pixel_dice")  # their arms are rivals; other metrics' are findings
# Arms that stand beside a recipe's figure, never for it.
REFERENCE = ("/real", "/untrained", "/shuffled", "real_floor", "corrupted_real")
# The arm that stands for all, where it has as many cases as others; elsewhere the first one does.
WHOLE = ("all", "synthetic", f"{ADDED}-{BASELINE}")


def of(own: Sequence[Mapping], recipe: str) -> list[dict]:
    """Return one number in words for each of `HEADLINES` that a recipe has.

    Of rivals the best arm on that test set is named, and beside it, as `own`, what the recipe's arm
    reaches there; elsewhere it is the recipe's own arm.

    Args:
        own: Rows of the scorecard of this recipe.
        recipe: Its name.
    """
    found = []
    for first in chosen(own, recipe):
        name = first["metric"]
        best = _best(_rows(own, name), first) if name in CONTESTED else first
        beside = "" if best is first else cohorts.number(first)["estimate"]
        found.append(cohorts.number(best) | {"good": metric(name).good, "own": beside})
    return found


def chosen(own: Sequence[Mapping], recipe: str) -> list[Mapping]:
    """Return the recipe's own row of each of `HEADLINES`, on the test set of most cases.

    Only where no test set has a figure is it one without. What real images or untrained networks
    reach is no headline of a recipe, however many they are.
    """
    found = []
    for name in HEADLINES:
        rows = _rows(own, name)
        rows = [row for row in rows if math.isfinite(row["value"])] or rows
        mine = [row for row in rows if _first(row).split("-")[0] == recipe] or rows
        found += [max(mine, key=_weight)] if mine else []
    return found


def missing(own: Sequence[Mapping]) -> list[str]:
    """Return what a recipe is judged by first and nobody measured, each with why.

    These are rows of the scorecard too, see `scorecard.absent`.
    """
    return [f"{metric(row['metric']).title}: {row['note']}" for row in own if _absent(row)]


def _absent(row: Mapping) -> bool:
    return row["arm"] == Row.arm and row["n"] == 0 and math.isnan(row["value"])


def _weight(row: Mapping) -> tuple[int, bool]:
    return row["n"], _first(row) in WHOLE


def _first(row: Mapping) -> str:
    """Return what an arm is, without the test set and the finding."""
    return str(row["arm"]).split("/")[0]


def _rows(own: Sequence[Mapping], name: str) -> list[Mapping]:
    rows = [row for row in own if row["metric"] == name and not _absent(row)]
    return [row for row in rows if not str(row["arm"]).endswith(REFERENCE)]


def _best(rows: Sequence[Mapping], first: Mapping) -> Mapping:
    """Return the row of the best arm on the test set of the first row, which wins a tie."""
    setting = cohorts.number(first)["setting"]
    rivals = [row for row in rows if cohorts.number(row)["setting"] == setting]
    return max([first, *rivals], key=lambda row: row["value"])
