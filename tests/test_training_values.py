"""Values below `train:` are refused with the config, before any network is trained by them."""

import pytest

from radfoundry.config import catalogue, lookups, settings
from radfoundry.config.settings import ConfigurationError


def faults(train):
    """Return the faults of a config whose one recipe trains as it says."""
    recipe = {"cohort": "ct", "generator": "medsyn", "train": train}
    cohort = {"modality": "CT", "phantom": {"kind": "chest_ct"}}
    with pytest.raises(ConfigurationError) as caught:
        settings.checked({"cohorts": {"ct": cohort}, "recipes": {"r": recipe}})
    return caught.value.faults


@pytest.mark.parametrize(
    ("network", "key", "value", "allowed"),
    [
        ("low_resolution", "weights_dtype", "int8", "float32, float16"),
        ("low_resolution", "drop_text", 7, "number, 0 to 1"),
        ("low_resolution", "given", -1, "number, 0 to 1"),
        ("low_resolution", "text", "false", "true or false"),
        ("super_resolution", "steps", "many", "whole number, at least 0"),
        ("text", "learning_rate", 0, "number, above 0"),
    ],
)
def test_a_value_that_cannot_be_trained_by_is_named_with_what_is_allowed(
    network, key, value, allowed
):
    (fault,) = faults({network: {key: value}})
    assert fault == f"recipes.r.train.{network}.{key}: is {value!r}; allowed: {allowed}"


def test_two_networks_of_other_coarse_grids_are_refused():
    (fault,) = faults({"low_resolution": {"factor": 4}})
    assert fault.endswith("factor is 2, that of low_resolution is 4; allowed: the same")
    (fault,) = faults({"super_resolution": {"factor": 4}, "low_resolution": {"factor": 2}})
    assert fault.endswith("factor is 4, that of low_resolution is 2; allowed: the same")


def filled(train):
    """Return the one recipe of a checked config of radiographs."""
    recipe = {"cohort": "films", "generator": "xreal", "train": train}
    cohort = {"phantom": {"kind": "chest_xray"}, "pseudolabel": "none"}
    return settings.checked({"cohorts": {"films": cohort}, "recipes": {"r": recipe}})


def test_a_network_that_not_every_recipe_has_is_there_if_it_is_named():
    usual = ["text", "autoencoder", "diffusion", "anatomy_controller"]
    cases = {"controlnet": [*usual[:3], "controlnet"], "edm": [*usual[:2], "edm", usual[3]]}
    cases |= {"guide": [*usual[:3], "guide", usual[3]], "pretrained": ["pretrained", usual[3]]}
    for name, wanted in cases.items():
        for value in (True, {}, {"steps": 3} if name != "pretrained" else {"folder": "there"}):
            whole = filled({name: value})
            assert catalogue.networks_of(whole["recipes"]["r"]) == wanted
            assert isinstance(whole["recipes"]["r"]["train"][name], dict)
        assert catalogue.networks_of(filled({name: False})["recipes"]["r"]) == usual
    assert lookups.variant(filled({"controlnet": True}), "r") == "controlnet"
    assert lookups.variant(filled({"edm": True}), "r") == "xreal"
