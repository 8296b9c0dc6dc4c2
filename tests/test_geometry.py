"""Voxel size as a condition: what networks are told of it, and whether volumes in ml come true."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from test_medsyn import PUBLISHED, chests, request, same, trained

from radfoundry.data import channels, preprocess
from radfoundry.data.encoded import spacings as sizes_of
from radfoundry.diffusion.guidance import guided
from radfoundry.diffusion.objectives import OBJECTIVES, denoising_loss
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators import medsyn
from radfoundry.generators._requests import spacings
from radfoundry.generators.medsyn import batches, geometry, options
from radfoundry.networks import build
from radfoundry.networks.blocks import GeometryEmbedding
from radfoundry.volume import Volume

SIZES = (8.0, 10.0, 12.5)


def sized(*sizes):
    """Return phantoms whose voxels are said to have these sizes, mm, in turn."""
    affines = [np.diag([size, size, size, 1.0]) for size in sizes]
    return [
        replace(case, image=Volume(case.image.voxels, affines[i % len(sizes)]))
        for i, case in enumerate(chests())
    ]


def fitted(name, cases, start=None):
    data = SimpleNamespace(cases=cases, networks={"text": trained()["text"]})
    data.networks |= {name: start} if start else {}
    return medsyn.fit(name, data, PUBLISHED, np.random.default_rng(0))


@pytest.fixture(scope="module")
def several():
    """Return networks of a cohort of three voxel sizes."""
    cases = sized(*SIZES)
    return {"text": trained()["text"]} | {n: fitted(n, cases) for n in options.TABLES}


def test_a_cohort_of_one_voxel_size_costs_no_layer_and_says_so():
    low = fitted("low_resolution", sized(10.0))
    assert not [name for name in low.state if "geometry" in name]
    assert low.card["geometry"] is False
    assert low.card["spacing_mm"] == {"low": [10.0] * 3, "high": [10.0] * 3}


def test_a_cohort_of_several_voxel_sizes_is_a_condition_of_both_networks(several):
    for name in options.TABLES:
        assert [key for key in several[name].state if "geometry" in key]
        assert several[name].card["geometry"] is True
        assert several[name].card["spacing_mm"] == {"low": [8.0] * 3, "high": [12.5] * 3}
        json.dumps(dict(several[name].card))


def test_a_design_that_is_not_told_geometry_says_so_in_its_card():
    assert "pseudo3d" in build.TOLD_GEOMETRY
    assert geometry.told(sized(*SIZES), "wavelet")["geometry"] is False


def test_batches_carry_the_geometry_of_their_own_cases():
    card = {**options.chosen(PUBLISHED)["low_resolution"], "geometry": True, "batch": 8}
    task = batches.LowResolutionTask(sized(*SIZES), card)
    _, rows, _ = task.ahead(torch.Generator().manual_seed(0))
    _, condition = task.draw(torch.Generator().manual_seed(0))
    told = condition["geometry"].exp()
    wanted = torch.tensor([SIZES[row % 3] for row in rows.tolist()])[:, None].expand(-1, 3)
    torch.testing.assert_close(told[:, :3], wanted)
    torch.testing.assert_close(told[:, 3:], 32 * wanted)


@pytest.mark.parametrize(("turn", "grow"), [(0.0, 1.0), (0.0, 1.25), (0.2, 1.1)])
def test_what_is_enlarged_states_smaller_voxels(turn, grow):
    matrix = channels.turns(1, 0.0, 0.0, torch.Generator())
    angle = torch.tensor(turn)
    matrix[0, 0, 0] = 1 / grow
    matrix[0, 1, 1] = matrix[0, 2, 2] = angle.cos() / grow
    matrix[0, 1, 2], matrix[0, 2, 1] = angle.sin() / grow, -angle.sin() / grow
    before = geometry.of_grid(torch.tensor([[2.0, 2.0, 5.0]]), (32, 32, 16))
    after = geometry.moved(before, matrix, (16, 16, 8))
    torch.testing.assert_close(after.exp(), before.exp() / grow)


def test_a_turn_of_long_voxels_states_how_long_its_steps_are():
    matrix = torch.zeros(1, 3, 4)
    matrix[0, 0, 0], matrix[0, 1, 2], matrix[0, 2, 1] = 1, 1, -1  # a quarter turn: X and Y swap
    before = geometry.of_grid(torch.tensor([[1.0, 3.0, 5.0]]), (8, 8, 8))
    after = geometry.moved(before, matrix, (8, 8, 8)).exp()
    torch.testing.assert_close(after[0, :3], torch.tensor([3.0, 1.0, 5.0]))


def test_crops_of_an_enlarged_case_carry_its_new_geometry():
    card = {**options.chosen(PUBLISHED)["super_resolution"], "geometry": True, "batch": 16}
    card |= {"zoom": 0.2, "turn": 0.0}
    _, known = batches.SuperResolutionTask(sized(10.0), card).draw(torch.Generator().manual_seed(0))
    told = known["geometry"][:, :3].exp()
    assert told.max() == pytest.approx(10.0, rel=1e-5)
    assert 10 / 1.2 <= told.min() < 9.9


def test_a_sample_has_the_voxel_size_that_its_request_states(several):
    networks = medsyn.prepare(several)
    source = sized(10.0)[0]
    one, other = (
        medsyn.draw(request(spacing=[size] * 3), source, networks) for size in (8.5, 12.0)
    )
    assert one.image.spacing_mm == pytest.approx([8.5] * 3)
    assert other.image.spacing_mm == pytest.approx([12.0] * 3)
    assert sized(10.0)[0].image.spacing_mm == source.image.spacing_mm
    middle = np.array([15.5, 15.5, 15.5, 1])
    np.testing.assert_allclose(one.image.affine @ middle, source.image.affine @ middle)


def test_a_request_that_states_its_sources_voxel_size_draws_what_one_without_draws(several):
    networks, source = medsyn.prepare(several), sized(10.0)[0]
    stated = medsyn.draw(request(spacing=[10.0] * 3), source, networks)
    assert same(stated, medsyn.draw(request(), source, networks))
    np.testing.assert_array_equal(stated.image.affine, source.image.affine)


def test_networks_from_before_draw_as_they_did_with_any_voxel_size():
    weights = trained()
    cards = {n: {k: v for k, v in weights[n].card.items() if k not in TOLD} for n in options.TABLES}
    old = {**weights, **{n: replace(weights[n], card=cards[n]) for n in options.TABLES}}
    source = chests()[0]
    plain = medsyn.draw(request(), source, medsyn.prepare(weights))
    sample = medsyn.draw(request(spacing=[3.0, 3.0, 3.0]), source, medsyn.prepare(old))
    np.testing.assert_array_equal(sample.image.voxels, plain.image.voxels)
    assert sample.image.spacing_mm == pytest.approx([3.0] * 3)


TOLD = ("geometry", "spacing_mm")


def test_a_voxel_size_that_was_not_taught_is_refused_with_those_that_were(several):
    networks = medsyn.prepare(several)
    message = "spacing 3 x 9 x 9 mm: the network low_resolution .*: 8 to 12.5, 8 to 12.5, 8 to 12.5"
    with pytest.raises(ValueError, match=message):
        medsyn.draw(request(spacing=[3.0, 9.0, 9.0]), chests()[0], networks)
    own = request(spacing=[3.0] * 3, given=["lobes"])  # their anatomy, and their size
    assert medsyn.draw(own, chests()[0], networks).image.spacing_mm == pytest.approx([3.0] * 3)


def test_a_network_goes_on_knowing_geometry_from_its_start(several):
    again = fitted("low_resolution", sized(10.0), several["low_resolution"])
    assert again.card["geometry"] is True
    assert again.card["start"]["new"] == []


def test_a_network_that_was_told_nothing_is_a_start_of_one_that_is():
    before = fitted("low_resolution", sized(10.0))
    told = fitted("low_resolution", sized(*SIZES), before)
    assert all("geometry" in name for name in told.card["start"]["new"])


@pytest.mark.parametrize("wrong", [0.0, np.nan])
def test_a_case_whose_voxels_have_no_size_is_named(wrong):
    cases = sized(10.0)
    cases[2] = replace(cases[2], image=Volume(cases[2].image.voxels, np.diag([1, wrong, 1, 1])))
    with pytest.raises(ValueError, match=rf"case {cases[2].name}: voxels of 1 x (0|nan) x 1 mm"):
        sizes_of(cases)


def test_what_nobody_states_is_the_mean_of_the_training_cases():
    layer = GeometryEmbedding(4)
    told = geometry.of_cases(sized(*SIZES), 1)
    layer.measure(told)
    torch.nn.init.normal_(layer.layers[-1].weight)
    torch.testing.assert_close(layer(None, 2), layer(told.mean(0, keepdim=True), 1).expand(2, -1))
    assert torch.isfinite(layer.spread).all()


def test_a_record_of_preprocess_tells_the_voxel_size_of_a_volume():
    record = {
        "kind": "volume",
        "affine": [[0, 2, 0, 9], [1.5, 0, 0, 9], [0, 0, 4, 9], [0, 0, 0, 1]],
    }
    assert preprocess.spacing_mm(record) == (1.5, 2.0, 4.0)
    assert preprocess.spacing_mm({"kind": "radiograph"}) is None


def table(**columns):
    rows = [(f"c{i}", "train" if i < 6 else "tune", (0.5 + i, 1.0, 2.0)) for i in range(8)]
    return pd.DataFrame(rows, columns=["case", "split", "spacing"]).assign(**columns)


def test_requests_draw_their_voxel_size_from_the_train_split_by_their_own_seed():
    choose = spacings.chooser(table(), None, [])
    drawn = [choose({"case": "c7"}, seed) for seed in range(200)]
    assert drawn == [choose({"case": "c1"}, seed) for seed in range(200)]
    assert {tuple(sizes) for sizes in drawn} == {(0.5 + i, 1.0, 2.0) for i in range(6)}


def test_given_channels_have_the_voxel_size_of_their_source():
    choose = spacings.chooser(table(), None, ["lobes"])
    assert choose({"case": "c7"}, 3) == [7.5, 1.0, 2.0]
    with pytest.raises(ValueError, match="lobes are given and have their source's"):
        spacings.chooser(table(), [1, 1, 1], ["lobes"])


@pytest.mark.parametrize("wrong", [[1, 1], [1, 1, 0], [1, 1, np.inf], "thin", np.nan])
def test_a_voxel_size_that_is_none_is_refused_with_its_place(wrong):
    with pytest.raises(ValueError, match="sample.spacing: spacing is .*three numbers above 0"):
        spacings.checked(wrong, "sample.spacing")
    with pytest.raises(ValueError, match="case c0: spacing is"):
        spacings.chooser(table(spacing=[wrong] * 8), None, [])


def test_where_no_size_is_known_none_is_stated():
    assert spacings.chooser(table().drop(columns="spacing"), None, [])({"case": "c1"}, 1) is None


# A body of 1,000 ml, as simple as a network learns it in seconds: a ball.

BALL_ML, SIDE = 1000.0, 8
SMALL = {
    "design": "pseudo3d", "width": 8, "multipliers": (1, 2), "heads": 1, "side": 8,
    "bottleneck": 1, "tokens": 0, "checkpoint": False,
}  # fmt: skip


def balls(spacing_mm):
    """Return balls (n, 1, 8, 8, 8) of `BALL_ML` on grids of these voxel sizes (n,)."""
    radius = (3e3 * BALL_ML / (4 * np.pi)) ** (1 / 3) / spacing_mm
    places = torch.cartesian_prod(*[torch.arange(SIDE) - (SIDE - 1) / 2] * 3).norm(dim=1)
    inside = torch.sigmoid(3 * (radius[:, None] - places))
    return (2 * inside - 1).reshape(-1, 1, SIDE, SIDE, SIDE).float()


def told_of(spacing_mm):
    return geometry.of_grid(spacing_mm[:, None].expand(-1, 3), (SIDE,) * 3)


@pytest.fixture(scope="module")
def learned():
    """Return a tiny network that learned balls of one volume at voxels of 18 to 30 mm."""
    generator = torch.Generator().manual_seed(0)
    network = build.initial(generator, SMALL, "flow", channels=1, geometry=True)
    network.time.geometry.measure(told_of(torch.linspace(18, 30, 9)))
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(80):
        sizes = 18 + 12 * torch.rand(8, generator=generator)
        condition = {"geometry": told_of(sizes)}
        parts = (network, balls(sizes), condition, OBJECTIVES["flow"], generator)
        denoising_loss(*parts).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return network.eval()


def drawn_ml(network, stated, spacing_mm, count=8):
    """Return the ml of balls drawn where a voxel size is stated, measured with another, mm."""
    condition = {"geometry": told_of(torch.full((count,), stated))}
    streams = Streams(range(count), (1, SIDE, SIDE, SIDE), "cpu")
    with torch.no_grad():
        denoise = guided(network, condition)
        drawn = sample(denoise, streams, OBJECTIVES["flow"].schedule, Sampling(steps=4))
    return (drawn > 0).flatten(1).sum(1) * spacing_mm**3 / 1000


def test_the_same_body_drawn_at_two_voxel_sizes_has_the_same_millilitres(learned):
    fine, coarse = (drawn_ml(learned, size, size) for size in (19.5, 28.5))
    assert fine.mean() == pytest.approx(BALL_ML, rel=0.15)
    assert coarse.mean() == pytest.approx(BALL_ML, rel=0.15)
    blind = drawn_ml(learned, 19.5, 28.5)  # what a sample had that took another patient's spacing
    assert blind.mean() > 2 * coarse.mean()
