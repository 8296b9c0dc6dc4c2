"""Power-function averages: the closed forms of their profiles, and averages made afterwards."""

import numpy as np
import pytest
import torch
from torch import nn

from radfoundry.networks.power_averages import (
    WIDEST,
    PowerAverages,
    combined,
    filled,
    gamma_of,
    products,
    shares,
    width_of,
)


@pytest.mark.parametrize("width", [0.03, 0.1, 0.2, WIDEST])
def test_a_width_and_its_exponent_are_each_others_inverse(width):
    assert width_of(gamma_of(width)) == pytest.approx(width, rel=1e-6)
    gamma, time = gamma_of(width), (np.arange(200_000) + 0.5) / 200_000
    profile = (gamma + 1) * time**gamma
    mean = (profile * time).mean()
    assert np.sqrt((profile * (time - mean) ** 2).mean()) == pytest.approx(width, rel=1e-4)


@pytest.mark.parametrize("width", [0.0, 0.5, -1.0])
def test_a_width_that_no_average_has_is_refused(width):
    with pytest.raises(ValueError, match="allowed: above 0"):
        gamma_of(width)


def test_products_are_the_integrals_of_profiles():
    points = np.array([[1.0, 2.0], [0.5, 6.94], [1.0, 16.97]])
    time = (np.arange(100_000) + 0.5) / 100_000
    profiles = [(g + 1) * time**g / t ** (g + 1) * (time <= t) for t, g in points]
    wanted = np.array([[(a * b).mean() for b in profiles] for a in profiles])
    np.testing.assert_allclose(products(points, points), wanted, rtol=1e-3)


def test_an_average_that_was_kept_is_itself_and_shares_add_up_to_one():
    points = np.array([[50.0, 16.97], [50.0, 6.94], [100.0, 16.97], [100.0, 6.94]])
    np.testing.assert_allclose(shares(points, (100.0, 6.94)), [0, 0, 0, 1], atol=1e-6)
    for width in (0.04, 0.07, 0.15):
        assert shares(points, (100.0, gamma_of(width))).sum() == pytest.approx(1)


def followed(path, widths=(0.05, 0.1)):
    """Return the averages of one weight that takes these values in turn."""
    network = nn.Linear(1, 1, bias=False)
    averages = PowerAverages(network, widths, len(path))
    for value in path:
        network.weight.data.fill_(value)
        averages.follow()
    return averages


def test_a_weight_that_rises_evenly_is_averaged_as_the_integral_says():
    averages, steps = followed(np.arange(1, 401) / 400), 400
    for trace, gamma in zip(averages.traces, averages.gammas, strict=True):
        assert float(trace) == pytest.approx((gamma + 1) / (gamma + 2), abs=2 / steps)
    assert float(averages.halfway[0]) == pytest.approx(float(averages.traces[0]) / 2, abs=0.01)


@pytest.mark.parametrize("width", [0.06, 0.08, 0.14])
def test_a_width_chosen_afterwards_is_what_following_it_would_have_given(width):
    path = np.sin(np.linspace(0, 5, 600)) + np.linspace(0, 1, 600)
    kept = followed(path).kept()
    wanted = float(followed(path, (width,)).traces)
    assert float(combined(kept["averages"], kept["points"], width)) == pytest.approx(
        wanted, abs=0.05
    )


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_weights_that_stand_still_stay_as_they_are(steps):
    kept = followed(np.full(steps, 0.7)).kept()
    assert float(combined(kept["averages"], kept["points"], 0.2)) == pytest.approx(0.7, rel=1e-5)


def test_averages_are_buffers_that_a_checkpoint_holds_and_fill_a_network():
    averages, other = followed(np.linspace(0, 1, 10)), PowerAverages(nn.Linear(1, 1), (0.1,), 2)
    again = PowerAverages(nn.Linear(1, 1, bias=False), (0.05, 0.1), 10)
    again.load_state_dict(averages.state_dict())
    assert torch.equal(again.kept()["averages"], averages.kept()["averages"])
    assert len([*averages.parameters()]) == 1
    assert filled(other.network, torch.tensor([2.0, 3.0])).bias.tolist() == [3]
