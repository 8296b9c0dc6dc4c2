"""Findings as cells of a table: which finding, on which side, how severe, from which site.

What a dataset covers is counted in cells, of real cases by their reports and of samples by their
requests alike, so that it can be compared and its empty cells be asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from radfoundry.text import composer, labeler


class Cell(NamedTuple):
    """One kind of finding; "" where it is not stated, or where sites are not told apart."""

    finding: str
    side: str = ""
    severity: str = ""
    site: str = ""


def of_findings(findings: Iterable[Mapping], site: str = "") -> set[Cell]:
    """Return the cells that findings lie in, each once; none of a case without any.

    A bilateral finding lies in the cells of both sides.
    """
    found = set()
    for one in findings:
        side = str(one.get("side", ""))
        for each in ("right", "left") if side == "bilateral" else (side,):
            found.add(Cell(str(one["name"]), each, str(one.get("severity", "")), site))
    return found


def of_case(facts: Mapping[Any, Any], site: str = "") -> set[Cell]:
    """Return the cells of a real case: what its report states, and what is only listed.

    Args:
        facts: `report`, and `findings` joined by |; either may lack.
        site: Where it comes from, if sites are told apart.
    """
    return of_findings(findings_of(facts), site)


def findings_of(facts: Mapping[Any, Any]) -> list[dict[str, str]]:
    """Return a case's findings: name, and side and severity where its report states them."""
    stated = [dict(one) for one in _stated(str(facts.get("report") or ""))]
    listed = [name for name in str(facts.get("findings") or "").split("|") if name]
    return stated + [{"name": n} for n in listed if n not in {one["name"] for one in stated}]


@lru_cache(maxsize=2**14)
def _stated(report: str) -> Sequence[Mapping[str, str]]:
    """Return what a report states; reports recur."""
    return tuple(labeler.structured(report)) if report.strip() else ()


def grid(known: Iterable[Cell], sites: Sequence[str] = ("",)) -> list[Cell]:
    """Return every cell that a prompt can ask for, of the findings that are known, in order.

    Each side and each severity of each finding, as the composer can word it: of findings that
    have a side right and left, whichever of them is known. A finding that is nowhere among the
    known cells was never learned, and has none.

    Args:
        known: Cells of real cases that a generator learned from.
        sites: Those that are told apart.
    """
    named = {cell.finding for cell in known}
    cells = []
    for finding in (name for name in composer.wording()["findings"] if name in named):
        sides = ("right", "left") if has_side(finding) else ("",)
        cells += [Cell(finding, *rest) for rest in product(sides, composer.DEGREES, sites)]
    return cells


def has_side(finding: str) -> bool:
    """Return whether a report can say on which side a finding lies."""
    return any("{side}" in one or "{place}" in one
               for one in composer.wording()["findings"][finding]["present"])  # fmt: skip


def sites_of(sites: Iterable[Any]) -> list[str]:
    """Return the sites that are told apart: [""] where there are fewer than two.

    >>> sites_of(["b", "", "a"]), sites_of(["a", "a", None])
    (['a', 'b'], [''])
    """
    named = sorted({str(site) for site in sites if isinstance(site, str) and site})
    return named if len(named) > 1 else [""]
