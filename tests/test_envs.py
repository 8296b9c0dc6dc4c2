"""The environments of conda and of pip are one: the same packages in the same versions."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
PYPI = {"pytorch": "torch", "matplotlib-base": "matplotlib"}  # conda-forge's name, PyPI's name
CONDA_ONLY = {"python", "pip", "c-compiler"}
OF_THE_CONTROLLER = {"snakemake", "snakemake-executor-plugin-slurm", "pygments"}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned():
    lines = (ROOT / "constraints.txt").read_text().split()
    return {plain(name): version for name, version in (line.split("==") for line in lines)}


def required(*extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"]]
    for extra in extras:
        listed += project["optional-dependencies"][extra]
    return {plain(re.match(r"[\w.-]+", entry)[0]) for entry in listed}


def packages(file):
    """Return name and version of every package of an environment, by its name on PyPI."""
    entries = []
    for entry in yaml.safe_load(file.read_text())["dependencies"]:
        entries += entry["pip"] if isinstance(entry, dict) else [entry]
    pairs = (re.fullmatch(r"([\w.-]+?)(?:==?([\w.]+))?", entry).groups() for entry in entries)
    return {PYPI.get(plain(name), plain(name)): version for name, version in pairs}


@pytest.mark.parametrize("file", ENVS, ids=lambda path: path.stem)
def test_conda_and_pip_install_the_same_versions(file):
    listed = {n: v for n, v in packages(file).items() if n not in CONDA_ONLY}
    assert listed == {name: pinned().get(name) for name in listed}


def test_the_environments_hold_all_that_the_library_needs():
    held = set().union(*(packages(file) for file in ENVS))
    assert required() - OF_THE_CONTROLLER <= held


def test_an_environment_holds_third_party_packages_only():
    assert not any("radfoundry" in packages(file) for file in ENVS)


def test_every_environment_is_used_and_every_used_one_exists():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert set(re.findall(r"envs/([\w.]+yaml)", rules)) == {file.name for file in ENVS}


def test_whatever_is_required_is_pinned():
    assert required("test", "check") <= set(pinned())


def test_pins_name_versions_and_neither_builds_nor_places():
    for line in (ROOT / "constraints.txt").read_text().split():
        assert re.fullmatch(r"[\w.-]+==[\w.]+", line), line
