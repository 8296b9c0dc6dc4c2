"""The best linear estimate against the closed form of a Gaussian, and the prior of values."""

import pytest
import torch

from radfoundry.diffusion.noise import Flow
from radfoundry.networks.wavelet_unet.gaussian_prior import FOLDS, SEEN, GaussianPrior
from radfoundry.networks.wavelet_unet.value_prior import ValuePrior

SHAPE, RANK, CHANNELS = (4, 2, 2, 2), 3, 2
SIZE = 32


def gaussian(rank: int = RANK) -> GaussianPrior:
    """Return a prior of known mean, components and rest."""
    source = torch.Generator().manual_seed(0)
    prior = GaussianPrior(SHAPE, rank, 0, 0, Flow(), CHANNELS)
    prior.center.copy_(torch.randn(SIZE, generator=source))
    prior.basis.copy_(torch.randn(SIZE, rank, generator=source))
    prior.rest.copy_(torch.rand(SIZE, generator=source) + 0.1)
    prior.tabulate()
    return prior


def closed(
    prior: GaussianPrior, noisy: torch.Tensor, alpha: torch.Tensor, noise: torch.Tensor
) -> tuple:
    """Return mean and standard deviation (B, size) by the dense formula."""
    covariance = (prior.basis @ prior.basis.T + torch.diag(prior.rest)).double()
    gain = torch.linalg.solve(
        alpha * covariance * alpha[:, None] + torch.diag(noise), torch.eye(SIZE).double()
    )
    gain = (covariance * alpha) @ gain
    mean = prior.center + (noisy.flatten(1) - alpha * prior.center).double() @ gain.T
    left = covariance - gain @ (alpha[:, None] * covariance)
    return mean, left.diagonal().sqrt()


def no_text(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(count, 0), torch.zeros(count, dtype=torch.bool)


@pytest.mark.parametrize("time", [0.05, 0.3, 0.62, 0.95])
def test_the_estimate_is_the_posterior_mean_of_the_gaussian(time):
    prior, noisy = gaussian(), torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1))
    found = prior(noisy, torch.full((2,), time), None, *no_text(2))
    alpha, noise = torch.full((SIZE,), 1 - time).double(), torch.full((SIZE,), time**2).double()
    mean, _ = closed(prior, noisy, alpha, noise)
    torch.testing.assert_close(found.clean.flatten(1).double(), mean, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("time", [0.05, 0.3, 0.62, 0.95])
def test_with_one_component_the_error_is_the_posterior_deviation(time):
    prior, noisy = gaussian(1), torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    found = prior(noisy, torch.full((1,), time), None, *no_text(1))
    alpha, noise = torch.full((SIZE,), 1 - time).double(), torch.full((SIZE,), time**2).double()
    _, error = closed(prior, noisy, alpha, noise)
    torch.testing.assert_close(found.error[0].flatten().double(), error, atol=0.01, rtol=0.02)


def test_a_given_channel_tells_of_the_other():
    prior, time = gaussian(), 0.8
    noisy = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    given = torch.tensor([[False, True]])
    found = prior(noisy, torch.tensor([time]), given, *no_text(1))
    clean = torch.tensor([False, True, False, True]).repeat_interleave(8)
    alpha = torch.where(clean, 1.0, 1 - time).double()
    noise = torch.where(clean, SEEN**2, time**2).double()
    mean, _ = closed(prior, noisy, alpha, noise)
    torch.testing.assert_close(found.clean.flatten(1).double(), mean, atol=0.02, rtol=0.02)
    alone = prior(noisy, torch.tensor([time]), None, *no_text(1))
    assert (found.error < alone.error + 1e-3).all()
    assert found.error[0, 0].mean() < 0.95 * alone.error[0, 0].mean()


def test_the_expected_error_is_that_of_the_gaussians_own_draws():
    prior, source = gaussian(), torch.Generator().manual_seed(2)
    scores, rest = (torch.randn(4000, n, generator=source) for n in (RANK, SIZE))
    clean = prior.center + scores @ prior.basis.T + rest * prior.rest.sqrt()
    times = torch.full((4000,), 0.6)
    noisy = 0.4 * clean + 0.6 * torch.randn(4000, SIZE, generator=source)
    found = prior(noisy.reshape(-1, *SHAPE), times, None, *no_text(4000))
    error = (found.clean.flatten(1) - clean).square().mean()
    torch.testing.assert_close(prior.expected_error(times[:1])[0], error, atol=0, rtol=0.03)


def bodies(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return coefficients that move with text features, and the features."""
    source = torch.Generator().manual_seed(3)
    text_features = torch.randn(count, 2, generator=source)
    ways = torch.randn(2, SIZE, generator=source)
    noise = 0.3 * torch.randn(count, SIZE, generator=source)
    return (text_features @ ways + noise).reshape(
        count, *SHAPE
    ), text_features - text_features.mean(0)


def test_a_fold_takes_no_part_in_its_own_prior():
    cases, text_features = bodies(40)
    prior = GaussianPrior(SHAPE, RANK, 2, 0, Flow(), CHANNELS)
    prior.measure(cases, text_features)
    other = prior.without(1, cases, text_features)
    changed = cases.clone()
    changed[torch.arange(40) % FOLDS == 1] += 100
    again = prior.without(1, changed, text_features)
    for name, part in other.state_dict().items():
        torch.testing.assert_close(part, again.state_dict()[name])
    assert not torch.equal(other.center, prior.center)


def test_text_features_move_the_estimate():
    cases, text_features = bodies(200)
    prior = GaussianPrior(SHAPE, RANK, 2, 0, Flow(), CHANNELS)
    prior.measure(cases, text_features)
    noise, late = torch.randn(200, *SHAPE, generator=torch.Generator().manual_seed(4)), 0.98
    noisy, times = (1 - late) * cases + late * noise, torch.full((200,), late)
    there = torch.ones(200, dtype=torch.bool)
    right = prior(noisy, times, None, text_features, there).clean - cases
    nothing = prior(noisy, times, None, torch.zeros_like(text_features), ~there).clean - cases
    wrong = prior(noisy, times, None, text_features.roll(1, 0), there).clean - cases
    assert right.square().mean() < 0.3 * nothing.square().mean()
    assert wrong.square().mean() > nothing.square().mean()


def two_valued() -> ValuePrior:
    """Return the prior of pictures that are -0.6 or 1 as a whole, as one text feature says."""
    text_features = torch.tensor([[-1.0], [1.0]]).repeat(50, 1)
    pictures = torch.where(text_features > 0, 1.0, -0.6)[..., None, None, None].expand(
        -1, 1, 4, 4, 4
    )
    value_prior = ValuePrior(16, (1, 4, 4, 4), 1)
    value_prior.measure(pictures, text_features)
    return value_prior


def test_an_estimate_between_two_tissues_is_drawn_to_the_nearer_one():
    value_prior, doubt = two_valued(), torch.full((1, 1, 4, 4, 4), 0.05)
    for start, end in ((0.0, -0.6), (0.5, 1.0)):
        drawn = value_prior(torch.full_like(doubt, start), doubt, torch.zeros(1, 1))
        assert (drawn - end).abs().max() < 0.15


def test_a_text_says_which_tissue_is_likely():
    value_prior, doubt = two_valued(), torch.full((1, 1, 4, 4, 4), 0.3)
    low, high = (
        value_prior(torch.full_like(doubt, 0.2), doubt, torch.full((1, 1), feature))
        for feature in (-1.0, 1.0)
    )
    assert (high - low).min() > 0.5


def test_an_estimate_that_knows_nothing_is_left_as_it_is():
    value_prior = two_valued()
    estimate = torch.full((1, 1, 4, 4, 4), 0.2)
    drawn = value_prior(estimate, value_prior.spread[None], torch.zeros(1, 1))
    assert (drawn - estimate).abs().max() < 0.06
