"""Noise schedules: their ends, their inverses, and the algebra of a noisy picture."""

import math

import pytest
import torch

from radfoundry.diffusion.noise import Cosine, Flow, Level, ScaledLinear

SCHEDULES = (Cosine(), Flow(), ScaledLinear())
TIMES = torch.linspace(0.02, 0.98, 49, dtype=torch.float64)


@pytest.fixture(params=SCHEDULES, ids=lambda s: type(s).__name__)
def schedule(request):
    return request.param


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_cosine_schedule_is_the_published_one():
    alpha, sigma = Cosine().alpha_sigma(torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64))
    middle = math.cos((0.308 / 1.008) * math.pi / 2) ** 2
    first = math.cos((0.008 / 1.008) * math.pi / 2) ** 2
    assert (alpha**2).tolist() == pytest.approx([first, middle, 1e-4])
    assert (alpha**2 + sigma**2).tolist() == pytest.approx([1, 1, 1])


def test_the_flow_is_a_straight_line():
    alpha, sigma = Flow().alpha_sigma(TIMES)
    assert torch.equal(alpha + sigma, torch.ones_like(TIMES))


def test_the_scaled_linear_schedule_is_the_product_of_its_steps():
    steps = [(0.0015**0.5 + n / 999 * (0.0295**0.5 - 0.0015**0.5)) ** 2 for n in range(1000)]
    shares = [math.prod(1 - beta for beta in steps[: n + 1]) for n in (0, 499, 999)]
    times = torch.tensor([0.001, 0.5, 1.0], dtype=torch.float64)
    alpha, sigma = ScaledLinear().alpha_sigma(times)
    assert (alpha**2).tolist() == pytest.approx(shares)
    assert (alpha**2 + sigma**2).tolist() == pytest.approx([1, 1, 1])
    assert ScaledLinear().alpha_sigma(times[:1] / 2)[0] == alpha[0]


def test_noise_only_grows(schedule):
    assert (schedule.log_snr(TIMES).diff() < 0).all()


def test_the_ratio_is_that_of_alpha_and_sigma(schedule):
    alpha, sigma = schedule.alpha_sigma(TIMES)
    assert torch.allclose(schedule.log_snr(TIMES), 2 * (alpha / sigma).log())


def test_times_are_found_back_from_their_ratio(schedule):
    assert torch.allclose(schedule.times(schedule.log_snr(TIMES)), TIMES)


def test_a_noisy_picture_is_so_much_picture_and_so_much_noise(schedule):
    clean, noise, times = normal(3, 2, 4, 4), normal(3, 2, 4, 4, seed=1), TIMES[[3, 20, 40]]
    level = Level.at(schedule, times, clean)
    alpha, sigma = schedule.alpha_sigma(times)
    noisy = level.noisy(clean, noise)
    assert torch.allclose(noisy[1], alpha[1] * clean[1] + sigma[1] * noise[1])


@pytest.mark.parametrize("dims", [2, 3])
def test_picture_and_noise_are_told_from_each_other(schedule, dims):
    clean, noise = normal(3, 2, *[4] * dims), normal(3, 2, *[4] * dims, seed=1)
    level = Level.at(schedule, TIMES[[3, 20, 40]], clean)
    noisy = level.noisy(clean, noise)
    assert torch.allclose(level.noise(noisy, clean), noise)
    assert torch.allclose(level.clean(noisy, noise), clean)
