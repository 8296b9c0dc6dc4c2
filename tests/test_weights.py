"""Weights come back as they were written, or not at all."""

import json

import pytest
import torch

from radfoundry import weights
from radfoundry.weights import Weights, WeightsError


@pytest.fixture
def learned():
    """Return a small network's weights with a card."""
    generator = torch.Generator().manual_seed(1)
    state = {"layer.weight": torch.randn(4, 3, generator=generator), "step": torch.tensor(7)}
    return Weights(state, {"network": "lungs", "steps": 12})


def test_weights_come_back_as_they_were_written(learned, tmp_path):
    weights.write(learned, tmp_path / "net")
    back = weights.read(tmp_path / "net")
    assert back.card == learned.card
    assert back.state.keys() == learned.state.keys()
    assert all(torch.equal(back.state[name], learned.state[name]) for name in back.state)


def test_equal_weights_have_equal_digests(learned, tmp_path):
    assert weights.write(learned, tmp_path / "a") == weights.write(learned, tmp_path / "b")


def test_other_weights_have_another_digest(learned, tmp_path):
    other = Weights({"layer.weight": torch.zeros(4, 3)}, learned.card)
    assert weights.write(learned, tmp_path / "a") != weights.write(other, tmp_path / "b")


def test_the_card_names_the_digest_of_the_tensors(learned, tmp_path):
    digest = weights.write(learned, tmp_path)
    assert json.loads((tmp_path / "card.json").read_text())["sha256"] == digest


def test_transposed_tensors_can_be_written(tmp_path):
    weights.write(Weights({"w": torch.arange(6.0).reshape(2, 3).T}), tmp_path)
    assert weights.read(tmp_path).state["w"].shape == (3, 2)


def test_a_truncated_file_is_refused_by_its_length(learned, tmp_path):
    weights.write(learned, tmp_path)
    file = tmp_path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(WeightsError, match="truncated"):
        weights.read(tmp_path)


def test_tensors_of_another_training_are_refused(learned, tmp_path):
    weights.write(learned, tmp_path / "a")
    weights.write(Weights({"layer.weight": torch.zeros(4, 3)}), tmp_path / "b")
    (tmp_path / "b" / "weights.safetensors").replace(tmp_path / "a" / "weights.safetensors")
    with pytest.raises(WeightsError, match="another training"):
        weights.read(tmp_path / "a")


@pytest.mark.parametrize("file", ["weights.safetensors", "card.json"])
def test_a_missing_file_is_named(learned, tmp_path, file):
    weights.write(learned, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(WeightsError, match=f"{file} is missing"):
        weights.read(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"network": "lungs"}', '{"sha256": 3}'])
def test_a_card_that_is_no_card_is_refused(learned, tmp_path, text):
    weights.write(learned, tmp_path)
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(WeightsError, match=r"card\.json"):
        weights.read(tmp_path)
