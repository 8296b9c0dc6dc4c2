"""The library works where it is installed, without the checkout beside it.

The libraries it depends on are this environment's; that all of them are declared is a test too.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("pyproject.toml", "README.md", "LICENSE")
PROGRAM = """
import importlib, pkgutil
import radfoundry
from radfoundry import tables
from radfoundry.anatomy import regions
from radfoundry.config import catalogue, cohorts, settings, weight_files
from radfoundry.evaluation.reader_study import pack
from radfoundry.report import page, viewer
from radfoundry.text import composer
from radfoundry.text.labeler import lexicon

found = [m.name for m in pkgutil.walk_packages(radfoundry.__path__, "radfoundry.")]
for name in found:
    importlib.import_module(name)
kinds = sorted(p.name.split(".")[0] for p in tables.SCHEMAS.glob("*.schema.yaml"))
assert all(tables.schema(kind) for kind in kinds)
assert settings.checked({"cohorts": {"a": {"phantom": {"kind": "chest_xray"}}}})
assert cohorts.columns() and weight_files.needs() and catalogue.names("tasks")
assert "use strict" in pack._page({"reader": "a", "tasks": []})
assert viewer.library().data and "Niivue" in viewer.library().licenses
assert regions.vocabulary() and composer.wording() and lexicon.rules()
print(len(found), len(kinds), radfoundry.__file__)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a folder with nothing but what the wheel brings."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in NEEDED:
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    pip = (sys.executable, "-m", "pip", "-q")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder / "made", folder)
    (wheel,) = (folder / "made").glob("*.whl")
    run(*pip, "install", "--no-deps", "--target", folder / "site", wheel)
    shutil.rmtree(folder / "src")
    return folder / "site"


def test_a_wheel_imports_every_module_and_reads_every_schema(installed):
    outside = {**os.environ, "PYTHONPATH": str(installed)}
    modules, kinds, file = run(sys.executable, "-c", PROGRAM, cwd=installed, env=outside).split()
    assert Path(file).is_relative_to(installed)
    assert int(modules) + 1 == len(list((ROOT / "src/radfoundry").rglob("*.py")))
    assert int(kinds) == len(list((ROOT / "workflow/schemas").glob("*.schema.yaml")))


OPTIONAL = {
    "totalsegmentator",
    "lungmask",
    "nnunetv2",
    "torchvision",
    "highdicom",
    "diffusers",
}  # asked for by some configs


def test_every_library_that_is_imported_is_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    known = {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in declared}
    brought = packages_distributions()
    for file in (ROOT / "src/radfoundry").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        tops = {n.module.split(".")[0] for n in nodes if isinstance(n, ast.ImportFrom) and n.module}
        tops |= {a.name.split(".")[0] for n in nodes if isinstance(n, ast.Import) for a in n.names}
        for top in tops - sys.stdlib_module_names - OPTIONAL - {"radfoundry"}:
            names = {name.lower().replace("_", "-") for name in brought.get(top, [top])}
            assert names & known, f"{file.name} imports {top}, which pyproject.toml does not name"
