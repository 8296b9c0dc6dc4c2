"""The benchmarks beside peers compare what was made before they say who was faster."""

import importlib
import sys

import numpy as np
import pytest
from conftest import ROOT

from radfoundry import volume
from radfoundry.volume import Volume

PLACE = ROOT / "benchmarks/versus"
BARS = sorted(path.stem for path in (PLACE / "bars").glob("[a-z]*.py"))
QUIET, BUSY, UNKNOWN = 0.0, 1.5, float("nan")


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a file of benchmarks/versus, as its own scripts do."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(PLACE), *sys.path])
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {"bars", "harness", "page", "run"}:
            del sys.modules[name]


def turn(run, others, **seconds):
    """Return one turn, its seconds by side and the cores that others kept busy."""
    return {side: run(taken, taken, 1.0, others) for side, taken in seconds.items()}


@pytest.mark.parametrize("others", [BUSY, UNKNOWN])
def test_a_busy_machine_gets_no_verdict_by_the_clock_but_one_by_the_cpu(module, others):
    harness = module("harness")
    turns = [turn(harness.Run, others, ours=1.0, peer=6.0)]
    assert "not judged" in harness.ratio("wall", "wall_s", 4).verdict(turns)
    assert harness.ratio("CPU", "cpu_s", 4).verdict(turns) == "met"


@pytest.mark.parametrize(("wanted", "verdict"), [(4, "met"), (8, "missed"), (None, "")])
def test_a_quiet_machine_is_judged_against_the_best_of_the_peers(module, wanted, verdict):
    harness = module("harness")
    turns = [turn(harness.Run, QUIET, ours=1.0, slow=60.0, best=6.0)]
    claim = harness.ratio("wall", "wall_s", wanted)
    assert claim.value(turns[0]) == 6.0
    assert claim.verdict(turns) == verdict


def test_a_command_that_fails_is_told_with_its_last_words(module, tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such scan')"]
    with pytest.raises(RuntimeError, match="exit 1: no such scan"):
        module("harness").weighed(command, tmp_path / "log.txt")


@pytest.mark.parametrize("name", BARS)
def test_a_bar_says_who_its_peer_is_and_how_outputs_are_compared(module, name):
    bar = module(f"bars.{name}")
    assert bar.TITLE
    assert bar.PEER
    assert bar.CLAIMS
    assert len(bar.SIDES) > 1
    assert "UnequalError: " in bar.equal.__doc__


@pytest.mark.parametrize(("off", "right"), [(0, True), (1, False)])
def test_preprocessing_off_by_one_hounsfield_unit_is_refused(module, tmp_path, off, right):
    bar, harness = module("bars.preprocessing"), module("harness")
    drawn = np.random.default_rng(0).integers(-900, 500, (12, 12, 12), dtype=np.int16)
    scan = Volume(drawn, np.diag([bar.SOURCE_MM] * 3 + [1.0]))
    volume.write(scan, tmp_path / "ct0.nii.gz")
    for side, more in (("ours", off), ("peer", 0)):
        volume.write(scan.holding(drawn + np.int16(more)), tmp_path / f"{side}/ct0.nii.gz")
    if right:
        assert "both cover the scan" in bar.equal(tmp_path)
    else:
        pytest.raises(harness.UnequalError, bar.equal, tmp_path)


def test_other_crops_are_refused_and_the_page_says_why(module, tmp_path):
    bar, harness = module("bars.crops"), module("harness")
    for side in bar.SIDES:
        (tmp_path / f"{side}.sha256").write_text(side)
    with pytest.raises(harness.UnequalError, match="crops differ") as told:
        bar.equal(tmp_path)
    result = module("run").Result(bar, refused=str(told.value))
    assert "not measured: crops differ" in module("page").whole([result], small=True)


def test_small_inputs_are_never_judged(module):
    run, bar, harness = module("run"), module("bars.preprocessing"), module("harness")
    turns = [turn(harness.Run, QUIET, ours=1.0, MONAI=60.0)]
    rows = [module("page").rows(run.Result(bar, turns, small=small))[0] for small in (True, False)]
    assert [row.split(" | ")[-1] for row in rows] == ["not judged: small inputs |", "met |"]


def test_a_page_keeps_its_last_part_and_is_replaced_once_all_bars_are_measured(module, tmp_path):
    run, page = module("run"), module("page")
    path = tmp_path / "page.md"
    path.write_text(f"before\n\n{page.DEMO}\n\nkept\n")
    found = run.Result(run.loaded("image_store"), refused="no room")
    run.written(path, [found], small=True)
    assert path.read_text().startswith("before")
    text = (tmp_path / "page.partial.md").read_text()
    assert "no room" in text
    assert text.endswith("kept\n")
    assert "Not measured here: anatomy" in text
