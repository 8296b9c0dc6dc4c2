"""A path is found by the names on disk, and what only resembles it is named."""

import unicodedata

import pytest

from radfoundry.config import spelling

NFD = unicodedata.normalize("NFD", "Bild é.png")
NFC = unicodedata.normalize("NFC", NFD)


@pytest.fixture
def find(tmp_path):
    """Return a function from a path and the files that are there to what is found."""

    def found(cell, *files):
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return spelling.finder(tmp_path)(cell)

    return found


@pytest.mark.parametrize(
    ("cell", "there", "how"),
    [
        ("a.png", "a.png", ""),
        ("b/../a.png", "a.png", ""),
        (NFC, NFD, spelling.UNICODE),
        (NFD, NFC, spelling.UNICODE),
        (f"{NFC}/a.png", f"{NFD}/a.png", spelling.UNICODE),
        ("img.png", "img.PNG", spelling.CASE),
        ("images/IMG.png", "Images/img.PNG", spelling.CASE),
        (NFC.upper(), NFD, spelling.CASE),
        ("b\\c\\a.png", "b/c/a.png", ""),
        (f"B\\{NFC}", f"b/{NFD}", spelling.CASE),
    ],
)
def test_a_path_is_found_as_the_names_on_disk_are_spelled(find, tmp_path, cell, there, how):
    found = find(cell, there, "b/other.png")
    assert (tmp_path / found.path).samefile(tmp_path / there)
    assert (found.there, found.how) == (True, how)


def test_a_name_that_is_there_as_written_wins_over_one_that_resembles_it(find):
    assert find("a\\b.png", "a\\b.png", "a/b.png").path == "a\\b.png"
    assert find(NFC, NFC, NFD).path == NFC
    assert find("x.png", "x.png", "X.png").path == "x.png"


@pytest.mark.parametrize(
    ("cell", "there", "how"),
    [
        ("img.png", ["IMG.png", "Img.png"], "letter case"),
        ("a b.png", ["a\u202fb.png"], "spaces or look-alike signs"),
        (" a.png", ["a.png"], "spaces or look-alike signs"),
        ("scan-1.png", ["scan_1.png"], "spaces or look-alike signs"),
        (NFC, ["Bild \udce9.png"], "letters beyond ASCII"),
        ("a.jpg", ["a.jpeg"], "its ending"),
        ("a.nii", ["A.nii.gz"], "its ending"),
        ("b/a", ["b/a.dcm"], "its ending"),
    ],
)
def test_what_only_resembles_a_name_is_a_hint(find, cell, there, how):
    found = find(cell, *there)
    assert (found.path, found.there) == (cell, False)
    assert found.hint() == f"; there is {there[0]!r} that differs in {how}"
    assert found.hint(named=False) == f"; there is a name that differs in {how}"


@pytest.mark.parametrize("cell", ["a.png", "b/a.png", "a.png/b", "\0", "x" * 5000])
def test_where_nothing_is_like_it_there_is_no_hint(find, cell):
    assert find(cell, "c.png", "image.png").hint() == ""


@pytest.mark.parametrize("cell", ["C:\\data\\a.png", "c:/data/a.png", "\\\\server\\share\\a.png"])
def test_a_path_of_another_computer_is_called_one(find, cell):
    assert find(cell, "data/a.png", "a.png").hint() == f"; it is {spelling.WINDOWS}"
