"""A table is what its schema says, when it is written and when it is read."""

import numpy as np
import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.tables import TableError

CASES = pd.DataFrame({"case": ["001", "1e5", "NA"], "patient": ["p1", "p1", "p2"]})


def splits(**changes):
    frame = pd.DataFrame({"case": ["a", "b"], "patient": ["p", "q"], "split": ["train", "test"]})
    return frame.assign(**changes)


@pytest.mark.parametrize("suffix", ["tsv", "parquet"])
def test_ids_stay_text(tmp_path, suffix):
    tables.write(CASES, tmp_path / f"cases.{suffix}", "cases")
    assert tables.read(tmp_path / f"cases.{suffix}", "cases")["case"].tolist() == [
        "001",
        "1e5",
        "NA",
    ]


def test_missing_numbers_come_back_as_nan_and_missing_text_as_empty(tmp_path):
    frame = CASES.assign(age=[4.0, np.nan, 80.0], sex=["F", None, ""])
    tables.write(frame, tmp_path / "cases.tsv", "cases")
    read = tables.read(tmp_path / "cases.tsv", "cases")
    assert read["age"].isna().tolist() == [False, True, False]
    assert read["sex"].tolist() == ["F", "", ""]


def test_equal_tables_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        tables.write(CASES, tmp_path / f"{name}.tsv", "cases")
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()


def test_columns_come_in_the_order_of_the_schema(tmp_path):
    tables.write(splits()[["split", "patient", "case"]], tmp_path / "splits.tsv", "splits")
    assert list(tables.read(tmp_path / "splits.tsv", "splits")) == ["case", "patient", "split"]


def test_all_faulty_values_are_named_with_their_rows():
    with pytest.raises(TableError) as caught:
        tables.checked(splits(split=["tst", "tst"], patient=["p q", "q"]), "splits", "here")
    assert "column 'split', row 1, 2" in str(caught.value)
    assert "column 'patient', row 1" in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (splits().drop(columns="split"), "column 'split' is missing"),
        (splits(extra=1), "column 'extra' is unknown"),
        (splits(case=["a", "a"]), "rows 1, 2 share case"),
    ],
)
def test_a_table_of_another_shape_is_refused(frame, words):
    with pytest.raises(TableError, match=words):
        tables.checked(frame, "splits", "here")


def test_a_refused_table_leaves_no_file(tmp_path):
    with pytest.raises(TableError):
        tables.write(splits(split="tst"), tmp_path / "splits.tsv", "splits")
    assert list(tmp_path.iterdir()) == []


def test_an_edited_table_is_refused_when_it_is_read(tmp_path):
    tables.write(splits(), tmp_path / "splits.tsv", "splits")
    text = (tmp_path / "splits.tsv").read_text()
    (tmp_path / "splits.tsv").write_text(text.replace("train", "tst"))
    with pytest.raises(TableError, match="'tst' is not one of"):
        tables.read(tmp_path / "splits.tsv", "splits")
