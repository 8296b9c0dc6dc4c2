"""What can be computed of the full grid from the coarse one."""

import torch
from torch import nn

from radfoundry.data import channels
from radfoundry.networks.super_resolution import SuperResolution


def smooth(count: int, seed: int) -> torch.Tensor:
    """Return pictures (count, 2, 16, 16, 16) that change slowly."""
    grain = torch.randn(count, 2, 24, 24, 24, generator=torch.Generator().manual_seed(seed))
    once = nn.functional.avg_pool3d(grain, 5, 1)
    return 20 * nn.functional.avg_pool3d(once, 5, 1)


def repeated(coarse: torch.Tensor) -> torch.Tensor:
    """Return pictures on a grid twice as fine, each voxel repeated."""
    return nn.functional.interpolate(coarse, scale_factor=2, mode="nearest")


def test_unmeasured_each_coarse_voxel_is_repeated():
    low = torch.randn(1, 2, 4, 4, 6)
    torch.testing.assert_close(
        SuperResolution(nn.Identity(), 2, 2, 4.0).expected(low), repeated(low)
    )


def test_regression_on_neighbors_beats_repeating_on_other_pictures():
    fine = smooth(8, 0)
    network = SuperResolution(nn.Identity(), 2, 2, 4.0)
    network.measure(fine, channels.smaller(fine, 2))
    other = smooth(3, 1)
    low = channels.smaller(other, 2)
    computed, plain = network.expected(low), repeated(low)
    assert (computed - other).square().mean() < 0.7 * (plain - other).square().mean()


def test_what_a_voxel_tells_linearly_is_found_exactly():
    low = torch.randn(4, 1, 6, 6, 6, generator=torch.Generator().manual_seed(0))
    fine = 0.5 * repeated(low) + 0.25
    network = SuperResolution(nn.Identity(), 1, 2, 4.0)
    network.measure(fine, low)
    torch.testing.assert_close(network.expected(low), fine, atol=5e-3, rtol=0)


def test_the_whole_is_what_was_drawn_and_what_was_expected():
    fine, low = smooth(1, 2), torch.zeros(1, 2, 8, 8, 8)
    for residual_scale in (4.0, 0.0):
        network = SuperResolution(nn.Identity(), 2, 2, residual_scale)
        expected = network.expected(low)
        drawn = network.beyond(fine, expected)
        torch.testing.assert_close(network.whole(drawn, expected), fine)


def test_a_network_that_draws_the_channels_is_given_no_regression():
    network = SuperResolution(nn.Identity(), 2, 2, 0.0)
    before = network.weight.clone()
    fine = smooth(2, 3)
    network.measure(fine, channels.smaller(fine, 2))
    assert torch.equal(network.weight, before)


def test_pictures_are_moved_until_their_blocks_agree_with_the_coarse_ones():
    fine, coarse = smooth(2, 4), channels.smaller(smooth(2, 5), 2)
    moved = SuperResolution(nn.Identity(), 2, 2, 4.0).agreeing(fine, coarse)
    torch.testing.assert_close(channels.smaller(moved, 2), coarse)
    off = (moved - fine).unfold(2, 2, 2).unfold(3, 2, 2).unfold(4, 2, 2)
    torch.testing.assert_close(off.amin((-1, -2, -3)), off.amax((-1, -2, -3)))
