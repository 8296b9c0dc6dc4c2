"""The Haar front end: exact, orthonormal, on any axes."""

import pytest
import torch

from radfoundry.networks.wavelets import haar, inverse_haar


def normal(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(2, 1, 16, 24), (1, 2, 8, 8, 16)], ids=["2D", "3D"])
@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_pictures_come_back_and_keep_their_energy(shape, levels):
    pictures = normal(*shape)
    bands = haar(pictures, levels)
    assert bands.shape[1] == shape[1] * 2 ** (levels * (len(shape) - 2))
    assert bands.shape[2:] == tuple(side // 2**levels for side in shape[2:])
    assert torch.allclose(inverse_haar(bands, levels), pictures, atol=1e-5)
    assert torch.allclose(bands.square().sum(), pictures.square().sum(), rtol=1e-5)


def test_coefficients_come_back_too():
    bands = normal(2, 16, 4, 4)
    assert torch.allclose(haar(inverse_haar(bands, 2), 2), bands, atol=1e-5)


def test_a_volume_may_keep_its_depth():
    volume = normal(1, 2, 5, 8, 12)
    bands = haar(volume, 2, axes=(1, 2))
    assert bands.shape == (1, 32, 5, 2, 3)
    assert torch.allclose(inverse_haar(bands, 2, axes=(1, 2)), volume, atol=1e-5)


def test_the_first_channels_are_the_pictures_made_small():
    volume = normal(1, 3, 8, 8, 8)
    small = torch.nn.functional.avg_pool3d(volume, 4)
    assert torch.allclose(haar(volume, 2)[:, :3], small * 8, atol=1e-5)


def test_a_flat_picture_has_nothing_in_its_other_bands():
    bands = haar(torch.ones(1, 1, 8, 8), 1)
    assert torch.allclose(bands[:, 0], torch.full((1, 4, 4), 2.0))
    assert torch.equal(bands[:, 1:], torch.zeros(1, 3, 4, 4))


def test_a_side_that_cannot_be_halved_and_an_axis_that_is_none_are_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        haar(normal(1, 1, 18, 16), 2)
    with pytest.raises(ValueError, match="axes"):
        haar(normal(1, 1, 16, 16), 1, axes=(1, 2))
