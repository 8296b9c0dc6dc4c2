"""Tests of the four channels: what goes in comes out, and noise does no harm."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radfoundry.anatomy import regions
from radfoundry.config.catalogue import load
from radfoundry.data import channels

REGIONS = (*channels.LEVELS, "airway", "lung_vessel")


def phantom(size, seed=3):
    """Return a chest with the truth of its anatomy."""
    chest = load("phantoms", "chest_ct")
    options = {**chest.OPTIONS, "patients": 1, "exams": [1, 1], "size": size}
    row = chest.plan(options, np.random.default_rng(seed)).iloc[0]

    return chest.draw(json.loads(row["parameters"]))


@pytest.fixture(scope="module", params=[32, 64])
def case(request):
    return phantom(request.param)


def dice(first, second, region):
    one, two = (regions.mask(labels, region) for labels in (first, second))
    return 2 * (one & two).sum() / (one.sum() + two.sum())


def test_true_labels_come_back_as_they_were(case):
    _, labels = channels.decode(channels.encode(case), case.image.affine)
    for region in REGIONS:
        np.testing.assert_array_equal(
            regions.mask(labels, region), regions.mask(case.anatomy, region), err_msg=region
        )


def test_the_image_comes_back_within_the_window(case):
    image, _ = channels.decode(channels.encode(case), case.image.affine)
    assert image.voxels.dtype == np.int16
    wanted = np.clip(case.image.voxels, *channels.WINDOW_HU)
    assert np.abs(image.voxels - wanted).max() <= 0.51
    np.testing.assert_array_equal(image.affine, case.image.affine)


def test_channels_are_within_their_bounds(case):
    encoded = channels.encode(case)
    assert (encoded.shape, encoded.dtype) == ((4, *case.image.voxels.shape), np.float32)
    assert np.abs(encoded).max() <= 1


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), spread=st.floats(0.05, 0.2))
def test_noise_moves_no_lobe(seed, spread):
    chest = LARGE
    encoded = channels.encode(chest)
    noise = np.random.default_rng(seed).normal(0, spread, encoded.shape).astype(np.float32)
    _, labels = channels.decode(encoded + noise, chest.image.affine)
    assert all(dice(labels, chest.anatomy, lobe) > 0.93 for lobe in channels.LEVELS)


LARGE = phantom(64)


def test_a_speck_of_another_lobe_joins_the_lobe_around_it():
    channel = np.full((16, 16, 16), -1, np.float32)
    channel[2:14, 2:14, 2:14] = channels.LEVELS["lung_upper_lobe_left"] - 0.05
    channel[8, 8, 8] = channels.LEVELS["lung_upper_lobe_right"]
    found = channels.read_lobes(channel)
    assert found["lung_upper_lobe_left"].sum() == 12**3
    assert not found["lung_upper_lobe_right"].any()


def test_nothing_drawn_is_nothing_read():
    empty = np.full((4, 8, 8, 8), -0.9, np.float32)
    _, labels = channels.decode(empty, np.eye(4))
    assert not labels.any()


def test_an_image_alone_has_no_anatomy():
    image, labels = channels.decode(np.zeros((1, 8, 8, 8), np.float32), np.eye(4))
    assert not labels.any()
    assert (image.voxels == -8).all()


def test_smaller_gives_the_means_of_blocks():
    picture = torch.arange(64.0).reshape(1, 1, 4, 4, 4)
    assert channels.smaller(picture, 2)[0, 0, 0, 0, 0] == picture[0, 0, :2, :2, :2].mean()


def test_cropping_undoes_padding():
    full = np.random.default_rng(0).normal(size=(4, 7, 8, 9)).astype(np.float32)
    wide = channels.padded(full, 8)
    assert wide.shape == (4, 8, 8, 16)
    np.testing.assert_array_equal(channels.cropped(wide, full.shape[1:]), full)


def test_the_published_layout_has_the_depth_first():
    assert channels.turned(torch.zeros(1, 4, 2, 3, 5)).shape == (1, 4, 5, 3, 2)


def test_a_turn_leaves_what_turns_about_the_long_axis_alone():
    picture = torch.linspace(-1, 1, 16).expand(2, 4, 16, 16, 16).clone()
    turned = channels.rotated(
        picture, channels.turns(2, 0.2, 0.0, torch.Generator().manual_seed(0))
    )
    torch.testing.assert_close(turned[:, 0], picture[:, 0], atol=1e-5, rtol=0)


def test_a_turn_of_nothing_changes_nothing():
    picture = torch.randn(1, 4, 6, 8, 10)
    turned = channels.rotated(
        picture, channels.turns(1, 0.0, 0.0, torch.Generator().manual_seed(0))
    )
    torch.testing.assert_close(turned, picture, atol=1e-5, rtol=0)
