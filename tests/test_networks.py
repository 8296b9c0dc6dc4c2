"""Networks: shapes, the Haar front end, what passes where."""

import numpy as np
import pytest
import torch

from radfoundry.evaluation.tasks.anomaly.network import SIZES, ReconstructionUNet, reconstruction
from radfoundry.networks.layers import convolution, seeded
from radfoundry.networks.wavelets import haar, inverse_haar

SMALL = SIZES["phantom"] | {"channels": 8, "haar": 1}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=1):
    return torch.rand(shape, generator=generator(seed))


@pytest.mark.parametrize("shape", [(2, 1, 16, 24), (1, 2, 8, 8, 16)], ids=["2D", "3D"])
@pytest.mark.parametrize("levels", [0, 1, 2])
def test_the_haar_transform_loses_nothing(shape, levels):
    pixels = noise(*shape)
    coefficients = haar(pixels, levels)
    assert coefficients.shape[1] == shape[1] * 2 ** (levels * (len(shape) - 2))
    assert torch.allclose(inverse_haar(coefficients, levels), pixels, atol=1e-6)
    assert torch.allclose((coefficients**2).sum(), (pixels**2).sum(), rtol=1e-5)


def test_a_picture_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        haar(noise(1, 1, 18, 16), 2)


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("size", sorted(SIZES))
def test_every_size_returns_a_picture_and_an_encoding(size, skips):
    network = reconstruction(size, generator(), skips=skips).eval()
    made, encoded = network(noise(2, 1, 64, 64))
    assert made.shape == (2, 1, 64, 64)
    assert encoded.shape[-1] <= 8
    assert torch.equal(encoded, network.encode(noise(2, 1, 64, 64)))


def test_the_same_class_takes_volumes():
    network = reconstruction(SMALL | {"mirror": False}, generator(), spatial_dims=3)
    assert network(noise(1, 1, 8, 16, 8))[0].shape == (1, 1, 8, 16, 8)


def test_the_paper_attends_where_its_five_levels_reach():
    names = [name for name, _ in reconstruction("paper", generator()).named_modules()]
    assert SIZES["paper"]["multipliers"] == (1, 1, 2, 3, 4)
    attended = sum(name.endswith("attn") for name in names)
    assert attended == 2 * 2 + 1 + 2 * 3  # down, middle, up at 8 and 16; no level shrinks by 32


def test_an_untrained_network_of_changes_leaves_a_picture_alone():
    picture = noise(1, 1, 32, 32)
    assert torch.equal(reconstruction(SMALL, generator())(picture)[0], picture)


def test_without_skips_only_the_bottleneck_tells_the_decoder_anything():
    network = reconstruction(SMALL, generator(), skips=False)
    torch.nn.init.normal_(network.decoder.head[-1].weight, generator=generator())
    encoded, kept = network.encoder(noise(1, 1, 32, 32))
    nothing = [torch.zeros_like(features) for features in kept]
    assert torch.equal(network.decoder(encoded, kept), network.decoder(encoded, nothing))


def test_gradients_reach_every_layer_but_the_silent_ones():
    network = reconstruction(SMALL, generator())
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator())
    network(noise(2, 1, 32, 32))[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_equal_generators_give_equal_networks_and_leave_the_global_state_alone():
    before = torch.get_rng_state()
    first, second, other = (reconstruction(SMALL, generator(s)) for s in (3, 3, 4))
    pairs = list(zip(first.parameters(), second.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_inside_seeded_follows_the_generator():
    drawn = []
    for _ in range(2):
        with seeded(generator(5)):
            drawn.append(torch.nn.functional.dropout(torch.ones(64)).numpy())
    np.testing.assert_array_equal(*drawn)


def test_an_unknown_size_is_told_what_there_is():
    with pytest.raises(ValueError, match="phantom, workstation, paper"):
        reconstruction("huge", generator())


def test_the_mirrored_picture_is_seen():
    network = ReconstructionUNet(SMALL)
    left = noise(1, 1, 32, 32)
    assert not torch.allclose(network.encode(left), network.encode(left.flip(-1)))


@pytest.fixture
def asked_of_one_dnn(monkeypatch):
    """Return a list that grows with each convolution that goes to oneDNN by its name."""
    found, real = [], torch.mkldnn_convolution
    monkeypatch.setattr(torch, "mkldnn_convolution", lambda *a: (found.append(a), real(*a))[1])
    return found


def test_one_volume_alone_goes_to_one_dnn(asked_of_one_dnn):
    layer, volume = convolution(3, 2, 2), torch.ones(1, 2, 4, 4, 4)
    layer(volume)
    assert len(asked_of_one_dnn) == 1
    layer(volume.repeat(2, 1, 1, 1, 1))
    layer(volume[0])
    layer(volume[:0])
    layer.double()(volume.double())
    assert len(asked_of_one_dnn) == 1


@pytest.mark.parametrize(("side", "stride"), [(3, 1), (1, 1), ((1, 3, 3), 1), (3, 2)])
def test_a_volume_alone_is_convolved_as_beside_another(side, stride):
    layer = convolution(3, 8, 8, side, stride)
    pair = torch.randn(2, 8, 6, 5, 4, generator=torch.Generator().manual_seed(3))
    alone = torch.cat([layer(one) for one in pair.split(1)])
    torch.testing.assert_close(alone, layer(pair))


def test_a_volume_alone_teaches_a_convolution_what_two_of_it_teach_twice():
    layer = convolution(3, 4, 4)
    volume = torch.randn(1, 4, 5, 5, 5, generator=torch.Generator().manual_seed(3))
    grads = []
    for given in (volume, volume.repeat(2, 1, 1, 1, 1)):
        given.requires_grad_()
        layer.zero_grad()
        (layer(given) ** 2).mean(0).sum().backward()
        grads.append([layer.weight.grad.clone(), layer.bias.grad.clone(), given.grad.sum(0)])
    for one, two in zip(*grads, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def test_a_volume_alone_may_be_of_other_precision():
    layer = convolution(3, 2, 2)
    volume = torch.ones(1, 2, 4, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(volume).dtype == torch.bfloat16
    assert layer.double()(volume.double()).dtype == torch.float64
    assert convolution(3, 2, 2).to("meta")(volume.to("meta")).shape == volume.shape
