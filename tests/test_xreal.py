"""Tests of XReal with networks of a few steps: promises that hold however well it draws."""

import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import radiograph_recipes
import torch
from radiograph_recipes import CODER, EFFUSION, NODULE, SHIFTS, digest, settings
from scipy import ndimage

from radfoundry import tables, weights
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config import autoencoders, catalogue, lookups, untrained
from radfoundry.config.catalogue import load
from radfoundry.evaluation.readers import stated
from radfoundry.generators import xreal
from radfoundry.generators._latent import options as latent_options
from radfoundry.generators._radiographs import maps
from radfoundry.generators._radiographs import options as shared
from radfoundry.generators.xreal import anatomy_controller, drawing
from radfoundry.generators.xreal import options as own_options

TRAIN = {
    **radiograph_recipes.TRAIN,
    "anatomy_controller": CODER,
}


@cache
def chests():
    """Return phantoms of 36 pixels, one of them ill, with their truth."""
    chest = load("phantoms", "chest_xray")
    options = {**chest.OPTIONS, "patients": 3, "exams": [1, 1], "size": 36}
    rows = chest.plan(options, np.random.default_rng(5)).to_dict("records")
    drawn = [chest.draw(json.loads(row["parameters"])) for row in rows]
    reports = ["Large left pleural effusion.", "No acute disease.", "Nodule in the right lung."]
    facts = [{"report": r, "patient": row["patient"]} for r, row in zip(reports, rows, strict=True)]
    return [
        Case(c.name, c.image, c.anatomy, c.findings, f) for c, f in zip(drawn, facts, strict=True)
    ]


def fitted(network, networks=None, **changed):
    data = SimpleNamespace(cases=chests(), networks=networks or {}, reports=())
    return xreal.fit(network, data, {**TRAIN, **changed}, np.random.default_rng(0))


@cache
def trained():
    found = {name: fitted(name) for name in ("text", "autoencoder")}
    found["diffusion"] = fitted("diffusion", found)
    return found | {"anatomy_controller": fitted("anatomy_controller")}


def below():
    """Return what the base stands on."""
    return {name: trained()[name] for name in ("text", "autoencoder")}


@cache
def prepared():
    return xreal.prepare(trained())


@cache
def table():
    return radiograph_recipes.table(chests())


def requests(count=1, findings=(EFFUSION,), seed=3, **options):
    prompts = [{"findings": list(findings)}]
    asked = {"count": count, "prompts": prompts, "steps": 3, "anatomy_steps": 2, **options}
    return xreal.plan(table(), asked, seed).to_dict("records")


def source(request):
    return next(case for case in chests() if case.name == request["source"])


def drawn(networks=None, **options):
    (request,) = requests(**options)
    return xreal.draw(request, source(request), networks or prepared())


def test_equal_seeds_draw_equal_bytes_and_others_do_not():
    first, again, other = drawn(), drawn(), drawn(seed=4)
    assert digest(first.image.voxels) == digest(again.image.voxels)
    assert digest(first.findings) == digest(again.findings)
    assert digest(first.image.voxels) != digest(other.image.voxels)


def test_what_is_drawn_together_is_what_is_drawn_alone_but_for_rounding():
    own = {"diffusion": {**TRAIN["diffusion"], "precision": "float32"}}
    networks = xreal.prepare({**trained(), "diffusion": fitted("diffusion", below(), **own)})
    asked = requests(3, findings=(EFFUSION, NODULE))
    assert len({drawing.alike(one, source(one)) for one in asked}) == 1
    together = xreal.draw_many(asked, [source(one) for one in asked], networks)
    for one, sample in zip(asked, together, strict=True):
        alone = xreal.draw(one, source(one), networks)
        np.testing.assert_allclose(sample.image.voxels, alone.image.voxels, atol=1e-5, rtol=0)


def test_a_sample_is_a_case_with_its_organs_and_findings_as_maps():
    sample = drawn(findings=(EFFUSION, NODULE))
    assert sample.image.voxels.shape == sample.anatomy.shape == sample.findings.shape
    assert sample.image.voxels.dtype == np.float32
    assert 0 <= sample.image.voxels.min() < sample.image.voxels.max() <= 1
    regions.check(sample.anatomy)
    regions.check(sample.findings, "findings")
    assert set(np.unique(sample.findings)) == {0, 42, 43}
    assert sample.facts["findings"] == "pleural_effusion|nodule"
    assert all(isinstance(value, str) for value in sample.facts.values())


def test_nothing_outside_the_mask_differs_from_the_healthy_drawing():
    ill, healthy = drawn(), drawn(findings=())
    mask = ill.findings > 0
    assert not healthy.findings.any()
    assert digest(ill.image.voxels[~mask]) == digest(healthy.image.voxels[~mask])
    assert not np.array_equal(ill.image.voxels[mask], healthy.image.voxels[mask])


def test_a_given_image_is_the_samples_outside_the_mask_bit_for_bit():
    options = {"given": ["image"], "warp": 0}
    (request,) = requests(**options)
    sample, before = drawn(**options), source(request)
    mask = sample.findings > 0
    assert digest(sample.image.voxels[~mask]) == digest(before.image.voxels[~mask])
    assert not np.array_equal(sample.image.voxels[mask], before.image.voxels[mask])
    assert digest(sample.anatomy) == digest(before.anatomy)


def test_the_controllers_leave_the_base_as_it_was():
    base = trained()["diffusion"]
    before = weights.packed(base)
    assert "diffusion" not in xreal.NEEDS.get("anatomy_controller", [])
    networks = xreal.prepare(trained())
    drawn(networks)
    after = {name: part.cpu() for name, part in networks.engine.network.state_dict().items()}
    assert weights.packed(base) == before == weights.packed(weights.Weights(after, base.card))


def test_organs_are_those_of_the_source_or_moved_a_little():
    (request,) = requests(warp=0)
    own, moved = drawn(warp=0), drawn(warp=1)
    assert digest(own.anatomy) == digest(source(request).anatomy)
    lungs = [regions.mask(one.anatomy, "lungs") for one in (own, moved)]
    shared_part = (lungs[0] & lungs[1]).sum() / (lungs[0] | lungs[1]).sum()
    assert 0.4 < shared_part < 1


def test_organs_lead_the_drawing_through_the_controller_alone(monkeypatch):
    own, moved = drawn(findings=(), warp=0), drawn(findings=(), warp=2)
    assert not np.array_equal(own.image.voxels, moved.image.voxels)
    flat = torch.zeros(1, 1, *own.image.voxels[:, 0].shape)
    monkeypatch.setattr(anatomy_controller, "estimated", lambda *_: flat)
    own, moved = (drawn(findings=(), warp=warp, outside=1.0) for warp in (0, 2))
    np.testing.assert_array_equal(own.image.voxels, moved.image.voxels)


def test_more_of_the_controllers_estimate_outside_the_organs_brings_the_body_nearer_to_it():
    (request,) = requests(findings=(), warp=0)
    anatomy = source(request).anatomy
    organs = maps.of_organs(anatomy).max(0) > 0
    card = trained()["anatomy_controller"].card
    made = anatomy_controller.estimated(prepared().controller, [anatomy], card)[0, 0].numpy()

    def apart(share):
        sample = drawn(findings=(), warp=0, led=0.9, outside=share)
        return np.abs(2 * sample.image.voxels[:, 0] - 1 - made)[~organs].mean()

    assert apart(1.0) < apart(0.5) < apart(0.0)


def of_cases():
    rows = [xreal.plan(table(), {"count": 3, "masks": "case", "warp": 0}, seed) for seed in (1, 2)]
    return pd.concat(rows).to_dict("records")


def test_masks_may_be_the_sources_own():
    for one in of_cases():
        mask = drawing.scene(json.loads(one["parameters"]), source(one)).marks()
        assert digest(mask) == digest(source(one).findings)


def test_a_finding_without_a_stated_side_may_fill_all_of_where_it_may_lie():
    prompts = [{"findings": [{"name": "opacity"}]}]
    rows = xreal.plan(table(), {"count": 3, "masks": "regions", "prompts": prompts, "warp": 0}, 1)
    for one in rows.to_dict("records"):
        asked = json.loads(one["parameters"])
        assert [finding["side"] for finding in asked["findings"]] == [""]
        lungs = regions.mask(source(one).anatomy, "lungs")
        mask = drawing.scene(asked, source(one)).marks() > 0
        assert mask[lungs].all()
        assert not (mask & ~ndimage.binary_dilation(lungs[:, 0])[:, None]).any()


def test_a_finding_of_the_source_that_has_no_mask_does_not_count_as_asked_for():
    one = next(one for one in of_cases() if "effusion" in source(one).facts["report"])
    asked, bare = json.loads(one["parameters"]), source(one)
    assert [(said["name"], said["side"]) for said in asked["stated"]] == [
        (EFFUSION["name"], "left")
    ]
    bare = Case(bare.name, bare.image, bare.anatomy, np.zeros_like(bare.findings), bare.facts)
    names = ("pleural_effusion", "nodule")
    known = stated.of_sample(xreal.draw(one, bare, prepared()), asked, names)
    assert known.present.tolist() == [0, 0]


def test_by_default_the_network_is_called_ten_times_at_most():
    networks, calls = xreal.prepare(trained()), []
    networks.engine.network.register_forward_hook(lambda *_: calls.append(1))
    (request,) = requests(
        steps=xreal.OPTIONS["steps"], anatomy_steps=xreal.OPTIONS["anatomy_steps"]
    )
    xreal.draw(request, source(request), networks)
    assert len(calls) == 10


def test_without_words_the_mask_is_filled_otherwise():
    (request,) = requests(guidance=20)
    mute = {**json.loads(request["parameters"]), "text": False}
    other = xreal.draw({**request, "parameters": json.dumps(mute)}, source(request), prepared())
    assert digest(other.findings) == digest(drawn(guidance=20).findings)
    assert digest(other.image.voxels) != digest(drawn(guidance=20).image.voxels)


def test_only_healthy_films_are_edited_and_only_with_a_finding():
    rows = requests(6, given=["image"], warp=0)
    assert {source(one).facts["report"] for one in rows} == {"No acute disease."}
    with pytest.raises(ValueError, match="given: image, and no finding"):
        requests(given=["image"], warp=0, findings=())


def test_a_thin_mask_is_filled_in_its_middle():
    before, after = np.zeros((9, 9)), np.ones((9, 9))
    mask = np.zeros((9, 9), bool)
    mask[4, 2:7] = True
    assert (drawing.pasted(before, after, mask) == mask).all()
    mask[2:7, 2:7] = True
    assert drawing.pasted(before, after, mask)[4, 4] == 1
    assert drawing.pasted(before, after, mask)[2, 4] == 0.5


def test_a_base_without_words_needs_no_text_encoder():
    mute = {"diffusion": {**TRAIN["diffusion"], "text": False}}
    base = fitted("diffusion", {"autoencoder": trained()["autoencoder"]}, **mute)
    assert base.card["text_width"] == 0
    some = {name: own for name, own in trained().items() if name != "text"} | {"diffusion": base}
    assert np.isfinite(drawn(xreal.prepare(some)).image.voxels).all()


def test_the_baseline_of_text_alone_has_no_controller():
    networks = xreal.prepare({n: w for n, w in trained().items() if n != "anatomy_controller"})
    sample = drawn(networks)
    assert networks.controller is None
    assert sample.findings.any()
    assert digest(sample.image.voxels) != digest(drawn().image.voxels)
    with pytest.raises(ValueError, match="with controllers"):
        drawn(networks, given=["image"], warp=0)


def test_the_baseline_of_concatenation_is_shown_the_maps():
    base = fitted("diffusion", below(), concat=True)
    assert base.card["classes"][:2] == ["lung_right", "lung_left"]
    networks = xreal.prepare({**trained(), "diffusion": base})
    assert networks.controller is None
    network = networks.engine.network
    assert network.enter.in_features == base.card["channels"] + 2 * len(base.card["classes"])
    with torch.no_grad():
        network.leave.weight.fill_(0.01)
    assert digest(drawn(networks).image.voxels) != digest(drawn(networks, warp=0).image.voxels)


def test_the_published_objective_draws_and_brings_its_steps():
    base = fitted("diffusion", below(), objective="published")
    networks, calls = xreal.prepare({**trained(), "diffusion": base}), []
    networks.engine.network.register_forward_hook(lambda *_: calls.append(1))
    sample = drawn(networks, timestep_spacing="time")
    assert np.isfinite(sample.image.voxels).all()
    assert len(calls) == 3 + 2
    brought = own_options.SAMPLED["train/objective"]["published"]
    assert brought["steps"] == brought["anatomy_steps"] == 100
    assert set(brought) <= set(xreal.OPTIONS)
    assert brought["outside"] == 0.2


def test_a_source_of_another_grid_or_without_the_organ_is_refused():
    (request,) = requests()
    one = source(request)
    small = Case("small", one.image.holding(one.image.voxels), one.anatomy, one.findings, {})
    none = Case("none", one.image, np.zeros_like(one.anatomy), one.findings, {})
    cut = Case("cut", type(one.image)(one.image.voxels[:16], one.image.affine), one.anatomy[:16],
               one.findings[:16], {})  # fmt: skip
    assert xreal.draw(request, small, prepared()).image.voxels.shape == one.image.voxels.shape
    with pytest.raises(ValueError, match="pleural_effusion: the left side of the anatomy map"):
        xreal.draw(request, none, prepared())
    with pytest.raises(ValueError, match="cut: its latents are"):
        xreal.draw(request, cut, prepared())


def test_a_recipe_has_the_networks_that_its_baseline_needs_and_a_null_arm_of_those():
    every = ["text", "autoencoder", "diffusion", "anatomy_controller"]
    copied = {"controlnet": {}}
    for train, wanted in (({}, every), ({"text_only": True}, every[:3]), (copied, every[:3])):
        wanted = [*wanted, *train.keys() & {"controlnet"}]
        asked = settings("xreal", train)
        assert list(lookups.networks(asked, "r")) == wanted
        assert autoencoders.recipes(asked) == ["r"]
        null = untrained.beside(asked)["recipes"]["r.untrained"]
        assert {n: v["steps"] for n, v in null["train"].items() if isinstance(v, dict)} == (
            dict.fromkeys(wanted[2:], 0)
        )
        assert list(null["networks"]) == every[:2]


def test_untrained_networks_draw_the_null_arm():
    zero = {"steps": 0}
    found = {"diffusion": fitted("diffusion", below(), diffusion={"size": SHIFTS, **zero})}
    found["anatomy_controller"] = fitted("anatomy_controller", anatomy_controller=zero)
    assert np.isfinite(drawn(xreal.prepare({**trained(), **found})).image.voxels).all()


def test_the_keys_that_training_takes_are_those_of_its_parts():
    keys = catalogue.training("xreal")
    assert keys["autoencoder"] == latent_options.KEYS
    assert keys["diffusion"] == shared.DIFFUSION_KEYS
    assert keys["text"] == shared.TEXT_KEYS
    assert keys["anatomy_controller"] == own_options.CONTROLLER_KEYS


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"text_only": True, "concat": True}, "one of them"),
        ({"concat": 1}, "concat is 1"),
        ({"wording": "poems"}, "wording has no poems"),
        ({"objective": "gan"}, "objective has no gan"),
        ({"diffusion": {"drop_maps": 2}}, "drop_maps is 2"),
        ({"autoencoder": {"crop": [30, 32]}}, "multiples of 4"),
        ({"anatomy_controller": {"organs": -1}}, "organs is -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(changed, message):
    network = next(iter({"anatomy_controller", "autoencoder"} & set(changed)), "diffusion")
    with pytest.raises(ValueError, match=message):
        fitted(network, below(), **changed)


def test_a_cohort_of_no_findings_can_teach_no_words():
    data = SimpleNamespace(cases=chests()[1:2], networks={}, reports=())
    with pytest.raises(ValueError, match="no training case has a finding"):
        xreal.fit("text", data, TRAIN, np.random.default_rng(0))


def test_the_anatomy_controller_is_given_organs_or_the_image_and_never_both():
    pairs = anatomy_controller.Pairs(chests(), anatomy_card())(torch.Generator().manual_seed(0))
    given = anatomy_controller.shown(pairs, torch.tensor([True, False]))
    assert not given[0, 0].any()
    assert torch.equal(given[0, 1:], pairs[0, 1:])
    assert torch.equal(given[1, 0], pairs[1, 0])
    assert not given[1, 1:].any()


def test_previews_are_pictures():
    pairs = anatomy_controller.Pairs(chests(), anatomy_card())
    network = anatomy_controller.rebuilt(trained()["anatomy_controller"])
    assert anatomy_controller.preview(pairs, network).shape == (2 * 36, 2 * 36)


def test_a_cohort_of_ill_patients_alone_is_told_what_it_cannot_teach():
    data = SimpleNamespace(cases=chests()[:1], networks=below(), reports=())
    with pytest.warns(RuntimeWarning, match="no training case is free of findings"):
        xreal.fit("diffusion", data, TRAIN, np.random.default_rng(0))


def anatomy_card():
    return trained()["anatomy_controller"].card


def test_requests_are_kept_when_more_are_asked_for_and_probes_are_apart():
    few, more = (pd.DataFrame(requests(count)) for count in (2, 5))
    pd.testing.assert_frame_equal(few, more.head(2))
    known = table().assign(split=["train", "train", "tune"])
    probes = xreal.probe(known, {"probes": {"prompt": 1, "side": 1, "given": 2}}, 3)
    tables.checked(probes, "requests", "here")
    arms = [json.loads(text) for text in probes["parameters"]]
    assert sum(one["probe"] == "given" for one in arms) == 4
    assert {one["warp"] is None for one in arms if one["arm"] == "case"} == {True}
    assert not set(probes["seed"]) & set(more["seed"])
