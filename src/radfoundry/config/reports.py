"""Read and check a user's table of reports that have no image: a text encoder learns from them.

The columns are named in `schemas/reports.schema.yaml`. All faults are listed at once, each with
its line and its column, before any job runs.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from radfoundry.config import catalogue
from radfoundry.config.delimited import Fault, Row, parsed, problem

SCHEMA = Path(__file__).parent / "schemas" / "reports.schema.yaml"
KEY = "reports"  # below a network in `train:`
MOST_LISTED = 20


class ReportsError(ValueError):
    """A table of reports cannot be used; `faults` holds every reason."""

    def __init__(self, where: str, faults: list[Fault]):
        self.faults = sorted(faults)
        lines = [f"  {fault}" for fault in islice(self.faults, MOST_LISTED)]
        if len(faults) > MOST_LISTED:
            lines.append(f"  and {len(faults) - MOST_LISTED:,} more faults")
        super().__init__("\n".join([f"{where} cannot be used as a table of reports:", *lines]))


@cache
def _schema() -> Mapping[str, Any]:
    return catalogue.packaged(SCHEMA)


def read(path: str | Path) -> list[Row]:
    """Return the reports of a table, in its order, with `patient` "" where none is stated.

    Args:
        path: TSV or CSV with a header; tab, semicolon or comma, whichever the header uses.

    Raises:
        ReportsError: With every fault of the table.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ReportsError(str(path), [Fault(0, "-", "table.missing", str(error))]) from None
    columns = _schema()["properties"]
    rows, faults = parsed(content, columns, _schema()["given"])
    if found := faults or [fault for line, row in rows for fault in _faults(line, row)]:
        raise ReportsError(str(path), found)
    most = columns["report"]["max_characters"]
    return [{"report": row["report"][:most], "patient": row.get("patient", "")} for _, row in rows]


def _faults(line: int, row: Row) -> Iterator[Fault]:
    for name, rules in _schema()["properties"].items():
        value = row.get(name, "")
        if name in _schema()["given"] and not value.strip():
            yield Fault(line, name, "value.missing", "is empty")
        elif value and (found := problem(value, rules)):
            yield Fault(line, name, *found)


def files(settings: Mapping, recipe: str, network: str) -> list[str]:
    """Return the tables of reports that a recipe's network learns from beside the cohort's.

    Args:
        settings: The checked config.
        recipe: Its name.
        network: Of the recipe's generator.
    """
    stated = settings["recipes"][recipe]["train"].get(network)
    path = stated.get(KEY) if isinstance(stated, Mapping) else None
    return [str(path)] if path else []


def check(settings: Mapping) -> None:
    """Refuse a config one of whose tables of reports cannot be used.

    Raises:
        ReportsError: With every fault of the first such table.
    """
    for recipe, stated in settings["recipes"].items():
        for network in stated["train"]:
            for path in files(settings, recipe, network):
                read(path)
