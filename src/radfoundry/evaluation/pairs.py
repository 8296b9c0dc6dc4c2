"""Drawn lesions as pairs: an image with one, and the same image without it, or with another."""

from pathlib import PurePosixPath

import pandas as pd

from radfoundry import tables
from radfoundry.evaluation import control


def listed(samples: pd.DataFrame, requests: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Return one row of the table `pairs` for each sample that was drawn.

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
        columns=list(tables.columns("pairs")),
    )


def _pair(row, asked: pd.DataFrame, known: pd.DataFrame) -> tuple:
    case, after = known.loc[row.source], PurePosixPath(row.folder)
    before = PurePosixPath(case["folder"]) / row.source
    findings = str(before / "findings.nii.gz") if case["findings_sha256"] else ""
    operation = control.operation_of(asked.at[row.sample, "parameters"])
    files = (before / "image.nii.gz", findings, after / "image.nii.gz", after / "findings.nii.gz")
    return (row.sample, row.source, case["patient"], operation, *map(str, files))
