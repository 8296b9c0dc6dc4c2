"""Names that Windows and macOS take for the file's and Linux does not: read, or named in a hint."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from radfoundry.config import cohorts, watched
from radfoundry.config.cohorts import CohortError
from radfoundry.data import gate
from radfoundry.data.gate import GateError

NFD = unicodedata.normalize("NFD", "Bild é.png")
NFC = unicodedata.normalize("NFC", NFD)


@pytest.fixture
def place(tmp_path):
    """Return a function that makes files and a table of paths, and reads the table."""

    def read(cells, *files):
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(name.encode(errors="surrogateescape"))
        rows = [f'c{n},p{n},"{cell}"' for n, cell in enumerate(cells)]
        (tmp_path / "cases.csv").write_text("\n".join(["case,patient,image", *rows]))
        return cohorts.read(tmp_path / "cases.csv")

    return read


def codes(error):
    return [(f.line, f.code) for found in error.value.faults.values() for f in found]


@pytest.mark.parametrize(
    ("cell", "there"), [(NFC, NFD), (NFD, NFC), (f"b\\{NFC}", f"b/{NFD}"), ("b\\a.png", "b/a.png")]
)
def test_another_form_of_a_name_is_the_file_and_is_watched(place, tmp_path, cell, there):
    (row,) = place([cell], there)
    assert (row["image"], row["warnings"]) == (there, "")
    cohort = {"table": str(tmp_path / "cases.csv"), "batch": 1}
    assert cohorts.files_of_batch(cohort, [row], "b0000") == [str(tmp_path / there)]


def test_another_letter_case_is_the_file_with_a_warning(place):
    (row,) = place(["img.png"], "img.PNG")
    assert row["image"] == "img.PNG"
    assert row["warnings"] == "image.spelling - the file's name differs in letter case"


@pytest.mark.parametrize("cells", [["img.png"], ["img.png", "IMG.png"]])
def test_a_file_that_may_be_anothers_is_named_and_not_taken(place, cells):
    row = place(cells, "IMG.png", *(["Img.png"] if len(cells) == 1 else []))[0]
    assert row["image"] == "img.png"
    hint = "there is 'IMG.png' that differs in letter case"
    assert row["warnings"] == f"image.missing - no file is there; {hint}"


def test_two_spellings_of_one_file_are_one_image(place):
    with pytest.raises(CohortError) as error:
        place([NFC, NFD], NFD)
    assert codes(error) == [(3, "leak.duplicate")]


@pytest.mark.parametrize("cell", ["..\\a.png", "b\\..\\..\\a.png", "LINK.png"])
def test_no_spelling_leads_out_of_the_folder(place, tmp_path, cell):
    (tmp_path / "link.png").symlink_to("/etc/passwd")
    with pytest.raises(CohortError) as error:
        place([cell], "b/c.png")
    assert codes(error) == [(2, "path.escape")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("img.png", "; there is a name that differs in letter case"),
        ("img.jpg", "; there is a name that differs in its ending"),
        ("C:\\img.png", "; it is a path of another computer; paths start from the folder"),
        ("none.png", "leads nowhere)"),
    ],
)
def test_the_gate_says_how_a_name_differs_and_not_which_it_is(tmp_path, name, words):
    (tmp_path / "img.PNG").touch()
    with pytest.raises(GateError) as error:
        gate.read(tmp_path / name, tmp_path)
    assert error.value.code == "io.missing"
    assert words in error.value.message
    assert "img" not in error.value.message


def test_a_mask_in_another_spelling_is_found_too(tmp_path):
    (tmp_path / "A_mask.png").touch()
    (tmp_path / "t.csv").write_text("case,patient,image,labels\nc,p,a.png,a_mask.png\n")
    (row,) = cohorts.read(tmp_path / "t.csv")
    assert row["labels"] == "A_mask.png"
    assert row["warnings"] == "labels.spelling - the file's name differs in letter case"


def test_the_table_itself_is_named_where_its_name_differs(tmp_path):
    (tmp_path / "Cases.csv").write_text("case,patient,image\n")
    with pytest.raises(CohortError, match=r"there is '.*/Cases.csv' that differs in letter case"):
        cohorts.read(tmp_path / "cases.csv")


def test_what_the_paths_lead_to_has_a_state(place, tmp_path):
    before = watched.of_table(place([NFC], NFD))
    assert before == watched.of_table(place([NFC], NFD))
    (tmp_path / NFD).rename(tmp_path / NFC)
    assert before != watched.of_table(place([NFC]))


def test_an_image_is_read_by_the_name_that_was_found(place, tmp_path):
    (row,) = place([NFC])
    picture = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    Image.fromarray(picture).save(tmp_path / NFD)
    (row,) = cohorts.read(tmp_path / "cases.csv")
    assert gate.read(tmp_path / row["image"], tmp_path).image.voxels.shape == (64, 1, 64)
