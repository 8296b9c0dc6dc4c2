"""Samplers, against mixtures of Gaussians whose exact denoiser is known."""

import pytest
import torch

from radfoundry.diffusion.guidance import DECAYS, Known, blend_noisy, until
from radfoundry.diffusion.noise import Cosine, Flow, Level
from radfoundry.diffusion.samplers import Sampling, Streams, grid, sample

MEANS = torch.tensor([[-0.8, -0.3], [0.5, 0.6], [0.4, -0.7]])
DDIM_25 = Sampling("ddim", 25, spacing="time")
DPM_10 = Sampling("dpm", 10, log_snr_range=(-4.0, 7.0))


def exact(schedule, spread=0.2):
    """Return the best denoiser of pictures (B, 1, 2) that lie around three points."""

    def denoise(noisy, times):
        level = Level.at(schedule, times, noisy)
        alpha, total = level.alpha, (level.alpha * spread) ** 2 + level.sigma**2
        apart = noisy - alpha * MEANS  # (B, 3, 2)
        share = torch.softmax(-(apart**2).sum(2, keepdim=True) / (2 * total), 1)
        means = MEANS + alpha * spread**2 / total * apart
        return (share * means).sum(1, keepdim=True)

    return denoise


def drawn(schedule, sampling, spread=0.2, count=300):
    return sample(exact(schedule, spread), Streams(range(count), (1, 2)), schedule, sampling)


def error(schedule, sampling, spread):
    """Return how far pictures end from where the noise leads with a thousand steps."""
    fine = drawn(schedule, Sampling("dpm", 300), spread)
    return float((drawn(schedule, sampling, spread) - fine).square().mean().sqrt())


@pytest.mark.parametrize("spread", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("schedule", [Cosine(), Flow()], ids=["cosine", "flow"])
def test_ten_steps_of_dpm_lead_nearer_than_twenty_five_of_ddim(schedule, spread):
    assert error(schedule, DPM_10, spread) < error(schedule, DDIM_25, spread)


@pytest.mark.parametrize("spread", [0.2, 0.4])
def test_ten_steps_draw_the_spread_of_the_truth_as_a_hundred_of_ddim_do(spread):
    for sampling in (DPM_10, Sampling("ddim", 100, spacing="time")):
        made = drawn(Cosine(), sampling, spread, count=3000)[:, 0]
        nearest = torch.cdist(made, MEANS).argmin(1)
        shares = torch.bincount(nearest, minlength=3) / len(made)
        truth = MEANS[torch.arange(3000) % 3] + spread * torch.randn(
            (3000, 2), generator=torch.Generator().manual_seed(1)
        )
        true = torch.bincount(torch.cdist(truth, MEANS).argmin(1), minlength=3) / 3000
        assert float((shares - true).abs().max()) < 0.04
        assert torch.allclose(made.mean(0), truth.mean(0), atol=0.04)
        assert torch.allclose(made.std(0), truth.std(0), rtol=0.04)


def test_one_gaussian_is_drawn_exactly_by_the_best_linear_denoiser():
    spread = 0.3

    def denoise(noisy, times):
        level = Level.at(Cosine(), times, noisy)
        return level.alpha * spread**2 / ((level.alpha * spread) ** 2 + level.sigma**2) * noisy

    made = sample(denoise, Streams(range(50), (1, 4)), Cosine(), Sampling("dpm", 30))
    wanted = spread * Streams(range(50), (1, 4)).normal()
    assert torch.allclose(made, wanted, atol=0.03)


def test_euler_on_the_flow_follows_the_velocity():
    schedule, steps = Flow(), 7
    picture, denoise = Streams([3], (1, 2)).normal(), exact(Flow())
    for index in range(steps):
        time = 1 - index / steps
        estimate = denoise(picture, torch.tensor([time]))
        picture = picture - (picture - estimate) / time / steps
    made = sample(denoise, Streams([3], (1, 2)), schedule, Sampling("euler", steps, spacing="time"))
    assert torch.allclose(made, picture, atol=1e-5)


@pytest.mark.parametrize("sampling", [
    Sampling(), Sampling("ddim", 5), Sampling("ddim", 5, eta=1.0), Sampling("euler", 5),
])  # fmt: skip
def test_a_picture_is_the_same_whatever_it_is_drawn_with(sampling):
    def among(seeds):
        return sample(exact(Flow()), Streams(seeds, (1, 2)), Flow(), sampling)

    together = among([4, 5, 6, 7])
    assert torch.allclose(torch.cat([among([4]), among([5, 6]), among([7])]), together, atol=1e-5)
    assert torch.equal(among([7, 5])[0], among([7, 5])[0])
    assert not torch.allclose(together[0], together[1])


def test_noise_depends_on_the_seed_alone_to_the_last_bit():
    together, alone = Streams([1, 2, 3], (2, 4, 4)), Streams([2], (2, 4, 4))
    for _ in range(2):
        assert torch.equal(together.normal()[1], alone.normal()[0])


def test_fresh_noise_of_ddim_keeps_the_spread():
    made = drawn(Cosine(), Sampling("ddim", 100, eta=1.0, spacing="time"), spread=0.3, count=1000)
    still = drawn(Cosine(), Sampling("ddim", 100, spacing="time"), spread=0.3, count=1000)
    assert torch.allclose(made.std(0), still.std(0), rtol=0.08)
    assert not torch.allclose(made, still, atol=0.1)


def test_the_network_is_called_once_a_step_from_noise_to_picture():
    seen = []

    def denoise(noisy, times):
        seen.append(float(times[0]))
        return torch.zeros_like(noisy)

    sample(denoise, Streams([1], (1, 2)), Cosine(), Sampling("dpm", 6))
    assert len(seen) == 6
    assert seen[0] > 0.99
    assert seen == sorted(seen, reverse=True)
    assert min(seen) > 0


def test_steps_are_even_in_what_they_are_said_to_be_even_in():
    by_time = grid(Cosine(), Sampling(steps=4, spacing="time"))
    assert by_time.tolist() == pytest.approx([1, 0.75, 0.5, 0.25])
    gaps = Cosine().log_snr(grid(Cosine(), Sampling(steps=8))).diff()
    assert torch.allclose(gaps, gaps.mean().expand(7), rtol=1e-4)
    reached = Cosine().log_snr(grid(Cosine(), Sampling(steps=5, log_snr_range=(-4, 4))))
    assert reached[1:].tolist() == pytest.approx([-4, -2, 0, 2])


@pytest.mark.parametrize("method", ["ddim", "dpm"])
def test_known_channels_come_out_as_they_went_in_and_lead_the_others(method):
    values = torch.tensor([[[0.5], [0.0]], [[-0.8], [0.0]]])  # (B, C, 1)
    known = Known(values, torch.tensor([[True, False], [True, False]]))
    joint = exact(Cosine(), 0.05)

    def denoise(noisy, times):
        return joint(noisy.transpose(1, 2), times).transpose(1, 2)

    streams = Streams([1, 2], (2, 1))
    made = sample(denoise, streams, Cosine(), Sampling(method, 40, spacing="time"), known)
    assert torch.equal(made[:, 0], values[:, 0])
    assert float(made[1, 1]) == pytest.approx(-0.3, abs=0.15)  # the only point at -0.8


def test_a_noisy_blend_shows_the_network_the_known_part_at_its_level():
    seen = []

    def denoise(noisy, times):
        seen.append((noisy.clone(), times))
        return torch.zeros_like(noisy)

    values, share = torch.full((1, 1, 4), 0.7), torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    streams = Streams([5], (1, 4))
    made = sample(denoise, streams, Flow(), Sampling("ddim", 4), Known(values, share, noisy=True))
    noise = Streams([5], (1, 4)).normal()
    for noisy, times in seen:
        level = Level.at(Flow(), times, noisy)
        assert torch.allclose(noisy[..., :2], level.noisy(values, noise)[..., :2], atol=1e-5)
    assert torch.equal(made[..., :2], values[..., :2])


def test_a_blend_that_ends_halfway_leaves_the_estimate_to_the_network():
    seen = []

    def denoise(noisy, times):
        seen.append(noisy.clone())
        return torch.zeros_like(noisy)

    values, share = torch.full((1, 1, 2), 0.7), torch.tensor([[[1.0, 0.0]]])
    known = Known(values, share, noisy=True, clean=False, decay=until(0.5))
    sampling = Sampling("ddim", 4, spacing="time")
    made = sample(denoise, Streams([5], (1, 2)), Flow(), sampling, known)
    assert not made.any()
    start = Streams([5], (1, 2)).normal()[0, 0, 0]
    clean = [float(n[0, 0, 0] - (1 - 0.25 * k) * start) for k, n in enumerate(seen)]
    assert clean[:2] == pytest.approx([0, 0.25 * 0.7], abs=1e-5)
    assert clean[2] == pytest.approx(clean[1] * 0.5 / 0.75, abs=1e-5)  # as the sampler moves it


@pytest.mark.parametrize(
    ("name", "left"), [("constant", 1), ("linear", 0.75), ("polynomial", 0.9375)]
)
def test_what_is_known_counts_less_as_its_decay_says(name, left):
    known = Known(torch.ones(1, 1, 2), torch.ones(1, 1), noisy=True, decay=DECAYS[name])
    level = Level(torch.tensor(1.0), torch.tensor(0.0))
    made = blend_noisy(torch.zeros(1, 1, 2), known, level, torch.zeros(1, 1, 2), done=0.25)
    assert made.flatten().tolist() == pytest.approx([left] * 2)


def test_with_fresh_noise_the_known_part_has_fresh_noise_too():
    seen = []

    def denoise(noisy, times):
        seen.append(noisy.clone())
        return torch.zeros_like(noisy)

    known = Known(torch.zeros(1, 1, 2), torch.ones(1, 1), noisy=True, clean=False)
    sample(denoise, Streams([5], (1, 2)), Flow(), Sampling("ddim", 3, 1.0, "time"), known)
    directions = [noisy / noisy.norm() for noisy in seen]
    assert not torch.allclose(directions[0], directions[1], atol=0.05)


@pytest.mark.parametrize("wrong", [
    {"method": "heun"}, {"spacing": "sigma"}, {"steps": 0}, {"method": "dpm", "eta": 0.5},
    {"spacing": "time", "log_snr_range": (-4.0, 7.0)},
])  # fmt: skip
def test_a_way_that_does_not_exist_is_refused(wrong):
    with pytest.raises(ValueError, match="none of|draw nothing|adds no noise"):
        Sampling(**wrong)
