"""The few numbers that a recipe is judged by first: on the page, and in a release's datasheet."""

import math
from collections.abc import Mapping, Sequence

from radfoundry.report import cohorts
from radfoundry.report.scorecard import absent, few_shot
from radfoundry.report.scorecard.card import metric

HEADLINES = (
    *("image_auroc", "pixel_dice", "prompt_effect", "laterality_accuracy", "joint_lobe_dice"),
    *("given_lobe_dice", "airway_volume_cm3", "anatomy_dice", "prompt_auroc_ratio"),
    *("pointing_accuracy", "inside_region_fraction", "mask_distance"),
    *("requested_measured_spearman", "removal_residual_fraction", "outside_identical_fraction"),
    *("fid", "utility_auroc_gain", "few_shot_auroc_gain", "few_shot_dice_gain"),
    "memorised_fraction",
)
CONTESTED = ("image_auroc", "pixel_dice")  # their arms are rivals; other metrics' are findings
# Arms that stand beside a recipe's figure, never for it: what they end in, or are.
BESIDE = ("/real", "/real_floor", "/untrained", "/shuffled")
REFERENCES = ("real", "real_floor", "corrupted_real")
# The arm that stands for all, where it has as many cases as others; elsewhere the first one does.
WHOLE = ("all", "synthetic")


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

    Only where no test set has a figure is it one without. Of rivals it is the arm that is called
    after the recipe, of what samples add to few patients the arm with samples. What real images or
    untrained networks reach is no headline of a recipe, however many they are.
    """
    found = []
    for name in HEADLINES:
        rows = _rows(own, name)
        rows = [row for row in rows if math.isfinite(row["value"])] or rows
        if name in CONTESTED:
            rows = [row for row in rows if _first(row).split("-")[0] == recipe] or rows
        found += [max(rows, key=_weight)] if rows else []
    return found


def missing(own: Sequence[Mapping]) -> list[str]:
    """Return what a recipe is judged by first and has no figure of, each with why.

    These are rows of the scorecard too, see `scorecard.absent`.
    """
    return [f"{metric(row['metric']).title}: {row['note']}" for row in own if _absent(row)]


def _absent(row: Mapping) -> bool:
    return row["arm"] == absent.ARM and row["n"] == 0 and math.isnan(row["value"])


def _weight(row: Mapping) -> tuple[int, bool]:
    return row["n"], _first(row) in WHOLE


def _first(row: Mapping) -> str:
    """Return what an arm is, without the test set and the finding."""
    return str(row["arm"]).split("/")[0]


def _rows(own: Sequence[Mapping], name: str) -> list[Mapping]:
    rows = [row for row in own if row["metric"] == name and not _absent(row)]
    if name in few_shot.CLAIMS:
        return [row for row in rows if _first(row) == few_shot.CLAIMS[name]]
    return [row for row in rows if not is_reference(row["arm"])]


def is_reference(arm: str) -> bool:
    """Return whether an arm stands beside a recipe's figure, and not for it.

    >>> [is_reference(arm) for arm in ("lungs/real", "all/real_floor", "real_synthetic-real")]
    [True, True, False]
    """
    return arm.endswith(BESIDE) or arm.split("/")[0] in REFERENCES


def _best(rows: Sequence[Mapping], first: Mapping) -> Mapping:
    """Return the row of the best arm on the test set of the first row, which wins a tie."""
    setting = cohorts.number(first)["setting"]
    rivals = [row for row in rows if cohorts.number(row)["setting"] == setting]
    return max([first, *rivals], key=lambda row: row["value"])
