"""Drawn lesions as pairs of images with and without them."""

import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.evaluation import pairs

SHA = "0" * 64
SAMPLES = pd.DataFrame(
    {
        "sample": ["s1", "s2", "s3"], "source": ["c1", "c2", "c1"], "split": "train", "seed": 1,
        "status": ["ok", "failed", "ok"], "folder": ["drawn/s1", "drawn/s2", "drawn/s3"],
    }
)  # fmt: skip
REQUESTS = pd.DataFrame(
    {
        "request": ["s1", "s2", "s3"],
        "parameters": ['{"operation": "add"}', '{"operation": "add"}', '{"operation": "remove"}'],
    }
)
CASES = pd.DataFrame(
    {
        "case": ["c1", "c2"], "patient": ["p1", "p2"], "folder": "batches/b0",
        "findings_sha256": [SHA, ""],
    }
)  # fmt: skip


def test_each_drawn_sample_is_paired_with_the_files_of_the_case_it_was_drawn_from():
    table = pairs.listed(SAMPLES, REQUESTS, CASES)
    assert table["sample"].tolist() == ["s1", "s3"]
    assert table["operation"].tolist() == ["add", "remove"]
    assert table.loc[0, "before_image"] == "batches/b0/c1/image.nii.gz"
    assert table.loc[0, "before_findings"] == "batches/b0/c1/findings.nii.gz"
    assert table.loc[0, "after_image"] == "drawn/s1/image.nii.gz"
    assert set(table.columns) == set(tables.columns("pairs"))


def test_a_case_without_findings_names_no_file_of_them():
    asked = SAMPLES.assign(status="ok").iloc[1:2]
    assert pairs.listed(asked, REQUESTS, CASES).loc[0, "before_findings"] == ""


def test_a_sample_of_no_known_case_is_refused():
    with pytest.raises(KeyError):
        pairs.listed(SAMPLES.assign(source="other"), REQUESTS, CASES)


def test_where_nothing_was_drawn_the_table_is_empty():
    assert pairs.listed(SAMPLES.assign(status="failed"), REQUESTS, CASES).empty
