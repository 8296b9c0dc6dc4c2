"""What a second run costs: with nothing changed, and with the evaluation changed alone.

The full size is the embedded default as a whole; `--small` stops after the labels of a few films.
"""

import json
from pathlib import Path

import harness

TITLE = "reruns of the embedded default"
PEER = "its own first run"
PAIRS = 1
PROFILE = (
    "where nothing changed, of 7.1 s under the profiler Snakemake's own imports take 1.5, reading"
    " the rules 2.6 (half of it our imports and the config), the graph of 183 jobs 2.4, of which"
    " its look-up of options 1.4 (cProfile of a dry run beside other work, 2026-12-01; options are"
    " looked up without it since: to plan all of an empty folder takes 3.3 CPU s, 3.8 before)."
    " Of a changed evaluation measure_realism is more than half (85 CPU s in the table below): it"
    " describes drawn images again in the job that draws their intervals; compare_arms is 17."
)
FIRST, NOTHING, EVALUATION = "first run", "nothing changed", "evaluation changed"
CLAIMS = (
    harness.Claim(
        "wall s where nothing changed", lambda turn: turn[NOTHING].wall_s, 2, False, True
    ),
    harness.Claim("CPU s where nothing changed", lambda turn: turn[NOTHING].cpu_s),
    harness.Claim(
        "CPU of a changed evaluation over the first run",
        lambda turn: turn[EVALUATION].cpu_s / turn[FIRST].cpu_s,
        0.02,
        False,
    ),
)


def prepare(folder: Path, small: bool) -> None:
    """Say what is run."""
    (folder / "target.json").write_text(json.dumps("pseudolabel" if small else "all"))


def _factory(folder: Path):
    import yaml
    from bars import _factory

    target = json.loads((folder / "target.json").read_text())
    if target == "all":
        settings = yaml.safe_load((_factory.ROOT / "config.yaml").read_text())
    else:
        settings = _factory.config({"films": _factory.films(2, 2)}) | {"evaluate": {}}
    return _factory, settings, target


def first(folder: Path) -> None:
    """Run from nothing."""
    import shutil

    factory, settings, target = _factory(folder)
    shutil.rmtree(folder / "own", ignore_errors=True)
    factory.write(folder / "own", settings)
    factory.run(folder / "own", target)


def nothing(folder: Path) -> None:
    """Run again."""
    factory, _, target = _factory(folder)
    factory.run(folder / "own", target)


def evaluation(folder: Path) -> None:
    """Run again with more resamplings of the intervals."""
    factory, settings, target = _factory(folder)
    settings["evaluate"]["bootstrap"] = settings["evaluate"].get("bootstrap", 1000) + 1
    factory.write(folder / "own", settings)
    factory.run(folder / "own", "evaluate" if target == "all" else target)


SIDES = {FIRST: first, NOTHING: nothing, EVALUATION: evaluation}


def equal(folder: Path) -> str:
    """Ask that no image was made again: all are older than the config of the last run.

    Raises:
        UnequalError: One is newer.
    """
    changed = (folder / "own/config.yaml").stat().st_mtime
    images = list((folder / "own/results").rglob("*.nii.gz"))
    newer = [path.name for path in images if path.stat().st_mtime > changed]
    if newer or not images:
        raise harness.UnequalError(f"{len(newer)} of {len(images)} images were made again")
    return f"none of {len(images)} images was made again"
