"""Tests of MedSyn with networks of a few steps: promises that hold however well it draws."""

import json
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config.catalogue import constant, load
from radfoundry.data import channels
from radfoundry.generators import medsyn
from radfoundry.generators._requests import text_guided
from radfoundry.generators.medsyn import batches, training
from radfoundry.generators.medsyn import options as medsyn_options
from radfoundry.generators.medsyn import sizes as medsyn_sizes
from radfoundry.networks import build
from radfoundry.networks.wavelet_unet import principal_components
from radfoundry.text import labeler
from radfoundry.text.encoder import finding_task
from radfoundry.training.loop import Callbacks
from radfoundry.volume import Volume
from radfoundry.weights import Weights, WeightsError

TINY = {"size": "gaussian_prior", "depth": 1, "widths": [16, 32], "places": 4, "mixing": 16}
TRAIN: Mapping = {
    "size": "phantom",
    "text": {"steps": 2},
    "low_resolution": {"size": TINY, "steps": 3, "batch": 2},
    "super_resolution": {
        "size": {"size": "phantom", "widths": [16, 16]},
        "steps": 3,
        "batch": 2,
        "crop": [16, 16, 16],
    },
}
SHIFTS = {"size": "phantom", "widths": [14, 16], "blocks": [1, 1], "side": 8, "mixing": 8}
SHIFT: Mapping = {**TRAIN, "low_resolution": {"size": SHIFTS, "steps": 3, "batch": 2}}
SMALL = {"size": "paper", "width": 8, "multipliers": [1, 2], "bottleneck": 1, "heads": 1}
OWN = {"size": SMALL, "factor": 2, "steps": 1, "batch": 1, "accumulate": 1, "precision": "float32"}
PUBLISHED: Mapping = {
    "size": "paper",
    "objective": "published",
    "low_resolution": OWN,
    "super_resolution": {**OWN, "crop": [16, 12, 20]},
}


@cache
def chests(size=32, count=4):
    """Return phantoms with their truth and their reports."""
    chest = load("phantoms", "chest_ct")
    options = {**chest.OPTIONS, "patients": count, "exams": [1, 1], "size": size}
    table = chest.plan(options, np.random.default_rng(5))
    cases = []
    for row in table.to_dict("records"):
        drawn = chest.draw(json.loads(row["parameters"]))
        image = drawn.image.holding(np.rint(drawn.image.voxels).astype(np.int16))
        facts = {"report": row["report"], "patient": row["patient"], "split": "train"}
        cases.append(Case(row["case"], image, drawn.anatomy, drawn.findings, facts))
    return cases


def fitted(network, networks=None, seed=0, reports=(), **changed):
    data = SimpleNamespace(cases=chests(), networks=networks or {}, reports=reports)
    return medsyn.fit(network, data, {**TRAIN, **changed}, np.random.default_rng(seed))


@cache
def trained(shapes=True, /):
    words = fitted("text")
    low = fitted("low_resolution", {"text": words}, shapes=shapes)
    return {
        "text": words,
        "low_resolution": low,
        "super_resolution": fitted("super_resolution", shapes=shapes),
    }


@cache
def prepared(shapes=True):
    return medsyn.prepare(trained(shapes))


def request(seed=1, **changed):
    parameters = {
        "prompt": "FINDINGS: Large right pleural effusion. IMPRESSION: Effusion.",
        "findings": [
            {"name": "pleural_effusion", "side": "right", "location": "", "severity": "severe"}
        ],
        "text": True,
        "given": [],
        "guidance": 2.0,
        "steps": 2,
        "probe": "dataset",
        "arm": "-",
    }
    text = json.dumps({**parameters, **changed})
    return {"request": "syn-1", "source": "a", "split": "train", "seed": seed, "parameters": text}


def drawn(seed=1, source=None, shapes=True, **changed):
    return medsyn.draw(request(seed, **changed), source or chests()[0], prepared(shapes))


def same(first, second):
    return np.array_equal(first.image.voxels, second.image.voxels) and np.array_equal(
        first.anatomy, second.anatomy
    )


def test_equal_seeds_draw_equal_bytes_and_others_do_not():
    assert same(drawn(1), drawn(1))
    assert not same(drawn(1), drawn(2))


def test_what_was_drawn_before_changes_nothing():
    fresh = medsyn.draw(request(7), chests()[0], medsyn.prepare(trained(True)))
    drawn(3)
    assert same(drawn(7), fresh)


def test_a_sample_is_a_case_on_the_grid_of_its_source():
    source = chests()[0]
    sample = drawn(source=source)
    assert (sample.name, sample.image.voxels.dtype) == ("syn-1", np.int16)
    assert sample.image.voxels.shape == source.image.voxels.shape == sample.anatomy.shape
    np.testing.assert_array_equal(sample.image.affine, source.image.affine)
    regions.check(sample.anatomy)
    assert not sample.findings.any()
    assert sample.facts["findings"] == "pleural_effusion"
    assert sample.facts["source"] == source.name
    assert sample.facts["patient"] == source.facts["patient"]
    assert all(isinstance(value, str) for value in sample.facts.values())


def test_the_source_is_left_alone():
    source = chests()[0]
    before = source.image.voxels.copy(), source.anatomy.copy()
    drawn(source=source, given=["lobes", "image"])
    np.testing.assert_array_equal(source.image.voxels, before[0])
    np.testing.assert_array_equal(source.anatomy, before[1])


@pytest.mark.parametrize("given", [["lobes"], ["image"], ["airway", "vessel"]])
def test_given_channels_come_back_as_they_were(given):
    source = chests()[1]
    sample = drawn(source=source, given=given)
    structures = {
        "lobes": tuple(channels.LEVELS),
        "airway": ("airway",),
        "vessel": ("lung_vessel",),
    }
    for name in given:
        for region in structures.get(name, ()):
            expected = regions.mask(source.anatomy, region)
            np.testing.assert_array_equal(regions.mask(sample.anatomy, region), expected)
    if "image" in given:
        wanted = np.clip(source.image.voxels, *channels.WINDOW_HU)
        np.testing.assert_allclose(sample.image.voxels, wanted, atol=1)


def test_a_given_channel_changes_the_others():
    assert not np.array_equal(drawn().image.voxels, drawn(given=["lobes"]).image.voxels)


def test_the_prompt_and_its_absence_change_the_sample():
    said, denied, silent = drawn(), drawn(prompt="No effusion."), drawn(text=False)
    assert not same(said, denied)
    assert not same(said, silent)


def test_any_grid_can_be_drawn_on():
    source = chests()[0]
    cut = source.image.voxels[:30, :26, :20], source.anatomy[:30, :26, :20]
    odd = Case("odd", Volume(cut[0], source.image.affine), cut[1], np.zeros_like(cut[1]), {})
    assert drawn(source=odd).image.voxels.shape == (30, 26, 20)


def test_tiles_give_a_whole_volume():
    networks = prepared(True)
    cards = {name: dict(card) for name, card in networks.cards.items()}
    cards["super_resolution"]["tile"] = [24, 24, 24]
    cut = medsyn.Networks(networks.encode, networks.low, networks.high, cards, "cpu")
    sample = medsyn.draw(request(), chests()[0], cut)
    whole = drawn()
    apart = np.abs(sample.image.voxels.astype(float) - whole.image.voxels)
    assert np.median(apart) < 20


def test_without_shapes_the_image_is_drawn_alone():
    sample = drawn(shapes=False)
    assert not sample.anatomy.any()
    assert trained(False)["low_resolution"].card["channels"] == 1
    with pytest.raises(ValueError, match="lobes cannot be given"):
        drawn(shapes=False, given=["lobes"])


def test_an_unconditional_network_is_as_large_and_reads_no_text():
    words = trained(True)["text"]
    plain = fitted("low_resolution", {"text": words}, low_resolution=_low(text=False))
    shapes = {name: tensor.shape for name, tensor in plain.state.items()}
    assert shapes == {n: t.shape for n, t in trained(True)["low_resolution"].state.items()}
    networks = medsyn.prepare({**trained(True), "low_resolution": plain})
    first, second = (
        medsyn.draw(request(prompt=text), chests()[0], networks) for text in ("a", "b")
    )
    assert same(first, second)


def _low(**changed):
    return {**TRAIN["low_resolution"], **changed}


def test_training_is_repeatable():
    words = fitted("text")
    for name, tensor in trained(True)["text"].state.items():
        torch.testing.assert_close(words.state[name], tensor, rtol=0, atol=0)
    again = fitted("low_resolution", {"text": trained(True)["text"]})
    for name, tensor in trained(True)["low_resolution"].state.items():
        torch.testing.assert_close(again.state[name], tensor, rtol=0, atol=0)


def test_learned_numbers_are_stored_with_16_bits_and_measured_ones_with_32():
    low = fitted("low_resolution", {"text": trained(True)["text"]}, **SHIFT)
    assert low.state["enter.weight"].dtype == torch.float16
    assert low.state["band_statistics.center"].dtype == torch.float32
    networks = medsyn.prepare({**trained(True), "low_resolution": low})
    assert networks.low.enter.weight.dtype == torch.float32
    assert medsyn.draw(request(), chests()[0], networks).image.voxels.dtype == np.int16


def test_a_generic_text_encoder_is_not_trained():
    generic = fitted("text", text={"steps": 0})
    assert not generic.card["trained"]
    assert fitted("text", text={"steps": 0, "reading": False}).card["vocabulary"]


def test_weights_that_are_given_are_where_the_text_encoder_starts():
    given = fitted("text", text={"steps": 0})
    kept = fitted("text", {"text": given}, text={"steps": 0})
    assert kept is given
    assert fitted("text", {"text": given}).card["vocabulary"] == given.card["vocabulary"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unet": {}}, "unet.*low_resolution"),
        ({"low_resolution": {"stepz": 3}}, "stepz.*steps"),
        ({"text": {"words": 1}}, "words.*folder"),
        ({"objective": "score"}, "score.*flow"),
        ({"size": "huge"}, "huge.*paper"),
    ],
)
def test_an_unknown_option_is_named_with_those_that_exist(options, message):
    with pytest.raises(ValueError, match=message):
        medsyn_options.chosen(options)


@pytest.mark.parametrize("size", ["phantom", "workstation", "paper"])
@pytest.mark.parametrize("objective", ["flow", "published"])
def test_every_size_makes_settings_and_a_network(size, objective):
    chosen = medsyn_options.chosen({"size": size, "objective": objective})
    for name in medsyn_options.TABLES:
        options = {"network": name, "text_width": 0, **chosen[name]}
        assert training.settings(options).steps > 0
        assert chosen[name]["multiple"] % chosen["low_resolution"]["factor"] == 0
        given = 0 if objective == "published" else 8  # the paper shows no channel beside the noise
        concat = given if name == "low_resolution" else 4
        assert training.wiring(options)["concat"] == concat


def test_published_networks_train_and_draw_with_the_depth_first():
    data = SimpleNamespace(cases=chests(), networks={"text": trained(True)["text"]})
    weights = {"text": trained(True)["text"]}
    for name in medsyn_options.TABLES:
        weights[name] = medsyn.fit(name, data, PUBLISHED, np.random.default_rng(0))
    networks = medsyn.prepare(weights)
    assert medsyn.draw(request(), chests()[0], networks).image.voxels.shape == (32, 32, 32)


def test_a_missing_network_is_named():
    with pytest.raises(ValueError, match="missing: text"):
        medsyn.prepare({k: v for k, v in trained(True).items() if k != "text"})


def test_the_card_of_a_denoising_network_says_what_curve_its_images_are_drawn_on():
    cards = [trained(True)[name].card for name in medsyn_options.TABLES]
    for card in cards:
        assert card["tones"] == json.loads(json.dumps(card["tones"]))
        assert dict(card["tones"]) == channels.TONES


@pytest.mark.parametrize(
    ("card", "message"), [({"tones": [[-1000, -1], [700, 1]]}, ".700, 1."), ({}, "does not tell")]
)
def test_weights_of_another_tone_curve_are_refused(card, message):
    weights = Weights({}, {"network": "low_resolution", **card})
    with pytest.raises(WeightsError, match=f"low_resolution .*{message}.*train it again"):
        training.rebuilt(weights, "cpu")


def test_cases_of_several_grids_are_refused():
    cases = [chests()[0], chests(16, 1)[0]]
    data = SimpleNamespace(cases=cases, networks={"text": trained(True)["text"]})
    with pytest.raises(ValueError, match=r"2 grids.*preprocess\.grid"):
        medsyn.fit("low_resolution", data, TRAIN, np.random.default_rng(0))


def task(options, cases, **changed):
    """Return what teaches the low-resolution network without a text."""
    card = {**medsyn_options.chosen(options)["low_resolution"], **changed}
    return batches.LowResolutionTask(cases, card)


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_cases_are_refused_with_how_many_are_needed(count):
    with pytest.raises(ValueError, match=f"at least 4 training cases, not {count}"):
        task(TRAIN, chests()[:count])
    assert len(task(PUBLISHED, chests()[:count]).pictures) == count


def test_cases_of_a_batch_share_a_fold_where_there_are_priors_and_nowhere_else():
    cases = [*chests(), *chests()]
    folds = {}
    for name, options in {"wavelet": TRAIN, "shift": SHIFT, "published": PUBLISHED}.items():
        _, rows, _ = task(options, cases, batch=16).ahead(torch.Generator().manual_seed(0))
        folds[name] = len(set((rows % principal_components.FOLDS).tolist()))
    assert folds["wavelet"] == 1
    assert min(folds["shift"], folds["published"]) > 2


@pytest.mark.parametrize(("objective", "weighs"), [("flow", True), ("published", False)])
def test_the_expected_error_weighs_the_loss_of_flow_alone(objective, weighs):
    taught = task({**TRAIN, "objective": objective}, chests(), given=0.0, batch=1)
    rank = {"rank": 2, "value_levels": 0}
    size = build.named(medsyn_sizes.LOW_RESOLUTION, {**TINY, **rank})
    space = tuple(taught.pictures.shape[2:])
    network = build.initial(torch.Generator().manual_seed(0), size, objective, space=space)
    batch = (taught.pictures[:1].float(), {})
    losses = []
    for error in (1.0, 4.0):
        network.gaussian_prior.errors.fill_(error)
        found = taught.loss(network, batch, torch.Generator().manual_seed(0))
        losses.append(float(found["denoising"].detach()))
    assert losses[0] == pytest.approx(4 * losses[1] if weighs else losses[1], rel=1e-5)


@pytest.mark.parametrize(("voxel_weight", "ratio"), [(0.0, 1.0), (10.0, 11.0)])
def test_the_loss_of_the_low_resolution_network_weighs_airways(voxel_weight, ratio):
    taught = task(PUBLISHED, chests(), given=0.0, batch=1, voxel_weight=voxel_weight)
    clean = torch.full((1, 4, 8, 8, 8), -1.0)
    clean[0, 2, 4, 4, 4] = 1.0
    found = []
    for place in ((4, 4, 5), (0, 0, 0)):  # beside the airway, and far from it

        class Wrong(torch.nn.Linear):
            def forward(self, noisy, times, place=place, **condition):
                estimate = clean.clone()
                estimate[(0, 0, *place)] += 0.5
                return estimate

        loss = taught.loss(Wrong(1, 1), (clean, {}), torch.Generator().manual_seed(0))
        found.append(float(loss["denoising"]))
    assert found[0] == pytest.approx(ratio * found[1], rel=1e-4)


def test_an_error_at_an_airway_counts_more_in_image_and_airway_alone():
    clean = torch.full((1, 4, 8, 8, 8), -1.0)
    clean[0, 2, 4, 4, 4] = -0.8  # a tenth of a voxel is airway
    counts = batches.near_airways(clean, 10.0)
    assert [float(channel.sum()) for channel in counts[0]] == [512 + 270, 512, 512 + 270, 512]
    assert counts[0, 0, 3:6, 3:6, 3:6].eq(11).all()


def test_without_an_airway_channel_or_a_weight_all_voxels_count_alike():
    for count, voxel_weight in ((1, 10.0), (4, 0.0)):
        assert batches.near_airways(torch.ones(1, count, 8, 8, 8), voxel_weight).eq(1).all()


def test_published_sizes_and_the_published_objective_count_all_voxels_alike():
    def voxel_weight(**options):
        return medsyn_options.chosen(options)["low_resolution"]["voxel_weight"]

    assert voxel_weight() > 0
    assert [voxel_weight(size=size) for size in ("workstation", "paper")] == [0, 0]
    assert voxel_weight(objective="published") == 0
    assert voxel_weight(objective="published", low_resolution={"voxel_weight": 3}) == 3


@pytest.mark.parametrize("value", [-1, "much", float("nan")])
def test_a_voxel_weight_that_is_no_number_from_0_is_refused(value):
    with pytest.raises(ValueError, match="voxel_weight is .*, it must be a number, 0"):
        medsyn_options.chosen({"low_resolution": {"voxel_weight": value}})


def test_an_option_that_was_renamed_is_refused_with_its_new_name():
    with pytest.raises(ValueError, match="low_resolution: `reach` is now `log_snr_range`"):
        medsyn_options.chosen({"low_resolution": {"reach": [-7, 7]}})


def test_callbacks_are_called_at_every_step():
    called = []
    callbacks = Callbacks(progress=lambda step, steps, terms: called.append((step, steps)))
    data = SimpleNamespace(cases=chests(), networks={})
    medsyn.fit("super_resolution", data, TRAIN, np.random.default_rng(0), "cpu", callbacks)
    assert called == [(1, 3), (2, 3), (3, 3)]


def test_options_can_be_read_without_importing():
    assert constant("generators", "medsyn", "OPTIONS") == medsyn.OPTIONS
    assert set(text_guided.OPTIONS) <= set(medsyn.OPTIONS)
    assert set(constant("generators", "medsyn", "NEEDS")) <= set(medsyn.NETWORKS)


def test_plans_have_what_a_draw_reads():
    cases = pd.DataFrame([{"case": c.name, "findings": "", **c.facts} for c in chests()])
    planned = medsyn.plan(cases, {"count": 2}, 3)
    row = planned.to_dict("records")[0]
    source = {c.name: c for c in chests()}[row["source"]]
    row["parameters"] = json.dumps({**json.loads(row["parameters"]), "steps": 1})
    assert medsyn.draw(row, source, prepared(True)).facts["split"] == "train"


def test_what_a_composed_report_tells_is_what_the_labeler_reads():
    text, wanted = finding_task.composed(torch.Generator().manual_seed(4))

    read = finding_task.target(labeler.structured(text))
    assert [value > 0 for value in read] == [value > 0 for value in wanted]


def test_noise_beside_the_full_grid_is_what_was_asked_for():
    card = {**medsyn_options.chosen(TRAIN)["super_resolution"], "noise": 0.0}
    clean, seen = batches.SuperResolutionTask(chests(), card).draw(torch.Generator().manual_seed(0))
    torch.testing.assert_close(channels.smaller(clean, card["factor"]), seen["low"])


def test_weights_can_be_stored():
    for weights in trained(True).values():
        assert isinstance(weights, Weights)
        json.dumps(dict(weights.card))


@pytest.mark.parametrize("network", ["low_resolution", "super_resolution"])
@pytest.mark.parametrize(
    "options", [TRAIN, SHIFT, PUBLISHED], ids=["wavelet", "shift", "published"]
)
def test_a_network_shows_what_it_draws_while_it_is_trained(network, options):
    shown = []
    callbacks = Callbacks(show=lambda step, picture, history: shown.append(picture), show_every=2)
    data = SimpleNamespace(cases=chests(), networks={"text": trained()["text"]})
    medsyn.fit(network, data, options, np.random.default_rng(0), "cpu", callbacks)
    pictures = [picture for picture in shown if picture is not None]
    assert pictures
    assert all(p.ndim == 2 and p.min() >= 0 and p.max() <= 1 for p in pictures)


def test_a_local_bert_is_where_the_text_encoder_starts(monkeypatch):
    adopted, asked = fitted("text"), []
    stand_in = lambda folder, generator: asked.append(folder) or adopted  # noqa: E731
    monkeypatch.setattr(training.local_model, "adopted", stand_in)
    found = fitted("text", text={"folder": "cxr-bert", "steps": 0})
    assert (asked, found) == (["cxr-bert"], adopted)


@pytest.mark.parametrize("network", ["low_resolution", "super_resolution"])
@pytest.mark.parametrize(("options", "workers"), [(TRAIN, 0), (TRAIN, 1), (SHIFT, 0)])
def test_a_training_that_is_resumed_ends_with_the_same_bits(network, options, workers):
    kept = []
    data = SimpleNamespace(cases=chests(), networks={"text": trained()["text"]})
    callbacks = Callbacks(checkpoint=kept.append, every=2, workers=workers)
    whole = medsyn.fit(network, data, options, np.random.default_rng(0), "cpu", callbacks)
    resumed = Callbacks(resume=next(state for state in kept if state["step"] == 2))
    again = medsyn.fit(network, data, options, np.random.default_rng(0), "cpu", resumed)
    for name, tensor in whole.state.items():
        torch.testing.assert_close(again.state[name], tensor, rtol=0, atol=0)
