"""What differs between this run's releases and old ones, as a table and for the page."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from radfoundry import tables
from radfoundry.config import releases
from radfoundry.release import differences, record

FIGURES = ("recipe", "metric", "arm", "value", "low", "high")


def compared(job) -> pd.DataFrame | None:
    """Return what differs from the releases that the config compares with; write it down.

    None where it compares with none.
    """
    if not releases.compared(job.params.settings):
        return None
    new = {Path(folder).name: folder for folder in job.input.releases}
    kept = releases.scorecard(job.params.settings)
    before, after = (
        {recipe: _release(recipe, Path(folder), scorecard) for recipe, folder in folders.items()}
        for folders, scorecard in (
            (releases.old(job.params.settings), kept),
            (new, [job.input.scorecard]),
        )
    )
    found = differences.table(before, after)
    tables.write(found, *job.output.differences, "differences")
    return found


def _release(recipe: str, folder: Path, scorecard: list[str]) -> differences.Release:
    """Return what a release says of itself, with the scorecard where that was kept."""
    known = folder / record.NAME
    said: Mapping = json.loads(known.read_text()) if known.is_file() else {}
    rows = [_read(Path(path)) for path in scorecard] or [_read(folder / "figures.tsv")]
    figures = rows[0][rows[0]["recipe"] == recipe].reindex(columns=list(FIGURES))
    for end in differences.ENDS:
        figures[end] = pd.to_numeric(figures[end].replace("", None))
    return differences.Release(said, _read(folder / "dataset.tsv"), figures)


def _read(path: Path) -> pd.DataFrame:
    """Return a table as text; an empty one where an old release has none."""
    if not path.is_file():
        return pd.DataFrame(columns=list(FIGURES))
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
