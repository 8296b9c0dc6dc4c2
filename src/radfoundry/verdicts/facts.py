"""What is known of the images that experts judge: findings, side, severity, size and site.

Of a sample, what its request states and its table shows; of a real case, what its report states.
"""

import json
from collections.abc import Mapping

import pandas as pd

from radfoundry.text import cells

COLUMNS = ("sample", "findings", "site", "area")


def of_samples(
    samples: pd.DataFrame, requests: pd.DataFrame, sites: Mapping[str, str]
) -> pd.DataFrame:
    """Return `COLUMNS` of each sample, as `groups.strata` takes them.

    Args:
        samples: Rows of the table `samples`; area may lack.
        requests: Columns request, parameters.
        sites: Case to site; a sample has the site of its source.
    """
    parameters = dict(zip(requests["request"], requests["parameters"].map(json.loads), strict=True))
    rows = [
        (
            row["sample"],
            _findings(row, parameters.get(row["sample"], {})),
            sites.get(row["source"], ""),
            row.get("area", float("nan")),
        )
        for row in samples.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def of_cases(cases: pd.DataFrame) -> pd.DataFrame:
    """Return `COLUMNS` of each real case; nobody measured the areas of their findings.

    Args:
        cases: Rows with case, and report, findings and site where there are any.
    """
    rows = [
        (row["case"], cells.findings_of(row), str(row.get("site", "")), float("nan"))
        for row in cases.fillna("").to_dict("records")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _findings(sample: Mapping, asked: Mapping) -> list[dict[str, str]]:
    """Return a sample's findings: what its request states of each, and others that it shows."""
    known = [dict(one) for one in asked.get("findings", [])]
    shown = [name for name in str(sample.get("findings", "")).split("|") if name]
    return known + [{"name": name} for name in shown if name not in {n["name"] for n in known}]
