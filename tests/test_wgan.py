"""A Wasserstein GAN: its two players, what it learns, and what it draws."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from test_encoded import at_rest
from torch import nn

from radfoundry import weights
from radfoundry.case import Case
from radfoundry.data.encoded import EncodedCases
from radfoundry.generators import wgan
from radfoundry.networks import gan
from radfoundry.training.loop import Callbacks, TrainingData
from radfoundry.volume import Volume

TINY = {"haar": 1, "widths": [8, 16], "latent": 4, "contrast": 0.5}
AFFINE = np.diag([5.0, 5.0, 6.0, 1.0])
SHORT = {"gan": {"steps": 3, "batch": 2}}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=6, side=16):
    return torch.stack([torch.from_numpy(image(i, (side,) * 3)) for i in range(count)])[:, None]


def image(seed, shape):
    """Return a ball of random size, with noise, in air: float32 in [-1, 1]."""
    rng = np.random.default_rng(seed)
    places = np.indices(shape) - (np.reshape(shape, (3, 1, 1, 1)) - 1) / 2
    ball = np.linalg.norm(places, axis=0) < rng.uniform(3, 7)
    return np.where(ball, 0.4 + 0.05 * rng.normal(size=shape), -1).astype(np.float32)


def cases(count=6, shape=(16, 16, 16)):
    """Return balls as CT of as many patients."""
    made = []
    for i in range(count):
        hu = 812 * (image(i, shape) + 1) - 1024
        empty = np.zeros(shape, np.uint8)
        facts = {"patient": f"p{i}", "split": "train"}
        made.append(Case(f"c{i}", Volume(hu, AFFINE), empty, empty, facts))
    return made


def fitted(options=SHORT, seed=0, shape=(16, 16, 16), **callbacks):
    data = TrainingData(cases(shape=shape), {})
    rng = np.random.default_rng(seed)
    return wgan.fit("gan", data, options, rng, "cpu", Callbacks(**callbacks))


@pytest.fixture(scope="module")
def learned():
    return fitted()


@pytest.fixture(scope="module")
def networks(learned):
    return wgan.prepare({"gan": learned}, "cpu")


def players(real):
    network = gan.adversaries(TINY, 1, real.shape[2:], generator())
    network.measure(real)
    return network


def gradients(terms, network):
    found = torch.autograd.grad(sum(terms), list(network.parameters()), allow_unused=True)
    return [torch.zeros(()) if g is None else g for g in found]


def test_one_backward_pass_gives_each_player_the_gradient_of_its_own_terms():
    network, real = players(pictures()), pictures()
    losses = gan.loss(network, real, generator(1))
    sum(losses.values()).backward()
    again = gan.loss(network, real, generator(1))
    critics = gradients([again["critic"], again["penalty"]], network.critic)
    drawers = gradients([gan.loss(network, real, generator(1))["generator"]], network.generator)
    for own, player in ((critics, network.critic), (drawers, network.generator)):
        for wanted, parameter in zip(own, player.parameters(), strict=True):
            torch.testing.assert_close(parameter.grad, wanted)
    assert max(float(g.abs().max()) for g in drawers) > 0


def test_the_penalty_is_the_squared_distance_of_the_slope_from_one():
    class Slope(nn.Module):
        def forward(self, bands):
            return 3 * bands.flatten(1)[:, 0]

    assert float(gan.gradient_penalty(Slope(), torch.randn(5, 2, 4, 4))) == pytest.approx(4)


def test_what_never_varies_is_drawn_as_it_is():
    real = pictures()
    network = players(real)
    drawn = network.sampled(torch.randn(4, network.latent, generator=generator(2)))
    assert drawn.shape == (4, *real.shape[1:])
    assert float((drawn[:, :, 0, 0, 0] + 1).abs().max()) < 0.01
    assert float(drawn.std(0).max()) > 0.02


def test_the_critic_sees_the_mean_picture_as_nothing_and_faint_bands_stronger():
    network = players(pictures())
    assert float(network.shown(network.center).abs().max()) == 0
    assert float(network.weight[0, 0]) < float(network.weight[0, -1])


def test_pictures_of_two_dimensions_are_drawn_too():
    network = gan.adversaries(TINY, 3, (8, 12), generator())
    real = torch.rand(2, 3, 8, 12)
    network.measure(real)
    assert network.sampled(torch.randn(2, network.latent)).shape == real.shape
    assert all(torch.isfinite(term) for term in gan.loss(network, real, generator()).values())


def test_sizes_and_sides_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        gan.adversaries(TINY, 1, (16, 18, 16), generator())
    with pytest.raises(ValueError, match="no size 'huge': choose from phantom"):
        gan.adversaries("huge", 1, (16, 16, 16), generator())


@pytest.mark.parametrize(("size", "side"), [("phantom", 64), ("workstation", 128), ("paper", 256)])
def test_every_size_fits_its_grid(size, side):
    with torch.device("meta"):
        network = gan.Adversaries(gan.SIZES[size], 1, (side,) * 3)
        drawn = network.draw(torch.zeros(2, network.latent))
        assert network.critic(drawn).shape == (2,)


def test_equal_chance_gives_equal_weights_and_a_card_that_can_be_stored(learned, tmp_path):
    digest = weights.write(learned, tmp_path / "one")
    assert digest == weights.write(fitted(), tmp_path / "two")
    assert digest != weights.write(fitted(seed=1), tmp_path / "three")
    assert weights.read(tmp_path / "one").card["grid"] == [16, 16, 16]
    assert not [name for name in learned.state if name.startswith("critic")]


@pytest.mark.parametrize(("player", "term"), [("critic", "critic"), ("generator", "generator")])
def test_each_player_gets_better_while_the_other_rests(player, term):
    network, real = players(pictures()), pictures()
    moved = getattr(network, player).parameters()
    optimizer = torch.optim.Adam(moved, lr=3e-3, betas=(0.0, 0.9))

    def step(index):
        losses = gan.loss(network, real, generator(index))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        return float(losses[term].detach())

    losses = [step(index) for index in range(30)]
    assert sum(losses[-5:]) < sum(losses[:5]) - 0.5


def test_draws_depend_on_the_seed_alone(networks):
    row = {"request": "syn-0", "seed": 5, "split": "train"}
    first, second = (wgan.draw(row, source, networks) for source in cases()[:2])
    assert first.image.voxels.tobytes() == second.image.voxels.tobytes()
    other = wgan.draw(row | {"seed": 6}, cases()[0], networks)
    assert other.image.voxels.tobytes() != first.image.voxels.tobytes()


def test_a_sample_is_a_ct_on_its_sources_grid_with_no_anatomy(networks):
    source = cases()[3]
    sample = wgan.draw({"request": "syn-3", "seed": 2**62, "split": "train"}, source, networks)
    assert sample.image.voxels.dtype == np.int16
    assert -1024 <= sample.image.voxels.min() < sample.image.voxels.max() <= 600
    np.testing.assert_array_equal(sample.image.affine, source.image.affine)
    assert not sample.anatomy.any()
    assert not sample.findings.any()
    facts = {"source": "c3", "patient": "p3", "split": "train", "findings": "", "shape": ""}
    assert sample.facts == facts | {"seed": str(2**62)}


def test_grids_that_fit_no_level_are_drawn_whole():
    shape = (18, 16, 21)
    networks = wgan.prepare({"gan": fitted(shape=shape)})
    row = {"request": "syn-0", "seed": 5}
    assert wgan.draw(row, cases(1, shape)[0], networks).image.voxels.shape == shape
    with pytest.raises(ValueError, match="c0 has the grid .16, 16, 16., wgan draws .18, 16, 21."):
        wgan.draw(row, cases()[0], networks)


def test_requests_have_no_prompt_and_take_no_channel():
    rows = [{"case": f"c{i}", "patient": f"p{i}", "split": "train"} for i in range(4)]
    table = pd.DataFrame(rows).assign(findings="", report="")
    planned = wgan.plan(table, {"count": 9, "prompts": [{"text": "An effusion."}]}, 3)
    asked = [json.loads(text) for text in planned["parameters"]]
    assert [(t["prompt"], t["findings"], t["text"]) for t in asked] == [("", [], False)] * 9
    with pytest.raises(ValueError, match="from nothing"):
        wgan.plan(table, {"given": ["lobes"]}, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "huge"}, "no huge: choose from phantom"),
        ({"gan": {"step": 3}}, "no step: choose from .*steps"),
        ({"gan": {"size": "huge"}}, "no huge"),
        ({"text": {}}, "no text: choose from size"),
    ],
)
def test_options_that_do_not_exist_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fitted(options)


def test_cases_of_several_grids_are_refused():
    data = TrainingData([*cases(2), *cases(1, (16, 16, 32))], {})
    with pytest.raises(ValueError, match="2 grids.*preprocess.grid"):
        wgan.fit("gan", data, SHORT, np.random.default_rng(0))


def test_the_preview_is_a_picture(networks):
    picture = wgan.preview(networks[0])
    assert picture.shape == (16, 64)
    assert 0 <= picture.min() < picture.max() <= 1


def test_images_at_rest_teach_what_images_in_memory_do_and_are_read_one_by_one(tmp_path):
    opened, entries, whole = [], [], []
    for one in cases(3, (16, 12, 10)):
        whole.append(replace(one, image=one.image.holding(np.rint(one.image.voxels))))
        (tmp_path / one.name).mkdir()
        (entry,) = at_rest(whole[-1], tmp_path / one.name).entries
        parts = {n: lambda n=n, e=entry: opened.append(n) or e.parts[n]() for n in entry.parts}
        entries.append(replace(entry, parts=parts))
    held, stored = (wgan.Pictures(c, 8, 2) for c in (whole, EncodedCases(entries)))
    assert held.space == stored.space == [16, 16, 16]
    assert opened == []
    batches = [pictures(torch.Generator().manual_seed(0)) for pictures in (held, stored)]
    assert torch.equal(*batches)
    assert opened.count("image") == 2
