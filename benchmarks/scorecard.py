"""Every recipe's headlines beside their null arms and ceilings, and which of them are lacking.

    python benchmarks/scorecard.py results/scorecard.tsv

Exit 1 where a recipe lacks one that its generator states.
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from radfoundry import tables
from radfoundry.release.card import markdown_table
from radfoundry.report import headlines
from radfoundry.report.scorecard.formatting import with_interval

BESIDE = ("untrained", "shuffled", "real")
FLOORS = {"real": "real_floor"}  # of distances
HEAD = ("recipe", "figure", "arm", "value", "n", *BESIDE, "paper")


def lines(own: Sequence[Mapping[str, Any]], recipe: str) -> Iterator[list[str]]:
    """Yield the cells of `HEAD` for each headline of a recipe that was measured."""
    known = {(row["metric"], row["arm"]): row for row in own}
    for row in headlines.chosen(own, recipe):
        arms = [(f"{row['arm']}/{each}", FLOORS.get(each, "")) for each in BESIDE]
        others = [[known[row["metric"], arm] for arm in pair if (row["metric"], arm) in known]
                  for pair in arms]  # fmt: skip
        beside = [estimate(found[0]) if found else "" for found in others]
        paper = "" if math.isnan(row["published"]) else f"{row['published']:.3g}"
        cells = f"`{row['metric']}`", str(row["arm"]), estimate(row), str(row["n"])
        yield [recipe, *cells, *beside, paper]


def estimate(row: Mapping[str, Any]) -> str:
    """Return a figure with its interval, in words."""
    return with_interval(row["value"], row["low"], row["high"], row["unit"])


def main(path: str) -> None:
    """Print the table, and what is lacking."""
    card = tables.read(path, "scorecard")
    names = [name for name in card["recipe"].unique() if not str(name).startswith("cohort:")]
    own = {name: card[card["recipe"] == name].to_dict("records") for name in names}
    rows = [cells for name in names for cells in lines(own[name], str(name))]
    lacking = [f"{name}: {what}" for name in names for what in headlines.missing(own[name])]
    sys.stdout.write("\n".join([*markdown_table(HEAD, rows), *lacking]) + "\n")
    sys.exit(bool(lacking))


if __name__ == "__main__":
    main(*sys.argv[1:])
