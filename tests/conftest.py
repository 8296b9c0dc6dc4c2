"""Fixtures and helpers that every test may ask for."""

import importlib.util
import shutil
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
collect_ignore = ["toy_generator"]  # a plug-in that a test puts into its place


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items):
    """Keep a file's tests in one process; those that ask for the factory begin, in one too."""

    def room(item):
        return "factory" if "factory" in item.fixturenames else item.nodeid.partition("::")[0]

    items.sort(key=lambda item: room(item) != "factory")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(room(item)))


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
