"""What the page shows of the differences between this run's releases and old ones."""

from typing import Any

import pandas as pd

KINDS = {  # of the table `differences`, in the order to be shown, with a title
    "release": "Releases",
    "figure": "Figures side by side",
    "network": "Networks, by the sha256 of their weights",
    "config": "Config",
    "code": "Code",
    "version": "Versions",
    "sample": "Samples, by the sha256 of their files",
}
SAME = "same"


def section(differences: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    """Return what is shown of each recipe, parts that have rows alone; None if nothing is compared.

    Args:
        differences: The table of this name.

    Returns:
        For each recipe its name, how many samples came, went or changed in words, and its parts:
        title, rows of the table, and how many of them are not the same.
    """
    if differences is None:
        return None
    return [
        {"name": str(recipe), "samples": _samples(rows), "parts": _parts(rows)}
        for recipe, rows in differences.groupby("recipe")
    ]


def _parts(rows: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for kind, title in KINDS.items():
        own = rows[rows["kind"] == kind].to_dict("records")
        changed = sum(row["change"] != SAME for row in own)
        found += [{"title": title, "rows": own, "changed": changed}] if own else []
    return found


def _samples(rows: pd.DataFrame) -> str:
    counts = rows.loc[rows["kind"] == "sample", "change"].value_counts()
    told = ("added", "removed", "changed")
    return ", ".join(f"{int(counts.get(change, 0))} {change}" for change in told)
