"""Objectives: when, how much it counts, what is left out; all from the generator."""

from dataclasses import replace

import pytest
import torch

from radfoundry.diffusion.noise import Cosine, Flow, Level, ScaledLinear
from radfoundry.diffusion.objectives import (
    NOISE_PREDICTION,
    OBJECTIVES,
    Dropping,
    denoising_loss,
    given_channels,
    logit_normal,
    masked_channels,
    of_velocity,
    uniform,
    without_text,
)

CLEAN = torch.linspace(-1, 1, 4 * 3 * 64).reshape(4, 3, 8, 8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Recorder:
    """A network that returns a constant and remembers what it was given."""

    def __init__(self, value=0.0):
        self.value, self.given = value, {}

    def __call__(self, noisy, times, **condition):
        self.given = {"noisy": noisy, "times": times, **condition}
        return torch.full_like(noisy, self.value)


def test_the_published_objective_is_the_plain_error_of_the_clean_picture():
    loss = denoising_loss(Recorder(), CLEAN, {}, OBJECTIVES["published"], generator())
    assert torch.allclose(loss, CLEAN.square().flatten(1).mean(1))
    assert isinstance(OBJECTIVES["published"].schedule, Cosine)


def test_the_flow_weighs_by_the_time_squared_but_not_below_a_fifth():
    network = Recorder()
    loss = denoising_loss(network, CLEAN, {}, OBJECTIVES["flow"], generator(3))
    weight = network.given["times"].clamp(min=0.2) ** -2
    assert torch.allclose(loss, weight * CLEAN.square().flatten(1).mean(1))
    assert of_velocity(torch.tensor([0.01, 0.5])).tolist() == pytest.approx([25, 4])
    assert isinstance(OBJECTIVES["flow"].schedule, Flow)


def test_latent_diffusions_objective_is_the_plain_error_of_the_noise():
    network = Recorder(0.1)
    loss = denoising_loss(network, CLEAN, {}, NOISE_PREDICTION, generator(3))
    noisy, times = network.given["noisy"], network.given["times"]
    level = Level.at(ScaledLinear(), times, noisy)
    apart = level.noise(noisy, torch.full_like(CLEAN, 0.1)) - level.noise(noisy, CLEAN)
    assert torch.allclose(loss, apart.square().flatten(1).mean(1), rtol=1e-3)
    assert torch.equal((1000 * times).round(), 1000 * times)
    assert 0.001 <= float(NOISE_PREDICTION.draw(5000, generator()).min()) < 0.003


def test_a_voxel_weight_makes_some_values_count_more_and_does_not_change_the_scale():
    def loss(counts):
        objective = replace(OBJECTIVES["published"], voxel_weight=lambda clean: counts)
        return denoising_loss(Recorder(), CLEAN, {}, objective, generator())

    counts = torch.ones_like(CLEAN)
    assert torch.allclose(loss(7 * counts), CLEAN.square().flatten(1).mean(1))
    counts[:, 0] += 3
    by_channel = CLEAN.square().flatten(2).mean(2)
    assert torch.allclose(loss(counts), (by_channel * torch.tensor([4.0, 1, 1])).sum(1) / 6)


def test_a_perfect_network_has_no_loss():
    for objective in OBJECTIVES.values():
        loss = denoising_loss(lambda noisy, times: CLEAN, CLEAN, {}, objective, generator())
        assert torch.equal(loss, torch.zeros(4))


def test_the_network_sees_the_picture_at_its_own_time():
    network = Recorder()
    denoising_loss(network, CLEAN, {}, OBJECTIVES["flow"], generator(1))
    times = network.given["times"][:, None, None, None]
    noise = (network.given["noisy"] - (1 - times) * CLEAN) / times
    assert abs(float(noise.mean())) < 0.15
    assert float(noise.std()) == pytest.approx(1, abs=0.1)


def test_uniform_times_cover_the_unit_interval_part_by_part():
    times = uniform(1000, generator())
    assert torch.equal((times * 1000).floor().long().sort().values, torch.arange(1000))
    assert not torch.equal(times, times.sort().values)


def test_logit_normal_times_lie_around_the_middle():
    times = logit_normal(20000, generator())
    assert float(torch.logit(times).mean()) == pytest.approx(0, abs=0.03)
    assert float(torch.logit(times).std()) == pytest.approx(1, abs=0.03)
    later = logit_normal(20000, generator(), logit_mean=1.5)
    assert torch.allclose(torch.logit(later), torch.logit(times) + 1.5, atol=1e-2)


def test_equal_generators_give_equal_losses():
    first, second, other = (
        denoising_loss(Recorder(0.3), CLEAN, {}, OBJECTIVES["flow"], generator(seed))
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_text_is_dropped_from_a_tenth_of_the_rows_and_kept_whole_in_the_others():
    text_mask = torch.arange(6).expand(5000, 6) < 4
    condition = without_text(
        {"text": torch.zeros(5000, 6, 2), "text_mask": text_mask}, 0.1, generator()
    )
    dropped = ~condition["text_mask"].any(1)
    assert float(dropped.float().mean()) == pytest.approx(0.1, abs=0.015)
    assert torch.equal(condition["text_mask"][~dropped], text_mask[~dropped])
    assert text_mask.any(1).all()  # the input is left alone


def test_a_condition_without_text_stays_as_it_is():
    condition = {"concat": CLEAN}
    assert without_text(condition, 1.0, generator()) is condition


def test_given_channels_are_proper_subsets_of_every_kind():
    given = given_channels((4000, 4), 0.5, generator())
    sizes = given.sum(1)
    assert float((sizes > 0).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert set(sizes.tolist()) == {0, 1, 2, 3}
    assert len({tuple(row) for row in given.tolist()}) == 15
    assert not given_channels((50, 1), 1.0, generator()).any()


def test_what_is_given_is_told_and_not_asked_for():
    network = Recorder()
    dropping = Dropping(channels=1.0)
    loss = denoising_loss(network, CLEAN, {}, OBJECTIVES["published"], generator(), dropping)
    values, shares = network.given["concat"].chunk(2, 1)
    given = shares.flatten(2).all(2)
    assert given.any(1).all()
    assert torch.equal(values, torch.where(given[..., None, None], CLEAN, 0.0))
    for row in range(4):
        assert float(loss[row]) == pytest.approx(float(CLEAN[row][~given[row]].square().mean()))


def test_what_lies_beside_is_never_overwritten_by_given_channels():
    with pytest.raises(ValueError, match="concat"):
        denoising_loss(
            Recorder(), CLEAN, {"concat": CLEAN}, OBJECTIVES["flow"], generator(),
            Dropping(channels=0.5),
        )  # fmt: skip


def test_a_voxel_may_be_given_in_part():
    share = torch.zeros_like(CLEAN)
    share[:, 1, :4] = 0.5
    shown = masked_channels(CLEAN, share)
    assert torch.equal(shown[:, 3:], share)
    assert torch.equal(shown[:, 1, :4], 0.5 * CLEAN[:, 1, :4])


def test_no_input_is_changed():
    before, text = CLEAN.clone(), torch.ones(4, 2, 3)
    condition = {"text": text}
    denoising_loss(Recorder(), CLEAN, condition, OBJECTIVES["flow"], generator())
    assert torch.equal(before, CLEAN)
    assert list(condition) == ["text"]
