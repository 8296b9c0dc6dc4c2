"""Small factories in folders of their own, for the bars that run the workflow."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
SIDE = 64  # pixels of a film, voxels of a CT
METHODS = {"pbtseg": {"segmenter": "pbtseg"}, "threshold": {"segmenter": "threshold"}}


def films(cases: int, batch: int) -> dict[str, Any]:
    """Return the config of a cohort of phantom films, labeled without weights."""
    drawn = {"kind": "chest_xray", "site": "a", "patients": cases, "exams": [1, 1], "size": SIDE}
    own = {"phantom": {**drawn, "seed": 11}, "preprocess": {"size": SIDE}, "batch": batch}
    return own | {"pseudolabel": "pbtseg", "splits": {"duplicates": "ignore"}}


def config(cohorts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of cohorts alone."""
    return {"allow_cpu": True, "cohorts": dict(cohorts), "pseudolabel": METHODS, "recipes": {}}


def write(folder: Path, settings: Mapping[str, Any]) -> None:
    """Put a config into a folder, and what it names beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(settings)))
    if not (folder / "benchmarks").exists():
        (folder / "benchmarks").symlink_to(ROOT / "benchmarks")  # where a bundle lies


def run(folder: Path, *targets: str, cores: int = 2) -> None:
    """Run the workflow in a folder.

    Raises:
        CalledProcessError: It failed.
    """
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-q"]
    flags = ["--cores", str(cores), "--max-jobs-per-timespan", "500/5s"]
    subprocess.run([*command, *flags, *targets], cwd=folder, check=True)


def digests(folder: Path, pattern: str, column: str) -> dict[str, str]:
    """Return a column by case of all tables that a pattern finds under a factory's results."""
    import pandas as pd

    found: dict[str, str] = {}
    for path in sorted((folder / "results").glob(pattern)):
        table = pd.read_csv(path, sep="\t", dtype=str)
        found |= dict(zip(table["case"], table[column], strict=True))
    return found
