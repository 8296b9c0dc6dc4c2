"""The Brownian bridge: what it promises in closed form, and what is drawn over it."""

import pytest
import torch

from radfoundry.diffusion.bridge import Bridge, Crossing, bridge_loss, cross, step_back
from radfoundry.diffusion.samplers import Streams

COUNT = 40_000


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_bridge_is_nearly_clean_at_both_ends_and_noisiest_midway():
    bridge, times = Bridge(), torch.tensor([0.0, 0.5, 1.0])
    share = bridge.share(times)
    torch.testing.assert_close(share, torch.tensor([0.001, 0.5, 0.999]))
    variance = bridge.deviation(share) ** 2
    torch.testing.assert_close(variance, torch.tensor([0.001998, 0.5, 0.001998]))


def test_a_noisy_picture_has_the_mean_and_variance_of_the_bridge():
    bridge, time = Bridge(variance=2.0), 0.3
    clean, start = torch.full((COUNT, 1), 4.0), torch.full((COUNT, 1), -2.0)
    noisy = bridge.noisy(clean, start, torch.full((COUNT,), time), normal(COUNT, 1))
    share = 0.001 + 0.998 * time
    assert noisy.mean() == pytest.approx(4 - 6 * share, abs=0.03)
    assert noisy.var() == pytest.approx(4 * (share - share**2), rel=0.03)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shares", [(0.999, 0.6), (0.6, 0.2), (0.2, 0.001)])
def test_a_step_back_leads_from_one_marginal_to_the_other(eta, shares):
    bridge, clean, start = Bridge(), torch.tensor(1.5), torch.tensor(-0.5)
    now, then = shares
    spread = [float(bridge.deviation(torch.tensor(m))) for m in shares]
    noisy = torch.lerp(clean, start, now) + spread[0] * normal(COUNT)
    mean, fresh = step_back(noisy, clean, start, shares, (bridge, eta))
    earlier = mean + fresh * normal(COUNT, seed=1)
    assert earlier.mean() == pytest.approx(float(torch.lerp(clean, start, then)), abs=0.02)
    assert earlier.std() == pytest.approx(spread[1], rel=0.02)


def test_a_full_step_back_is_the_posterior_of_a_brownian_bridge():
    # Given both ends, x_s and x_t have the covariance 2 s m_s (1 - m_t) of such a bridge.
    bridge, shares = Bridge(), (0.7, 0.3)
    spread = [float(bridge.deviation(torch.tensor(m))) for m in shares]
    zero = torch.tensor(0.0)
    noisy = spread[0] * normal(COUNT)
    mean, fresh = step_back(noisy, zero, zero, shares, (bridge, 1.0))
    earlier = mean + fresh * normal(COUNT, seed=1)
    assert (noisy * earlier).mean() == pytest.approx(2 * 0.3 * (1 - 0.7), rel=0.03)


def test_who_knows_the_clean_picture_has_no_loss():
    clean, start = normal(3, 2, 4, 4), normal(3, 2, 4, 4, seed=1)
    chance = torch.Generator().manual_seed(2)
    losses = bridge_loss(lambda *_: clean, (clean, start), {}, chance)
    torch.testing.assert_close(losses, torch.zeros(3))


def test_only_what_counts_is_learned_from():
    clean, start = normal(2, 1, 4, 4), normal(2, 1, 4, 4, seed=1)
    counted = torch.zeros(2, 1, 4, 4)
    counted[..., :2] = 1
    estimate = clean + torch.where(counted > 0, 0.5, 9.0)
    chance = torch.Generator().manual_seed(2)
    losses = bridge_loss(lambda *_: estimate, (clean, start), {}, chance, voxel_weight=counted)
    torch.testing.assert_close(losses, torch.full((2,), 0.5))


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_crossing_with_the_best_estimate_draws_the_clean_distribution(eta):
    # x0 is normal with mean 1 and deviation 0.3 and y is 0: the best estimate is linear in x_t.
    bridge, start = Bridge(), torch.zeros(1, COUNT)

    def best(noisy, times):
        share = bridge.share(times)[:, None]
        variance = bridge.deviation(share) ** 2
        gain = (1 - share) * 0.09 / ((1 - share) ** 2 * 0.09 + variance)
        return 1 + gain * (noisy - (1 - share))

    drawn = cross(best, start, Streams([0], (COUNT,)), bridge, Crossing(40, eta))
    assert drawn.mean() == pytest.approx(1, abs=0.02)
    if eta:  # without fresh noise all crossings that start at one y are one
        assert drawn.std() == pytest.approx(0.3, rel=0.1)
    else:
        assert drawn.std() < 0.01


def test_what_is_known_is_kept_in_the_picture():
    start, known = normal(1, 1, 4), torch.full((1, 1, 4), 7.0)
    keep = torch.tensor([True, True, False, False])
    drawn = cross(
        lambda noisy, _: noisy, start, Streams([0], (1, 4)),
        keep=lambda estimate: torch.where(keep, known, estimate),
    )  # fmt: skip
    assert (drawn[0, 0, :2] == 7).all()
    assert (drawn[0, 0, 2:] != 7).all()


@pytest.mark.parametrize("wrong", [{"calls": 0}, {"eta": 1.5}, {"bend": 0}])
def test_a_crossing_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="allowed"):
        Crossing(**wrong)
