"""A training's fingerprint covers what the training reaches, definition by definition."""

import json
import sys
from functools import partial
from pathlib import Path

import pytest
import test_medsyn
import test_wgan
from factory import ROOT

from radfoundry.config import definitions, digest, reach, trained
from radfoundry.diffusion.objectives import NAMES, OBJECTIVES
from radfoundry.text.readings import readings

SCRIPT = ROOT / "scripts/train_network.py"
TEXT, LOW, HIGH, GAN = (
    ("medsyn", "text"),
    ("medsyn", "low_resolution"),
    ("medsyn", "super_resolution"),
    ("wgan", "gan"),
)
DENOISERS, ALL = {LOW, HIGH}, {TEXT, LOW, HIGH, GAN}
TRAINS = {  # what a change of each definition trains again, networks on top of others left out
    "diffusion/samplers.py:sample": set(),
    "diffusion/tiles.py:tiled": set(),
    "diffusion/guidance.py:guided": set(),
    "text/labeler/__init__.py:label": set(),
    "text/labeler/lexicon.py:rules": set(),
    "generators/medsyn/previews.py:low_resolution": set(),
    "generators/medsyn/__init__.py:draw": set(),
    "generators/medsyn/training.py:rebuilt": set(),
    "generators/wgan.py:preview": set(),
    "generators/_requests/text_guided.py:plan": set(),
    "generators/_requests/spacings.py:chooser": set(),
    "generators/medsyn/geometry.py:condition": set(),
    "generators/medsyn/geometry.py:check": set(),
    "generators/medsyn/geometry.py:told": DENOISERS,
    "generators/medsyn/geometry.py:moved": {LOW, HIGH},
    "networks/blocks.py:GeometryEmbedding": DENOISERS,
    "data/channels.py:decode": set(),
    "training/checkpoints.py:Store": set(),
    "segmenters/threshold.py:label": set(),
    "networks/gan.py:loss": {GAN},
    "networks/super_resolution.py:SuperResolution": {HIGH},
    "networks/blocks.py:TimedBlock": DENOISERS,
    "networks/wavelet_unet/unet.py:WaveletUNet": DENOISERS,
    "diffusion/objectives.py:denoising_loss": DENOISERS,
    "diffusion/noise.py:Flow": DENOISERS,
    "generators/medsyn/batches.py:LowResolutionTask": {LOW},
    "generators/medsyn/batches.py:SuperResolutionTask": {HIGH},
    "text/encoder/finding_task.py:fit": {TEXT},
    "text/encoder/pretraining.py:losses": {TEXT},
    "text/encoder/tokenizer.py:ids_of": {TEXT, LOW},
    "data/channels.py:encode": {LOW, HIGH},
    "training/loop.py:train": ALL,
    "volume.py:mapped": ALL,
    "data/encoded.py:EncodedCases": ALL,
    "case.py:Case": ALL,
}


@pytest.mark.parametrize(("definition", "networks"), TRAINS.items())
def test_a_definition_concerns_the_networks_that_reach_it(definition, networks):
    path, name = definition.split(":")
    assert name in definitions.module(digest.PACKAGE / path).definitions, "it was renamed"
    reached = {pair: trained.definitions(SCRIPT, *pair) for pair in ALL}
    assert {pair for pair, found in reached.items() if definition in found} == networks


def ran(train):
    """Return which top-level definitions of the library are entered, the labeler's left out."""
    entered = set()

    def note(frame, event, _):
        if event == "call":
            entered.add((frame.f_code.co_filename, frame.f_code.co_qualname.partition(".")[0]))

    sys.setprofile(note)
    try:
        train()
    finally:
        sys.setprofile(None)
    own = [(Path(file), name) for file, name in entered if str(digest.PACKAGE) in file]
    own = [(file, name) for file, name in own if "labeler" not in file.parts and "<" not in name]
    return {f"{file.relative_to(digest.PACKAGE).as_posix()}:{name}" for file, name in own}


@pytest.mark.parametrize("pair", [LOW, HIGH, GAN], ids="/".join)
def test_all_that_runs_while_a_network_is_trained_is_in_its_fingerprint(pair):
    needed = {"text": test_medsyn.fitted("text", text={"steps": 0})} if pair == LOW else {}
    test_medsyn.chests()  # drawn before, and kept
    train = partial(test_medsyn.fitted, pair[1], needed)
    entered = ran(test_wgan.fitted if pair == GAN else train)
    assert len(entered) > 10
    chooses_what_is_shown = {"generators/medsyn/training.py:previewed"}
    assert entered - chooses_what_is_shown <= set(trained.definitions(SCRIPT, *pair))


def test_a_rule_file_of_the_labeler_is_data_and_headings_are_how_texts_are_read():
    assert "text/labeler/lexicon.yaml" not in trained.definitions(SCRIPT, *TEXT)
    assert "text/labeler/headings.yaml" in trained.definitions(SCRIPT, *TEXT)


def test_a_training_that_learns_from_a_labeler_says_so():
    assert trained.reads_reports(trained.definitions(SCRIPT, *TEXT))
    assert not trained.reads_reports(trained.definitions(SCRIPT, *HIGH))


def test_reports_count_by_what_is_read_in_them_where_a_training_learns_from_that():
    learns, does_not = ({"text/labeler/__init__.py:label": "1f"}, {"seeds.py:seed": "1f"})
    read = readings(learns, ["Small effusion."])
    assert set(read) == {"read in reports"}
    assert read == readings(learns, ["Small  effusion."]) != readings(learns, ["Clear lungs."])
    assert readings(does_not, ["Small effusion."]) == {}


def test_the_names_of_objectives_are_those_that_there_are():
    assert set(NAMES) == set(OBJECTIVES)


@pytest.fixture
def reached(tmp_path):
    """Return a function that writes a module and digests what its `fit` reaches."""
    turn = iter(range(9))

    def digests(text, **known):
        file = tmp_path / f"{next(turn)}" / "job.py"
        file.parent.mkdir()
        file.write_text(text)
        values = {(file, "fit"): known.pop("value")} if "value" in known else {}
        found = reach.digests({(file, "fit")}, reach.Known(values=values, tables=file, **known))
        return {name.partition(":")[2]: value for name, value in found.items()}

    return digests


def test_words_annotations_and_pictures_for_people_change_no_digest(reached):
    plain = reached("def fit(x):\n    y = x\n    return Callbacks()\n")
    told = 'def fit(x: Seen) -> Given:\n    """Words."""\n    y: Seen = x  # why\n'
    assert reached(f"{told}    return Callbacks(preview=drawn)\ndef drawn(): pass\n") == plain


def test_a_function_beside_changes_nothing_and_one_that_is_called_does(reached):
    text = "def fit(): return used()\ndef used(): return {}\ndef beside(): return {}\n"
    plain = reached(text.format(1, 1))
    assert set(plain) == {"fit", "used"}
    assert reached(text.format(1, 2)) == plain != reached(text.format(2, 1))


def test_an_argument_of_the_same_name_is_no_reference(reached):
    assert set(reached("def fit(used): return used()\ndef used(): pass\n")) == {"fit"}
    assert set(reached("def fit(): return [used for used in ()]\ndef used(): pass\n")) == {"fit"}


def test_a_branch_for_another_network_is_out_of_reach(reached):
    text = (
        "def fit(name):\n    if name == 'a':\n        return one()\n    return two()\n"
        "def one(): pass\ndef two(): pass\n"
    )
    assert set(reached(text, value="a")) == {"fit", "one"}
    assert set(reached(text, value="b")) == {"fit", "two"}
    assert set(reached(text)) == {"fit", "one", "two"}


def test_a_name_that_is_set_anew_is_not_known(reached):
    text = "def fit(name):\n    name = 'b'\n    if name == 'a':\n        one()\ndef one(): pass\n"
    assert "one" in reached(text, value="b")


def test_a_branch_for_objects_that_nobody_makes_is_out_of_reach(reached):
    text = (
        "class A: pass\nclass B(A): pass\ndef one(): pass\n"
        "def fit(x):\n    if isinstance(x, A):\n        one()\n"
    )
    assert set(reached(text)) == {"fit"}
    assert set(reached(f"{text}    return B()\n")) == {"A", "B", "fit", "one"}


def test_entries_of_other_networks_in_tables_are_left_out(reached):
    text = "TABLE = {{'a': {{'steps': {}}}, 'b': {{'steps': {}}}}}\ndef fit(): return TABLE\n"
    known = {"own": "a", "others": frozenset({"b"})}
    plain = reached(text.format(1, 1), **known)
    assert reached(text.format(1, 2), **known) == plain != reached(text.format(2, 1), **known)


@pytest.mark.parametrize("word", ["globals()['beside']()", "eval('beside')()"])
def test_what_is_looked_up_at_run_time_may_be_anything_in_the_file(reached, word):
    text = f"def fit(): return {word}\ndef beside(): return {{}}\n"
    assert reached(text.format(1)) != reached(text.format(2))


def test_what_a_file_does_when_it_is_imported_counts(reached):
    text = "TABLE = {{}}\ndef fit(): pass\nTABLE['a'] = {}\n"
    assert reached(text.format(1)) != reached(text.format(2))
    text = "def fit(): pass\nif __name__ == '__main__':\n    print({})\n"
    assert reached(text.format(1)) == reached(text.format(2))


def test_a_plugin_that_a_library_module_loads_by_name_may_be_any():
    load = "radfoundry.config.catalogue.load"
    found = reach.meant(load, digest.PACKAGE / "experts/realism.py")
    assert (digest.PACKAGE / "segmenters/threshold.py", reach.FILE) in found
    assert reach.meant(load, SCRIPT) == set(), "a script's plug-in is known"


def test_a_pin_that_is_not_there_or_another_file_is_refused_in_words(tmp_path):
    pin = {"folder": str(tmp_path), "sha256": "a" * 64}
    settings = {"recipes": {"ct": {"networks": {"text": pin}}}}
    with pytest.raises(ValueError, match=r"recipes\.ct\.networks\.text: .* holds no network"):
        trained.check_pins(settings)
    (tmp_path / "card.json").write_text(json.dumps({"sha256": "b" * 64}))
    (tmp_path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=f"sha256 {'b' * 64}; the config allows {'a' * 64} alone"):
        trained.check_pins(settings)
    (tmp_path / "card.json").write_text(json.dumps({"sha256": "a" * 64}))
    trained.check_pins(settings)
