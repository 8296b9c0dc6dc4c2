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

# What stands beside a figure, and how its arm is called: `{arm}` is that of the figure, `{first}`
# the same up to the first "/", and `{rest}` what follows, with its "/".
BESIDE: Mapping[str, Sequence[str]] = {
    "untrained": ("{arm}/untrained", "untrained-real_repeated{rest}", "untrained{rest}"),
    "shuffled": ("{arm}/shuffled",),
    "real": (
        "{arm}/real", "real_floor", "extra_real-real_repeated{rest}", "held_out{rest}/real",
        "{first}/real", "real",
    ),
}  # fmt: skip
WHOLE = ("requested_measured_spearman",)  # of which every arm is told
HEAD = ("recipe", "figure", "arm", "value", "n", *BESIDE, "paper")


def rows_of(own: Sequence[Mapping[str, Any]], recipe: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a recipe that are told."""
    for row in headlines.chosen(own, recipe):
        alike = [other for other in own if other["metric"] == row["metric"]]
        every = [other for other in alike if not headlines.is_reference(other["arm"])]
        yield from every if row["metric"] in WHOLE else [row]


def lines(own: Sequence[Mapping[str, Any]], recipe: str) -> Iterator[list[str]]:
    """Yield the cells of `HEAD` for each headline of a recipe that was measured."""
    known = {(row["metric"], row["arm"]): row for row in own}
    for row in rows_of(own, recipe):
        arm = str(row["arm"])
        first, slash, rest = arm.partition("/")
        parts = {"arm": arm, "first": first, "rest": slash + rest}
        named = [[form.format(**parts) for form in forms] for forms in BESIDE.values()]
        others = [[known[row["metric"], name] for name in names if (row["metric"], name) in known]
                  for names in named]  # fmt: skip
        beside = [estimate(found[0]) if found else "" for found in others]
        paper = "" if math.isnan(row["published"]) else f"{row['published']:.3g}"
        cells = f"`{row['metric']}`", arm, estimate(row), str(row["n"])
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
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
