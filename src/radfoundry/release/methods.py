"""`methods.md`: how a release was made, as a paper's section on methods would say it.

Every value is taken from the record of the release (`record`): none is written by hand, so none can
be out of date.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from radfoundry.release.card import markdown_cell, markdown_table
from radfoundry.release.marks import FRONT

NAME = "methods.md"
HEAD = """\
Written by the factory from the config of the run and from the cards of the networks. Whoever cites
a value from here cites what ran. `provenance.json` holds the same for programs."""
SEEDS = """\
Every random choice follows from the recipe's seed: sha256 of it, the stage and the sample (or the
network) gives a seed of its own, so batches and the number of workers change nothing."""


def text(record: Mapping[str, Any]) -> str:
    """Return methods.md of a release's record."""
    name, config = record["recipe"], record["config"]
    own = config["recipes"][name]
    lines = [
        f"{FRONT}# Methods of `synthetic-{markdown_cell(name)}`", "", HEAD, "",
        "## Source data", "", *_source(record), "",
        "## Labels of the source", "", *_nested(config["pseudolabel"], "labels came along"), "",
        "## Networks", "", *_networks(record["networks"]), "",
        "## Seeds", "", SEEDS, "", *_pairs({"Seed of the recipe": own["seed"]}), "",
        "## Drawing", "", *_pairs(flat(record["drawing"])), "",
        "## Filter", "", *_filter(record), "",
        "## Gates and code", "", *_pairs(record["facts"]), "",
        "## Versions", "", *_pairs(record["versions"]), "",
        "## Cite", "", *(f"* {markdown_cell(paper)}" for paper in record["citations"]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return markdown_table(["What", "Value"], [(k, _shown(v)) for k, v in values.items()])


def _shown(value: Any) -> str:
    """Return a value of the record whole: a reader may want to type it again."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return nested values by dotted key.

    >>> flat({"a": {"b": 1}, "c": [2]})
    {'a.b': 1, 'c': [2]}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        nested = isinstance(value, Mapping) and value
        found |= flat(value, f"{above}{key}.") if nested else {f"{above}{key}": value}
    return found


def _nested(values: Mapping[str, Any], none: str) -> list[str]:
    return _pairs(flat(values)) if values else [f"None was made: {none}."]


def _source(record: Mapping[str, Any]) -> Iterator[str]:
    (cohort,) = record["config"]["cohorts"].values()
    yield from _pairs(flat(cohort))
    yield ""
    rows = [(split, own["cases"], own["patients"]) for split, own in record["source"].items()]
    yield from markdown_table(["Split", "Cases", "Patients"], rows)


def _networks(networks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if not networks:
        yield "None: the generator learns nothing."
        return
    rows = [(name, own["does"], own["origin"], own["sha256"]) for name, own in networks.items()]
    yield from markdown_table(["Network", "What it does", "Origin", "sha256 of its weights"], rows)
    for name, own in networks.items():
        yield from ("", f"### {markdown_cell(name)}", "", *_pairs(flat(own["values"])))


def _filter(record: Mapping[str, Any]) -> Iterator[str]:
    counts = record["samples"]
    yield from _pairs({f"Samples {word}": number for word, number in counts.items()})
    yield ""
    columns = ("expert", "quantile", "threshold", "n", "note")
    rows: list[Sequence] = [[_shown(row[c]) for c in columns] for row in record["experts"]]
    head = ["Expert", "Share of real cases it may refuse", "Threshold", "Real cases", "Note"]
    yield from markdown_table(head, rows)
    yield ""
    yield from _pairs(flat(record["filter"]))
