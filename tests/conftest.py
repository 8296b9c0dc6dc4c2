"""Fixtures and helpers that every test may ask for."""

import importlib.util
import re
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
collect_ignore = ["toy_generator"]  # a plug-in that a test puts into its place


@cache
def asks_for_factory(file: str) -> bool:
    """Return whether a file's tests ask for the factory."""
    return bool(re.search(r"def test\w+\([^)]*\b(factory|spare)\b", (ROOT / file).read_text()))


def file_of(nodeid: str) -> str:
    """Return the file of a test."""
    return nodeid.partition("::")[0]


def pytest_collection_modifyitems(items):
    """Let the file with most tests of the factory begin, and the others wait until it is made."""
    asking = Counter(file_of(i.nodeid) for i in items if asks_for_factory(file_of(i.nodeid)))
    files = dict.fromkeys(file_of(item.nodeid) for item in items)
    others = [file for file in files if file not in asking]
    first, *later = [file for file, _ in asking.most_common()] or [""]
    third = len(others) // 3
    order = [first, *others[:third], *later, *others[third:]]
    items.sort(key=lambda item: order.index(file_of(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Send the tests of one file to one process, so that its fixtures are made once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return file_of(nodeid)

    return ByFile(config, log)


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
def factory(tmp_path_factory, worker_id):
    """Return a small factory in which every stage has run; whoever changes it takes a `spare`.

    It is made once, whatever the number of processes; each plans in a copy of its own.
    """
    from factory import Factory, small_config

    base, own = tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("factory") / "own"
    made = (base if worker_id == "master" else base.parent) / "made"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            one = Factory(made.with_name("making"), small_config())
            one.run("all")
            one.folder.rename(made)
    return Factory.at(shutil.copytree(made, own), small_config())


@pytest.fixture
def spare(factory, tmp_path):
    """Return a copy of the small factory, for a test that changes it: others plan in the first."""
    from factory import Factory

    folder = shutil.copytree(factory.folder, tmp_path / "spare")
    yield Factory.at(folder, factory.config)
    shutil.rmtree(folder)
