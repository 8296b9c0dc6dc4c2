"""Fixtures that every test may ask for."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real images beside the checkout, or skip the test that asks."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real images are absent: no folder ../shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def factory(tmp_path_factory):
    """Return a small factory in which every stage has run."""
    from factory import Factory, small_config

    one = Factory(tmp_path_factory.mktemp("factory"), small_config())
    one.run("all")
    return one
