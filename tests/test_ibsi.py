"""The counts of docs/ibsi.md hold: what IBSI-1 has a value for is met, or it is said why not."""

import pytest
from conftest import ROOT, benchmark


@pytest.fixture(scope="module")
def ibsi():
    """Return the benchmark as a module."""
    return benchmark("ibsi")


@pytest.fixture(scope="module")
def compared(ibsi, shared_data):
    """Return every reference value with ours."""
    return ibsi.compared(shared_data)


def test_no_value_is_outside_its_tolerance_without_a_reason(compared):
    assert (compared["verdict"] != "UNEXPLAINED").all()


@pytest.mark.parametrize(
    ("config", "values", "met", "explained"),
    [
        ("dig_phantom", 487, 397, 2),
        ("chest_config_a", 411, 338, 4),
        ("chest_config_b", 411, 338, 4),
    ],
)
def test_the_values_met_are_as_many_as_stated(ibsi, compared, config, values, met, explained):
    verdicts = compared.loc[compared["config"] == config, "verdict"]
    assert len(verdicts) == values
    assert (verdicts == "in tolerance").sum() == met
    assert verdicts.isin([ibsi.AXES, ibsi.LEVELS]).sum() == explained


@pytest.mark.parametrize("family", ["cm_", "rlm_", "szm_", "ngt_"])
def test_texture_of_the_digital_phantom_is_exact_to_the_digits_given(compared, family):
    digital = compared[compared["config"] == "dig_phantom"]
    chosen = digital[digital["tag"].str.startswith(family)]
    assert len(chosen) > 10
    assert (chosen["verdict"] == "in tolerance").all()


def test_image_and_mask_are_those_of_ibsi_at_every_step(compared):
    steps = compared[compared["family"] == "image and mask"]
    assert len(steps) == 96
    assert (steps["verdict"] == "in tolerance").all()


def test_the_page_is_what_the_benchmark_writes(ibsi, compared):
    page = (ROOT / "docs/ibsi.md").read_text()
    assert ibsi.INTRODUCTION.strip() in page
    assert ibsi.summary(compared) in page


def test_a_value_is_judged_by_the_digits_and_the_tolerance_of_its_reference(ibsi):
    nan = float("nan")
    assert ibsi.verdict("cm_contrast_3D_avg", 5.3249, 5.32, 0.0) == "in tolerance"
    assert ibsi.verdict("cm_contrast_3D_avg", 5.3251, 5.32, 0.0) == "UNEXPLAINED"
    assert ibsi.verdict("cm_contrast_3D_avg", 5.4, 5.32, 0.1) == "in tolerance"
    assert ibsi.verdict("ivh_v10", nan, 0.3, 0.0) == ibsi.NO_FEATURE
    assert ibsi.verdict("ivh_auc", nan, nan, nan) == ibsi.NO_REFERENCE
