"""Values below `train:` are refused with the config, before any network is trained by them."""

import pytest

from radfoundry.config import settings
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
