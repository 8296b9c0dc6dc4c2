"""Tiles: what a network says of a picture in parts is what it says of the whole."""

import pytest
import torch

from radfoundry.diffusion.noise import Flow
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.diffusion.tiles import Tiles, tiled, weights


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def local(noisy, times, concat=None, text=None):
    """Look one voxel around, at the time, at what lies beside and at the text."""
    pool = torch.nn.functional.avg_pool3d if noisy.ndim == 5 else torch.nn.functional.avg_pool2d
    shape = (-1, *[1] * (noisy.ndim - 1))
    made = pool(noisy, 3, 1, 1, count_include_pad=False) * times.reshape(shape)
    made = made if concat is None else made + concat
    return made if text is None else made + text.mean((1, 2)).reshape(shape)


@pytest.mark.parametrize("shape", [(2, 2, 37, 24), (2, 1, 20, 17, 24)], ids=["2D", "3D"])
def test_a_network_that_looks_no_further_than_the_margin_gives_the_same_in_tiles(shape):
    noisy, times = normal(*shape), torch.tensor([0.3, 0.9])
    condition = {"concat": normal(*shape, seed=1), "text": normal(2, 4, 3, seed=2)}
    tiles = Tiles([12] * (len(shape) - 2), overlap=0.5, batch=3, margin=2)
    assert torch.allclose(
        tiled(local, tiles)(noisy, times, **condition), local(noisy, times, **condition), atol=1e-5
    )


def test_without_a_margin_the_tiles_show():
    noisy, times = normal(1, 1, 32, 32), torch.ones(1)
    made = tiled(local, Tiles([8, 8], overlap=0.0))(noisy, times)
    assert not torch.allclose(made, local(noisy, times), atol=1e-3)


def test_the_weights_of_the_tiles_add_up_to_one():
    made = tiled(lambda noisy, times: torch.ones_like(noisy), Tiles([8, 8, 8], 0.25, 2, 1))
    assert torch.allclose(made(normal(1, 2, 19, 8, 12), torch.ones(1)), torch.tensor(1.0))


def test_no_tile_is_larger_than_asked_and_no_call_larger_than_its_batch():
    seen = []

    def watched(noisy, times):
        seen.append(tuple(noisy.shape))
        return noisy

    tiled(watched, Tiles([8, 16], overlap=0.25, batch=2))(normal(3, 1, 32, 12), torch.ones(3))
    assert max(shape[0] for shape in seen) <= 2
    assert {shape[2:] for shape in seen} == {(8, 12)}


def test_a_tile_counts_most_in_its_middle():
    counts = weights((8, 6), 1)[0, 0]
    assert float(counts[3, 3]) == float(counts.max())
    assert float(counts[0, 3]) < 1e-4 * float(counts[3, 3])
    assert float(counts[0, 0]) < 1e-4 * float(counts[0, 3])
    assert (counts > 0).all()


def test_a_sampler_runs_on_the_whole_picture_with_its_network_in_tiles():
    def draw(network):
        return sample(network, Streams([1], (1, 24, 24)), Flow(), Sampling("dpm", 4))

    assert torch.allclose(draw(tiled(local, Tiles([12, 12], 0.5, 4, 2))), draw(local), atol=1e-4)
