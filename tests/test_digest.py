"""A digest changes with what the code does, and with nothing else."""

from pathlib import Path

import pytest

from radfoundry.config import digest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def script(tmp_path):
    """Return a function that writes a script and digests it."""
    turn = iter(range(9))

    def written(text):
        path = tmp_path / f"{next(turn)}" / "job.py"
        path.parent.mkdir()
        path.write_text(text)
        return digest.fingerprint(path)

    return written


def test_a_comment_or_a_docstring_changes_no_digest(script):
    plain = script("def f():\n    return 1\n")
    assert script('"""Words."""\n# why\ndef f():\n    """More."""\n    return 1\n') == plain


def test_another_value_changes_the_digest(script):
    assert script("def f():\n    return 1\n") != script("def f():\n    return 2\n")


def test_a_script_reaches_what_its_imports_import():
    reached = digest.reached_modules(SCRIPTS / "segment_batch.py")
    assert {"volume.py", "tables.py", "anatomy/regions.py", "anatomy/labels.yaml"} <= reached


def test_evaluation_modules_are_out_of_reach_of_sampling():
    reached = digest.reached_modules(SCRIPTS / "draw_samples.py", ["radfoundry.generators.artasyn"])
    assert not {name for name in reached if name.startswith("evaluation/")}


def test_a_plugin_that_does_not_exist_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"radfoundry\.generators\.nothing"):
        digest.fingerprint(SCRIPTS / "draw_samples.py", ["radfoundry.generators.nothing"])
