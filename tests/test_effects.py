"""Effects of prompts: sizes and chances with known answers."""

import numpy as np
import pytest
from scipy import stats

from radfoundry.metrics import effects

NAN = float("nan")
HIGH, LOW = np.array([3.0, 4.0, 5.0]), np.array([0.0, 1.0, 2.0])


def rng():
    return np.random.default_rng(0)


def ones(values):
    return np.ones((5, len(values)))


def test_the_p_is_that_of_a_one_tailed_welch_test():
    # means 4 and 1, variances 1: t = 3 / sqrt(2 / 3), 4 degrees of freedom
    assert effects.welch(HIGH, LOW) == pytest.approx(stats.t.sf(3 / np.sqrt(2 / 3), 4))
    assert effects.welch(HIGH, LOW) + effects.welch(LOW, HIGH) == pytest.approx(1)


def test_the_degrees_of_freedom_are_welchs_where_spreads_differ():
    wet, dry = np.array([8.0, 10.0, 12.0]), np.zeros(3)  # as fluid that is there, and is not
    assert effects.welch(wet, dry) == pytest.approx(stats.t.sf(10 / np.sqrt(4 / 3), 2))


@pytest.mark.parametrize(
    ("first", "second"), [([1.0], [0.0, 1.0]), ([2.0, 2.0], [1.0, 1.0]), ([NAN, 1.0], [0.0, 1.0])]
)
def test_groups_that_are_too_small_or_without_spread_have_no_effect(first, second):
    groups = np.array(first), np.array(second)
    assert np.isnan(effects.welch(*groups))
    assert np.isnan(effects.separation(groups, tuple(map(ones, groups)))).all()


def test_the_effect_is_the_difference_in_pooled_deviations_corrected_for_few_cases():
    found = effects.separation((HIGH, LOW), (ones(HIGH), ones(LOW)))
    assert found.value == pytest.approx(3 * (1 - 3 / 15))
    assert (found.low, found.high) == (found.value, found.value)  # nothing was drawn again


def test_a_missing_measurement_belongs_to_no_group():
    more = np.append(HIGH, NAN)
    whole = effects.separation((HIGH, LOW), (ones(HIGH), ones(LOW)))
    assert effects.separation((more, LOW), (ones(more), ones(LOW))).value == whole.value
    assert effects.welch(more, LOW) == effects.welch(HIGH, LOW)


def test_the_interval_of_an_effect_covers_the_true_one():
    hits = 0
    for seed in range(40):
        own = np.random.default_rng(seed)
        groups = own.normal(1, 1, 40), own.normal(0, 1, 40)
        weights = tuple(own.multinomial(40, np.full(40, 1 / 40), 200) for _ in groups)
        found = effects.separation(groups, weights)
        hits += found.low <= 1 <= found.high
    assert 34 <= hits <= 40  # 38 of 40 are expected


def test_a_mean_leaves_out_what_is_not_defined_and_one_unit_has_no_interval():
    values = np.array([1.0, NAN, 3.0])
    assert effects.mean(values, ["a", "b", "c"], 100, rng()).value == 2
    assert np.isnan(effects.mean(values, ["a", "b", "a"], 100, rng()).low)
    assert np.isnan(effects.mean(np.array([NAN]), ["a"], 100, rng()).value)


def test_cases_of_a_patient_come_and_go_together():
    values = np.repeat([0.0, 1.0], 50)
    apart = effects.mean(values, np.arange(100), 500, rng())
    together = effects.mean(values, np.repeat(["a", "b"], 50), 500, rng())
    assert together.high - together.low == 1
    assert apart.high - apart.low < 0.3


def test_a_gain_is_paired_over_the_units_that_both_arms_have():
    first, second = np.array([0.3, 0.6, 0.9, 0.1]), np.array([0.2, 0.5, 0.8, 0.9])
    units = np.array(["a", "b", "c", "d"]), np.array(["c", "a", "b", "e"])
    found = effects.gain((first, second[[2, 0, 1, 3]]), units, 200, rng())
    assert found.value == pytest.approx(0.1)
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.1))


def test_arms_without_a_common_unit_have_no_gain():
    found = effects.gain((HIGH, LOW), (np.array(list("abc")), np.array(list("def"))), 50, rng())
    assert np.isnan(found).all()
