"""The feature network learns findings of phantoms, repeats itself, and reads networks of others."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from radfoundry import weights
from radfoundry.evaluation.realism import feature_network
from radfoundry.evaluation.realism.feature_sizes import SIZES, build, size_of, sized
from radfoundry.phantoms import chest_ct
from radfoundry.training.loop import Callbacks
from radfoundry.volume import Volume

TINY = {"size": "phantom", "side": 16, "widths": [4, 4, 8, 8], "steps": 8, "batch": 4}
MED3D = {**SIZES["paper"], "widths": [2, 2, 2, 4], "layers": [1, 1, 1, 1], "side": 16}


@pytest.fixture(scope="module")
def cases():
    options = {"patients": 6, "exams": [1, 1], "size": 24, "findings": {"pleural_effusion": 0.5}}
    plan = chest_ct.plan(options, np.random.default_rng(2))
    return [chest_ct.draw(json.loads(text)) for text in plan["parameters"]]


@pytest.fixture(scope="module")
def learned(cases):
    return feature_network.fit(cases, TINY, np.random.default_rng(0))


def images(cases):
    return [case.image for case in cases]


def test_the_card_says_what_was_learned_from_how_many(cases, learned):
    ill = sum(case.facts["findings"] == "pleural_effusion" for case in cases)
    assert 0 < ill < len(cases)
    wanted = {"cases": 6, "findings": ["pleural_effusion"], "positive": [ill], "trained": True}
    assert {key: learned.card[key] for key in wanted} == wanted
    assert len(learned.card["losses"]) == TINY["steps"]
    json.dumps(dict(learned.card))


def test_training_tells_the_findings_of_what_it_learned_from(cases):
    longer = TINY | {"steps": 50, "batch": 16, "learning_rate": 3e-3}
    brighter = [
        replace(c, image=c.image.holding(c.image.voxels + 600 * bool(c.facts["findings"])))
        for c in cases
    ]
    losses = feature_network.fit(brighter, longer, np.random.default_rng(0)).card["losses"]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])


def test_equal_chance_learns_equal_weights_and_other_chance_others(cases, learned):
    again, other = (
        feature_network.fit(cases, TINY, np.random.default_rng(seed)) for seed in (0, 1)
    )
    assert all(torch.equal(learned.state[name], again.state[name]) for name in learned.state)
    assert not torch.equal(learned.state["conv1.weight"], other.state["conv1.weight"])


def test_weights_survive_a_folder_and_give_the_same_features(tmp_path, cases, learned):
    weights.write(learned, tmp_path)
    here = feature_network.prepare(learned)(images(cases))
    there = feature_network.prepare(weights.read(tmp_path))(images(cases))
    assert here.shape == (6, 24)
    np.testing.assert_array_equal(here, there)


def test_features_of_what_it_learned_from_have_mean_0(cases, learned):
    found = feature_network.prepare(learned)(images(cases))
    np.testing.assert_allclose(found.mean(0), 0, atol=0.05)
    assert 0.5 < np.median(found.std(0)) < 1.5


def test_batches_and_order_change_no_feature(cases, learned):
    features = feature_network.prepare(learned)
    alone = np.concatenate([features([image]) for image in images(cases)])
    np.testing.assert_allclose(alone, features(iter(images(cases))), rtol=1e-4, atol=5e-4)


def test_no_volumes_have_no_features(learned):
    assert feature_network.prepare(learned)([]).shape == (0, 24)


def test_volumes_are_left_alone(cases, learned):
    before = cases[0].image.voxels.copy()
    feature_network.prepare(learned)(images(cases))
    np.testing.assert_array_equal(cases[0].image.voxels, before)


def test_blur_moves_features_as_much_as_another_patient_does(cases, learned):
    features = feature_network.prepare(learned)
    blurred = [c.image.holding(ndimage.gaussian_filter(c.image.voxels, 1.5)) for c in cases]
    moved = np.abs(features(blurred) - features(images(cases))).mean()
    assert moved > 0.5


def test_without_findings_the_weights_stay_as_they_began(cases):
    healthy = [case for case in cases if not case.facts["findings"]]
    bare = feature_network.fit(healthy, TINY, np.random.default_rng(0))
    assert bare.card["trained"] is False
    assert np.isfinite(feature_network.prepare(bare)(images(cases))).all()


def test_no_case_and_unknown_options_are_refused(cases):
    with pytest.raises(ValueError, match="needs a case"):
        feature_network.fit([], TINY, np.random.default_rng(0))
    with pytest.raises(ValueError, match="unknown options .*'depth'"):
        feature_network.fit(cases, {"depth": 3}, np.random.default_rng(0))
    with pytest.raises(ValueError, match="no size 'huge'"):
        sized({"size": "huge"})


def test_callbacks_are_called_at_every_step(cases):
    called = []
    callbacks = Callbacks(progress=lambda done, total, terms: called.append((done, total)))
    feature_network.fit(cases, TINY | {"steps": 3}, np.random.default_rng(0), "cpu", callbacks)
    assert called == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("shape", [(16, 16, 16), (32, 48, 16), (9, 12, 40)])
def test_any_grid_becomes_a_cube_in_the_window(shape):
    image = Volume(np.full(shape, 2000, np.int16), np.eye(4))
    found = feature_network.picture(image, 16)
    assert found.shape == (1, 16, 16, 16)
    assert found.min() == found.max() == 1


def test_pictures_move_by_a_sixteenth_at_most():
    picture = torch.full((1, 1, 16, 16, 16), -1.0)
    picture[..., 8, 8, 8] = 1.0
    moved = feature_network.altered(picture, torch.Generator().manual_seed(0))
    place = (moved[0, 0] > 0).nonzero()
    assert len(place) == 1
    assert (place - 8).abs().max() <= 1


def test_the_network_of_the_published_distance_has_2048_features_of_its_last_stage():
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in build(SIZES["paper"], 0).state_dict().items()}
    assert shapes["conv1.weight"] == (64, 1, 7, 7, 7)
    assert shapes["layer4.2.conv3.weight"] == (2048, 512, 1, 1, 1)


def test_a_network_of_others_gives_its_pooled_features(cases):
    network = build(MED3D, 3).eval()
    theirs = {f"module.{n}": t for n, t in network.state_dict().items() if "tracked" not in n}
    adopted = feature_network.adopted(theirs, MED3D, "Med3D")
    network.fc = None
    expected = network(feature_network.picture(cases[0].image, 16)[None]).detach().numpy()
    np.testing.assert_allclose(
        feature_network.prepare(adopted)(images(cases[:1])), expected, atol=1e-5
    )


def test_tensors_of_another_network_are_refused():
    theirs = build(MED3D, 0).state_dict()
    theirs["layer9.weight"] = torch.zeros(2)
    with pytest.raises(weights.WeightsError, match="layer9.weight"):
        feature_network.adopted(theirs, MED3D, "Med3D")
    with pytest.raises(weights.WeightsError, match="size lacks"):
        feature_network.prepare(weights.Weights(theirs, {"network": "else"}))


def test_the_size_of_a_network_of_others_is_read_off_its_tensors():
    for size in (MED3D, MED3D | {"block": "basic", "layers": [1, 2, 1, 1], "shortcut": "A"}):
        found = size_of(build(size, 3).state_dict(), 16)
        assert found == {key: size[key] for key in found}
    with torch.device("meta"):
        state = build(SIZES["paper"], 0).state_dict()
    assert size_of(state) == {k: v for k, v in SIZES["paper"].items() if k != "settings"}


def test_a_given_judge_has_the_features_of_its_network_and_says_where_it_is_from(cases):
    theirs = {f"module.{n}": t for n, t in build(MED3D, 3).state_dict().items()}
    known = {"origin": "resnet.pth", "source_sha256": "0" * 64}
    given = feature_network.taken(weights.Weights(theirs, known), 16)
    assert known.items() <= given.card.items()
    adopted = feature_network.adopted(theirs, MED3D, "Med3D")
    here, there = (feature_network.prepare(one)(images(cases[:2])) for one in (given, adopted))
    np.testing.assert_array_equal(here, there)


def test_a_given_judge_of_ours_stays_as_it_is(learned):
    own = weights.Weights(learned.state, {**learned.card, "origin": "ours"})
    assert feature_network.taken(own, 32) is own


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv1.weight": None}, "lacks conv1"),
        ({"conv1.weight": torch.zeros(2, 3, 7, 7, 7)}, "3 channels; a CT has one"),
        ({"conv1.weight": torch.zeros(2, 1, 7, 7)}, "no 3D ResNet"),
        ({"layer9.weight": torch.zeros(2)}, "layer9.weight"),
        ({"layer2.0.bn1.weight": torch.zeros(5)}, "layer2.0.bn1.weight"),
    ],
)
def test_what_is_no_3d_resnet_cannot_be_the_feature_network(changes, message):
    state = {**build(MED3D, 0).state_dict(), **changes}
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    with pytest.raises(
        weights.WeightsError, match=rf"odd.pth cannot be the feature network: .*{message}"
    ):
        feature_network.taken(weights.Weights(state, {"origin": "odd.pth"}))


def test_a_folder_of_another_network_cannot_be_the_feature_network():
    other = weights.Weights({}, {"origin": "text", "size": {"width": 96}})
    with pytest.raises(
        weights.WeightsError, match="text cannot be the feature network: the card's size"
    ):
        feature_network.taken(other)


def test_reports_teach_as_findings_do_and_doubt_teaches_nothing(cases, learned):
    words = {"pleural_effusion": "Large effusion.", "": "Clear lungs."}
    texts = [words[case.facts["findings"]] for case in cases]
    reported = [
        replace(case, facts={"findings": "", "report": text})
        for case, text in zip(cases, texts, strict=True)
    ]
    found = feature_network.fit(reported, TINY, np.random.default_rng(0))
    assert found.card == learned.card
    assert all(torch.equal(found.state[name], learned.state[name]) for name in learned.state)
    network = build(learned.card["size"], 1)
    picture = torch.zeros(2, 8, 8, 8, 8)
    target = torch.tensor([[1.0], [np.nan]])
    feature_network.loss(network.eval(), (picture, target), None)["findings"].backward()
    assert network.fc.bias.grad.abs() > 0
    network.zero_grad()
    feature_network.loss(network, (picture, target * np.nan), None)["findings"].backward()
    assert network.fc.bias.grad == 0
