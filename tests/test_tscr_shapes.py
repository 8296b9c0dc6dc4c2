"""TSCR's masks: fields, poses, batches, and the networks that draw them."""

import numpy as np
import pytest
import torch

from radfoundry.generators.tscr import deformed, fields, mask_gan, missing, poses, shapes
from radfoundry.generators.tscr.features import encode
from radfoundry.generators.tscr.mask_batches import MaskBatches

SIDE = 16
NETWORKS = {
    "diffusion": {
        "network": {
            "haar": 2, "widths": [16], "blocks": 1, "depth": 1, "side": 16, "by_place": 2,
            "checkpoint": False,
        },
        "calls": 2,
    },
    "gan": {
        "network": {
            "haar": 2, "widths": [16], "blocks": 1, "depth": 1, "side": 16, "latent": 4,
            "critic": [8],
        },
    },
}  # fmt: skip


def body(axes, dims=3, side=SIDE, core=0.5):
    """Return the regions of an ellipsoid with a core."""
    at = np.indices((side,) * dims) - (side - 1) / 2
    radius = np.sqrt(((at / np.reshape(axes[:dims], (-1, *[1] * dims))) ** 2).sum(0))
    return (radius < 1).astype(np.uint8) + (radius < core).astype(np.uint8)


def examples(dims=3, core=0.5):
    """Return lesions of several sizes and elongations."""
    found = []
    for axes in ((5, 4, 4), (6, 3, 3), (4, 4, 3.5), (6, 5, 4)):
        regions = body(axes, dims, core=core)
        values = deformed.shape_values(regions, (1.5,) * dims)
        found.append(deformed.Example(regions, (1.5,) * dims, values))
    return found


def fitted(kind, dims=3, core=0.5, **options):
    chosen = {**NETWORKS[kind], "batch": 4, "measured": 2, "deformed": 2, "steps": 2, **options}
    card = shapes.chosen(kind, chosen)
    return shapes.fit_shapes(examples(dims, core), card, torch.Generator().manual_seed(0))


def drawn(ready, seeds, dims=3):
    told = [encode({k: v for k, v in one.values.items() if k in ready.table.names}, ready.table)
            for one in examples(dims)[: len(seeds)]]  # fmt: skip
    scores, known = (np.stack(part) for part in zip(*told, strict=True))
    return ready.draw(scores, known, [(1.5,) * dims] * len(seeds), seeds)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_lesion_comes_back_from_its_fields_as_large_as_it_was(dims):
    regions = body((6, 4, 3), dims)
    depths = poses.canonical(regions, (1.0,) * dims, 2)
    field = fields.coarse(depths, 2)
    again = fields.fine(field[None], regions.shape)[0].numpy() > 0
    for mask, value in zip(again, (1, 2), strict=True):
        assert mask.sum() == pytest.approx((regions >= value).sum(), rel=0.25)
    assert not (again[1] & ~again[0]).any()


def test_lesions_that_differ_by_their_pose_alone_have_one_field():
    regions = body((6, 4, 3))
    turned = np.roll(regions.transpose(2, 0, 1), 1, 0)
    first, second = (poses.canonical(one, (1.0,) * 3, 2) for one in (regions, turned))
    near = np.abs(first) < 2
    np.testing.assert_allclose(first[near], second[near], atol=1e-3)


def test_a_lesion_is_long_in_space_however_its_voxels_are_shaped():
    depths = np.stack([5 - np.linalg.norm(np.indices((24,) * 3) - 11.5, axis=0)])
    found = poses.posed(depths, (1.0, 1.0, 2.0), np.random.default_rng(0), {})
    spans = [np.ptp(np.flatnonzero(found.any(axis))) + 1 for axis in ((1, 2), (0, 2), (0, 1))]
    assert spans[0] > 1.6 * spans[2]


def test_a_drawn_lesion_is_turned_to_fit_the_diameters_that_are_asked_for():
    depths = poses.canonical(body((7, 3, 3)), (1.0,) * 3, 1)
    asked = dict(zip(poses.ORIENTED, (15.0, 6.0, 15.0), strict=True))
    found = [
        poses.posed(depths, (1.0,) * 3, np.random.default_rng(seed), what)
        for what in (asked, {})
        for seed in range(4)
    ]
    errors = [poses.misfit(one, (1.0,) * 3, asked) for one in found]
    assert np.mean(errors[:4]) < np.mean(errors[4:])


def test_deformed_lesions_differ_and_carry_their_own_measurements():
    first, second = deformed.deformed(examples(), 2, np.random.default_rng(0))
    assert (first.regions != second.regions).any()
    again = deformed.shape_values(first.regions, first.spacing_mm)
    assert again == first.values


def test_what_is_not_asked_for_goes_with_what_is():
    chance = np.random.default_rng(0)
    size = chance.normal(size=(200, 1))
    alike = np.concatenate([size, size + 0.1 * chance.normal(size=(200, 1))], 1)
    scores = np.concatenate([alike, chance.normal(size=(200, 1))], 1)
    card = missing.fitted(scores, np.ones(scores.shape, bool))
    asked, known = np.array([2.0, 0, 0]), np.array([True, False, False])
    drawn = np.stack([missing.completed(asked, known, card, chance)[0] for _ in range(50)])
    assert (drawn[:, 0] == 2.0).all()
    assert drawn[:, 1].mean() == pytest.approx(2.0, abs=0.2)
    assert abs(drawn[:, 2].mean()) < 0.5
    assert 0.6 < drawn[:, 2].std() < 1.4


def test_of_too_few_lesions_nothing_is_said_of_what_was_not_asked_for():
    assert missing.fitted(np.zeros((3, 2)), np.ones((3, 2), bool)) == {}
    scores, known = np.array([1.0, 0.0]), np.array([True, False])
    found = missing.completed(scores, known, {}, np.random.default_rng(0))
    assert (found[1] == known).all()


def test_a_batch_tells_all_some_or_nothing_but_the_length_of_voxels():
    card = {"batch": 64, "unknown": 0.3, "partial": 0.3}
    known = torch.ones(1, 13, dtype=torch.bool)
    batches = MaskBatches(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 13), known, card)
    told = batches(torch.Generator().manual_seed(0))["known"]
    assert told[:, -3:].all()
    counts = set(told[:, :-3].sum(1).tolist())
    assert {0, 10} < counts
    assert counts & set(range(1, 10))


@pytest.mark.parametrize("kind", ["diffusion", "gan"])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_network_is_trained_stored_and_draws_regions(kind, dims):
    weights = fitted(kind, dims)
    assert all(np.isfinite(curve).all() for curve in weights.card["losses"].values())
    ready = shapes.prepared(weights)
    found = drawn(ready, [3, 4], dims)
    assert found.dtype == np.uint8
    assert found.shape == (2, *[SIDE] * dims)
    assert set(np.unique(found)) <= {0, 1, 2}


@pytest.mark.parametrize("kind", ["diffusion", "gan"])
def test_a_mask_is_a_function_of_its_own_request(kind):
    ready = shapes.prepared(fitted(kind))
    both, other = drawn(ready, [3, 4]), drawn(ready, [3, 5])
    np.testing.assert_array_equal(both[0], drawn(ready, [3])[0])
    np.testing.assert_array_equal(both[0], other[0])


@pytest.mark.parametrize("kind", ["diffusion", "gan"])
def test_a_network_at_no_steps_draws_too(kind):
    weights = fitted(kind, steps=0)
    assert drawn(shapes.prepared(weights), [1]).shape == (1, SIDE, SIDE, SIDE)


def test_where_only_the_whole_is_outlined_only_the_whole_is_drawn():
    ready = shapes.prepared(fitted("diffusion", core=0.0))
    assert ready.card["channels"] == 1
    assert not any(name.startswith("core") for name in ready.table.names)


def test_the_critic_never_sees_a_mask_beside_its_own_measurements_as_a_mismatch():
    weights = fitted("gan", steps=0)
    net = mask_gan.network(weights.card, torch.Generator().manual_seed(0))
    shown = net.shown(torch.zeros(3, 2, 8, 8, 8))
    scores = torch.arange(3.0)[:, None].expand(3, len(weights.card["table"]["names"]) + 3)
    known = torch.ones_like(scores, dtype=torch.bool)
    seen = []
    net.critic.register_forward_hook(lambda _, given, made: seen.append(given[1]))
    assert float(mask_gan.mismatched(net, shown, (scores, known)).detach()) > 0
    assert (seen[0] != scores).all()
    same = scores * 0
    assert float(mask_gan.mismatched(net, shown, (same, known)).detach()) == 0


@pytest.mark.parametrize("kind", ["diffusion", "gan"])
@pytest.mark.parametrize(("size", "side"), [("phantom", 32), ("workstation", 64), ("paper", 128)])
def test_a_network_of_every_size_can_be_made(kind, size, side):
    card = {
        **shapes.chosen(kind, {"size": size}), "channels": 2, "space": [side] * 3,
        "table": {"names": ["a"] * 34},
    }  # fmt: skip
    with torch.device("meta"):
        made = shapes.KINDS[kind].network(card, torch.Generator())
    count = sum(part.numel() for part in made.parameters())
    assert {"phantom": 5e5, "workstation": 5e6, "paper": 2e7}[size] < count < 2e8


def test_unknown_kinds_sizes_and_options_are_refused_with_those_there_are():
    with pytest.raises(ValueError, match="warped: choose from diffusion, gan"):
        shapes.chosen("warped", {})
    with pytest.raises(ValueError, match="choose from phantom, workstation, paper"):
        shapes.chosen("gan", {"size": "huge"})
    with pytest.raises(ValueError, match="colour"):
        shapes.chosen("gan", {"colour": 1})


def test_crops_of_two_grids_are_refused():
    mixed = [examples()[0], deformed.Example(body((4, 4, 4), side=20), (1.0,) * 3, {})]
    card = shapes.chosen("diffusion", NETWORKS["diffusion"])
    with pytest.raises(ValueError, match="2 grids"):
        shapes.fit_shapes(mixed, card, torch.Generator().manual_seed(0))
