"""EDM's preconditioning and learned log-variance, by what is known of them otherwise."""

import math

import pytest
import torch

from radfoundry.diffusion.noise import Flow, Level, ScaledLinear
from radfoundry.diffusion.objectives import Objective, denoising_loss, even
from radfoundry.diffusion.preconditioning import (
    LOGIT_MEAN,
    LogVariance,
    coefficients,
    uncertain,
    weight,
)
from radfoundry.networks.layers import seeded
from radfoundry.networks.preconditioned_unet import PreconditionedUNet
from radfoundry.networks.wavelet_unet.band_statistics import BandStatistics

TIMES = torch.tensor([0.02, 0.3, 0.5, 0.9, 1.0], dtype=torch.float64)
FLAT = torch.zeros(5, 1, 1, 1, dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def level(schedule=Flow(), times=TIMES):  # noqa: B008 - frozen
    return Level.at(schedule, times, FLAT[: len(times)])


@pytest.mark.parametrize("schedule", [Flow(), ScaledLinear()])
def test_coefficients_are_those_of_the_papers_table_in_its_own_units(schedule):
    spread, here = 0.5, level(schedule, TIMES[:4])
    s = here.sigma / here.alpha
    given, skip, out = coefficients(here, spread)
    torch.testing.assert_close(given * here.alpha, (s**2 + spread**2).rsqrt())
    torch.testing.assert_close(skip * here.alpha, spread**2 / (s**2 + spread**2))
    torch.testing.assert_close(out, s * spread / (s**2 + spread**2).sqrt())
    found = weight(schedule, TIMES[:4], spread)
    torch.testing.assert_close(found, 1 / out.flatten() ** 2)


def test_what_is_given_and_asked_has_unit_variance_at_every_level():
    here, count = level(), 20000
    clean, noise = (normal(1, count, 1, 1, seed=seed).double() for seed in (1, 2))
    noisy = here.noisy(clean, noise)
    given, skip, out = coefficients(here)
    target = (clean - skip * noisy) / out
    for values in (given * noisy, target):
        torch.testing.assert_close(
            values.std(1).flatten(), torch.ones(5).double(), atol=0.02, rtol=0
        )


def test_the_shift_network_has_the_same_skip_and_output_by_its_statistics():
    statistics = BandStatistics(3, [1, 1], Flow())
    noisy, times = normal(2, 3, 4, 4), torch.tensor([0.3, 0.9])
    _, linear, doubt = statistics(noisy, times)
    _, skip, out = coefficients(Level.at(Flow(), times, noisy))
    torch.testing.assert_close(linear, skip * noisy)
    torch.testing.assert_close(doubt, out.expand_as(noisy)[:, :, :1, :1].expand_as(doubt))


def test_the_network_is_its_layers_between_the_coefficients():
    size = {
        "dims": 2, "widths": (8, 16), "blocks": 1, "attention": (False, True), "heads": 2,
        "groups": 4, "tokens": 6,
    }  # fmt: skip
    with seeded(torch.Generator().manual_seed(0)):
        network = PreconditionedUNet(size, Flow(), 3).eval().requires_grad_(False)
    noisy, times = normal(2, 3, 8, 8), torch.tensor([0.3, 1.0])
    given, skip, out = coefficients(Level.at(Flow(), times, noisy))
    raw = network.network(given * noisy, 1000 * times, None)
    torch.testing.assert_close(network(noisy, times), skip * noisy + out * raw)
    assert network(noisy, times).isfinite().all()


def test_levels_of_unit_spread_are_the_papers_of_half_the_spread():
    assert math.exp(LOGIT_MEAN) * 0.5 == pytest.approx(math.exp(-0.4), rel=0.01)


def loss(value):
    """Return the mean loss where the error is 9 and the log-variance is a value everywhere."""
    times, doubt = torch.full((4,), 0.5), lambda drawn: torch.full_like(drawn, value)
    objective = uncertain(Objective(Flow(), lambda *_: 0 * times, even), doubt, times)
    off, clean = lambda noisy, _: torch.full_like(noisy, 3.0), torch.zeros(4, 1, 2, 2)
    found = denoising_loss(off, clean, {}, objective, torch.Generator().manual_seed(0))
    return float((found + doubt(times)).mean())


def test_the_loss_is_least_where_the_log_variance_is_that_of_the_error():
    assert loss(math.log(9)) == pytest.approx(1 + math.log(9), rel=1e-6)
    assert loss(math.log(9)) < min(loss(2.0), loss(2.4))
    assert loss(0.0) == pytest.approx(9)


def test_the_log_variance_starts_at_nothing_and_can_tell_levels_apart():
    with seeded(torch.Generator().manual_seed(0)):
        doubt = LogVariance(Flow())
    times = torch.linspace(0.05, 0.95, 16)
    assert not doubt(times).any()
    wanted, optimizer = torch.logit(times), torch.optim.Adam(doubt.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (doubt(times) - wanted).square().mean().backward()
        optimizer.step()
    assert (doubt(times) - wanted).abs().max() < 0.2
