"""What generators of radiographs share: maps, words, shapes of findings, warps, dropped classes."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from chests import chest
from torch import nn

from radfoundry.anatomy import regions
from radfoundry.generators._latent.options import chosen
from radfoundry.generators._radiographs import (
    latents,
    maps,
    options,
    requests,
    shapes,
    sizes,
    task,
    training,
    warps,
    words,
)
from radfoundry.networks.autoencoder.build import build, factors
from radfoundry.networks.costs import parameters
from radfoundry.text import composer, labeler
from radfoundry.text.encoder import model
from radfoundry.volume import picture

SIDED = [name for name in maps.finding_names() if name not in ("cardiomegaly", "emphysema")]


def spec(name="nodule", side="right", seed=0, **changed):
    finding = {"name": name, "side": side, "location": "", "severity": "moderate"}
    return shapes.chosen({**finding, **changed}, np.random.default_rng(seed))


def test_findings_of_the_chest_are_those_that_may_lie_in_its_organs():
    assert set(maps.finding_names()) >= {"opacity", "nodule", "pleural_effusion", "cardiomegaly"}
    assert "tumour_core" not in maps.finding_names()
    assert maps.channels()[:2] == ("lung_right", "lung_left")


def test_maps_are_averaged_over_the_cells_of_the_latents_grid():
    found = np.zeros((1, 6, 8), np.float32)
    found[0, :3, :4] = 1
    pooled = maps.pooled(found, (4, 4), (8, 8))
    assert pooled.shape == (1, 2, 2)
    assert pooled[0].tolist() == [[0.75, 0], [0, 0]]


def test_organs_behind_each_other_are_in_both_channels():
    one = chest()
    right, left, heart, _ = maps.of_organs(one.anatomy)
    assert (left * heart).any()
    np.testing.assert_array_equal(right > 0, regions.mask(one.anatomy, "lung_right")[:, 0])


@pytest.mark.parametrize("name", SIDED)
def test_what_is_said_of_a_finding_is_read_back_from_it(name):
    degrees, places = composer.DEGREES, ("", "lower lobe", "upper zone")
    for side, degree, place in itertools.product(("right", "left"), degrees, places):
        place = "" if name == "pleural_effusion" else place
        asked = {"name": name, "side": side, "location": place, "severity": degree}
        (read,) = labeler.structured(words.worded([asked]))
        assert {key: read.get(key, "") for key in asked} == asked


def test_no_finding_is_the_empty_prompt_and_the_order_of_findings_is_none():
    nodule, heart = {"name": "nodule", "side": "left"}, {"name": "cardiomegaly"}
    assert words.prompt([], "Normal chest.", "findings") == ""
    assert words.prompt([heart], "A report.", "reports") == "A report."
    assert words.worded([nodule, heart]) == words.worded([heart, nodule])
    found = words.findings_of({"report": "Mild cardiomegaly.", "findings": "cardiomegaly|nodule"})
    assert [one["name"] for one in found] == ["cardiomegaly", "nodule"]


def test_an_empty_prompt_has_no_token():
    encode = lambda texts: (torch.ones(len(texts), 5, 2), torch.ones(len(texts), 5).bool())  # noqa: E731
    found = words.features(encode, ["", "Nodule."])
    assert found["text_mask"].any(1).tolist() == [False, True]


@pytest.mark.parametrize("name", maps.finding_names())
def test_a_mask_lies_where_the_vocabulary_allows_the_finding(name):
    one = chest()
    for seed, side in itertools.product(range(6), ("right", "left")):
        asked = spec(name, side, seed)
        mask = picture(shapes.drawn(asked, one.anatomy))
        assert mask.any()
        assert not (mask & ~shapes.allowed(name, asked["side"], one.anatomy)).any()


def test_a_worse_finding_is_larger_and_a_zone_is_kept():
    one = chest()
    areas = [
        np.mean([shapes.drawn(spec(seed=s, severity=d), one.anatomy).sum() for s in range(9)])
        for d in composer.DEGREES
    ]
    assert areas[0] < areas[1] < areas[2]
    middles = [
        np.argwhere(picture(shapes.drawn(spec(location=place), one.anatomy)))[:, 0].mean()
        for place in ("upper zone", "lower lobe")
    ]
    assert middles[0] < middles[1]


def test_fluid_lies_at_the_bottom_of_the_lung_and_higher_at_the_chest_wall():
    one = chest()
    asked = spec("pleural_effusion", "right")
    lung = shapes.allowed("pleural_effusion", "right", one.anatomy)
    mask = picture(shapes.drawn(asked, one.anatomy))
    assert mask.sum() == pytest.approx(asked["share"] * lung.sum(), rel=0.1)
    rows, columns = np.argwhere(mask).T
    assert rows.mean() > np.argwhere(lung)[:, 0].mean()
    outer = columns < np.median(columns)  # the patient's right is on the left
    assert rows[outer].min() <= rows[~outer].min()


def test_a_finding_that_has_nowhere_to_lie_is_refused():
    with pytest.raises(ValueError, match="nodule: the right side of the anatomy map"):
        shapes.drawn(spec(), np.zeros_like(chest().anatomy))


def test_a_warp_moves_organs_a_little_and_none_leaves_them():
    labels = chest().anatomy
    rng = np.random.default_rng(0)
    assert warps.chosen(0, rng) is None
    np.testing.assert_array_equal(warps.applied(labels, None), labels)
    still = {"shift": [0, 0], "scale": [1, 1], "bend": np.zeros((2, 4, 4)).tolist()}
    np.testing.assert_array_equal(warps.applied(labels, still), labels)
    moved = warps.applied(labels, warps.chosen(1, rng))
    assert set(np.unique(moved)) <= set(np.unique(labels))
    assert 0.5 < (moved == labels).mean() < 1
    aside = warps.applied(labels, {**still, "shift": [4 / 96, 0]})
    np.testing.assert_array_equal(aside[4:], labels[:-4])


def test_each_class_of_the_maps_is_dropped_by_itself():
    whole, generator = torch.ones(400, 3, 1, 1), torch.Generator().manual_seed(0)
    known = torch.ones(400, 3, dtype=torch.bool)
    seen = task.with_dropped(whole, known, 0.5, generator)
    values, shares = seen.flatten(1).chunk(2, 1)
    assert torch.equal(values, shares)
    assert shares.mean(0).tolist() == pytest.approx([0.5] * 3, abs=0.08)
    assert len({tuple(row) for row in shares.int().tolist()}) == 8
    assert task.with_dropped(whole, known, 0, generator).all()
    known[:, 1] = False  # nobody outlined it: that it is nowhere is not said
    assert not task.with_dropped(whole, known, 0, generator)[:, 4].any()


def test_a_map_is_known_where_it_has_pixels_or_nothing_was_said_of_it():
    one = chest()
    own = maps.of_case(one)
    assert own[0].any()
    blank = np.zeros_like(own)
    said = dict(zip(maps.channels(), maps.known(blank, [{"name": "nodule"}]), strict=True))
    assert not any(said[organ] for organ in maps.ORGANS)
    assert not said["nodule"]
    assert said["pleural_effusion"]
    assert maps.known(np.ones_like(own), [{"name": "nodule"}]).all()


def test_a_small_mask_frees_its_cells_whole():
    coder = SimpleNamespace(factors=(4, 4), multiple=(4, 4))
    coder.pooled = lambda masks: maps.pooled(masks, coder.factors, coder.multiple)
    mask = np.zeros((1, 16, 16), np.float32)
    mask[0, 5, 5] = 1
    assert latents.Coder.touched(coder, mask).tolist()[0][1] == [0, 1, 0, 0]
    assert coder.pooled(mask).max() == 1 / 16


def test_what_a_network_never_read_is_not_said():
    finding = {"name": "nodule", "side": "left", "location": "upper zone", "severity": "severe"}
    assert words.prompt([finding], "", "findings") == "Large nodule in the left upper zone."
    lists = words.stated([words.findings_of({"findings": "nodule"})])
    assert lists == []
    taught = words.prompt([{"name": "nodule"}], "", "findings")
    assert words.prompt([finding], "", "findings", lists) == taught


def test_sides_that_are_left_open_are_chosen_and_written_down():
    rng = np.random.default_rng(0)
    rows = [{"name": "nodule"}, {"name": "tumour_core"}, {"name": "cardiomegaly", "side": "left"}]
    (nodule, heart) = requests._sided(rows, rng)
    assert nodule["side"] in ("right", "left")
    assert heart["side"] == ""


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"masks": "poems"}, "allowed: shapes, regions, case"),
        ({"given": ["lobes"]}, "allowed: image"),
        ({"warp": 9}, "allowed: 0 to 3"),
        ({"given": ["image"]}, "where the image is given"),
        ({"masks": "case", "prompts": [{"findings": []}]}, "allowed: prompts: reports"),
        ({"masks": "case", "given": ["image"]}, "allowed: masks: shapes"),
        ({"guidance_interval": 0.5}, "allowed: two times"),
        ({"guidance_interval": [0.7, 0.2]}, "allowed: 0 <= low < high <= 1"),
    ],
)
def test_requests_that_make_no_sense_are_refused(changed, message):
    asked = {"count": 1, "splits": ["train"], "masks": "shapes", "given": [], "warp": 1.0}
    asked |= {"prompts": "reports"}
    with pytest.raises(ValueError, match=message):
        requests.plan(pd.DataFrame(), {**asked, **changed}, 0, ())


def test_cases_without_lungs_lend_no_organs():
    rows = pd.DataFrame([{"case": "a", "split": "train", "lung_right": "failed"}])
    with pytest.raises(ValueError, match="none of 1 cases can lend its organs: a: its lung_right"):
        requests.usable(rows, ["train"])


def paper(**changed):
    card = options.of_diffusion({"size": "paper", "objective": "published"}, False, {})
    card |= {"channels": 3, "space": [64, 64], "text_width": 1280, "read": 0, "classes": []}
    with torch.device("meta"):
        return training.built({**card, **changed})


def test_the_size_of_the_paper_is_the_papers():
    network = paper()
    inner = network.network
    assert (inner.in_channels, inner.out_channels) == (3, 3)
    assert list(inner.block_out_channels) == [224, 448, 896, 896]
    made = network(*(torch.zeros(shape, device="meta") for shape in ((1, 3, 64, 64), (1,))))
    assert made.shape == (1, 3, 64, 64)
    assert round(parameters(network) / 1e6, 1) == 518.4
    size = chosen("paper", options.AUTOENCODER["paper"] | {"size": sizes.AUTOENCODER["paper"]})
    with torch.device("meta"):
        autoencoder: nn.Module = build(size["size"])
    assert factors(size["size"]) == (4, 4)
    assert size["size"]["latent"] == 3
    assert round(parameters(autoencoder) / 1e6, 1) == 49.1


def test_the_text_encoder_of_the_paper_has_its_layers():
    size = model.sized(options.of_text({"size": "paper"})["size"])
    assert (size["width"], size["layers"], size["heads"]) == (1280, 32, 8)
