"""A delimited text is taken apart, and what is wrong with it is named by line."""

import pytest

from radfoundry.config import delimited

KNOWN = ("case", "patient", "report")


def parsed(text, needed=("case",)):
    content = text if isinstance(text, bytes) else text.encode()
    return delimited.parsed(content, KNOWN, needed)


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_the_delimiter_is_the_one_of_the_header(delimiter):
    rows, faults = parsed(f"case{delimiter}patient\n1{delimiter}2\n")
    assert faults == []
    assert rows == [(2, {"case": "1", "patient": "2"})]


def test_a_row_is_numbered_by_the_line_it_starts_on():
    rows, _ = parsed('case,report\n1,"two\nlines"\n\n2,one\n')
    assert [line for line, _ in rows] == [2, 5]


def test_empty_lines_at_the_end_are_no_cases():
    rows, faults = parsed("case,patient\n1,2\n,\n,\n\n")
    assert (len(rows), faults) == (1, [])


def test_text_stays_text():
    rows, _ = parsed("case,patient\n001,1e5\nNA,nan\n")
    assert [row for _, row in rows] == [
        {"case": "001", "patient": "1e5"},
        {"case": "NA", "patient": "nan"},
    ]


def test_a_bar_of_columns_too_many_is_named_with_both_lengths():
    _, (fault,) = parsed("case,patient\n1,2,3\n")
    assert str(fault).startswith("line 2, column '-': table.cells: has 3 cells")


def test_a_column_there_twice_is_a_fault():
    _, (fault,) = parsed("case,case\n1,2\n")
    assert (fault.line, fault.column, fault.code) == (1, "case", "table.column")


def test_an_open_quote_is_named_instead_of_swallowing_the_rest():
    rows, (fault,) = parsed('case,report\n1,"clear\n2,clear\n')
    assert rows == []
    assert fault.code == "table.quote"


def test_every_line_of_another_encoding_is_told():
    _, faults = parsed("case,report\n1,étroit\n2,plain\n3,dû\n".encode("latin-1"))
    assert [(fault.line, fault.code) for fault in faults] == [
        (2, "table.encoding"),
        (4, "table.encoding"),
    ]


@pytest.mark.parametrize("value", ["0", "120", "54.5", "+3", "1e1", ".5"])
def test_plain_numbers_are_numbers(value):
    assert delimited.problem(value, {"type": "number", "minimum": 0, "maximum": 120}) is None


@pytest.mark.parametrize("value", ["nan", "inf", "0,5", "1_0", "045Y", "٣", " 5", "121", "-1"])
def test_what_only_resembles_a_number_in_range_is_not_one(value):
    code, _ = delimited.problem(value, {"type": "number", "minimum": 0, "maximum": 120})
    assert code == "value.range"
