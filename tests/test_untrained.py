"""The null arm of a recipe: which recipe it is, and what scorecard and report make of it."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import test_medsyn
import test_wgan
import torch
from factory import small_config
from test_scorecard_prompts import PROBES, fluid, side

from radfoundry.config import catalogue, lookups, untrained
from radfoundry.config.settings import ConfigurationError, checked, strict_load
from radfoundry.report.scorecard import untrained as null_rows
from radfoundry.report.scorecard.card import Row, build

ROOT = Path(__file__).parents[1]
DISTANCES = pd.DataFrame(columns=["metric", "arm", "value", "low", "high", "n", "note"])


def configured(**synthesis):
    config = small_config()
    recipes, stated = config["recipes"], config["evaluate"]["synthesis"]
    recipes["borrower"] = recipes["medsyn"] | {"networks": {"low_resolution": "medsyn"}}
    recipes["borrower"] |= {"train": {"text": {"steps": 0}}}
    recipes["baseline"] = recipes["medsyn"] | {"generator": "wgan", "train": {}, "sample": {}}
    recipes["unjudged"] = recipes["medsyn"]
    stated |= {"recipes": ["medsyn", "borrower", "baseline"], "untrained": {}, **synthesis}
    stated["probes"] = {"prompt": 8, "side": 3, "given": 2, "segment": 2}
    return checked(config)


@pytest.fixture(scope="module")
def settings():
    return configured()


@pytest.fixture(scope="module")
def arms(settings):
    return untrained.beside(settings)["recipes"]


def test_only_recipes_that_are_measured_have_a_null_arm_and_all_of_those(settings, arms):
    names = [f"{name}.untrained" for name in ("medsyn", "borrower", "baseline")]
    assert untrained.all_arms(settings) == names
    assert set(arms) == set(settings["recipes"]) | set(names)


def asked_of_a_task(settings, recipe):
    task = settings["evaluate"]["few_shot_radiographs"] | {"recipes": [recipe], "untrained": True}
    return {**settings, "evaluate": {**settings["evaluate"], "few_shot_radiographs": task}}


def test_a_task_that_asks_for_them_has_arms_that_the_null_arm_teaches(settings):
    asked = asked_of_a_task(settings, "medsyn")
    null = ["untrained", "untrained_pretrained"]
    plain = lookups.arms(settings, "few_shot_radiographs")
    assert not set(null) & set(plain)
    assert lookups.arms(asked, "few_shot_radiographs") == [*plain, *null]
    taught = partial(untrained.teachers, asked, "medsyn", "few_shot_radiographs")
    assert taught("untrained_pretrained") == ["medsyn.untrained"]
    assert taught("synthetic_added") == []
    assert untrained.teachers(settings, "medsyn", "anomaly", "untrained") == []


def test_a_task_cannot_ask_for_the_null_arm_of_a_recipe_that_has_none(settings):
    (fault,) = untrained.found(asked_of_a_task(settings, "unjudged"))
    said = "evaluate.few_shot_radiographs.untrained: is true, but 'unjudged' has no null arm"
    assert fault.startswith(said)
    assert list(untrained.found(asked_of_a_task(settings, "medsyn"))) == []


def test_a_null_arm_that_draws_too_few_for_a_task_is_told_how_many_it_needs(settings):
    asked, entry = asked_of_a_task(settings, "medsyn"), settings["recipes"]["medsyn"]
    own = {"medsyn": entry | {"sample": entry["sample"] | {"count": 40}}}
    asked["recipes"] = settings["recipes"] | own
    (line,) = untrained.advice(asked)
    assert line.startswith("evaluate.synthesis.untrained.samples: is 8, but few_shot_radiographs")
    assert line.endswith("write 40")  # all that the recipe draws
    asked["evaluate"]["few_shot_radiographs"]["added"] = 8
    (line,) = untrained.advice(asked)
    assert line.endswith("write 16, or 40 where fewer than half of the samples show it")
    asked["evaluate"]["few_shot_radiographs"]["added"] = 4
    assert untrained.advice(asked) == untrained.advice(settings) == []


def test_a_task_of_lesions_is_told_by_the_section_that_draws_its_null_arm():
    whole = strict_load(ROOT / "benchmarks/showcase_tumours.yaml")
    whole["evaluate"]["control"]["untrained"] = {"samples": 16}
    lines = untrained.advice(checked(whole))
    assert len(lines) == 4  # brain, breast, kidney, lung
    assert lines[0].startswith("evaluate.control.untrained.samples: is 16, but few_shot_lesions")


def test_the_claimed_network_has_no_steps_and_the_others_are_borrowed(settings, arms):
    arm = arms["medsyn.untrained"]
    assert arm["train"]["low_resolution"] == {"steps": 0, "batch": 2}
    assert arm["networks"] == {"text": "medsyn", "super_resolution": "medsyn"}
    assert arms["baseline.untrained"]["train"]["gan"] == {"steps": 0}
    same = ("generator", "cohort", "size", "seed", "batch")
    assert all(arm[key] == settings["recipes"]["medsyn"][key] for key in same)


def test_a_claimed_network_that_is_borrowed_is_untrained_as_its_lender_states_it(arms):
    arm = arms["borrower.untrained"]
    assert arm["train"]["low_resolution"] == {"steps": 0, "batch": 2}
    assert arm["networks"] == {"text": "borrower", "super_resolution": "borrower"}


def test_no_more_is_drawn_than_asked_for_nor_than_of_the_recipe(arms):
    sample = arms["medsyn.untrained"]["sample"]
    assert sample["count"] == 4
    assert sample["probes"] == {"prompt": 5, "side": 3, "given": 0, "segment": 0}
    assert arms["baseline.untrained"]["sample"]["count"] == 8


def test_a_network_that_starts_from_a_bundle_is_untrained_without_it():
    config = small_config()
    config["recipes"]["medsyn"]["train"]["start"] = "chest.zip"
    arm = untrained.beside(checked(config))["recipes"]["medsyn.untrained"]
    assert "start" not in arm["train"]


def test_null_arms_are_left_out_where_the_config_says_so_and_true_is_refused():
    assert untrained.all_arms(configured(untrained=False)) == []
    with pytest.raises(ConfigurationError, match=r"untrained: is True; allowed: false, or keys"):
        configured(untrained=True)
    with pytest.raises(ConfigurationError, match="evaluate.synthesis.untrained.prompts: unknown"):
        configured(untrained={"prompts": 3})


def test_a_null_arm_changes_nothing_that_the_recipes_networks_are_trained_by(settings):
    beside = untrained.beside(settings)
    for network in lookups.networks(settings, "medsyn"):
        told = [lookups.training_options(s, "medsyn", network) for s in (settings, beside)]
        assert told[0] == told[1]
    assert lookups.coarse_factors(beside, "chest_ct") == lookups.coarse_factors(
        settings, "chest_ct"
    )


@pytest.mark.parametrize("name", catalogue.names("generators"))
def test_every_generator_that_learns_says_which_of_its_networks_are_claimed(name):
    networks = catalogue.constant("generators", name, "NETWORKS")
    claimed = catalogue.stated("generators", name, "CLAIMED", ())
    assert set(claimed) <= set(networks)
    assert bool(claimed) == bool(networks)
    assert all("steps" in catalogue.training(name)[network] for network in claimed)


TRAINED = fluid([900.0, 900.0, 1000.0, 1100.0, 1100.0], [0.0, 0.0, 100.0, 200.0, 200.0])
TRAINED += side("right", [9.0] * 10, [1.0] * 10) + side("left", [1.0] * 10, [9.0] * 10)


def scored(null, trained=TRAINED, distances=DISTANCES):
    """Return the rows of a null arm by metric and arm."""
    tables = [pd.DataFrame(rows, columns=PROBES) for rows in (null, trained)]
    rng = np.random.default_rng(0)
    found = null_rows.rows(tables[0], distances, tables[1], "mine", 200, rng)
    return build(found).set_index(["metric", "arm"])


def test_an_effect_that_is_there_untrained_has_its_share_with_an_interval():
    null = fluid([500.0, 500.0, 600.0, 700.0, 700.0], [0.0, 0.0, 100.0, 200.0, 200.0])
    found = scored(null)
    assert found.index.isin([("prompt_effect", "pleural_effusion/untrained")]).any()
    share = found.loc["prompt_effect_share", "pleural_effusion/untrained"]
    assert share["value"] == pytest.approx(500 / 900)
    assert share["low"] < share["value"] < share["high"]
    assert (share["unit"], share["n"], share["higher_is_better"]) == ("fraction", 10, False)


def test_there_is_no_share_of_an_effect_that_chance_would_explain():
    trained = fluid([0.0, 50.0, 100.0, 150.0, 200.0], [0.0, 60.0, 90.0, 150.0, 210.0])
    share = scored(TRAINED[:10], trained).loc["prompt_effect_share", "pleural_effusion/untrained"]
    assert np.isnan(share["value"])
    assert share["note"].endswith(
        "no share: the recipe's own interval holds chance, or there is none"
    )


def test_volumes_that_show_nothing_have_no_share_and_those_without_a_chest_none_that_is_known():
    share = scored(fluid([0.0] * 5, [0.0] * 5)).loc["prompt_effect_share"]
    assert share["value"].tolist() == [0.0]
    share = scored(fluid([np.nan] * 5, [np.nan] * 5)).loc["prompt_effect_share"]
    assert share["value"].isna().all()
    assert share["note"].iloc[0].endswith("not measurable in the null arm")


def test_the_share_of_sides_is_of_what_is_beyond_chance():
    null = side("right", [9.0, 9.0, 9.0, 1.0], [1.0, 1.0, 1.0, 9.0])
    found = scored(null).loc["laterality_accuracy_share"]
    assert found.loc["pleural_effusion/right/untrained", "value"] == pytest.approx(0.5)
    assert (
        scored(null, side("right", [9.0], [1.0]))
        .loc["laterality_accuracy_share", "value"]
        .isna()
        .all()
    )


def test_a_share_of_a_figure_without_an_interval_has_none_and_of_none_there_is_none():
    metric = "prompt_auroc"
    whole = [Row("r", metric, 0.9, "nodule", 0.8, 1.0), Row("r", metric, 0.9, "mass", 0.8, 1.0)]
    nan = float("nan")
    null = [Row("r", metric, 0.6, "nodule", nan, nan), Row("r", metric, nan, "mass", nan, nan)]
    few, unknown = null_rows.beyond_chance(null, whole, (metric,))
    assert few.value == pytest.approx(0.25)
    assert np.isnan([few.low, few.high, unknown.value]).all()


def test_a_null_arm_that_draws_no_fluid_has_no_share_of_sides():
    found = scored(side("right", [0.0] * 4, [0.0] * 4)).loc["laterality_accuracy_share"]
    assert found.loc["pleural_effusion/right/untrained", "value"] == 0


def test_of_distances_only_the_null_arms_own_is_told():
    row = {"metric": "fid", "value": 2.0, "low": 1.0, "high": 3.0, "n": 8, "note": "8 against 8"}
    arms = pd.DataFrame([row | {"arm": arm} for arm in ("synthetic", "real_floor")])
    assert list(scored([], [], arms).index) == [("fid", "synthetic/untrained")]


def told(*values):
    rows = [("prompt_effect_share", f"finding_{i}/untrained", v) for i, v in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["metric", "arm", "value"])
    return null_rows.sentence(frame.assign(recipe="mine", unit="fraction"), "mine")


def test_one_sentence_says_whether_the_network_or_what_is_around_it_draws():
    assert told(0.1, -0.4).startswith(
        "Untrained, the same pipeline has at most a fifth of each of 2 effects "
        "(finding 0 10 %, finding 1 -40 %)"
    )
    assert "more than a fifth of 1 of 2 effects" in told(0.1, 0.9, np.nan)
    assert told(np.nan).startswith("No effect of the untrained network can be set against")
    assert told() == ""


def test_a_denoiser_of_no_steps_is_the_one_that_training_starts_from_with_what_it_measured():
    words = test_medsyn.trained()["text"]
    none = {"low_resolution": {"size": test_medsyn.TINY, "steps": 0, "batch": 2}}
    untouched = test_medsyn.fitted("low_resolution", {"text": words}, **none)
    taught = test_medsyn.trained()["low_resolution"]
    assert (untouched.card["steps"], untouched.card["losses"]) == (0, {})
    measured = {name for name in taught.state if name.startswith("gaussian_prior.")}
    learned = {n for n in taught.state if not torch.equal(taught.state[n], untouched.state[n])}
    assert learned
    assert not learned & measured
    networks = test_medsyn.trained() | {"low_resolution": untouched}
    drawn = test_medsyn.medsyn.draw(
        test_medsyn.request(), test_medsyn.chests()[0], test_medsyn.medsyn.prepare(networks)
    )
    assert not test_medsyn.same(drawn, test_medsyn.drawn())


def test_a_gan_of_no_steps_draws_around_the_mean_picture_that_it_measured():
    untouched, taught = test_wgan.fitted({"gan": {"steps": 0, "batch": 2}}), test_wgan.fitted()
    assert (untouched.card["steps"], untouched.card["losses"]) == (0, {})
    assert torch.equal(untouched.state["center"], taught.state["center"])
    row = {"request": "a", "seed": 4}
    images = [
        test_wgan.wgan.draw(row, test_wgan.cases()[0], test_wgan.wgan.prepare({"gan": learned}))
        for learned in (untouched, taught)
    ]
    assert not np.array_equal(*(drawn.image.voxels for drawn in images))
