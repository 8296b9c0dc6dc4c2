"""Effects of prompts: sizes and chances with known answers."""

import numpy as np
import pytest
from scipy import stats

from radfoundry.evaluation.metrics import effects

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
    assert np.isnan([found.low, found.high]).all()  # three against three


def test_five_against_five_have_an_interval_and_four_have_none():
    first, second = np.array([3.0, 4, 5, 4, 3]), np.array([1.0, 2, 3, 2, 1])
    whole = effects.separation((first, second), (ones(first), ones(second)))
    assert (whole.low, whole.high) == (whole.value, whole.value)  # nothing was drawn again
    first[0] = NAN
    few = effects.separation((first, second), (ones(first), ones(second)))
    assert few.value > 1
    assert np.isnan([few.low, few.high]).all()


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


def test_a_mean_leaves_out_what_is_not_defined_and_four_units_have_no_interval():
    values = np.array([1.0, NAN, 3.0, 1.0, 3.0, 1.0, 3.0])
    found = effects.mean(values, list("abcdef") + ["f"], 100, rng())
    assert found.value == 2
    assert found.low < 2 < found.high
    few = effects.mean(values, list("abcde") + ["e", "e"], 100, rng())
    assert few.value == 2
    assert np.isnan([few.low, few.high]).all()
    assert np.isnan(effects.mean(np.array([NAN]), ["a"], 100, rng()).value)


def test_cases_of_a_patient_come_and_go_together():
    values = np.repeat([0.0, 1.0], 50)
    apart = effects.mean(values, np.arange(100), 500, rng())
    together = effects.mean(values, np.repeat(list("abcdef"), [25, 25, 25, 10, 10, 5]), 500, rng())
    assert together.high - together.low > 0.6
    assert apart.high - apart.low < 0.3


def test_a_gain_is_paired_over_the_units_that_both_arms_have():
    first, second = np.arange(6.0), np.array([0.9, 2.9, 1.9, 3.9, 4.9, 9.0]) - 1
    units = np.array(list("abcdef")), np.array(list("bdcefg"))
    found = effects.gain((first, second), units, 200, rng())
    assert found == pytest.approx((1.1, 1.1, 1.1))
    few = effects.gain((first[:5], second[:5]), (units[0][:5], units[1][:5]), 200, rng())
    assert few.value == pytest.approx(1.1)
    assert np.isnan([few.low, few.high]).all()  # four in common


def test_arms_without_a_common_unit_have_no_gain():
    found = effects.gain((HIGH, LOW), (np.array(list("abc")), np.array(list("def"))), 50, rng())
    assert np.isnan(found).all()
