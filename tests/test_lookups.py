"""What the workflow looks up in a checked config."""

import inspect

import pytest
from factory import small_config

from radfoundry.config import lookups
from radfoundry.config.settings import checked


@pytest.fixture(scope="module")
def settings():
    config = small_config()
    recipes = config["recipes"]
    train = {"without_shapes": {"shapes": False}, "generic": {"text": {"steps": 0}}}
    train["without_text"] = {"low_resolution": {"text": False}}
    for name, stated in train.items():
        recipes[name] = recipes["medsyn"] | {"train": stated}
    recipes["borrower"] = recipes["medsyn"] | {"networks": {"super_resolution": "medsyn"}}
    recipes["baseline"] = recipes["medsyn"] | {"generator": "wgan", "train": {}, "sample": {}}
    return checked(config)


def test_a_recipe_is_the_papers_system_unless_it_states_an_ablation(settings):
    names = {name: lookups.variant(settings, name) for name in settings["recipes"]}
    assert names["medsyn"] == names["borrower"] == "medsyn"
    assert names["without_shapes"] == "without_shapes"
    assert names["generic"] == "generic_text"
    assert names["without_text"] == "without_text"
    assert names["artasyn"] == "artasyn"


def test_published_figures_are_those_of_the_system_that_a_recipe_is(settings):
    airway = {
        n: lookups.published(settings, n).get("airway_volume_cm3") for n in settings["recipes"]
    }
    assert airway["medsyn"] == {"synthetic": 33.4, "real": 45.8}
    assert airway["without_shapes"]["synthetic"] == 19.9
    assert airway["without_text"] == {"real": 45.8}
    assert airway["baseline"]["synthetic"] == 10.7
    assert airway["artasyn"] is None


def test_a_borrowed_network_lies_with_the_recipe_that_trains_it(settings):
    assert lookups.networks(settings, "borrower")["super_resolution"] == "medsyn"
    assert lookups.networks(settings, "borrower")["low_resolution"] == "borrower"


def test_only_a_recipe_with_its_own_super_resolution_is_compared_with_interpolation(settings):
    assert lookups.super_resolution(settings, "medsyn") == "super_resolution"
    assert lookups.super_resolution(settings, "borrower") == ""
    assert lookups.super_resolution(settings, "baseline") == ""


def test_a_recipe_that_draws_channels_calibrates_them_by_how_it_samples_and_not_what(settings):
    assert lookups.read_at_thresholds(settings, "borrower") == "super_resolution"
    assert lookups.read_at_thresholds(settings, "baseline") == ""
    assert lookups.sampler(settings, "medsyn") == {"steps": 2}  # and not the count


def test_steps_of_one_network_are_no_option_of_another(settings):
    own = lookups.training_options(settings, "generic", "low_resolution")
    assert "text" not in own
    assert "text" in lookups.training_options(settings, "generic", "text")


def test_other_probes_are_no_option_of_a_dataset(settings):
    assert "probes" not in lookups.sample_options(settings, "medsyn")
    stated = {"recipes": {"r": {"sample": {"count": 3, "probes": {"prompt": 1}}}}}
    assert lookups.sample_options(stated, "r") == {"count": 3}


def test_another_quantile_or_arm_changes_no_option_of_a_job(settings):
    assert "quantile" not in lookups.expert_options(settings, "artasyn", "anatomy")
    makeup = {"arms", "untrained", "recipes", "seeds", "unseen"}
    for task in ("anomaly", "few_shot", "few_shot_radiographs"):
        assert not makeup & set(lookups.task_options(settings, task))


def test_a_task_is_trained_with_its_own_seeds_or_with_those_of_all_tasks(settings):
    assert lookups.seeds(settings, "anomaly") == settings["evaluate"]["seeds"] == [0]
    assert lookups.seeds(settings, "few_shot") == [0, 1, 2, 3, 4]


def test_clinical_measures_are_of_ct_alone_and_of_methods_that_read_it(settings):
    assert lookups.label_measurements(settings, "clinical") == [("chest_ct", "threshold")]
    assert ("site_a", "threshold") not in lookups.label_measurements(settings, "labels")


def test_an_expert_that_looks_through_a_segmenter_depends_on_its_code(settings):
    found = lookups.expert_plugins(settings, "artasyn", "anatomy")
    assert found == [("experts", "anatomy"), ("segmenters", "pbtseg")]
    assert lookups.expert_plugins(settings, "medsyn", "novelty") == [("experts", "novelty")]


WILDCARDS = {"cohort", "recipe", "method", "expert", "task", "network"}


def test_a_look_up_asks_for_wildcards_by_their_names():
    """`looked_up` of the workflow binds them by the names of parameters."""
    kinds = {"kind"}  # of `label_measurements`, which no wildcard is bound to
    for name, function in inspect.getmembers(lookups, inspect.isfunction):
        if function.__module__ == lookups.__name__ and not name.startswith("_"):
            first, *rest = inspect.signature(function).parameters
            assert first == "settings", name
            assert set(rest) <= WILDCARDS | kinds, name


def test_a_cohort_is_encoded_on_the_grids_that_its_recipes_learn_on(settings):
    assert lookups.coarse_factors(settings, "chest_ct") == [2]
    assert lookups.coarse_factors(settings, "site_a") == []
