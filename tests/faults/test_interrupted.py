"""Ctrl-C: the command that was stopped goes on, and what was learned is not learned again."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from factory import ROOT, Factory

STEPS = 4000
CONFIG = {
    "allow_cpu": True,
    "cohorts": {
        "c": {
            "phantom": {"kind": "chest_xray", "patients": 8, "size": 32, "exams": [1, 1]},
            "preprocess": {"size": 32},
            "pseudolabel": "none",
            "splits": {"train": 0.5, "tune": 0.25, "test": 0.25, "duplicates": "ignore"},
        }
    },
    "recipes": {
        "toy": {
            "cohort": "c",
            "generator": "toy",
            "sample": {"count": 1},
            "train": {"brightness": {"steps": STEPS, "batch": 2}},
            "filter": {"novelty": {}},
        }
    },
}
TARGET = "results/recipes/toy/networks/brightness"


@pytest.fixture
def factory(tmp_path):
    one = Factory(tmp_path, CONFIG)
    folder = tmp_path / "src/radfoundry/generators/toy"
    shutil.copytree(
        ROOT / "tests/toy_generator", folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    return one


def started(factory):
    """Start snakemake in a group of its own, as a terminal does."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", TARGET]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.Popen(
        command, cwd=factory.folder, env=environment, start_new_session=True, stderr=subprocess.PIPE
    )


def waited(process, found, seconds=300):
    until = time.monotonic() + seconds
    while not found():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


def test_after_ctrl_c_the_same_command_goes_on_where_the_training_was(factory):
    log = factory.folder / "logs/train/train_network/toy/brightness.log"
    broken = started(factory)
    waited(broken, lambda: log.exists() and f"1 of {STEPS}" in log.read_text())
    os.killpg(broken.pid, signal.SIGINT)
    said = broken.communicate(timeout=300)[1].decode()
    assert broken.returncode != 0
    assert "goes on from there" in said
    again = factory.run(TARGET)
    assert "IncompleteFiles" not in again
    assert int(re.search(r"from step (\d+)", log.read_text())[1]) > 0
    assert (factory.folder / TARGET / "card.json").is_file()
