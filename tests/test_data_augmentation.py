"""What networks are shown: shifts stay within their reach and mirror nothing."""

import pytest
import torch

from radfoundry.data.augmentation import shifted


def generator():
    return torch.Generator().manual_seed(0)


def test_a_shift_moves_by_at_most_its_reach_and_mirrors_nothing():
    picture = torch.arange(8.0).expand(1, 1, 8, 8, 8)
    moved = shifted(picture, 1, generator())
    assert moved.shape == picture.shape
    assert (moved.diff(dim=-1) >= 0).all()
    assert (moved - picture).abs().max() <= 1


def test_all_channels_of_a_picture_move_alike_and_pictures_each_their_own_way():
    same = torch.randn(1, 1, 9, 8, 7, generator=generator()).expand(6, 2, 9, 8, 7)
    moved = shifted(same, 2, generator())
    assert torch.equal(moved[:, 0], moved[:, 1])
    assert len({tuple(picture.flatten().tolist()) for picture in moved}) > 1


@pytest.mark.parametrize("sides", [(4, 4, 4), (3, 5, 6)])
def test_a_reach_of_nothing_moves_nothing(sides):
    pictures = torch.randn(3, 1, *sides)
    assert torch.equal(shifted(pictures, 0, generator()), pictures)
