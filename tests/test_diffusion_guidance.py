"""Guidance: the paper's formula, bounds, and known channels in their place."""

import pytest
import torch

from radfoundry.diffusion.guidance import Guidance, Known, blend_noisy, guided, replace_clean
from radfoundry.diffusion.noise import Cosine, Level

TEXT = {"text": torch.ones(2, 3, 4), "text_mask": torch.tensor([[1, 1, 0], [1, 0, 0]]).bool()}
TIMES = torch.tensor([0.3, 0.8])


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(noisy, times, text=None, text_mask=None):
    conditional = text_mask.any(1).float()[:, None, None, None] if text_mask is not None else 0.0
    return 0.2 * noisy + 0.3 * conditional - 0.1


def test_guidance_is_the_formula_of_the_paper_on_the_noise():
    noisy, scale = normal(2, 4, 8, 8), 2.5
    level = Level.at(Cosine(), TIMES, noisy)
    with_text = level.noise(noisy, network(noisy, TIMES, **TEXT))
    without = level.noise(noisy, network(noisy, TIMES))
    wanted = level.clean(noisy, without + scale * (with_text - without))
    made = guided(network, TEXT, Guidance(scale, limit=0))(noisy, TIMES)
    assert torch.allclose(made, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "asked"), [(1.0, [[True, True]]), (3.0, [[True, True, False, False]])]
)
def test_the_null_is_only_asked_where_it_counts_and_in_the_same_call(scale, asked):
    calls = []

    def listening(noisy, times, **condition):
        calls.append(condition["text_mask"].any(1).tolist())
        return network(noisy, times, **condition)

    guided(listening, TEXT, Guidance(scale))(normal(2, 4, 8, 8), TIMES)
    assert calls == asked


def test_what_else_is_known_is_told_to_the_null_too():
    seen = []

    def listening(noisy, times, **condition):
        seen.extend(condition["concat"].chunk(2))
        return noisy

    guided(listening, {**TEXT, "concat": normal(2, 1)}, Guidance(2.0))(normal(2, 4, 8, 8), TIMES)
    assert torch.equal(*seen)


def test_an_unconditional_network_needs_no_text():
    noisy = normal(2, 4, 8, 8)
    made = guided(lambda noisy, times: 3 * noisy, {}, Guidance(5.0))(noisy, TIMES)
    assert torch.equal(made, (3 * noisy).clamp(-1, 1))


@pytest.mark.parametrize("dims", [2, 3])
def test_any_subset_of_channels_is_put_in_place_per_picture(dims):
    estimate, values = normal(2, 4, *[6] * dims), normal(2, 4, *[6] * dims, seed=1)
    share = torch.tensor([[True, False, False, True], [False, True, False, False]])
    made = replace_clean(estimate, Known(values, share))
    assert torch.equal(made[share], values[share])
    assert torch.equal(made[~share], estimate[~share])


def test_what_is_not_known_may_be_anything():
    values = torch.full((1, 2, 4, 4), torch.nan)
    values[:, 0] = 0.5
    made = replace_clean(normal(1, 2, 4, 4), Known(values, torch.tensor([[True, False]])))
    assert made.isfinite().all()


def test_a_soft_mask_mixes():
    share = torch.zeros(1, 1, 4, 4)
    share[..., :2] = 0.25
    estimate, values = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    assert torch.equal(replace_clean(estimate, Known(values, share)), share)


def test_a_blend_is_as_noisy_as_the_picture():
    noisy, values, noise = (
        normal(2, 1, 8, 8),
        normal(2, 1, 8, 8, seed=1),
        normal(2, 1, 8, 8, seed=2),
    )
    share = torch.zeros(2, 1, 8, 8)
    share[..., :4], share[..., 4] = 1, 0.5
    level = Level.at(Cosine(), TIMES, noisy)
    made = blend_noisy(noisy, Known(values, share), level, noise)
    there = level.noisy(values, noise)
    assert torch.equal(made[..., :4], there[..., :4])
    assert torch.allclose(made[..., 4], 0.5 * (there + noisy)[..., 4])
    assert torch.equal(made[..., 5:], noisy[..., 5:])


def test_a_weaker_network_is_led_away_from_under_the_same_condition():
    noisy, asked = normal(2, 4, 8, 8), []

    def weaker(noisy, times, **condition):
        asked.append(condition)
        return 0.1 * noisy

    made = guided(network, TEXT, Guidance(2.5, limit=0), weaker)(noisy, TIMES)
    better = network(noisy, TIMES, **TEXT)
    torch.testing.assert_close(made, 0.1 * noisy + 2.5 * (better - 0.1 * noisy))
    assert torch.equal(asked[0]["text_mask"], TEXT["text_mask"])
    assert guided(network, {}, Guidance(2.0, 0), weaker)(noisy, TIMES).isfinite().all()


def test_outside_an_interval_the_text_is_followed_without_sharpening():
    noisy, calls = normal(2, 4, 8, 8), []

    def listening(noisy, times, **condition):
        calls.append(len(noisy))
        return network(noisy, times, **condition)

    bounds = Guidance(2.5, 0, (0.2, 0.7))
    made = guided(listening, TEXT, bounds)(noisy, TIMES)  # at 0.3 and 0.8
    whole = guided(network, TEXT, Guidance(2.5, 0))(noisy, TIMES)
    torch.testing.assert_close(made[0], whole[0])
    torch.testing.assert_close(made[1], network(noisy, TIMES, **TEXT)[1])
    guided(listening, TEXT, bounds)(noisy, TIMES + 0.5)
    assert calls == [4, 2], "where nobody is guided the null is not asked"
    assert bounds.at(torch.tensor([0.2, 0.7, 0.71])).tolist() == [1.0, 2.5, 1.0]


@pytest.mark.parametrize("interval", [(0.5, 0.5), (-0.1, 0.5), (0.2, 1.5)])
def test_an_interval_that_is_none_is_refused(interval):
    with pytest.raises(ValueError, match="allowed: 0 <= low < high <= 1"):
        Guidance(2.0, interval=interval)
