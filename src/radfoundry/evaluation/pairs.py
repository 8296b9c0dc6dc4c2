"""Drawn lesions as pairs: an image with one, and the same image without it, or with another."""

import json
from pathlib import PurePosixPath

import pandas as pd

COLUMNS = (
    "sample", "source", "patient", "operation",
    "before_image", "before_findings", "after_image", "after_findings",
)  # fmt: skip


def listed(samples: pd.DataFrame, requests: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each sample that was drawn: `COLUMNS`, as the table `pairs` has them.

    Args:
        samples: All of a recipe, each in its folder.
        requests: Theirs; `parameters` state the operation.
        cases: Rows of the table `images`, sources among them.

    Raises:
        KeyError: A sample has no request, or its source is no case.
    """
    asked, known = requests.set_index("request"), cases.set_index("case")
    return pd.DataFrame(
        [_pair(row, asked, known) for row in samples[samples["status"] == "ok"].itertuples()],
        columns=list(COLUMNS),
    )


def _pair(row, asked: pd.DataFrame, known: pd.DataFrame) -> tuple:
    case, after = known.loc[row.source], PurePosixPath(row.folder)
    before = PurePosixPath(case["folder"]) / row.source
    findings = str(before / "findings.nii.gz") if case["findings_sha256"] else ""
    operation = json.loads(str(asked.at[row.sample, "parameters"]))["operation"]
    files = (before / "image.nii.gz", findings, after / "image.nii.gz", after / "findings.nii.gz")
    return (row.sample, row.source, case["patient"], operation, *map(str, files))
