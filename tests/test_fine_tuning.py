"""A training that goes on from a bundle: what is taken over, what is refused, what is said."""

from functools import partial

import pytest
import torch
from bundled import files
from test_medsyn import TRAIN, fitted, trained
from torch import nn

from radfoundry.config import settings
from radfoundry.training import sealed
from radfoundry.training.start import start_from
from radfoundry.weights import Weights, WeightsError

STILL = {"steps": 1, "learning_rate": 0.0, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def archive_of(tmp_path_factory):
    """Return the path of a bundle's zip, and of its folder's manifest."""
    folder = tmp_path_factory.mktemp("start") / "chests"
    sealed.write(files(), folder)
    return {"zip": str(folder.with_name("chests.zip")), "folder": str(folder / "manifest.json")}


@pytest.mark.parametrize("kind", ["zip", "folder"])
@pytest.mark.parametrize("network", ["low_resolution", "super_resolution"])
def test_a_training_that_learns_nothing_leaves_the_bundles_network(archive_of, kind, network):
    start = sealed.begun([archive_of[kind]], network)
    changed = {network: {**TRAIN[network], **STILL}}
    done = fitted(network, {"text": trained()["text"], **start}, seed=9, **changed)
    for name, tensor in trained()[network].state.items():
        assert torch.equal(done.state[name], tensor), name
    assert done.card["start"]["tensors"] == len(done.state)
    assert len(done.card["start"]["bundle_sha256"]) == 64


def test_a_step_moves_on_from_the_bundle(archive_of):
    start = sealed.begun([archive_of["zip"]], "super_resolution")
    done = fitted("super_resolution", start, **{"super_resolution": TRAIN["super_resolution"]})
    begun = trained()["super_resolution"].state
    assert any(not torch.equal(done.state[name], tensor) for name, tensor in begun.items())


def test_the_text_encoder_keeps_the_words_of_the_bundle(archive_of):
    start = sealed.begun([archive_of["zip"]], "text")
    done = fitted("text", start, text={"steps": 1})
    assert done.card["vocabulary"] == trained()["text"].card["vocabulary"]


def test_a_tensor_of_another_shape_is_named_with_both(archive_of):
    start = sealed.begun([archive_of["zip"]], "super_resolution")
    wider = {**TRAIN["super_resolution"], "size": {"size": "phantom", "widths": [24, 16]}}
    with pytest.raises(WeightsError, match=r"train.start: super_resolution.*is \(.*, here \(24"):
        fitted("super_resolution", start, super_resolution=wider)


def test_a_network_that_the_bundle_lacks_is_named(archive_of):
    with pytest.raises(sealed.BundleError, match="no network 'gan'; it has low_resolution, super"):
        sealed.begun([archive_of["zip"]], "gan")


def test_a_local_model_is_no_bundle():
    assert sealed.begun(["bert/config.json", "bert/model.safetensors"], "text") == {}


def test_what_only_one_of_two_networks_has_is_listed():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    start = Weights({"0.weight": torch.ones(2, 2), "9.bias": torch.ones(2)})
    told = start_from(network, start)["start"]
    assert told["new"] == ["0.bias", "1.bias", "1.weight"]
    assert told["left"] == ["9.bias"]
    assert torch.equal(network[0].weight.detach(), torch.ones(2, 2))
    with pytest.raises(WeightsError, match="shares no tensor"):
        start_from(network, Weights({"other": torch.ones(1)}))


def test_the_file_of_a_bundle_stands_for_it_as_an_input():
    recipe = {"train": {"start": "bundles/chests", "text": {"steps": 1}}}
    assert settings.start_files(recipe, "low") == ["bundles/chests/manifest.json"]
    zipped = partial(settings.start_files, {"train": {"start": "chests.zip"}})
    assert zipped("text") == zipped("low") == ["chests.zip"]
