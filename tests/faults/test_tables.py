"""Rows 9 and 34 to 43 of the fault matrix, as far as a user's table of cases goes."""

import os
import pickle
import unicodedata

import pytest

from radfoundry.config import cohorts
from radfoundry.config.cohorts import CohortError

HEADER = "case,patient,image"
CAFE = "café"
SPLITS = ("train", "tune", "test")


@pytest.fixture
def faults(tmp_path):
    """Return a function from the content of a table to its faults, as (line, column, code)."""

    def found(content):
        path = tmp_path / "cases.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            cohorts.read(path)
        except CohortError as error:
            return [(f.line, f.column, f.code) for f in error.faults[str(path)]]
        return []

    return found


@pytest.fixture
def rows(tmp_path):
    """Return a function from the content of a good table to its rows."""

    def read(content):
        path = tmp_path / "cases.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return cohorts.read(path)

    return read


def lines(*cases, header=HEADER):
    return "\n".join([header, *cases, ""])


def test_row_9_a_dangling_link_is_a_missing_image(rows, tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    assert cohorts.missing(rows(lines("a,p,a.png")), tmp_path) == ["a"]


@pytest.mark.parametrize("case", ["001", "1e5", "NA", "nan", "1_0E3", "TRUE"])
def test_row_34_an_id_stays_the_text_it_is(rows, case):
    assert rows(lines(f"{case},{case},a.png"))[0]["case"] == case


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("a1", "A1"), ("Straße", "STRASSE")])
def test_row_34_ids_that_are_the_same_to_a_reader_are_refused_with_both_lines(
    tmp_path, first, second
):
    path = tmp_path / "cases.csv"
    path.write_text(lines("other,p0,0.png", f"{first},p1,1.png", f"{second},p2,2.png"))
    with pytest.raises(CohortError, match=r"line 4, column 'case': id\.duplicate: .* of line 3"):
        cohorts.read(path)


def test_row_34_composed_and_decomposed_ids_are_the_same(faults):
    forms = [unicodedata.normalize(form, CAFE) for form in ("NFC", "NFD")]
    found = faults(lines(*(f"{form},p,{n}.png" for n, form in enumerate(forms))))
    assert (3, "case", "id.duplicate") in found


def test_row_34_two_spellings_of_a_patient_are_refused(faults):
    assert faults(lines("a,p1,a.png", "b,P1,b.png")) == [(3, "patient", "id.spelling")]


SAME = [("0071", "71", "071"), ("P-007", "p7", "P_07"), ("MRN0071", "mrn-71", "MRN_0071")]
SAME += [("12-0034", "12_34", "12-34"), ("1-11", "111", "0111"), ("a-b", "AB", "a_b")]


@pytest.mark.parametrize("patients", SAME, ids=["/".join(one) for one in SAME])
def test_ids_that_differ_by_zeros_separators_or_case_are_one_fault(faults, patients):
    cases = [
        f"c{n},{one},{n}.png,{s}" for (n, one), s in zip(enumerate(patients), SPLITS, strict=True)
    ]
    found = faults(lines(*cases, header=f"{HEADER},split"))
    assert found == [(line, "patient", "id.spelling") for line in (3, 4)]


@pytest.mark.parametrize("patients", [("1-11", "11-1"), ("7", "70"), ("p1", "q1"), ("0", "00-1")])
def test_ids_that_mean_two_patients_are_left_alone(faults, patients):
    assert faults(lines(*(f"c{n},{one},{n}.png" for n, one in enumerate(patients)))) == []


@pytest.mark.parametrize(
    "case",
    ["a b", "a;touch CANARY", "$(touch CANARY)", "`touch CANARY`", "a'b", "a/b", "..", "-rf"]
    + ["a\nb", "a\n", "", "a" * 65, "_a", "a.b", "a\x00b", "é", " a"],
)
def test_row_35_an_odd_id_is_refused_and_nothing_runs(faults, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    quoted = case.replace('"', '""')
    ((line, column, code),) = faults(lines(f'"{quoted}",p,a.png'))
    assert (line, column) == (2, "case")
    assert code in ("id.pattern", "value.missing", "text.control")
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.parametrize("image", ["../a.png", "/etc/passwd", "b/../../a.png", "..", "link.png"])
@pytest.mark.parametrize("column", ["image", "labels"])
def test_row_36_a_path_out_of_the_folder_is_refused(faults, tmp_path, column, image):
    (tmp_path / "link.png").symlink_to("/etc/passwd")
    cells = {"image": "a.png", "labels": "m.png"} | {column: image}
    table = lines(f"a,p,{cells['image']},{cells['labels']}", header=f"{HEADER},labels")
    assert faults(table) == [(2, column, "path.escape")]


def test_row_36_a_linked_folder_leads_no_way_out(faults, tmp_path):
    (tmp_path / "images").symlink_to("/etc")
    assert faults(lines("a,p,images/passwd")) == [(2, "image", "path.escape")]


@pytest.mark.parametrize(
    "content",
    [
        lines("a,p,a.png").encode("utf-8-sig"),
        lines("a,p,a.png").replace("\n", "\r\n").encode(),
        lines("a,p,a.png").replace("\n", "\r").encode(),
        lines("a,p,a.png").replace(",", ";").encode(),
        lines("a,p,a.png").replace(",", "\t").encode(),
        lines("a,p,a.png,", header=f"{HEADER},").encode(),
        lines("a,p,a.png,").encode(),
        lines("a,p,a.png", ",,", "").encode(),
        lines('"a","p","a.png"').encode(),
        f"sep=;\r\n{lines('a,p,a.png')}".replace(",", ";").encode("utf-8-sig"),
        f"sep=\t\n{lines('a,p,a.png')}".replace(",", "\t").encode(),
        f"sep=,\n{lines('a,p,a.png')}".encode(),
        f'"sep=;";;\n{lines("a,p,a.png")}'.replace(",", ";").encode(),
        f"SEP=;\n{lines('a,p,a.png')}".encode(),
    ],
    ids=["bom", "crlf", "cr", "semicolon", "tab", "header_comma", "comma", "blank", "quoted"]
    + ["sep_excel", "sep_tab", "sep_comma", "sep_saved_again", "sep_untrue"],
)
def test_row_37_tables_as_spreadsheets_write_them_are_read(rows, content):
    ((case, patient, image),) = [(r["case"], r["patient"], r["image"]) for r in rows(content)]
    assert (case, patient, image) == ("a", "p", "a.png")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", (0, "-", "table.empty")),
        (b"\n\n", (0, "-", "table.empty")),
        (lines(), (0, "-", "table.empty")),
        (
            lines("a,p,a.png,é", header=f"{HEADER},site").encode("latin-1"),
            (2, "-", "table.encoding"),
        ),
        (lines("a,p,a.png").encode("utf-16"), (1, "-", "table.encoding")),
        (lines("a,p"), (2, "-", "table.cells")),
        (lines("a,p,a.png,x"), (2, "-", "table.cells")),
        (lines('a,p,"a.png'), (2, "-", "table.quote")),
        ("sep=;\n" + lines('a,p,"a.png').replace(",", ";"), (3, "-", "table.quote")),
        ("sep=,\n" + lines("a,p"), (3, "-", "table.cells")),
        ("sep=|\n" + lines("a,p,a.png"), (1, "-", "table.delimiter")),
        ("sep=;\n", (0, "-", "table.empty")),
        ("sep=,\n" + lines("a,p,a.png", header="case,patient,imag"), (2, "imag", "table.column")),
    ],
)
def test_row_37_other_tables_are_refused_with_their_line(faults, content, expected):
    assert faults(content)[0] == expected


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("split", "tst", "value.allowed"),
        ("age", "200", "value.range"),
        ("age", "-1", "value.range"),
        ("age", "nan", "value.range"),
        ("sex", "female", "value.allowed"),
        ("view", "pa", "value.allowed"),
        ("spacing_mm", "0", "value.range"),
        ("site", "x" * 65, "value.length"),
    ],
)
def test_row_38_a_wrong_value_is_named_with_line_and_column(faults, column, value, code):
    table = lines("a,p,a.png,", f"b,q,b.png,{value}", header=f"{HEADER},{column}")
    assert faults(table) == [(3, column, code)]


@pytest.mark.parametrize(
    ("header", "column"), [("case,image", "patient"), ("case,patient,image,aeg", "aeg")]
)
def test_row_38_a_missing_or_unknown_column_is_told(faults, header, column):
    cells = ",".join(["a.png"] * len(header.split(",")))
    assert faults(lines(cells, header=header)) == [(1, column, "table.column")]


@pytest.mark.parametrize("patient", ["p1", "P1"])
def test_row_39_a_patient_in_two_splits_is_refused(faults, patient):
    table = lines("a,p1,a.png,train", f"b,{patient},b.png,test", header=f"{HEADER},split")
    assert (3, "split", "leak.patient") in faults(table)


def test_row_39_a_patient_with_one_split_and_none_is_fine(faults):
    table = lines("a,p1,a.png,train", "b,p1,b.png,", header=f"{HEADER},split")
    assert faults(table) == []


@pytest.mark.parametrize(("patient", "code"), [("p2", "leak.duplicate"), ("p1", "image.duplicate")])
def test_row_40_one_image_for_two_cases_is_refused(faults, patient, code):
    assert faults(lines("a,p1,a.png", f"b,{patient},./a.png")) == [(3, "image", code)]


def test_row_40_a_link_does_not_hide_that_two_images_are_one(faults, tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").symlink_to("a.png")
    assert faults(lines("a,p1,a.png", "b,p2,b.png")) == [(3, "image", "leak.duplicate")]


@pytest.mark.parametrize(
    "report", ["", "<script>alert(1)</script>", "={1+1}", "No effusion. 5 < 6"]
)
def test_row_42_a_report_stays_the_text_it_is(rows, report):
    (row,) = rows(lines(f"a,p,a.png,{report}", header=f"{HEADER},report"))
    assert (row["report"], row["warnings"]) == (report, "")


def test_row_42_a_report_of_many_pages_is_cut_with_a_warning(rows):
    (row,) = rows(lines(f"a,p,a.png,{'x' * 12_345}", header=f"{HEADER},report"))
    assert len(row["report"]) == 10_000
    assert row["warnings"].startswith("text.truncated - report of 12345")


@pytest.mark.parametrize("finding", ["opacitty", "no effusion", "opacity|", "opacity,nodule"])
def test_row_42_an_unknown_finding_is_refused_with_the_vocabulary(faults, finding):
    table = lines(f'a,p,a.png,"{finding}"', header=f"{HEADER},findings")
    assert faults(table) == [(2, "findings", "finding.unknown")]


class Payload:
    """What makes a canary when it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.mkdir, (str(self.canary),)


@pytest.mark.parametrize("name", ["a.pkl", "a.npy"])
def test_row_43_a_pickle_named_as_an_image_is_not_opened(rows, tmp_path, name):
    canary = tmp_path / "canary"
    (tmp_path / name).write_bytes(pickle.dumps(Payload(canary)))
    assert cohorts.missing(rows(lines(f"a,p,{name}")), tmp_path) == []
    assert not canary.exists()
