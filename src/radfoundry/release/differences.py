"""What differs between two releases: samples, networks, config, versions, figures.

Figures stand side by side with their intervals, equal ones too. Whether a difference is more than
chance is not said: intervals of two runs on the same patients are not independent.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from radfoundry.release.methods import flat

COLUMNS = ("recipe", "kind", "name", "change", "old", "new")
ENDS = ("value", "low", "high")
NUMBERS = tuple(f"{when}_{end}" for when in ("old", "new") for end in ENDS)
ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"
DIGEST = "_sha256"  # ending of the columns that hold digests of a sample's files
SHOWN = 12  # letters of a digest
UNKNOWN = "not known: made by a version that wrote no provenance.json"


class Release(NamedTuple):
    """What a release says of itself.

    Attributes:
        record: Its `provenance.json`; {} where it has none.
        table: Its `dataset.tsv`, as text.
        figures: Columns metric, arm, value, low, high, of its recipe.
    """

    record: Mapping[str, Any]
    table: pd.DataFrame
    figures: pd.DataFrame


def table(old: Mapping[str, Release], new: Mapping[str, Release]) -> pd.DataFrame:
    """Return what differs, one row each: `COLUMNS`, and `NUMBERS` of figures.

    Args:
        old: Releases by recipe.
        new: The same.
    """
    rows: list[dict] = []
    for recipe in sorted({*old, *new}):
        if recipe not in old or recipe not in new:
            told = (recipe if recipe in releases else "" for releases in (old, new))
            rows.append({"recipe": recipe, **_row("release", recipe, *told)})
        else:
            rows += [{"recipe": recipe, **row} for row in _of(old[recipe], new[recipe])]
    return pd.DataFrame(rows, columns=[*COLUMNS, *NUMBERS])


def _row(kind: str, name: str, old: str, new: str) -> dict[str, Any]:
    change = ADDED if not old else REMOVED if not new else SAME if old == new else CHANGED
    return {"kind": kind, "name": name, "change": change, "old": old, "new": new}


def _of(old: Release, new: Release) -> Iterator[dict[str, Any]]:
    yield from _samples(old.table, new.table)
    if not old.record or not new.record:
        told = (UNKNOWN if not one.record else "known" for one in (old, new))
        yield _row("config", "provenance.json", *told)
    else:
        for kind, pair in {
            "network": [_networks(one.record) for one in (old, new)],
            "config": [flat(one.record["config"]) for one in (old, new)],
            "code": [_code(one.record) for one in (old, new)],
            "version": [one.record["versions"] for one in (old, new)],
        }.items():
            yield from _keys(kind, *pair)
    yield from _figures(old.figures, new.figures)


def _networks(record: Mapping[str, Any]) -> dict[str, str]:
    return {name: own["sha256"] for name, own in record["networks"].items()}


def _code(record: Mapping[str, Any]) -> dict[str, str]:
    return {label: said for label, said in record["facts"].items() if label.startswith("Code")}


def _keys(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each key whose values differ."""
    for key in sorted({*old, *new}):
        row = _row(kind, key, *(_text(one[key]) if key in one else "" for one in (old, new)))
        if row["change"] != SAME:
            yield row


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _samples(old: pd.DataFrame, new: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a row for each sample that came, went, or of whose files the bytes changed."""
    both = [str(name) for name in new if str(name).endswith(DIGEST) and name in old]
    before, after = (_by_sample(one, both) for one in (old, new))
    for sample in sorted({*before, *after}):
        if sample not in before or sample not in after:
            yield _row("sample", sample, *(sample if sample in w else "" for w in (before, after)))
        elif before[sample] != after[sample]:
            files = [name for name in both if before[sample][name] != after[sample][name]]
            told = (_digests(one[sample], files) for one in (before, after))
            yield _row("sample", sample, *told)


def _by_sample(table: pd.DataFrame, columns: list[str]) -> dict[str, dict[str, str]]:
    rows = table[["sample", *columns]].to_dict("records")
    return {str(row["sample"]): {name: str(row[name]) for name in columns} for row in rows}


def _digests(digests: Mapping[str, str], files: list[str]) -> str:
    """Return the digests of some files of a sample in words, each cut to what tells them apart."""
    told = ((name.removesuffix(DIGEST), digests[name][:SHOWN] or "none") for name in files)
    return ", ".join(f"{what} {digest}" for what, digest in told)


def _figures(old: pd.DataFrame, new: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield every figure of either release, side by side."""
    before, after = (
        {f"{row['metric']}/{row['arm']}": row for row in one.to_dict("records")}
        for one in (old, new)
    )
    for name in sorted({*before, *after}):
        pair = {"old": before.get(name, {}), "new": after.get(name, {})}
        row = _row("figure", name, *(_figure(own) for own in pair.values()))
        yield row | {
            f"{when}_{end}": own.get(end, math.nan) for when, own in pair.items() for end in ENDS
        }


def _figure(row: Mapping[Any, Any]) -> str:
    """Return a figure with its interval and all its digits; "" where there is no such row."""
    if not row:
        return ""
    if pd.isna(row["value"]):
        return "not available"
    ends = [f"{row[end]:g}" for end in ("low", "high") if not pd.isna(row[end])]
    return f"{row['value']:g} ({' to '.join(ends) if len(ends) == 2 else 'no interval'})"
