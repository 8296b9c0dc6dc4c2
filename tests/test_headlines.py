"""What a recipe is judged by first, and that its lack is said."""

import pytest
from factory import small_config

from radfoundry.config import catalogue, headlines
from radfoundry.config.settings import checked
from radfoundry.evaluation.metrics import few_shot as figures
from radfoundry.report import headlines as told
from radfoundry.report.scorecard import absent, few_shot
from radfoundry.report.scorecard.card import GAIN, Row, build
from radfoundry.report.scorecard.metrics import METRICS

NAN = float("nan")


@pytest.mark.parametrize("generator", catalogue.names("generators"))
def test_every_generator_says_what_its_samples_are_judged_by_and_what_measures_it(generator):
    stated = catalogue.constant("generators", generator, "HEADLINES")
    assert {name.removesuffix(GAIN) for name in stated} <= set(METRICS)
    assert set(stated) <= set(told.HEADLINES)  # else the page would not show it
    parts = {"synthesis", "control", "memorisation", *catalogue.names("tasks")}
    assert set(stated.values()) <= parts
    assert "memorised_fraction" in stated


def test_what_the_config_does_not_ask_for_is_said_to_be_not_asked_for():
    config = small_config()
    config["evaluate"]["memorisation"] = {"recipes": ["medsyn"]}
    found = headlines.unmeasured(checked(config), "medsyn")
    assert (
        found["memorised_fraction"] == "not measurable: evaluate.memorisation gave no such figure"
    )
    found = headlines.unmeasured(checked(config), "artasyn")
    assert found["memorised_fraction"].endswith(
        "evaluate.memorisation.recipes does not name the recipe"
    )


def test_a_figure_that_nobody_measured_is_a_row_without_a_value():
    card = build([Row("r", "fid", 2.0, "synthetic", n=9), Row("s", "kid", 1.0)])
    asked = {"r": {"fid": "no", "anatomy_dice": "nobody asked"}, "s": {"fid": "not asked"}}
    lacking = build(absent.rows(card, asked))
    assert lacking[["recipe", "metric", "note"]].to_numpy().tolist() == [
        ["r", "anatomy_dice", "nobody asked"],
        ["s", "fid", "not asked"],
    ]
    assert lacking["value"].isna().all()
    rows = lacking.to_dict("records")
    assert told.of(rows, "r") == []
    reasons = [line.rpartition(": ")[2] for line in told.missing(rows)]
    assert reasons == ["nobody asked", "not asked"]


def test_the_gain_that_is_claimed_is_that_of_samples_over_the_same_patients_repeated():
    assert set(few_shot.CLAIMS.values()) == {f"{figures.ADDED}-{figures.BASELINE}"}


def test_a_gain_of_other_means_is_no_figure_of_a_recipe():
    card = build([Row("r", "few_shot_dice_gain", 0.2, "copy_paste-real_repeated/c/t/k4", n=9)])
    (row,) = absent.rows(card, {"r": {"few_shot_dice_gain": "no samples taught"}})
    assert row.note == "no samples taught"
    assert told.of(card.to_dict("records"), "copy_paste") == []


def test_a_figure_that_was_asked_for_and_is_not_defined_is_not_called_unmeasured():
    rows = build([Row("r", "fid", NAN, "synthetic", n=3, note="too few")]).to_dict("records")
    assert told.missing(rows) == []
    assert told.of(rows, "r")[0]["note"] == "too few"


CLAIM = "synthetic_added-real_repeated/c/f/k4"


@pytest.mark.parametrize(
    ("metric", "arms", "first"),
    [
        ("fid", ("real_floor", "corrupted_real", "synthetic"), "synthetic"),
        ("airway_volume_cm3", ("real", "synthetic"), "synthetic"),
        ("prompt_auroc_ratio", ("cardiomegaly", "all"), "all"),
        ("few_shot_auroc_gain", ("real-real_repeated/c/f/k4", CLAIM), CLAIM),
        ("few_shot_dice_gain", ("r-real_repeated/c/f/k4", CLAIM), CLAIM),
        ("utility_auroc_gain", ("real_synthetic-real/c/f", "synthetic-real/c/f"), None),
    ],
)
def test_the_arm_that_stands_for_all_is_the_headline_and_never_a_floor(metric, arms, first):
    rows = build(Row("r", metric, 0.5, arm, n=9) for arm in arms).to_dict("records")
    assert told.chosen(rows, "r")[0]["arm"] == (first or arms[0])
