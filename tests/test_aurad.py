"""Tests of AURAD with networks of a few steps: promises that hold however well it draws."""

import json
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import radiograph_recipes
import torch
from radiograph_recipes import BOTH, EFFUSION, FEW, NODULE, SHIFTS, digest, settings
from scipy import ndimage

from radfoundry import tables
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config import autoencoders, catalogue, lookups, untrained
from radfoundry.config.catalogue import load
from radfoundry.generators import aurad
from radfoundry.generators._latent import options as latent_options
from radfoundry.generators._radiographs import maps
from radfoundry.generators._radiographs import options as shared
from radfoundry.generators.aurad import bank, baselines, drawing, mask_drawing, mask_task, masks
from radfoundry.generators.aurad import options as own_options
from radfoundry.weights import Weights

TRAIN = {
    **radiograph_recipes.TRAIN,
    "masks": {**FEW, "size": {**SHIFTS, "haar": 0}},
}
NO_MASKS = np.zeros((0, 36, 36), bool)
FINDINGS = {name: 0.0 for name in load("phantoms", "chest_xray").OPTIONS["findings"]}
FINDINGS |= {"pleural_effusion": 0.6, "nodule": 0.6}


@cache
def chests():
    """Return phantoms of 36 pixels: some of them healthy, others with an effusion or a nodule."""
    chest = load("phantoms", "chest_xray")
    options = {**chest.OPTIONS, "patients": 9, "exams": [1, 1], "size": 36, "findings": FINDINGS}
    rows = chest.plan(options, np.random.default_rng(2)).to_dict("records")
    drawn = [(chest.draw(json.loads(row["parameters"])), row) for row in rows]
    known = [{"report": row["report"], "patient": row["patient"]} for _, row in drawn]
    findings = [row["findings"] for _, row in drawn]
    return [
        replace(c, facts={**f, "findings": names})
        for (c, _), f, names in zip(drawn, known, findings, strict=True)
    ]


def fitted(network, networks=None, cases=None, **changed):
    data = SimpleNamespace(cases=cases or chests(), networks=networks or {}, reports=())
    return aurad.fit(network, data, {**TRAIN, **changed}, np.random.default_rng(0))


@cache
def trained():
    found = {name: fitted(name) for name in ("text", "autoencoder", "bank")}
    return found | {name: fitted(name, found) for name in ("masks", "diffusion")}


def below():
    """Return what the denoising networks stand on."""
    return {name: trained()[name] for name in ("text", "autoencoder")}


@cache
def prepared():
    return aurad.prepare(trained())


@cache
def table():
    return radiograph_recipes.table(chests())


def requests(count=1, findings=(EFFUSION,), seed=3, **options):
    prompts = [{"findings": list(findings)}]
    asked = {"count": count, "prompts": prompts, "steps": 2, "mask_steps": 2, **options}
    return aurad.plan(table(), asked, seed).to_dict("records")


def source(request):
    return next(case for case in chests() if case.name == request["source"])


def drawn(networks=None, **options):
    (request,) = requests(**options)
    return aurad.draw(request, source(request), networks or prepared())


def outside(sample):
    """Return how many pixels of a sample's findings lie where the vocabulary has none."""
    marks = [(name, regions.mask(sample.findings, name)[:, 0]) for name in maps.finding_names()]
    return sum((m & ~masks.allowed(n, sample.anatomy)).sum() for n, m in marks if m.any())


def test_the_phantoms_are_ill_and_healthy():
    found = {name for case in chests() for name in case.facts["findings"].split("|")}
    assert {"", "pleural_effusion", "nodule"} <= found


@pytest.mark.parametrize("by", ["drawn", "random", "transformed"])
def test_equal_seeds_draw_equal_bytes_and_others_do_not(by):
    first, again, other = drawn(masks=by), drawn(masks=by), drawn(masks=by, seed=4)
    assert digest(first.image.voxels) == digest(again.image.voxels)
    assert digest(first.findings) == digest(again.findings)
    assert digest(first.image.voxels) != digest(other.image.voxels)


@cache
def exact():
    """Return networks that compute in 32 bits."""
    own = {name: {**TRAIN[name], "precision": "float32"} for name in aurad.CLAIMED}
    found = {name: fitted(name, below(), **{name: own[name]}) for name in own}
    return aurad.prepare({**trained(), **found})


@pytest.mark.parametrize("by", ["drawn", "transformed"])
def test_what_is_drawn_together_is_what_is_drawn_alone_but_for_rounding(by):
    asked = [*requests(2, findings=BOTH, masks=by), *requests(1, findings=(), masks=by)]
    assert len({drawing.alike(one, source(one)) for one in asked}) == 1
    together = aurad.draw_many(asked, [source(one) for one in asked], exact())
    for one, sample in zip(asked, together, strict=True):
        alone = aurad.draw(one, source(one), exact())
        np.testing.assert_array_equal(sample.findings, alone.findings)
        np.testing.assert_allclose(sample.image.voxels, alone.image.voxels, atol=1e-5, rtol=0)


def test_a_sample_whose_masks_are_taken_at_once_is_drawn_no_more_beside_one_that_is_not(
    monkeypatch,
):
    read, rows, networks = masks.read, [], aurad.prepare(trained())
    judged = lambda values, name, *rest: (read(values, name, *rest)[0], name != "nodule")  # noqa: E731
    monkeypatch.setattr(masks, "read", judged)
    seen = lambda _, given, __: rows.append(len(given[0]))  # noqa: E731
    networks.engines["masks"].network.register_forward_hook(seen)
    asked = [*requests(1, findings=(EFFUSION,)), *requests(1, findings=(NODULE,))]
    samples = aurad.draw_many(asked, [source(one) for one in asked], networks)
    assert [one.facts["mask_draws"] for one in samples] == ["1", "4"]
    assert rows == [4] * 2 + [2] * 2 * (mask_drawing.TRIES - 1), "with words and without"


def test_a_sample_is_a_case_with_its_organs_and_findings_as_maps():
    sample = drawn(findings=BOTH)
    assert sample.image.voxels.shape == sample.anatomy.shape == sample.findings.shape
    assert sample.image.voxels.dtype == np.float32
    assert 0 <= sample.image.voxels.min() < sample.image.voxels.max() <= 1
    regions.check(sample.findings, "findings")
    assert sample.facts["findings"] == "pleural_effusion|nodule"
    assert all(isinstance(value, str) for value in sample.facts.values())
    assert set(sample.facts) <= {"mask_inside", *tables.columns("samples")}


@pytest.mark.parametrize("by", ["drawn", "transformed", "copy_paste"])
def test_masks_never_leave_the_regions_where_the_vocabulary_allows_them(by):
    for seed in range(4):
        sample = drawn(
            findings=BOTH, masks=by, seed=seed, **own_options.SAMPLED["sample/masks"].get(by, {})
        )
        assert sample.findings.any()
        assert outside(sample) == 0


def test_random_masks_lie_anywhere_in_the_body_and_say_how_much_is_allowed():
    found = [drawn(findings=BOTH, masks="random", seed=seed) for seed in range(6)]
    assert sum(outside(sample) for sample in found) > 0
    shares = [one.split(":") for sample in found for one in sample.facts["mask_inside"].split("|")]
    assert {name for name, _ in shares} == {"pleural_effusion", "nodule"}
    assert min(float(share) for _, share in shares) < 1
    bodies = [regions.mask(sample.anatomy, "body") for sample in found]
    assert not any((s.findings[~body] > 0).any() for s, body in zip(found, bodies, strict=True))


def test_several_findings_have_a_channel_each_and_reach_the_image():
    one, both = drawn(findings=(EFFUSION,)), drawn(findings=BOTH)
    assert set(np.unique(one.findings)) == {0, 42}
    assert set(np.unique(both.findings)) == {0, 42, 43}
    task = mask_task.MaskTask(chests(), trained()["masks"].card)
    assert task.pictures.shape[1] == len(maps.finding_names())
    assert not drawn(findings=()).findings.any()


def test_the_smaller_of_two_masks_that_meet_shows():
    large, small = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    small[1, 1] = True
    scene = drawing.Scene(
        np.zeros((4, 1, 4), np.uint8), np.stack([small, large]), (NODULE, EFFUSION)
    )
    assert scene.marks()[1, 0, 1] == regions.label_id("nodule")
    assert (scene.marks() == regions.label_id("pleural_effusion")).sum() == 15
    covered = drawing.Scene(scene.anatomy, np.stack([large, large]), (NODULE, EFFUSION))
    assert len(covered.shown()) == 1
    said = dict(zip(maps.channels(), covered.known(), strict=True))
    assert sorted([said["nodule"], said["pleural_effusion"]]) == [False, True]


def test_every_class_of_the_maps_may_be_left_out_in_training_and_in_drawing():
    card = trained()["diffusion"].card
    assert (card["drop_maps"], card["maps"]) == (0.5, True)
    assert card["classes"] == list(maps.channels())
    assert trained()["masks"].card["classes"] == list(maps.ORGANS)
    (request,) = requests(masks="random", findings=())
    own = source(request)
    blind = np.where(np.isin(own.anatomy, regions.ids("heart")), 0, own.anatomy).astype(np.uint8)
    with_heart = aurad.draw(request, own, prepared())
    without = aurad.draw(request, replace(own, anatomy=blind), prepared())
    assert not np.array_equal(with_heart.image.voxels, without.image.voxels)
    known = drawing.Scene(without.anatomy, NO_MASKS, ()).known()
    there = dict(zip(maps.channels(), known, strict=True))
    assert there["lung_right"]
    assert not there["heart"]


def test_cases_without_a_mask_of_what_is_stated_teach_no_masks():
    bare = [replace(c, findings=np.zeros_like(c.findings)) for c in chests()]
    with pytest.raises(ValueError, match="no training case has a mask of each finding"):
        mask_task.MaskTask(bare, trained()["masks"].card)
    half = [*chests()[:3], *bare[3:]]
    task = mask_task.MaskTask(half, trained()["masks"].card)
    assert len(task.pictures) < len(half)
    assert (task.pictures > 0).any()


def test_masks_on_the_coarse_grid_are_what_they_were():
    grid = mask_task.grid_of({**trained()["masks"].card, "factor": 2})
    for case in chests():
        whole = maps.of_findings(case.findings)
        back = grid.decode(2 * grid.pooled(whole)[None] - 1, whole.shape[1:])[0].numpy() > 0
        for mask, again in zip(whole > 0, back, strict=True):
            assert 2 * (mask & again).sum() >= 0.8 * (mask.sum() + again.sum()) - 10


def sizes(low=0.1, high=0.2, n=masks.FEWEST):
    own = {"n": n, "quantiles": np.linspace(low, high, len(masks.LEVELS)).tolist()}
    return {"nodule": own}


def test_a_mask_of_no_size_that_real_ones_have_is_brought_to_the_nearest():
    anatomy = chests()[0].anatomy
    lungs = regions.mask(anatomy, "lungs")[:, 0]
    values = np.full(lungs.shape, -1.0)
    values[lungs] = np.linspace(0, 1, lungs.sum())  # from one side to the other
    for shift, size in ((-1.5, 0.1), (-0.85, 0.15), (0.5, 0.2)):
        mask, plausible = masks.read(values + shift, "nodule", anatomy, sizes())
        assert plausible == (size == 0.15)
        assert masks.size_of(mask, anatomy) == pytest.approx(size, abs=0.02)
    few = masks.read(values - 2, "nodule", anatomy, sizes(n=3))[0]
    assert masks.size_of(few, anatomy) == pytest.approx(0.15, abs=0.02)
    assert masks.bounds("nodule", sizes(n=3)) == (0, np.inf)


@pytest.mark.parametrize("level", [-1.0, 1.0])
def test_of_equal_values_no_more_are_taken_than_are_wanted(level):
    anatomy = chests()[0].anatomy
    values = np.full(anatomy[:, 0].shape, level)
    mask, plausible = masks.read(values, "nodule", anatomy, sizes())
    assert not plausible
    size = masks.size_of(mask, anatomy)
    assert size == pytest.approx(0.1 if level < 0 else 0.2, abs=0.01)


def test_specks_beside_a_mask_are_dropped_and_two_large_parts_stay():
    anatomy = chests()[0].anatomy
    right, left = (regions.mask(anatomy, f"lung_{side}")[:, 0] for side in ("right", "left"))
    values = np.where(right | left, 1.0, -1.0)
    x, z = np.argwhere(left).mean(0).astype(int)
    values[left] = -1.0
    values[x, z] = 1.0
    mask = masks.read(values, "nodule", anatomy, sizes(0.01, 0.9))[0]
    assert (mask == right).all()
    assert masks.read(np.where(right | left, 1.0, -1.0), "nodule", anatomy, {})[0][left].all()


def test_what_is_likeliest_is_one_part_where_values_are_equal_or_ragged():
    anatomy = chests()[0].anatomy
    shape = anatomy[:, 0].shape
    for values in (np.full(shape, -1.0), np.random.default_rng(0).uniform(-1, -0.5, shape)):
        mask, plausible = masks.read(values, "nodule", anatomy, sizes())
        assert not plausible
        parts, count = ndimage.label(mask)
        assert np.bincount(parts.ravel())[1:].max() >= 0.9 * mask.sum(), count


def test_a_finding_that_was_not_drawn_and_has_no_real_mask_is_refused():
    anatomy = chests()[0].anatomy
    with pytest.raises(ValueError, match="nodule: no training case has a mask"):
        masks.read(np.full(anatomy[:, 0].shape, -1.0), "nodule", anatomy, {})


def test_a_mask_is_on_the_side_that_is_asked_for():
    anatomy = chests()[0].anatomy
    values = np.ones(anatomy[:, 0].shape)
    mask = masks.read(values, "nodule", anatomy, {}, "left")[0]
    assert mask.any()
    assert not (mask & regions.mask(anatomy, "lung_right")[:, 0]).any()


def test_masks_are_drawn_again_until_they_are_plausible_and_it_is_said():
    calls, weights = [], trained()["masks"]
    known = Weights(weights.state, {**weights.card, "sizes": sizes(0.3, 0.31)})
    networks = aurad.prepare({**trained(), "masks": known})
    networks.engines["masks"].network.register_forward_hook(lambda *_: calls.append(1))
    sample = drawn(networks, findings=(NODULE,))
    assert len(calls) == 2 * mask_drawing.TRIES
    assert (sample.facts["implausible"], sample.facts["mask_draws"]) == ("nodule", "4")
    assert masks.size_of(sample.findings > 0, sample.anatomy) == pytest.approx(0.3, abs=0.02)


def test_what_share_was_cut_is_known_before_it_is_cut():
    anatomy = chests()[0].anatomy
    lungs = regions.mask(anatomy, "lungs")[:, 0]
    pair = [np.ones_like(lungs), np.zeros_like(lungs)]
    share = masks.shares_inside(pair, ["nodule", "opacity"], anatomy)
    assert share == {"nodule": pytest.approx(lungs.mean())}
    assert masks.none(anatomy).facts()["mask_inside"] == ""


def test_by_default_the_networks_are_called_ten_times_where_the_first_masks_will_do(monkeypatch):
    read = masks.read
    monkeypatch.setattr(masks, "read", lambda *given: (read(*given)[0], True))
    networks, calls = aurad.prepare(trained()), []
    for engine in networks.engines.values():
        engine.network.register_forward_hook(lambda *_: calls.append(1))
    usual = {name: aurad.OPTIONS[name] for name in ("steps", "mask_steps")}
    drawn(networks, findings=(NODULE,), **usual)
    assert len(calls) == sum(usual.values()) == 10


def identity(row=0, **changed):
    return {"donor": 0.0, "turn": 0.0, "scale": 1.0, "shift": [0, 0], "side": "", **changed}


def test_a_real_mask_moved_by_nothing_onto_its_own_patient_is_itself():
    kept = bank.rebuilt(trained()["bank"])
    for name in ("nodule", "pleural_effusion"):
        row = kept.donor(name, 0.0)
        found = baselines.moved(identity(finding=name), kept.anatomies[row][:, None], kept)
        np.testing.assert_array_equal(found.mask, kept.mask(row, name))
        np.testing.assert_allclose(found.pixels, kept.images[row], atol=1e-3)
        assert found.donor == kept.names[row]


def test_nobody_lends_a_mask_to_themselves():
    kept = bank.rebuilt(trained()["bank"])
    row = kept.donor("nodule", 0.0)
    alone = bank.Bank(*([part[row : row + 1] for part in vars(kept).values()]))
    with pytest.raises(ValueError, match="no training case of another patient"):
        alone.donor("nodule", 0.0, kept.patients[row])


def test_a_mask_of_the_other_side_is_mirrored():
    kept = bank.rebuilt(trained()["bank"])
    anatomy = kept.anatomies[kept.donor("nodule", 0.0)][:, None]
    for side in ("right", "left"):
        found = baselines.moved(identity(finding="nodule", side=side), anatomy, kept)
        lung = regions.mask(anatomy, f"lung_{side}")[:, 0]
        assert found.mask.any()
        assert (found.mask & lung).sum() > 0.5 * found.mask.sum()


def test_pasted_pixels_change_nothing_outside_the_mask_and_come_from_a_named_donor():
    (request,) = requests(findings=BOTH, masks="copy_paste", warp=0)
    sample, before = aurad.draw(request, source(request), prepared()), source(request)
    assert before.facts["findings"] == ""
    rest = sample.findings == 0
    assert digest(sample.image.voxels[rest]) == digest(before.image.voxels[rest])
    assert not np.array_equal(sample.image.voxels[~rest], before.image.voxels[~rest])
    assert set(sample.facts["donors"].split("|")) <= set(trained()["bank"].card["names"])


def test_the_bank_alone_pastes_and_keeps_as_many_cases_as_it_may():
    small = fitted("bank", bank={"most": 1})
    assert len(small.state["images"]) == len(small.card["names"]) == 1
    networks = aurad.prepare({"bank": trained()["bank"]})
    assert drawn(networks, masks="copy_paste", warp=0).findings.any()
    with pytest.raises(ValueError, match="masks: random needs the networks text"):
        drawn(networks, masks="random")
    healthy = [case for case in chests() if not case.findings.any()]
    with pytest.raises(ValueError, match="has a mask of a finding"):
        fitted("bank", cases=healthy)


def test_a_finding_that_no_case_shows_is_refused_by_the_baselines():
    asked = ({"name": "consolidation", "side": "left"},)
    for by in ("random", "transformed"):
        with pytest.raises(ValueError, match="consolidation: no training case has a mask"):
            drawn(masks=by, findings=asked)


def test_a_finding_that_has_nowhere_to_lie_is_refused():
    (request,) = requests()
    one = source(request)
    none = Case("none", one.image, np.zeros_like(one.anatomy), one.findings, {})
    with pytest.raises(ValueError, match="pleural_effusion: the left side of the anatomy map"):
        aurad.draw(request, none, prepared())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"masks": "poems"}, "allowed: drawn, random, transformed, copy_paste"),
        ({"masks": "transformed", "splits": ["tune"]}, "masks are taken of the train split"),
        ({"masks": "copy_paste"}, "where the image is given"),
    ],
)
def test_requests_that_make_no_sense_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        requests(**changed)


@pytest.mark.parametrize(
    ("network", "changed", "message"),
    [
        ("masks", {"masks": {"factor": 0}}, "factor is 0"),
        ("masks", {"masks": {"drop_text": 2}}, "drop_text is 2"),
        ("bank", {"bank": {"most": 0}}, "most is 0"),
        ("text", {"wording": "poems"}, "wording has no poems"),
        ("text", {"poems": 1}, "train has no poems"),
    ],
)
def test_options_that_make_no_sense_are_refused(network, changed, message):
    with pytest.raises(ValueError, match=message):
        fitted(network, below(), **changed)


def test_untrained_networks_draw_the_null_arm():
    zero = {name: {"size": TRAIN[name]["size"], "steps": 0} for name in aurad.CLAIMED}
    found = {name: fitted(name, below(), **zero) for name in aurad.CLAIMED}
    sample = drawn(aurad.prepare({**trained(), **found}), findings=BOTH)
    assert np.isfinite(sample.image.voxels).all()
    assert outside(sample) == 0


def test_the_published_objective_trains_and_draws():
    found = {name: fitted(name, below(), objective="published") for name in aurad.CLAIMED}
    sample = drawn(aurad.prepare({**trained(), **found}), timestep_spacing="time")
    assert np.isfinite(sample.image.voxels).all()
    brought = own_options.SAMPLED["train/objective"]["published"]
    assert set(brought) <= set(aurad.OPTIONS)


def test_a_recipe_has_the_networks_that_its_masks_need_and_a_null_arm_of_those_that_draw():
    for by, wanted in drawing.NEEDED.items():
        asked = settings("aurad", sample={} if by == "drawn" else {"masks": by})
        assert set(lookups.networks(asked, "r")) == set(wanted)
        assert autoencoders.recipes(asked) == (["r"] if "autoencoder" in wanted else [])
        claimed = [name for name in aurad.CLAIMED if name in wanted]
        arms = untrained.beside(asked)["recipes"]
        assert ("r.untrained" in arms) == bool(claimed)
        if claimed:
            null = arms["r.untrained"]["train"]
            assert [name for name, v in null.items() if v == {"steps": 0}] == claimed
        assert lookups.variant(asked, "r") == {"drawn": "aurad", "copy_paste": by}.get(
            by, f"{by}_masks"
        )


def test_the_keys_that_training_takes_are_those_of_its_parts():
    stated = catalogue.training("aurad")
    assert stated["autoencoder"] == latent_options.KEYS
    assert stated["diffusion"] == shared.DIFFUSION_KEYS
    assert stated["text"] == shared.TEXT_KEYS
    assert stated["masks"] == own_options.MASK_KEYS
    assert stated["bank"] == tuple(own_options.BANK)


def test_the_sizes_of_one_gpu_and_of_the_paper_are_built():
    for size in ("workstation", "paper"):
        card = own_options.of_masks({"size": size})
        card |= {"channels": len(maps.finding_names()), "space": [64, 64], "text_width": 8}
        card |= {"read": 0, "classes": list(maps.ORGANS)}
        with torch.device("meta"):
            network = aurad.denoising.built(card)
            given = torch.zeros(1, card["channels"], 64, 64), torch.zeros(1)
            assert network(*given).shape == given[0].shape


def test_requests_are_kept_when_more_are_asked_for_and_probes_are_apart():
    few, more = (pd.DataFrame(requests(count)) for count in (2, 5))
    pd.testing.assert_frame_equal(few, more.head(2))
    known = table().assign(split=["train"] * 8 + ["tune"])
    for by, given in (("drawn", 4), ("copy_paste", 0)):
        asked = {"masks": by, "warp": 0 if by == "copy_paste" else 1}
        asked |= {"probes": {"prompt": 1, "side": 1, "given": 2}}
        probes = aurad.probe(known, asked, 3)
        tables.checked(probes, "requests", "here")
        arms = [json.loads(text) for text in probes["parameters"]]
        assert sum(one["probe"] == "given" for one in arms) == given
        assert not set(probes["seed"]) & set(more["seed"])


def test_previews_are_pictures():
    card = trained()["masks"].card
    task = mask_task.MaskTask(chests(), card, trained()["text"])
    network = prepared().engines["masks"].network
    seen = aurad.denoising.previews.drawn(task, network)
    assert seen.shape == (36, 3 * 36)
    assert 0 <= seen.min() <= seen.max() <= 1
