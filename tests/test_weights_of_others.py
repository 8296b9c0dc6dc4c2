"""Files of others become weights, or say what is wrong with them; nothing in them runs."""

import hashlib

import pytest
import safetensors.torch
import torch

from radfoundry import weights
from radfoundry.weights import Weights, WeightsError

STATE = {"conv1.weight": torch.ones(2, 3), "bn1.bias": torch.zeros(2)}


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    "save",
    [
        lambda path: torch.save(STATE, path),
        lambda path: torch.save({"state_dict": STATE, "epoch": 3}, path),
        lambda path: torch.save({"state_dict": STATE}, path, _use_new_zipfile_serialization=False),
        lambda path: safetensors.torch.save_file(STATE, path),
    ],
    ids=["state dict", "checkpoint", "old torch", "safetensors"],
)
def test_tensors_come_with_the_name_and_the_digest_of_their_file(tmp_path, save):
    path = tmp_path / "net.pth"
    save(path)
    found = weights.adopt(path)
    assert found.state.keys() == STATE.keys()
    assert all(torch.equal(found.state[name], STATE[name]) for name in STATE)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.card == {"origin": "net.pth", "source_sha256": digest}


def test_a_folder_of_ours_keeps_its_card(tmp_path):
    digest = weights.write(Weights(STATE, {"network": "feature_network"}), tmp_path / "ours")
    found = weights.adopt(tmp_path / "ours")
    known = {"origin": "ours", "source_sha256": digest}
    assert found.card == {"network": "feature_network", **known}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {"a": 1}}, "other things than tensors: a"),
        ({}, "holds no tensors by name, but dict"),
        (torch.zeros(3), "holds no tensors by name, but Tensor"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=message):
        weights.adopt(tmp_path / "net.pth")


def test_a_file_of_another_format_or_cut_short_is_refused(tmp_path):
    path = tmp_path / "net.pth"
    torch.save(STATE, path)
    whole = path.read_bytes()
    for content in (b"", b"no network", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"net.pth is neither safetensors nor"):
            weights.adopt(path)


def test_code_in_a_file_does_not_run(tmp_path):
    torch.save({"state_dict": Trap(tmp_path / "ran")}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="neither safetensors nor"):
        weights.adopt(tmp_path / "net.pth")
    assert not (tmp_path / "ran").exists()


def test_a_path_where_nothing_is_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"gone.pth: there is no such file"):
        weights.adopt(tmp_path / "gone.pth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=r"card.json is missing"):
        weights.adopt(tmp_path / "empty")
