"""Rows of the scorecard, made of the tables of the stages."""

import math

import numpy as np
import pandas as pd
import pytest

from radfoundry.report.scorecard import stages

NAN = math.nan


def labels(*dices, patients=None, truth_by="reader", **other):
    names = patients or [f"p{n}" for n in range(len(dices))]
    rows = {"patient": names, "dice": dices, "truth_by": truth_by}
    known = {"collection": "hannover", "region": "lungs", "method": "pbtseg", **other}
    return pd.DataFrame(rows).assign(**known)


def of_labels(table, draws=200):
    return list(stages.of_labels(table, draws, np.random.default_rng(0)))


def test_a_label_figure_is_the_mean_dice_with_its_arm_and_cohort():
    (found,) = of_labels(labels(0.5, 0.9, 1.0))
    assert (found.recipe, found.metric) == ("cohort:hannover", "label_dice")
    assert (found.arm, found.n) == ("lungs/pbtseg", 3)
    assert found.value == pytest.approx(0.8)
    assert 0.5 <= found.low < found.value < found.high <= 1


def test_a_label_note_tells_the_reader_the_median_and_the_misses():
    (found,) = of_labels(labels(0.0, 0.9, 1.0))
    assert found.note == "truth by reader; median 0.900; nothing found in 1"


def test_each_collection_region_and_method_has_its_own_figure():
    parts = [labels(0.5), labels(0.6, region="heart"), labels(0.7, method="projected")]
    rows = of_labels(pd.concat([*parts, labels(0.8, collection="kermany")]))
    assert {(row.recipe, row.arm): row.value for row in rows} == {
        ("cohort:hannover", "lungs/pbtseg"): 0.5,
        ("cohort:hannover", "heart/pbtseg"): 0.6,
        ("cohort:hannover", "lungs/projected"): 0.7,
        ("cohort:kermany", "lungs/pbtseg"): 0.8,
    }


def test_labels_that_could_not_be_compared_do_not_count():
    (found,) = of_labels(labels(0.4, float("nan"), 0.6))
    assert (found.value, found.n) == (pytest.approx(0.5), 2)
    assert of_labels(labels(float("nan"))) == []


def test_every_expert_and_all_of_them_have_a_share_of_accepted_samples():
    row = {"expert": "realism", "n": 10, "accepted": 8, "undecided": 1}
    row |= {"fraction": 0.8, "low": 0.49, "high": 0.94}
    table = pd.DataFrame([row, row | {"expert": "all", "fraction": 0.7}])
    realism, every = stages.of_acceptance(table, "artasyn")
    assert (realism.recipe, realism.metric) == ("artasyn", "accepted_fraction")
    assert (realism.arm, realism.value, realism.n) == ("realism", 0.8, 10)
    assert (realism.low, realism.high, realism.note) == (0.49, 0.94, "1 undecided")
    assert (every.arm, every.value) == ("all", 0.7)


def test_acceptance_of_no_sample_stays_undefined():
    row = {"expert": "all", "n": 0, "undecided": 0}
    row |= dict.fromkeys(("fraction", "low", "high"), float("nan"))
    (found,) = stages.of_acceptance(pd.DataFrame([row]), "artasyn")
    assert math.isnan(found.value)
    assert found.n == 0


def test_a_comparison_row_joins_arm_test_set_and_findings():
    row = {"metric": "image_auroc_gain", "arm": "artasyn-noise", "test": "far_vs_own"}
    row |= {"findings": "opacity", "value": 0.1, "low": -0.02, "high": 0.2}
    row |= {"n": 40, "patients": 31, "note": "20 diseased, 20 healthy"}
    (found,) = stages.of_comparison(pd.DataFrame([row]), "artasyn")
    assert (found.recipe, found.metric) == ("artasyn", "image_auroc_gain")
    assert found.arm == "artasyn-noise/far_vs_own/opacity"
    assert (found.value, found.low, found.high, found.n) == (0.1, -0.02, 0.2, 40)
    assert found.note == "31 patients; 20 diseased, 20 healthy"


def clinical(values, truths):
    """Return the table of one measurement."""
    rows = [
        {"case": f"c{i}", "patient": f"p{i}", "collection": "ct", "method": "threshold"}
        | {
            "measurement": "lung_volume_l",
            "value": value,
            "truth": truth,
            "unit": "L",
            "status": "",
        }
        for i, (value, truth) in enumerate(zip(values, truths, strict=True))
    ]
    return pd.DataFrame(rows)


def test_a_clinical_measure_has_its_mean_its_bias_and_its_error():
    table = clinical([4.0, 6.0, NAN], [5.0, 5.0, 5.0])
    found = {f.metric: f for f in stages.of_clinical(table, 50, np.random.default_rng(0))}
    assert found["clinical_mean"].value == 5
    assert found["clinical_bias"].value == 0
    assert found["clinical_error"].value == 1
    assert {f.n for f in found.values()} == {2}
    assert {f.unit for f in found.values()} == {"L"}


def test_without_a_truth_nothing_is_said_of_bias():
    table = clinical([4.0, 6.0], [NAN, NAN])
    found = stages.of_clinical(table, 50, np.random.default_rng(0))
    assert [row.metric for row in found] == ["clinical_mean"]


def test_cropped_organs_enter_no_mean_and_are_counted():
    table = clinical([4.0, 6.0, 1.0], [5.0, 5.0, 5.0])
    table["status"] = ["", "", "cropped"]
    found = {f.metric: f for f in stages.of_clinical(table, 50, np.random.default_rng(0))}
    assert (found["clinical_mean"].value, found["clinical_mean"].n) == (5, 2)
    assert found["clinical_mean"].note == "1 cropped by the image left out"
    assert found["clinical_error"].value == 1


def test_an_organ_that_is_cropped_in_every_case_has_a_row_without_a_value():
    table = clinical([4.0, 6.0], [5.0, 5.0]).assign(status="cropped")
    (row,) = stages.of_clinical(table, 50, np.random.default_rng(0))
    assert (row.metric, row.n, row.note) == ("clinical_mean", 0, "2 cropped by the image left out")
    assert math.isnan(row.value)


def test_a_single_patient_has_a_value_and_no_interval():
    (found,) = of_labels(labels(0.5, 0.7, patients=["p0", "p0"]))
    assert found.value == pytest.approx(0.6)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
