"""A training that goes on from a bundle: what is taken over, what is refused, what is said."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import _lasting
import _training
import planted
import pytest
import torch
import train_network
from bundled import files
from test_medsyn import TRAIN, fitted, trained
from torch import nn

from radfoundry.config import settings
from radfoundry.config.digest import reached_modules
from radfoundry.training import sealed
from radfoundry.training.start import start_from
from radfoundry.weights import Weights, WeightsError

ROOT = Path(__file__).parents[1]
STILL = {"steps": 1, "learning_rate": 0.0, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def archive_of(tmp_path_factory):
    """Return the path of a bundle's zip, and of its folder's manifest."""
    folder = tmp_path_factory.mktemp("start") / "chests"
    sealed.write(files(), folder)
    return {"zip": str(folder.with_name("chests.zip")), "folder": str(folder / "manifest.json")}


def test_words_are_read_as_the_text_encoder_beside_it_reads_them(archive_of):
    start = sealed.begun([archive_of["zip"]], "low_resolution")
    words = trained()["text"]
    other = {**words.card["reader"], "bias": [1.5] * len(words.card["reader"]["bias"])}
    tuned = Weights(words.state, {**words.card, "reader": other})
    own = {"low_resolution": {**TRAIN["low_resolution"], **STILL}}
    done = fitted("low_resolution", {"text": tuned, **start}, **own)
    (name,) = [n for n in done.state if n.endswith(("text_features.bias", "gaussian_prior.bias"))]
    assert set(done.state[name].tolist()) == {1.5}


def test_a_start_is_called_as_its_bundle_is(archive_of):
    told = [sealed.begun([path], "text")["text"].card["bundle"] for path in archive_of.values()]
    assert told == ["chests", "chests"]


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


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_another_bundle_is_another_training(archive_of, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(_lasting, "code", planted.code)
    monkeypatch.chdir(tmp_path)
    given = planted.cohort(tmp_path)
    given.start = [archive_of[kind]]
    before = train_network.facts(planted.job(given, "line"))["data"]["start"]
    own = {**files(), "README.md": b"another"}
    del own["manifest.json"]
    sealed.write(sealed.sealed(own), tmp_path / "chests")
    other = tmp_path / ("chests.zip" if kind == "zip" else "chests/manifest.json")
    given.start = [str(other)]
    assert train_network.facts(planted.job(given, "line"))["data"]["start"] != before


def test_a_job_gets_the_network_that_it_goes_on_from_under_its_name(archive_of):
    names = {"needs": [], "start": [archive_of["zip"]]}
    job = SimpleNamespace(input=SimpleNamespace(**names), wildcards=SimpleNamespace(network="text"))
    (found,) = _training.networks_given(job).items()
    assert found[0] == "text"
    assert torch.equal(*(w.state["cls.predictions.bias"] for w in (found[1], trained()["text"])))


def test_training_reaches_no_code_of_drawing_from_a_bundle():
    reached = reached_modules(ROOT / "scripts/train_network.py")
    assert "training/sealed.py" in reached
    assert not [name for name in reached if name.startswith(("bundles/", "release/", "report/"))]


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"start": "b.zip", "text": {"folder": "bert"}}, "r.train.text.folder: allowed: without"),
        ({"start": "./results/bundles/r.zip"}, "r.train.start: is made of these networks"),
        ({"start": "results/bundles/r/"}, "r.train.start: is made of these networks"),
        ({"start": "a{b}.zip"}, "r.train.start: is 'a{b}.zip'; allowed: a path without braces"),
    ],
)
def test_a_start_that_cannot_be_is_refused_before_any_job(train, message):
    phantom = {"phantom": {"kind": "chest_ct"}, "modality": "CT", "preprocess": {"grid": [64] * 3}}
    recipes = {"r": {"cohort": "a", "generator": "medsyn", "train": train}}
    with pytest.raises(settings.ConfigurationError, match=message):
        settings.checked({"cohorts": {"a": phantom}, "recipes": recipes})
