"""The folder is the register."""

import pytest

from radfoundry import catalogue, medsynoptions
from radfoundry.generators import wgan


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


def test_what_training_takes_is_told_without_importing_and_is_what_its_tables_hold():
    assert catalogue.training("artasyn") == {}
    told = catalogue.training("medsyn")
    assert told == dict(medsynoptions.TRAIN)
    for name in medsynoptions.TABLES:
        held = {key for table in medsynoptions.TRAINING.values() for key in table[name]}
        assert held <= set(told[name])
        assert set(told[name]) - held <= {"accumulate", "betas"}
    held = {key for table in wgan.TRAINING.values() for key in table}
    assert set(catalogue.training("wgan")["gan"]) == held


def test_a_generator_that_does_not_state_what_its_training_takes_is_not_checked(monkeypatch):
    def unstated(path, name):
        if name == "TRAIN":
            raise ValueError("not stated")
        return stated(path, name)

    stated = catalogue._stated
    monkeypatch.setattr(catalogue, "_stated", unstated)
    assert catalogue.training("wgan") is None
    assert catalogue.training("artasyn") == {}
