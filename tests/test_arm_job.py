"""A downstream model's job: what it worked out is kept until Snakemake has noted it."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import _arm
import _signals
import pandas as pd
import pytest

OUTPUT = Path("out.tsv")
ROWS = pd.DataFrame([{"case": "a", "patient": "p", "cohort": "c", "finding": "", "arm": "x"}])


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Work in a folder of its own, and put signals back afterwards."""
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in _signals.ENDING}
    yield tmp_path
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def job(place):
    (place / "samples.tsv").write_text("first")
    names = {"recipe": "r", "task": "t", "arm": "x", "seed": "0"}
    return SimpleNamespace(
        input=["samples.tsv"],
        params=SimpleNamespace(own="c", unseen=["d"], task={"steps": 3}, code="c0de"),
        wildcards=SimpleNamespace(**names),
        output=SimpleNamespace(predictions=str(OUTPUT)),
    )


def ask():
    os.kill(os.getpid(), signal.SIGINT)


class Model:
    """Trains for three steps, and for three more; a signal comes after so many, or when it is over.

    Attributes:
        done: Steps done.
    """

    def __init__(self, models=1, at=None):
        self.models, self.at, self.done = models, at, 0

    def __call__(self, progress):
        for _ in range(self.models):
            for step in (1, 2, 3):
                self.done += 1
                progress(step, 3, {})
                if self.done == self.at:
                    ask()
        return ROWS.assign(seed=0)


def run(job, model):
    _arm.delivered(job, model, _signals.Unbroken(lambda *_: None))


def kept():
    return list(Path("checkpoints").rglob("*.tsv"))


def test_predictions_are_written_and_nothing_is_kept(job):
    run(job, Model())
    assert OUTPUT.read_text().splitlines()[1].startswith("a\t")
    assert kept() == []


def test_ctrl_c_after_the_last_step_trains_nothing_again(job):
    run(job, Model(at=3))
    written = OUTPUT.read_bytes()
    OUTPUT.unlink()  # as Snakemake does, which was stopped too
    again = Model()
    run(job, again)
    assert (again.done, OUTPUT.read_bytes(), kept()) == (0, written, [])


def test_ctrl_c_while_it_trains_stops_at_once(job):
    model = Model(at=2)
    with pytest.raises(KeyboardInterrupt):
        run(job, model)
    assert (model.done, OUTPUT.exists(), kept()) == (2, False, [])


def test_ctrl_c_between_two_models_stops_before_the_second_is_trained(job):
    model = Model(models=2, at=3)
    with pytest.raises(KeyboardInterrupt):
        run(job, model)
    assert model.done == 4


def test_a_second_ctrl_c_does_not_wait(job):
    def predict(progress):
        progress(3, 3, {})
        ask()
        ask()

    with pytest.raises(KeyboardInterrupt):
        run(job, predict)


def test_a_kill_before_the_output_is_in_place_trains_nothing_again(job, monkeypatch):
    def full(*_):
        raise OSError("no space")

    with monkeypatch.context() as broken:
        broken.setattr(_arm.volume, "write_bytes", full)
        with pytest.raises(OSError, match="no space"):
            run(job, Model())
    assert len(kept()) == 1
    again = Model()
    run(job, again)
    assert again.done == 0


def change_input(job):
    Path("samples.tsv").write_text("other")


@pytest.mark.parametrize(
    "change", [change_input, lambda job: job.params.task.update(steps=4)], ids=["input", "options"]
)
def test_other_data_or_options_are_another_training(job, change):
    run(job, Model(at=3))
    change(job)
    again = Model()
    run(job, again)
    assert again.done == 3
    assert len(kept()) == 1, "the other one may be gone back to"
