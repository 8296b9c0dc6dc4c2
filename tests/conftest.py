"""Fixtures and helpers that every test may ask for."""

import importlib.util
import re
import shutil
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
collect_ignore = ["toy_generator"]  # a plug-in that a test puts into its place


@cache
def room(nodeid: str) -> str:
    """Return what shares a process with a test: its file, or all files that ask for the factory."""
    file = nodeid.partition("::")[0]
    asks = re.search(r"def test\w+\([^)]*\b(factory|spare)\b", (ROOT / file).read_text())
    return "factory" if asks else file


def pytest_collection_modifyitems(items):
    """Let the tests that ask for the factory begin: they take longest."""
    items.sort(key=lambda item: room(item.nodeid) != "factory")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Send the tests of one room to one process, so that its fixtures are made once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByRoom(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return room(nodeid)

    return ByRoom(config, log)


@cache
def benchmark(name: str) -> ModuleType:
    """Return a file of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"benchmarks/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images beside the checkout, or skip the test that asks."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real images are absent: no folder ../shared/data beside the checkout")
    return folder


@pytest.fixture
def put(tmp_path):
    """Return a function that writes bytes under a name and gives their path."""

    def written(content, name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return written


@pytest.fixture(scope="session")
def factory(tmp_path_factory):
    """Return a small factory in which every stage has run; whoever changes it takes a `spare`."""
    from factory import Factory, small_config

    one = Factory(tmp_path_factory.mktemp("factory"), small_config())
    one.run("all")
    return one


@pytest.fixture
def spare(factory, tmp_path):
    """Return a copy of the small factory, for a test that changes it: others plan in the first."""
    from factory import Factory

    folder = shutil.copytree(factory.folder, tmp_path / "spare")
    yield Factory.at(folder, factory.config)
    shutil.rmtree(folder)
