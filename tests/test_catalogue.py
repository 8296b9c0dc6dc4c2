"""The folder is the register."""

import pytest

from radfoundry.config import catalogue
from radfoundry.generators import wgan
from radfoundry.generators.medsyn import options


def test_what_lies_in_the_folder_can_be_loaded():
    assert "artasyn" in catalogue.names("generators")
    assert catalogue.load("generators", "artasyn").NETWORKS == {}


def test_an_unknown_name_tells_those_there_are():
    with pytest.raises(ValueError, match="artasyn"):
        catalogue.load("generators", "artsyn")


def test_a_constant_is_read_without_importing():
    assert catalogue.constant("segmenters", "pbtseg", "NEEDS_WEIGHTS") is False
    assert catalogue.constant("segmenters", "projected", "NEEDS_WEIGHTS") is True


def test_a_constant_that_is_not_stated_is_an_error():
    with pytest.raises(ValueError, match="NOTHING"):
        catalogue.constant("generators", "artasyn", "NOTHING")


def test_what_training_takes_is_read_without_importing_and_is_what_its_tables_hold():
    assert catalogue.training("artasyn") == {}
    taken = catalogue.training("medsyn")
    assert taken == dict(options.TRAIN)
    for name in options.TABLES:
        held = {key for table in options.TRAINING.values() for key in table[name]}
        assert held <= set(taken[name])
        assert set(taken[name]) - held <= {
            *("accumulate", "betas", "gradient_checkpointing", "compile")
        }
    held = {key for table in wgan.TRAINING.values() for key in table}
    assert set(catalogue.training("wgan")["gan"]) == held


def test_a_generator_that_does_not_state_what_its_training_takes_is_not_checked(monkeypatch):
    def literals(file):
        return {name: value for name, value in stated(file).items() if name != "TRAIN"}

    stated = catalogue._literals
    monkeypatch.setattr(catalogue, "_literals", literals)
    assert catalogue.training("wgan") is None
    assert catalogue.training("artasyn") == {}


def test_an_option_is_found_at_its_path_and_one_with_wildcards_by_them():
    settings = {"evaluate": {"seeds": [0]}, "recipes": {"r": {"cohort": "c"}}}
    assert catalogue.option(settings, "evaluate/seeds") == [0]
    assert catalogue.option(settings, "recipes/{recipe}/cohort")({"recipe": "r"}) == "c"
    with pytest.raises(KeyError, match="evaluate/seed: 'seed' is not stated"):
        catalogue.option(settings, "evaluate/seed")
