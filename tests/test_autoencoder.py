"""Latent autoencoders: what they promise untrained, and trained for a few steps."""

import chests
import numpy as np
import pytest
import torch

from radfoundry.generators._latent import options, radiographs, training
from radfoundry.networks.autoencoder import losses
from radfoundry.networks.autoencoder.build import build, factors
from radfoundry.networks.autoencoder.latents import Latents, parted

KL = {"design": "kl", "channels": 1, "latent": 4, "range": [-1, 1], "widths": [8, 16]}
KL |= {"blocks": [1, 1], "attention": [False, False], "nonlocal": [False, False], "groups": 4}
KL |= {"checkpoint": False}
HAAR = {"design": "haar", "channels": 1, "latent": 4, "range": [-1, 1], "widths": [8, 16]}
SIZES = {
    "haar 2D": {**HAAR, "dims": 2, "factors": [[2, 2], [2, 1]], "blocks": [1, 1]},
    "haar 3D": {**HAAR, "dims": 3, "factors": [[2, 2, 2], [2, 2, 1]], "blocks": [1, 0]},
    "kl 2D": {**KL, "dims": 2},
    "kl 3D": {**KL, "dims": 3},
    "maisi": {**KL, "dims": 3, "design": "maisi", "range": [0, 1]},
}
OWN = {"size": SIZES["haar 3D"], "steps": 30, "batch": 2, "crop": [8, 8, 8], "learning_rate": 1e-2}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(dims=3, channels=2, count=2, seed=0):
    """Return smooth pictures in [-1, 1] of 8 voxels along each axis."""
    small = torch.rand((count, channels, *[2] * dims), generator=generator(seed)) * 2 - 1
    mode = "bilinear" if dims == 2 else "trilinear"
    return torch.nn.functional.interpolate(small, scale_factor=4, mode=mode)


def ahead(chance):
    return pictures(seed=int(torch.randint(8, (), generator=chance)))


def card(**changed):
    return options.TRAINING["phantom"] | OWN | {"channels": 2, "network": "a"} | changed


def fitted(seed=0, **changed):
    return training.fit(ahead, card(**changed), generator(seed))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_latents_lie_on_the_grid_that_the_size_says_and_have_unit_variance(size):
    latents, real = Latents(size, 2).eval(), pictures(size["dims"])
    with torch.no_grad():
        latents.measure(real)
        found = latents.encode(real)
        assert torch.equal(found, latents.encode(real))
        assert latents.decode(found).shape == real.shape
    coarse = [8 // factor for factor in factors(size)]
    assert found.shape == (2, latents.channels, *coarse) == (2, 8, *coarse)
    assert found.std() == pytest.approx(1, abs=0.05)


def test_the_haar_transform_in_front_loses_nothing():
    size = {**HAAR, "dims": 3, "factors": [[2, 4, 1]], "widths": [8], "blocks": [0], "latent": 8}
    network = build(size)
    for layer in (network.to_moments, network.from_latents):
        torch.nn.init.zeros_(layer.bias)
    torch.nn.init.dirac_(network.from_latents.weight)
    with torch.no_grad():
        network.to_moments.weight[:8] = network.from_latents.weight
        real = pictures(channels=1)
        torch.testing.assert_close(network.decode(network.encode(real)[0]), real)


def test_an_untrained_network_of_one_level_is_the_best_linear_one():
    real = torch.cat([pictures(channels=1, count=4), -pictures(channels=1, count=4)])
    errors = []
    for latent, width in ((2, 8), (4, 12)):
        size = {**HAAR, "dims": 3, "factors": [[2, 2, 2]], "widths": [width], "blocks": [1]}
        network = build({**size, "latent": latent})
        network.start_linear(real)
        with torch.no_grad():
            mean, deviation = network.encode(real)
            errors.append(float((network.decode(mean) - real).square().mean()))
    rows = real.unfold(2, 2, 2).unfold(3, 2, 2).unfold(4, 2, 2).flatten(5).reshape(-1, 8)
    left = np.linalg.eigvalsh(np.cov(rows.numpy().T, bias=True))[::-1]
    assert errors == pytest.approx([left[2:].sum() / 8, left[4:].sum() / 8], rel=1e-3)
    assert deviation.max() == pytest.approx(0.05, rel=1e-3)


def test_a_crop_has_the_latents_of_the_whole_away_from_its_borders():
    network = build({**SIZES["haar 3D"], "factors": [[2, 2, 2]], "widths": [8], "blocks": [1]})
    torch.nn.init.normal_(network.down[0][1].branch[-1].weight, std=0.1)
    real = torch.rand((1, 1, 24, 24, 24), generator=generator())
    with torch.no_grad():
        whole, crop = (network.encode(part)[0] for part in (real, real[..., 4:20]))
    torch.testing.assert_close(whole[..., 4:8], crop[..., 2:6])


def test_each_channel_is_encoded_by_itself():
    latents, real = Latents(SIZES["haar 3D"], 2).eval(), pictures()
    other = torch.stack([real[:, 0], real[:, 1].flip(1)], 1)
    with torch.no_grad():
        first, second = latents.encode(real), latents.encode(other)
    assert torch.equal(first[:, :4], second[:, :4])
    assert not torch.equal(first[:, 4:], second[:, 4:])
    assert parted(torch.tensor([[True, False]]), 8).sum() == 4
    with pytest.raises(ValueError, match="none can be given by itself"):
        parted(torch.tensor([[True, False, True]]), 8)


def test_a_few_steps_teach_it_and_equal_seeds_teach_the_same():
    first, second = fitted(), fitted()
    assert all(torch.equal(first.state[name], second.state[name]) for name in first.state)
    real = pictures()
    trained, untrained = (training.rebuilt(w) for w in (first, fitted(steps=0)))
    with torch.no_grad():
        errors = [(n.decode(n.encode(real)) - real).abs().mean() for n in (trained, untrained)]
        assert trained.encode(real).std() == pytest.approx(1, abs=0.3)
    assert errors[0] < errors[1] / 2


def test_the_divergence_is_that_of_normal_distributions():
    mean, deviation = torch.tensor([0.3, -1.0]), torch.tensor([0.5, 2.0])
    known = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, deviation), torch.distributions.Normal(0, 1)
    )
    assert losses.divergence(mean, deviation) == pytest.approx(float(known.mean()))


def test_preview_shows_the_real_above_the_decoded():
    network = losses.Adversaries(Latents(SIZES["haar 3D"], 2), None)
    shown = training.preview(ahead, network)
    assert shown.shape == (16, 16)
    real = ahead(generator())[0, 0, :, 4].flip(-1).mT
    np.testing.assert_allclose(shown[:8, :8], (real.numpy() + 1) / 2, rtol=1e-5)


def test_unusable_options_are_named():
    for own, message in (
        ({"kl": -1}, "kl is -1"),
        ({"klweight": 1}, "klweight"),
        ({"weights": "a.pt"}, "sha256"),
        ({"size": "giant"}, "giant"),
    ):
        with pytest.raises(ValueError, match=message):
            options.chosen("phantom", own)
    assert options.chosen("phantom", {"weights": "a.pt", "sha256": "0"})["steps"] == 0


def test_a_radiograph_comes_back_from_an_autoencoder_of_2d():
    cases = [chests.chest(f"c{n}", size=30, seed=n) for n in range(3)]
    own = {"size": "radiograph", "crop": [16, 16], "steps": 5, "batch": 4}
    chosen = options.chosen("phantom", own) | {"channels": 1, "network": "a"}
    found = training.fit(radiographs.RadiographCrops(cases, chosen), chosen, generator())
    again = radiographs.round_trip(found)(cases[0])
    assert again.image.voxels.shape == cases[0].image.voxels.shape == (30, 1, 30)
    off = np.abs(again.image.voxels - cases[0].image.voxels).mean()
    assert off < np.abs(cases[0].image.voxels - cases[0].image.voxels.mean()).mean() / 3
    wide = radiographs.RadiographCrops(cases, {**chosen, "crop": [64, 64]})
    assert wide(generator()).shape[2:] == (28, 28)  # what latents of four pixels leave of 30
    mixed = radiographs.RadiographCrops([cases[0], chests.chest("s", size=24)], chosen)
    mixed.crop = [28, 28]
    with pytest.raises(ValueError, match="s is .24, 24., smaller than the crop"):
        [mixed(generator(seed)) for seed in range(9)]


def test_a_critic_teaches_the_autoencoder_and_is_taught_but_not_kept():
    own = card(adversarial=0.1, feature_matching=0.1, critic=[4, 1])
    network = training._untrained(own, generator())
    weights = {name: 1.0 for name in training.WEIGHTS}
    terms = losses.loss(network, pictures(), generator(), weights)
    assert set(terms) == {"absolute", "kl", "adversarial", "feature_matching", "critic"}
    (terms["adversarial"] + terms["feature_matching"]).backward(retain_graph=True)
    assert all(part.grad is None for part in network.critic.parameters())
    assert network.latents.network.from_latents.weight.grad.abs().sum() > 0
    before = network.latents.network.from_latents.weight.grad.clone()
    terms["critic"].backward()
    assert torch.equal(before, network.latents.network.from_latents.weight.grad)
    assert all(part.grad is not None for part in network.critic.parameters())
    found = fitted(steps=1, adversarial=0.1, feature_matching=0.1, critic=[4, 1])
    assert not any("critic" in name for name in found.state)
