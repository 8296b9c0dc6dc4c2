"""A training as a job: it saves itself when stopped, goes on exactly, and shows itself."""

import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import _lasting
import _progress
import _signals
import _training
import numpy as np
import planted
import pytest
import torch
import train_network
from PIL import Image

from radfoundry import weights
from radfoundry.training.loop import Stopped, TrainingError

ROOT = Path(__file__).resolve().parents[1]
# As Snakemake runs a script: its own lines first, then the script's text, under the script's name.
PREAMBLE = """
import sys, pickle
sys.path[:0] = {path!r}
import _lasting, planted, radfoundry.config.catalogue
_lasting.code = planted.code
radfoundry.config.catalogue.load = lambda kind, name: planted
snakemake = pickle.load(open({job!r}, "rb"))
__file__ = {script!r}
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Work in a folder of its own, and put signals and logs back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train_network, "load", lambda kind, name: planted)
    monkeypatch.setattr(_lasting, "code", planted.code)
    handlers, root = {n: signal.getsignal(n) for n in _signals.SIGNALS}, logging.getLogger()
    kept = list(root.handlers)
    yield tmp_path
    for number, handler in handlers.items():
        signal.signal(number, handler)
    root.handlers[:] = kept


@pytest.fixture
def given(place):
    return planted.cohort(place)


def run(job):
    _training.alone(job, train_network.facts(job), train_network.fit)
    return weights.read(job.output.network)


def script(job, folder, pause):
    """Start the job's script in a process of its own, as Snakemake does."""
    (folder / "job.pickle").write_bytes(pickle.dumps(job))
    path = [str(ROOT / part) for part in ("scripts", "tests", "src")]
    own = str(ROOT / "scripts/train_network.py")
    text = PREAMBLE.format(path=path, job=str(folder / "job.pickle"), script=own)
    (folder / "run.py").write_text(text + Path(own).read_text())
    environment = os.environ | {"PLANTED_PAUSE_S": str(pause)}
    return subprocess.Popen([sys.executable, "run.py"], env=environment, stderr=subprocess.PIPE)


def same(first, second):
    return all(torch.equal(first.state[name], second.state[name]) for name in first.state)


def hurried(seconds, found):
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


def test_a_job_killed_by_the_cluster_ends_with_the_same_bits_when_run_again(place, given):
    job = planted.job(given, "line")
    broken = script(job, place, pause=0.2)
    hurried(60, lambda: any(place.glob("checkpoints/recipe/line/*/step-000000005.pt")))
    broken.send_signal(signal.SIGTERM)
    said = broken.communicate(timeout=60)[1].decode()
    assert broken.returncode not in (0, -signal.SIGTERM)
    assert "Stopped: train.stopped: line: asked to stop after step" in said
    assert "the same command goes on from there" in said
    assert not Path(job.output.network).exists()

    resumed, whole = run(job), run(planted.job(given, "line"))
    assert same(resumed, whole)
    assert not list(place.glob("checkpoints/*/*"))


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGINT])
def test_slurms_warning_and_ctrl_c_stop_it_too(given, monkeypatch, number):
    job, steps = planted.job(given, "line", every=0), []
    monkeypatch.setattr(planted, "PAUSE_S", 0)
    warn = lambda: steps.append(1) or len(steps) == 9 and os.kill(os.getpid(), number)  # noqa: E731
    monkeypatch.setattr(planted.time, "sleep", lambda pause: warn())
    with pytest.raises(Stopped, match="after step 9; its checkpoint is in checkpoints/recipe/line"):
        run(job)
    assert same(run(job), run(planted.job(given, "line")))


def interrupted(*_):
    raise KeyboardInterrupt


def test_a_job_killed_after_its_last_step_only_writes_when_run_again(place, given, monkeypatch):
    job, steps = planted.job(given, "line", every=0), []
    with monkeypatch.context() as broken:
        broken.setattr(_training.weights, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(job)
    assert not Path(job.output.network).exists()
    monkeypatch.setattr(planted.time, "sleep", steps.append)
    resumed = run(job)
    assert steps == []
    assert not list(place.glob("checkpoints/*/*"))
    assert same(resumed, run(planted.job(given, "line")))


def test_ctrl_c_after_the_last_step_lets_it_write_and_keeps_the_checkpoint(
    place, given, monkeypatch
):
    job, steps, write = planted.job(given, "line", every=0), [], weights.write
    asking = lambda *all: (os.kill(os.getpid(), signal.SIGINT), write(*all))  # noqa: E731
    with monkeypatch.context() as asked:
        asked.setattr(_training.weights, "write", asking)
        first = run(job)
    assert list(place.glob("checkpoints/recipe/line/*/step-000000060.pt"))
    monkeypatch.setattr(planted.time, "sleep", steps.append)
    assert same(first, run(job))
    assert steps == []
    assert not list(place.glob("checkpoints/*/*"))


def test_a_second_ctrl_c_does_not_wait_for_the_step(given):
    asked = _signals.asked()
    os.kill(os.getpid(), signal.SIGINT)
    assert asked.is_set()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_signals_that_a_shell_has_turned_off_stay_off(given):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked = _signals.asked()
    os.kill(os.getpid(), signal.SIGINT)
    assert not asked.is_set()


def test_processes_stop_together_and_one_alone_goes_on(place, given, monkeypatch):
    monkeypatch.setenv("PLANTED_PAUSE_S", "0.05")
    job = planted.job(given, "line")
    facts = train_network.facts(job)
    with pytest.raises(Stopped, match="line: asked to stop after step"):
        _training.together(
            _training.alone, (job, facts, planted.fit_and_stop), job.log[0], 2, "gloo"
        )
    assert "training on 2 GPUs" in (place / "line.log").read_text()
    two = planted.job(given, "line", more={"accumulate": 2})
    resumed, whole = run(job), run(two)
    for name in whole.state:
        torch.testing.assert_close(resumed.state[name], whole.state[name], rtol=1e-5, atol=1e-6)


def test_the_train_split_comes_with_its_reports_and_patients(given):
    facts = run(planted.job(given, "line")).card["facts"]
    assert sorted(facts) == ["case-0", "case-1", "case-3"]
    assert facts["case-1"]["report"] == "Report 1."
    assert facts["case-1"]["patient"] == "p1"
    assert facts["case-1"]["findings"] == ""


def test_a_network_is_given_those_it_builds_on(given):
    run(planted.job(given, "line"))
    given.needs = ["networks/line"]
    assert run(planted.job(given, "curve")).card["needs"] == ["line"]


def test_what_differs_from_the_checkpoint_of_another_training_is_logged(given, caplog):
    job = planted.job(given, "line")
    stop(job)
    job.params.options = job.params.options | {"steps": 50}
    with caplog.at_level(logging.WARNING):
        run(job)
    assert "options.steps 60 -> 50" in caplog.text
    assert len(list(Path("checkpoints/recipe/line").iterdir())) == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "differs"),
    [
        ("c/cases.tsv", "Report 3.", "Report 4.", "data.cases"),
        ("c/splits.tsv", "tune", "train", "data.images"),
    ],
)
def test_other_data_are_another_training(given, file, old, new, differs):
    before = train_network.facts(planted.job(given, "line"))
    path = Path(file)
    path.write_text(path.read_text().replace(old, new))
    after = train_network.facts(planted.job(given, "line"))
    where, name = differs.split(".")
    assert before[where][name] != after[where][name]


def test_other_contents_of_the_folder_it_starts_from_are_another_training(given):
    given.start = ["bert/model.safetensors", "bert/vocab.txt"]
    Path("bert").mkdir()
    for name in given.start:
        Path(name).write_text("the same")
    before = train_network.facts(planted.job(given, "line"))["data"]["start"]
    assert before == train_network.facts(planted.job(given, "line"))["data"]["start"]
    Path(given.start[0]).write_text("other weights")
    after = train_network.facts(planted.job(given, "line"))["data"]["start"]
    assert [name for name in before if before[name] != after[name]] == ["model.safetensors"]


def test_a_report_of_another_split_changes_nothing(given):
    before = train_network.facts(planted.job(given, "line"))
    path = Path("c/cases.tsv")
    path.write_text(path.read_text().replace("Report 2.", "Report 4."))
    assert before == train_network.facts(planted.job(given, "line"))


def test_a_changed_checkpoint_folder_is_refused(given):
    job = planted.job(given, "line")
    stop(job)
    card = next(Path("checkpoints/recipe/line").glob("*/card.json"))
    card.write_text(json.dumps(json.loads(card.read_text()) | {"code": "other"}))
    with pytest.raises(TrainingError, match="train.mismatch"):
        run(job)


def stop(job):
    """Stop a job after its first step."""

    def fit(job, callbacks):
        return train_network.fit(job, type(callbacks)(**{**vars(callbacks), "stop": lambda: True}))

    with pytest.raises(Stopped):
        _training.alone(job, train_network.facts(job), fit)


def test_a_training_leaves_a_picture_and_scalars(place, given):
    run(planted.job(given, "line"))
    assert Image.open("logs/train/recipe/line.png").size[0] == 880
    assert scalars("logs/tensorboard/recipe/line") == list(range(1, 61))


def test_scalars_of_steps_that_are_done_again_are_told_once(place, given):
    job = planted.job(given, "line")
    stop(job)
    run(job)
    assert scalars("logs/tensorboard/recipe/line") == list(range(1, 61))


def scalars(folder):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reader.EventAccumulator(folder)
    found.Reload()
    return [event.step for event in found.Scalars("loss/square")]


def test_the_preview_lies_under_the_curve_and_stays_when_there_is_no_new_one(place):
    display = _progress.Display("recipe", "line")
    display(1, np.full((50, 100), 0.5), {"a": [1.0], "b": [-1.0]})
    tall = Image.open(display.picture).size
    display(2, None, {"a": [1.0, float("nan")], "b": [-1.0, 2.0]})
    assert Image.open(display.picture).size == tall
    assert tall[1] > 700
    display(3, np.zeros((50, 100, 3)), {"a": [1.0] * 3, "b": [2.0] * 3})
    assert Image.open(display.picture).size == tall


def test_a_training_goes_on_without_tensorboard(place, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with caplog.at_level(logging.INFO):
        _progress.Display("recipe", "line")(1, np.zeros((4, 4)), {"a": [1.0]})
    assert caplog.text.count("tensorboard is not installed") == 1
    assert Path("logs/train/recipe/line.png").is_file()


def test_a_long_curve_is_averaged_and_steps_that_are_not_finite_are_left_out():
    at, means = _progress.curve([1.0, 3.0, float("nan"), float("inf")] * 1000)
    assert len(at) == _progress.POINTS
    assert at[-1] == 4000
    np.testing.assert_allclose(means, 2)
    assert np.isnan(_progress.curve([float("nan")])[1]).all()


def test_all_gpus_are_used_when_there_are_several(given, monkeypatch):
    calls = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(_training, "together", lambda *all: calls.append(all[3:]))
    _training.run(planted.job(given, "line"), {}, train_network.fit)
    assert calls == [(3, "nccl")]


def test_a_network_stays_where_the_next_one_does_not_reach_it(given):
    first, second = planted.job(given, "line"), planted.job(given, "line", steps=50)
    for job in (first, second):
        _training.run(job, train_network.facts(job), train_network.fit)
    kept = sorted(Path("networks/previous/line").iterdir())
    assert len(kept) == 2
    assert weights.read(kept[0]).state.keys() == weights.read(kept[1]).state.keys()
    record = json.loads(Path("networks/line/training.json").read_text())
    assert Path("networks/previous/line", record["key"]) in kept
    assert set(record["tables"]) == {"c/cases.tsv", "c/splits.tsv", "c/batches/b0000.tsv"}


def test_a_training_that_was_done_before_is_not_done_again(given, caplog):
    job = planted.job(given, "line")
    known = train_network.facts(job)
    _training.run(job, known, train_network.fit)
    before = weights.read("networks/line")
    shutil.rmtree("networks/line")
    with caplog.at_level(logging.INFO):
        _training.run(job, known, None)
    assert same(weights.read("networks/line"), before)
    assert "this very training was done before" in caplog.text


def test_a_kept_network_that_is_damaged_is_trained_again(given):
    job = planted.job(given, "line")
    _training.run(job, train_network.facts(job), train_network.fit)
    kept = next(Path("networks/previous/line").iterdir())
    (kept / "weights.safetensors").unlink()
    (kept / "weights.safetensors").write_bytes(b"cut")
    _training.run(job, train_network.facts(job), train_network.fit)
    assert same(weights.read(kept), weights.read("networks/line"))
