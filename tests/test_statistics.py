"""Intervals: patients are drawn whole, differences are paired, what is undefined is NaN."""

import numpy as np
import pytest

from radfoundry.evaluation.metrics import statistics


def drawn(patients, draws=200, seed=0):
    return statistics.patient_weights(patients, draws, np.random.default_rng(seed))


def test_all_cases_of_a_patient_are_drawn_together():
    weights = drawn(["ann", "bob", "ann", "cid", "bob", "ann"])
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, 0], weights[:, 5])
    np.testing.assert_array_equal(weights[:, 1], weights[:, 4])
    assert (weights[:, 0] != weights[:, 1]).any()


def test_every_draw_has_as_many_patients_as_there_are():
    weights = drawn(["ann", "bob", "ann", "cid"])
    assert (weights[:, [0, 1, 3]].sum(1) == 3).all()


def test_patients_are_drawn_with_equal_chances():
    assert drawn(["ann", "bob", "ann", "cid"], 5000).mean(0) == pytest.approx(1, abs=0.05)


def test_equal_generators_draw_equal_patients():
    patients = ["ann", "bob", "cid", "ann"]
    np.testing.assert_array_equal(drawn(patients, seed=3), drawn(patients, seed=3))
    assert (drawn(patients, seed=3) != drawn(patients, seed=4)).any()


def test_no_patients_give_draws_of_nothing():
    assert drawn([], 5).shape == (5, 0)


def test_the_interval_of_a_constant_is_the_constant():
    assert statistics.interval(0.7, np.full(100, 0.7)) == (0.7, 0.7, 0.7)


def test_an_interval_holds_the_middle_95_percent_of_the_draws():
    found = statistics.interval(500.0, np.arange(1001.0))
    assert found == pytest.approx((500, 25, 975))


def test_draws_that_are_not_defined_are_left_out():
    holed = np.append(np.arange(101.0), np.full(50, np.nan))
    assert statistics.interval(1.0, holed) == statistics.interval(1.0, np.arange(101.0))


def test_mostly_undefined_draws_have_no_limits():
    found = statistics.interval(0.5, np.array([0.4, np.nan, np.nan]))
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("draws", [np.zeros(0), np.full(10, np.nan)])
def test_no_draw_at_all_has_no_limits(draws):
    assert np.isnan(statistics.interval(0.5, draws)[1:]).all()


def test_a_value_that_is_not_defined_has_no_limits():
    assert np.isnan(statistics.interval(float("nan"), np.arange(10.0))).all()


def test_a_paired_difference_forgets_what_both_have_in_common():
    common = np.random.default_rng(0).normal(size=500)
    found = statistics.difference((0.8, 0.6), (common + 0.2, common))
    assert found == pytest.approx((0.2, 0.2, 0.2))


def test_a_difference_of_unpaired_draws_is_refused():
    with pytest.raises(ValueError, match="not paired"):
        statistics.difference((1, 0), (np.zeros(5), np.zeros(6)))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1.0)],
)
def test_wilson_intervals_are_the_published_ones(successes, n, low, high):
    found = statistics.wilson(successes, n)
    assert found == pytest.approx((successes / n, low, high), abs=1e-4)


def test_a_fraction_of_nothing_is_not_defined():
    assert np.isnan(statistics.wilson(0, 0)).all()
