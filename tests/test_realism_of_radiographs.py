"""The feature network and the distances work for radiographs as they do for CT."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_films import films

from radfoundry.evaluation.metrics import manifold
from radfoundry.evaluation.realism import corruption, descriptions, distances, feature_network
from radfoundry.evaluation.realism.feature_sizes import RADIOGRAPHS, build, size_of
from radfoundry.radiomics import vector_names
from radfoundry.segmenters import pbtseg
from radfoundry.volume import Volume
from radfoundry.weights import Weights

TINY = {"side": 32, "widths": [4, 4, 8, 8], "steps": 6, "batch": 4}
RESNET = {**RADIOGRAPHS["paper"], "widths": [2, 2, 2, 4], "layers": [1, 1, 1, 1], "side": 32}


@pytest.fixture(scope="module")
def learned():
    return feature_network.fit(films(), TINY, np.random.default_rng(0))


def images(cases):
    return [case.image for case in cases]


def test_a_network_that_learns_from_radiographs_is_of_2d(learned):
    assert learned.card["size"]["dims"] == 2
    assert learned.card["findings"] == ["opacity", "pleural_effusion"]
    assert learned.state["conv1.weight"].shape == (4, 4, 3, 3)
    found = feature_network.prepare(learned)(images(films()))
    assert found.shape == (8, 24)
    np.testing.assert_allclose(found.mean(0), 0, atol=0.05)


def test_a_network_refuses_images_of_the_other_kind(learned):
    solid = Volume(np.zeros((8, 8, 8), np.float32), np.eye(4))
    with pytest.raises(ValueError, match="of 2D was given an image of 3D"):
        feature_network.prepare(learned)([solid])


def test_a_radiograph_is_seen_as_it_is_viewed():
    upper = np.zeros((32, 1, 32), np.float32)
    upper[:, :, 16:] = 1  # z runs from feet to head
    seen = feature_network.picture(Volume(upper, np.eye(4)), 16)
    assert seen.shape == (1, 16, 16)
    assert (seen[0, :8] == 1).all()
    assert (seen[0, 8:] == -1).all()


def test_pictures_of_radiographs_move_by_a_sixteenth_at_most():
    picture = torch.full((1, 1, 32, 32), -1.0)
    picture[..., 16, 16] = 1.0
    moved = feature_network.altered(picture, torch.Generator().manual_seed(0))
    assert moved.shape == picture.shape
    assert ((moved[0, 0] > 0).nonzero() - 16).abs().max() <= 2


@pytest.mark.parametrize("channels", [1, 3])
def test_a_resnet_of_pictures_of_others_sees_the_gray_picture_in_each_channel(channels):
    network = build(RESNET | {"channels": channels}, 5).eval()
    theirs = Weights(dict(network.state_dict()), {"origin": "resnet50.pth"})
    found = feature_network.prepare(feature_network.taken(theirs, 32))(images(films()[:2]))
    network.fc = None
    seen = torch.stack([feature_network.picture(case.image, 32) for case in films()[:2]])
    expected = network(seen.repeat(1, channels, 1, 1)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert size_of(theirs.state)["side"] == 224


def test_a_spoiled_radiograph_stays_a_radiograph_and_is_far_from_itself(learned):
    bad = [corruption.corrupted(case, np.random.default_rng(1)) for case in films()]
    assert bad[0].image.voxels.shape == films()[0].image.voxels.shape
    features = feature_network.prepare(learned)
    assert np.abs(features(images(bad)) - features(images(films()))).mean() > 0.5


def test_radiographs_are_compared_by_features_and_by_radiomics_of_2d(learned):
    features, lungs = feature_network.prepare(learned), descriptions.lungs_finder("pbtseg", {})
    named = [[replace(c, name=f"{s}-{n}") for n, c in enumerate(films(8, s))] for s in (0, 1)]
    sets = [
        descriptions.described(own, features, lungs, [case.name for case in own]) for own in named
    ]
    assert list(sets[0][1].values) == list(vector_names(2))
    assert sets[0][1].values.notna().any(axis=None)
    back = descriptions.untabled(descriptions.tabled({"real": sets[0], "real_floor": sets[1]}))
    assert len(back.pop("corrupted_real")[0].owners) == 0
    options = {"draws": 9, "least": 4}  # some lungs of pictures as small as these are not found
    table = distances.compare(back | {"synthetic": sets[1]}, np.random.default_rng(0), options)
    own = table[table["arm"] == "synthetic"].set_index("metric")["value"]
    measured = ["fid", "mmd", "kid", "frd", "manifold_precision", "manifold_recall"]
    assert own[measured].notna().all()


def test_lungs_of_a_radiograph_are_those_that_the_segmenter_finds():
    image = films()[0].image
    found = descriptions.lungs_finder("pbtseg", {})(image)
    np.testing.assert_array_equal(found, pbtseg.prepare({})(image))


def test_precision_falls_with_samples_that_are_unlike_and_recall_with_too_few_kinds():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 3))
    rows = {
        "near": rng.normal(size=(60, 3)), "far": rng.normal(size=(60, 3)) + 9,
        "one_kind": 0.05 * rng.normal(size=(60, 3)),
    }  # fmt: skip
    arms = {n: distances.Rows(v, [f"{n}{i}" for i in range(60)]) for n, v in rows.items()}
    whole = distances.Rows(real, [f"p{i}" for i in range(60)])
    table = distances.overlaps(whole, arms, rng, {"repeats": 3}).set_index(["metric", "arm"])
    precision, recall = (table["value"][f"manifold_{name}"] for name in ("precision", "recall"))
    assert precision["near"] > 0.6
    assert precision["far"] == 0
    assert precision["one_kind"] > 0.9
    assert recall["one_kind"] < 0.2
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


def test_fewer_rows_than_neighbors_cover_nothing_that_is_defined():
    assert np.isnan(manifold.within(np.zeros((4, 2)), np.zeros((3, 2)))).all()
