"""Batches: altered alike in picture, input and mask, and equal for equal generators."""

import numpy as np
import pytest
import torch

from radfoundry.evaluation.tasks.anomaly import OPTIONS
from radfoundry.evaluation.tasks.anomaly.augmentation import altered_batch, resized

STILL = dict.fromkeys(OPTIONS["augment"], 0.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pool():
    normal = 0.2 + 0.5 * torch.rand((6, 1, 32, 32), generator=generator())
    mask = torch.zeros(6, 1, 32, 32)
    mask[..., 8:20, 8:20] = 1
    return [normal, normal + 0.2 * mask, mask]


def batch(pool, seed=0, healthy=0.0, **augment):
    options = {"batch": 12, "normal_fraction": healthy, "augment": STILL | augment}
    return altered_batch(pool, options, generator(seed))


def test_without_alterations_a_batch_is_drawn_from_the_pool(pool):
    normal, given, mask = batch(pool)
    torch.testing.assert_close(given - normal, 0.2 * mask)
    assert all(any(torch.allclose(n, p, atol=1e-5) for p in pool[0]) for n in normal)


def test_equal_generators_give_equal_batches_and_leave_the_pool_alone(pool):
    before = [part.clone() for part in pool]
    first, second, other = (batch(pool, seed, **OPTIONS["augment"]) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])
    assert all(torch.equal(a, b) for a, b in zip(before, pool, strict=True))


def test_healthy_items_have_no_anomaly_and_no_mask(pool):
    normal, given, mask = batch(pool, healthy=1.0)
    assert torch.equal(normal, given)
    assert not mask.any()


@pytest.mark.parametrize("name", ["turn_deg", "zoom", "shift", "flip"])
def test_moves_take_the_mask_along(pool, name):
    largest = {"turn_deg": 20.0, "zoom": 0.2, "shift": 0.1, "flip": 1.0}[name]
    normal, given, mask = batch(pool, **{name: largest})
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(mask, batch(pool)[2]), "something moved"
    change = given - normal
    assert (change[mask > 0].mean() > 0.15) & (change[mask == 0].abs().mean() < 0.01)


@pytest.mark.parametrize("name", ["gamma", "contrast", "brightness", "noise"])
def test_the_film_changes_and_the_healthy_pixels_agree(pool, name):
    normal, given, mask = batch(pool, **{name: 0.3})
    assert not torch.allclose(normal, batch(pool)[0], atol=1e-3)
    torch.testing.assert_close(given[mask == 0], normal[mask == 0])


def test_strength_changes_how_much_is_added(pool):
    normal, given, mask = batch(pool, strength=0.5)
    added = ((given - normal) * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    assert 0.09 < added.min() < added.max() < 0.31
    assert added.max() - added.min() > 0.05


def test_exchanged_anomalies_keep_their_masks(pool):
    pool[1][:3], pool[2][:3] = pool[0][:3], 0
    pool[2][:3, :, 22:30, 22:30] = 1
    pool[1][:3] += 0.2 * pool[2][:3]
    normal, given, mask = batch(pool, exchange=1.0)
    torch.testing.assert_close(given - normal, 0.2 * mask)


def test_pictures_are_averaged_down_and_keep_their_mean():
    picture = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    small = resized([picture, picture[::-1]], 16)
    assert small.shape == (2, 1, 16, 16)
    assert small[0].mean() == pytest.approx(picture.mean(), abs=1e-5)
    assert small[0, 0, 0, 0] == pytest.approx(picture[:4, :4].mean(), abs=1e-5)
    assert resized([picture], (96, 96)).shape == (1, 1, 96, 96)
