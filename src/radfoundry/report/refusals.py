"""What the report says of what was refused: where samples are lost, by whom, of what kind.

Values in, values out: tables become rows of words for the template.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from radfoundry.report.cohorts import frame_of
from radfoundry.report.scorecard.formatting import with_interval
from radfoundry.verdicts import covered, losses

NUMBER = re.compile(r"\d+(?:\.\d+)?")
DEGREES = ("mild", "moderate", "severe")
OTHERS = ("samples", "real", "real_held_out")


def part(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page says of a recipe's refusals.

    Args:
        recipe: A `context.Recipe`; of what is missing nothing is said.
    """
    accepted = frame_of(recipe, "accepted")
    return {
        "waterfall": _waterfall(recipe),
        "alone": _alone(frame_of(recipe, "alone")),
        "joint": _joint(accepted),
        "groups": _groups(accepted),
        "coverage": _coverage(frame_of(recipe, "coverage")),
    }


def errors(cases: pd.DataFrame, recipes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return all kinds of refusal, of cases and of samples, the most frequent of each first.

    Args:
        cases: Columns cohort, case, status, code, message.
        recipes: Each a `context.Recipe`.

    Returns:
        One row for each kind: stage, where, kind, count, example (an id) and message.
    """
    rows = list(_of_cases(cases))
    for recipe in recipes:
        rows += _of_samples(recipe)
    return rows


def _waterfall(recipe: Mapping[str, Any]) -> list[dict[Any, Any]]:
    names = ("samples", "verdicts", "scores", "thresholds")
    samples, verdicts, scores, limits = (frame_of(recipe, name) for name in names)
    if samples.empty or verdicts.empty or limits.empty:
        return []
    steps = losses.waterfall(samples, verdicts, scores, limits).to_dict("records")
    wide = max(1, len(samples))
    return [
        {
            **step,
            "width": f"{100 * step['left'] / wide:.2f}",
            "gone": f"{100 * step['lost'] / wide:.2f}",
        }
        for step in steps
        if step["lost"] or step["step"] in ("asked for", "kept")
        or str(step["step"]).startswith("refused by")
    ]  # fmt: skip


def _alone(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row for each expert: what is accepted without it, of samples and of real cases."""
    rows: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        own = rows.setdefault(str(row["expert"]), {"expert": row["expert"]})
        own[row["images"]] = {
            **row, "estimate": with_interval(row["fraction"], row["low"], row["high"], "fraction")
        }  # fmt: skip
    return [{"samples": None, "real": None} | row for row in rows.values()]


def _joint(accepted: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return what all experts together accept, by what is judged; {} without a table."""
    if accepted.empty:
        return {}
    rows = accepted[accepted["group"] == "all"].to_dict("records")
    return {str(row["images"]): _estimated(row) for row in rows}


def _groups(accepted: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row for each group and value, with the estimate of samples and of real cases."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    own = accepted[accepted["group"] != "all"] if len(accepted) else accepted
    for row in own.to_dict("records"):
        key = str(row["group"]), str(row["value"])
        words = {"group": key[0], "value": key[1].replace("_", " "), **dict.fromkeys(OTHERS)}
        rows.setdefault(key, words)[row["images"]] = _estimated(row)
    return list(rows.values())


def _estimated(row: Mapping[Any, Any]) -> dict[Any, Any]:
    estimate = with_interval(row["fraction"], row["low"], row["high"], "fraction")
    return {**row, "estimate": estimate}


def _coverage(table: pd.DataFrame) -> dict[str, Any]:
    """Return the cells by finding, side and site, each degree of severity in a column.

    {} where no request asks for any cell.
    """
    found = covered.counts(table) if len(table) else None
    if found is None:
        return {}
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in table[table["possible"].astype(bool)].to_dict("records"):
        key = str(row["finding"]), str(row["side"]), str(row["site"])
        own = rows.setdefault(key, {"finding": key[0].replace("_", " "), "where": key[1:]})
        own[row["severity"]] = {k: int(row[k]) for k in ("real", "asked", "kept")}
    return {
        "cells": found.cells, "before": found.real, "after": found.real_and_kept,
        "degrees": DEGREES, "rows": list(rows.values()),
        "sites": any(key[2] for key in rows),
    }  # fmt: skip


def _of_cases(cases: pd.DataFrame) -> Iterator[dict[str, Any]]:
    if "status" not in cases:
        return
    refused = cases[cases["status"] != "ok"]
    for (cohort, code), own in _by_size(refused, ["cohort", "code"]):
        first = own.iloc[0]
        yield _row("preprocess", cohort, code, len(own), first["case"], first["message"])


def _of_samples(recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield why samples could not be drawn, then who refused those that could."""
    name, samples = recipe.get("name", ""), frame_of(recipe, "samples")
    failed = samples[samples["status"] == "failed"] if "status" in samples else samples
    kinds = failed.assign(kind=[NUMBER.sub("#", str(said)) for said in failed.get("message", [])])
    for (kind,), own in _by_size(kinds, ["kind"]):
        first = own.iloc[0]
        yield _row("sample", name, kind, len(own), first["sample"], first["message"])
    decided = frame_of(recipe, "verdicts", ("sample", "verdict", "reason"))
    left = decided[~decided["sample"].isin(failed.get("sample", []))]
    left = left[left["verdict"] != "kept"]
    for (kind,), own in _by_size(left.assign(kind=left["reason"].map(_who)), ["kind"]):
        first = own.iloc[0]
        yield _row("filter", name, kind, len(own), first["sample"], first["reason"])


def _by_size(table: pd.DataFrame, by: list[str]) -> list[tuple[tuple, pd.DataFrame]]:
    if table.empty:
        return []
    return sorted(table.groupby(by), key=lambda group: -len(group[1]))


def _who(reason: object) -> str:
    """Return who objected, and who had nothing to say, of a verdict's reason.

    >>> _who("anatomy 0.1 < 0.5 (quantile 0.05 of 9 real cases); novelty has no evidence")
    'anatomy refuses; novelty has no evidence'
    """
    parts = [part.split() for part in str(reason).split("; ") if part]
    words = [
        "repeats another" if one[0] == "repeats"
        else f"{one[0]} refuses" if one[2:3] == ["<"]
        else " ".join(one)
        for one in parts
    ]  # fmt: skip
    return "; ".join(words)


def _row(
    stage: str, where: object, kind: object, count: int, example: object, said: object
) -> dict[str, Any]:
    words: dict[str, Any] = {"stage": stage, "where": str(where), "kind": str(kind), "count": count}
    return words | {"example": str(example), "message": str(said)}
