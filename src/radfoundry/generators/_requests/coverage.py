"""Prompts that fill the empty cells of a cohort: what is rare among real cases is asked for first.

Each request asks for one finding. It is of the cell of finding, side, severity and site that has
fewest real cases of the train split and earlier requests together, so that empty cells come first
and then all grow alike. The size of a lesion is its severity here: no report says more of it.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from radfoundry.generators._requests import prompts
from radfoundry.text import cells
from radfoundry.text.cells import Cell

WORD = "coverage"  # as config says it, in place of a list of prompts


def real_cells(cases: pd.DataFrame, sites: Sequence[str] = ("",)) -> Counter[Cell]:
    """Return in how many cases of the train split each cell is.

    Args:
        cases: Rows with split, and report and findings where there are any; site.
        sites: Those that are told apart; cases of no such site have the site "".
    """
    counts: Counter[Cell] = Counter()
    for case in cases[cases["split"] == "train"].fillna("").to_dict("records"):
        site = str(case.get("site", ""))
        counts.update(cells.of_case(case, site if site in sites else ""))
    return counts


def turns(real: Mapping[Cell, int], grid: Sequence[Cell], count: int) -> Iterator[Cell]:
    """Yield the cell of each of `count` requests; more of them begin with the same ones.

    Of cells that are as rare, the first of the grid comes first.
    """
    waiting = [(real.get(cell, 0), place) for place, cell in enumerate(grid)]
    heapq.heapify(waiting)
    for _ in range(count):
        had, place = waiting[0]
        heapq.heapreplace(waiting, (had + 1, place))
        yield grid[place]


def chooser(
    cases: pd.DataFrame,
    sources: Sequence[Mapping],
    count: int,
    drawn: Sequence[str] | None = None,
) -> prompts.Chooser:
    """Return what chooses source and prompt of each request, by its index and its own generator.

    Args:
        cases: All that the generator learned from and more, as `text_guided.plan` has them.
        sources: Cases that may be sources, with case, split and report.
        count: Requests.
        drawn: Findings that the generator can draw; all if left out.

    Raises:
        ValueError: No case of the train split has a finding that can be asked for.
    """
    place = dict(zip(cases["case"].astype(str), cases.get("site", [""] * len(cases)), strict=True))
    sites = cells.sites_of(place[one["case"]] for one in sources)
    real = real_cells(cases, sites)
    grid = [cell for cell in cells.grid(real, sites) if drawn is None or cell.finding in drawn]
    if not grid:
        known = ", ".join(sorted({cell.finding for cell in real})) or "none"
        raise ValueError(
            f"prompts: coverage, but no case of the train split has a finding that can be asked "
            f"for; it has: {known}; allowed: reports, or a list of prompts"
        )
    pools = {site: [one for one in sources if site in ("", place[one["case"]])] for site in sites}
    planned = list(turns(real, grid, count))

    def chosen(index: int, rng: np.random.Generator) -> tuple[Mapping, prompts.Prompt]:
        cell = planned[index]
        pool = pools[cell.site]
        source = pool[int(rng.integers(len(pool)))]
        asked = {"name": cell.finding, "side": cell.side, "severity": cell.severity}
        return source, prompts.composed([asked], rng)

    return chosen
