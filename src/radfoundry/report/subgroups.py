"""What the page says of subgroups: what samples bring to women and men, to each age, view and site.

Values in, values out: tables become rows of words for the template.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from radfoundry.report.scorecard.card import GAIN, metric
from radfoundry.report.scorecard.formatting import NOT_AVAILABLE, spoken, with_interval

GAP = "_gap"  # ending of a metric that is the widest difference between groups
READ = (
    "Groups are small and there are many of them, so some differ by chance alone: this raises "
    "questions, and is no test of fairness. An interval that holds 0 does not show that there is "
    "no difference; the interval of a widest gap allows for the choice among the groups of its own "
    "lines, and not among all lines. Groups too small for a figure are listed with their size. "
    "Sex and view bear the codes of DICOM: F, M, O (other); PA, AP."
)


class Compared(NamedTuple):
    """What one downstream task reaches in subgroups.

    Attributes:
        table: Rows of the table `subgroups`.
        baseline: The arm without samples.
        claimed: The arm with them.
    """

    table: pd.DataFrame
    baseline: str
    claimed: str


def section(compared: Iterable[Compared]) -> list[dict[str, Any]]:
    """Return for each figure its title, its two arms and its lines, in words; none without rows.

    A line is of one group, and holds how many it has, and what both arms reach and what the second
    gains; or it is of the widest gap between groups, which each cell names.
    """
    parts = []
    for one in compared:
        base = one.table["metric"].str.removesuffix(GAP).str.removesuffix(GAIN)
        for name, rows in one.table.groupby(base, sort=False):
            parts.append({
                "title": metric(str(name)).title,
                "arms": [spoken(arm)[0].replace("_", " ") for arm in (one.baseline, one.claimed)],
                "lines": _lines(rows, one),
            })  # fmt: skip
    return parts


def _lines(rows: pd.DataFrame, one: Compared) -> list[dict[str, Any]]:
    cells = {one.baseline: "baseline", one.claimed: "claimed"}
    cells |= {f"{one.claimed}-{one.baseline}": "gain"}
    lines: dict[tuple, dict[str, Any]] = {}
    for row in rows[rows["arm"].isin(list(cells))].to_dict("records"):
        gap = str(row["metric"]).endswith(GAP)
        group = "widest gap" if gap else str(row["group"])
        key = row["test"], row["findings"], row["attribute"], group
        line = lines.setdefault(key, _line(row, group, gap))
        line[cells[row["arm"]]] = _cell(row, gap)
    return list(lines.values())


def _line(row: Mapping, group: str, gap: bool) -> dict[str, Any]:
    where = spoken(f"-/{row['test']}/{row['findings']}")[1]
    counts = {name: row[name] for name in ("patients", "positives")}
    missing = dict.fromkeys(("baseline", "claimed", "gain"), NOT_AVAILABLE)
    return {"where": where, "group": f"{row['attribute']}: {group}", "gap": gap} | counts | missing


def _cell(row: Mapping, gap: bool) -> str:
    """Return a value in words, or why there is none; of a gap also whose it is."""
    if pd.isna(row["value"]):
        return str(row["note"]) or NOT_AVAILABLE
    told = with_interval(row["value"], row["low"], row["high"])
    return f"{told}, {row['group']}" if gap else told
