"""Checkpoints: whole or absent, of the very same training or refused, with words for why."""

import json
import shutil

import pytest
import torch

from radfoundry.training.checkpoints import Store
from radfoundry.training.loop import TrainingError

FACTS = {"options": {"steps": 10}, "data": {"images": "abc"}, "code": "123"}


def state(step):
    weights = {"a.weight": torch.arange(1000.0) + step}
    return {"step": step, "network": weights, "settings": {"betas": (0.9, 0.99)}, "average": None}


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def store(tmp_path, warnings):
    return Store(tmp_path / "recipe/network", FACTS, warnings.append)


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_what_is_saved_comes_back(store):
    store.save(state(7))
    found = store.load()
    assert torch.equal(found["network"]["a.weight"], state(7)["network"]["a.weight"])
    assert found["settings"] == {"betas": (0.9, 0.99)}


def test_the_last_two_are_kept_and_nothing_unfinished(store):
    for step in (5, 90, 1000):
        store.save(state(step))
    assert names(store) == ["card.json", "step-000000090.pt", "step-000001000.pt"]


def test_without_a_checkpoint_there_is_nothing_to_load(store, warnings):
    assert store.load() is None
    assert not store.folder.exists()
    assert warnings == []


@pytest.mark.parametrize("left", [0, 10, 0.5, 0.99])
def test_a_truncated_file_gives_way_to_the_one_before(store, warnings, left):
    store.save(state(1))
    newest = store.save(state(2))
    content = newest.read_bytes()
    newest.write_bytes(content[: left if left in (0, 10) else int(left * len(content))])
    assert store.load()["step"] == 1
    assert len(warnings) == 1
    assert "step-000000002.pt cannot be read" in warnings[0]


def test_a_file_that_holds_code_is_not_run(store, warnings):
    path = store.save(state(2))
    torch.save({"step": 2, "network": Store}, path)
    assert store.load() is None
    assert "cannot be read" in warnings[0]


def test_a_save_that_fails_leaves_what_was_there(store):
    store.save(state(1))
    with pytest.raises(Exception, match="pickle"):
        store.save({"step": 2, "network": lambda: None})
    assert names(store) == ["card.json", "step-000000001.pt"]
    assert store.load()["step"] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"options": {"steps": 20}}, "options.steps 10 -> 20"),
        ({"data": {"images": "abd"}}, 'data.images "abc" -> "abd"'),
        ({"code": "124"}, 'code "123" -> "124"'),
        ({"seed": 1}, "seed absent -> 1"),
    ],
)
def test_another_training_begins_anew_and_is_told_what_differs(store, warnings, change, words):
    store.save(state(3))
    other = Store(store.folder.parent, FACTS | change, warnings.append)
    assert other.folder != store.folder
    assert other.load() is None
    assert [words in text for text in warnings] == [True]
    assert store.load()["step"] == 3


def test_a_folder_with_another_card_is_refused(store):
    store.save(state(3))
    other = Store(store.folder.parent, FACTS | {"code": "124"})
    shutil.copytree(store.folder, other.folder)
    with pytest.raises(TrainingError, match=r'train.mismatch.*code "123" -> "124"') as error:
        other.load()
    assert error.value.code == "train.mismatch"


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_states_without_a_card_are_refused(store, content):
    store.save(state(3))
    card = store.folder / "card.json"
    card.unlink() if content is None else card.write_text(content)
    with pytest.raises(TrainingError, match=r"train.mismatch.*card.json"):
        store.load()


def test_the_card_says_what_went_in(store):
    store.save(state(3))
    assert json.loads((store.folder / "card.json").read_text()) == FACTS


def test_a_finished_network_leaves_no_checkpoints(store):
    store.save(state(3))
    store.discard()
    assert not store.folder.parent.exists()
    store.discard()


def test_finishing_leaves_the_checkpoints_of_other_trainings(store):
    store.save(state(3))
    other = Store(store.folder.parent, FACTS | {"code": "124"})
    other.save(state(4))
    other.discard()
    assert store.load()["step"] == 3


def test_checkpoints_of_another_training_wait_in_previous_until_they_are_asked_for(store, warnings):
    store.save(state(3))
    other = Store(store.folder.parent, FACTS | {"code": "124"}, warnings.append)
    assert other.load() is None
    kept = store.folder.parent / "previous" / store.folder.name
    assert (kept / "card.json").is_file()
    assert f"it lies in {kept} now" in warnings[0]
    other.save(state(4))
    assert store.load()["step"] == 3
    assert not kept.exists()
    assert other.load()["step"] == 4
