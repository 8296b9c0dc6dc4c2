"""What a cohort covers, and what it covers with the samples that were kept: cell by cell."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from radfoundry.text import cells
from radfoundry.text.cells import Cell

COLUMNS = (*Cell._fields, "possible", "real", "asked", "kept")


@dataclass(frozen=True)
class Coverage:
    """How many cells are filled.

    Attributes:
        cells: Cells that a prompt can ask for.
        real: Those of them that real cases fill.
        real_and_kept: Those that real cases or kept samples fill.
    """

    cells: int
    real: int
    real_and_kept: int


def table(
    real: Iterable[set[Cell]],
    asked: Iterable[set[Cell]],
    kept: Iterable[set[Cell]],
    sites: Sequence[str] = ("",),
) -> pd.DataFrame:
    """Return how many images lie in each cell: `COLUMNS`.

    All cells that a prompt can ask for come first (`possible`), filled or empty; then others that
    occur, such as a finding whose side a report does not state.

    Args:
        real: The cells of each case of the train split.
        asked: Those of each request.
        kept: Those of each sample that was kept.
        sites: Those that are told apart.
    """
    counts = [Counter(cell for some in images for cell in some) for images in (real, asked, kept)]
    grid = cells.grid(counts[0], sites)
    others = sorted(set().union(*counts) - set(grid))
    rows = [(*cell, n < len(grid), *(c[cell] for c in counts))
            for n, cell in enumerate([*grid, *others])]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def of_facts(facts: pd.DataFrame, sites: Sequence[str] = ("",)) -> list[set[Cell]]:
    """Return the cells of each image.

    Args:
        facts: Columns findings and site, as `facts.of_samples` and `facts.of_cases` return them.
        sites: Those that are told apart.
    """
    placed = ((f, site if site in sites else "")
              for f, site in zip(facts["findings"], facts["site"], strict=True))  # fmt: skip
    return [cells.of_findings(findings, site) for findings, site in placed]


def counts(found: pd.DataFrame) -> Coverage | None:
    """Return how many cells are filled; None if no request asks for any that a prompt can.

    Args:
        found: What `table` returns.
    """
    own = found[found["possible"].astype(bool)]
    if not own["asked"].sum():
        return None
    kept = (own["real"] > 0) | (own["kept"] > 0)
    return Coverage(len(own), int((own["real"] > 0).sum()), int(kept.sum()))
