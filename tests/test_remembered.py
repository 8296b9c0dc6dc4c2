"""What the sources say is kept between runs, and asked anew when they change."""

import json

import pytest

from radfoundry.config import remembered


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Return a function that asks as a new process would, and the list of what it had to find."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = []

    def anew(decorate, file, *rest):
        for held in (remembered._of_all, remembered._of_files, remembered._sha256):
            held.cache_clear()

        @decorate
        def read(path, *words):
            found.append(path.name)
            return [path.read_text(), *words]

        answer = read(file, *rest)
        for held in (remembered._of_files(), remembered._of_all(file.resolve().parent)):
            held.write()
        return answer

    return anew, found


@pytest.mark.parametrize("decorate", [remembered.remembered, remembered.remembered_of_file])
def test_an_answer_is_kept_until_the_file_is_edited(ask, tmp_path, decorate):
    anew, found = ask
    script = tmp_path / "job.py"
    script.write_text("x = 1")
    assert anew(decorate, script) == anew(decorate, script) == ["x = 1"]
    assert found == ["job.py"]
    script.write_text("x = 2")
    assert anew(decorate, script) == ["x = 2"]


def test_an_answer_about_all_sources_is_asked_anew_when_a_neighbour_changes(ask, tmp_path):
    anew, found = ask
    script, neighbour = tmp_path / "job.py", tmp_path / "_shared.py"
    script.write_text("x = 1")
    for text in ("y = 1", "y = 2", "y = 2"):
        neighbour.write_text(text)
        anew(remembered.remembered, script)
    assert len(found) == 2


def test_other_words_are_another_question(ask, tmp_path):
    anew, _ = ask
    script = tmp_path / "job.py"
    script.write_text("x = 1")
    assert [anew(remembered.remembered, script, word)[1] for word in "ab"] == ["a", "b"]


def test_a_broken_file_of_answers_is_none(ask, tmp_path):
    anew, found = ask
    script = tmp_path / "job.py"
    script.write_text("x = 1")
    anew(remembered.remembered_of_file, script)
    (file,) = (tmp_path / "cache/radfoundry").glob("files-*.json")
    file.write_text('{"half')
    assert anew(remembered.remembered_of_file, script) == ["x = 1"]
    assert len(found) == 2
    assert json.loads(file.read_text())


def test_a_place_that_cannot_be_written_keeps_nothing_and_stops_nobody(ask, tmp_path, monkeypatch):
    anew, found = ask
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    script = tmp_path / "job.py"
    script.write_text("x = 1")
    assert anew(remembered.remembered_of_file, script) == ["x = 1"]
    anew(remembered.remembered_of_file, script)
    assert len(found) == 2
