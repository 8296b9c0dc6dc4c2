"""What Snakemake cannot watch by itself is watched by name, size and time."""

import os

import pytest

from radfoundry.config import watched


@pytest.fixture(autouse=True)
def fresh():
    """Forget what a folder looked like: a run of Snakemake looks once."""
    watched._rows.cache_clear()


def state(*paths):
    watched._rows.cache_clear()
    return watched.state(map(str, paths))


def test_a_slice_rewritten_in_place_changes_the_state_of_its_folder(tmp_path):
    (tmp_path / "series/more").mkdir(parents=True)
    for name in ("series/a.dcm", "series/more/b.dcm"):
        (tmp_path / name).write_bytes(b"first")
    before, folder = state(tmp_path / "series"), (tmp_path / "series").stat()
    (tmp_path / "series/more/b.dcm").write_bytes(b"other")
    os.utime(tmp_path / "series", ns=(folder.st_atime_ns, folder.st_mtime_ns))
    assert before != state(tmp_path / "series")


def test_a_folder_that_nobody_touched_keeps_its_state(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"x")
    assert state(tmp_path) == state(tmp_path)


def test_a_file_that_snakemake_watches_itself_has_no_state(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    assert state(tmp_path / "a.png") == ""
    assert watched.inputs([str(tmp_path / "a.png")])


def test_a_path_with_braces_is_no_input_and_is_watched_all_the_same(tmp_path):
    odd = tmp_path / "b {1}.png"
    odd.write_bytes(b"x")
    before = state(odd)
    assert watched.inputs([str(odd)]) == []
    odd.write_bytes(b"longer")
    assert before != state(odd) != ""
