"""Write the one page that a radiologist reads: what was made, from what, and how good it is.

The page stands alone: no script, no link to anything outside, pictures inside it. Every text that
comes from a table is escaped; every number that is missing reads "not available". This module
makes no figure and opens no file but its own template.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import jinja2
import pandas as pd

from radfoundry import verdicts
from radfoundry.metrics.statistics import wilson
from radfoundry.readable import NOT_AVAILABLE, cell, excludes_zero, shown, spoken, with_interval
from radfoundry.scorecard import COLUMNS, GAIN, metric

Picture = tuple[str, bytes] | tuple[str, bytes, str]  # caption, PNG, text in its place
HEADLINES = ("image_auroc", "pixel_dice", "utility_gain", "memorised_fraction")
COSTS = ("wall_seconds", "peak_gb", "gpu_seconds")
ELSEWHERE = (*COSTS, "accepted_fraction", "label_dice")  # have a section of their own
LISTED = 100  # rows of one list; the tables of the run hold all
FEW = 8  # rows of a table that is not folded away


class Recipe(TypedDict, total=False):
    """What one recipe made.

    Attributes:
        name: As in the config.
        description: One sentence on how its images are made.
        verdicts: Columns sample, verdict, reason.
        scores: Columns sample, expert, score.
        thresholds: Columns expert, quantile, threshold, n, note.
        kept: Montages of accepted samples, by shape.
        rejected: Montages of rejected samples.
        undecided: Montages of undecided samples.
        experts: Histograms.
        metrics: Metric to its chart.
    """

    name: str
    description: str
    verdicts: pd.DataFrame
    scores: pd.DataFrame
    thresholds: pd.DataFrame
    kept: Sequence[Picture]
    rejected: Sequence[Picture]
    undecided: Sequence[Picture]
    experts: Sequence[Picture]
    metrics: Mapping[str, Picture]


class Context(TypedDict, total=False):
    """All that the page tells; each part may be missing, and is then said to be not available.

    Attributes:
        title: Title of the page.
        date: When it was made, as text.
        cohorts: Columns cohort, origin ("phantom" or "real"), cases, patients, rejected, train,
            tune, test, findings; further columns are shown too.
        cases: Columns cohort, case, status, code, message.
        labels: Columns cohort, by, structure, status: one row per case and structure.
        recipes: What each recipe made.
        scorecard: As `scorecard.build` returns it.
        provenance: Group (versions, seeds, digests ...) to label to text.
    """

    title: str
    date: str
    cohorts: pd.DataFrame
    cases: pd.DataFrame
    labels: pd.DataFrame
    recipes: Sequence[Recipe]
    scorecard: pd.DataFrame
    provenance: Mapping[str, Mapping[str, str]]


def render(context: Mapping[str, Any]) -> str:
    """Return the page as HTML, from a `Context`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("radfoundry", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = cell
    css = environment.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    card = _frame(context, "scorecard", COLUMNS)
    recipes = [_recipe(recipe, card) for recipe in context.get("recipes") or []]
    return environment.get_template("report.html.j2").render(
        title=context.get("title") or "Synthetic images",
        date=context.get("date") or NOT_AVAILABLE,
        css=jinja2.utils.markupsafe.Markup(css),
        css_digest=digest,
        origin=_origin(_frame(context, "cohorts")),
        cohorts=_rows(_frame(context, "cohorts")),
        refused=_refused(_frame(context, "cases")),
        labels=_label_quality(card),
        label_states=_states(_frame(context, "labels")),
        recipes=recipes,
        scorecard=[_number(row) for row in card.to_dict("records")],
        provenance=context.get("provenance") or {},
        listed=LISTED,
        few=FEW,
        missing=NOT_AVAILABLE,
    )


def _frame(context: Mapping[str, Any], key: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    frame = context.get(key)
    return pd.DataFrame(columns=list(columns)) if frame is None else frame


def _rows(frame: pd.DataFrame) -> dict[str, list]:
    return {"head": [str(name) for name in frame.columns], "rows": frame.to_numpy().tolist()}


def _origin(cohorts: pd.DataFrame) -> str:
    """Return "phantom", "real", "both" or "unknown"."""
    kinds = set(cohorts["origin"]) if "origin" in cohorts else set()
    if not kinds or kinds - {"phantom", "real"}:
        return "unknown"
    return "both" if len(kinds) == 2 else kinds.pop()


def _refused(cases: pd.DataFrame) -> dict[str, Any]:
    if "status" not in cases:
        return {"known": False, "total": 0, "codes": [], "rows": []}
    own = cases[cases["status"] != "ok"]
    codes = own.groupby("code")["case"].count().sort_values(ascending=False)
    rows = own.reindex(columns=["cohort", "case", "code", "message"]).to_numpy().tolist()
    return {"known": True, "total": len(cases), "codes": list(codes.items()), "rows": rows}


def _states(labels: pd.DataFrame) -> dict[str, list]:
    """Return how often each structure was found, per cohort and method."""
    if labels.empty:
        return {"head": [], "rows": []}
    table = pd.crosstab(
        [labels["cohort"], labels["by"], labels["structure"]], labels["status"]
    ).reindex(columns=["present", "cropped", "absent", "failed"], fill_value=0)
    return _rows(table.reset_index())


def _number(row: Mapping) -> dict[str, Any]:
    """Return a row of the scorecard in words."""
    arm, setting = spoken(row["arm"])
    unit = str(row["unit"])
    return {
        "recipe": row["recipe"],
        "metric": row["metric"],
        "title": metric(row["metric"]).title,
        "arm": arm,
        "setting": setting,
        "told": with_interval(row["value"], row["low"], row["high"], unit),
        "n": row["n"],
        "published": "" if pd.isna(row["published"]) else shown(row["published"], unit),
        "note": "" if pd.isna(row["note"]) else row["note"],
        "excludes_zero": excludes_zero(row["low"], row["high"]),
    }


def _label_quality(card: pd.DataFrame) -> list[dict]:
    rows = card[card["metric"] == "label_dice"].to_dict("records")
    return [_number(row) | {"cohort": str(row["recipe"]).removeprefix("cohort:")} for row in rows]


def _recipe(recipe: Mapping[str, Any], card: pd.DataFrame) -> dict[str, Any]:
    name = recipe.get("name", NOT_AVAILABLE)
    decided = _frame(recipe, "verdicts", ("sample", "verdict", "reason"))
    own = card[card["recipe"] == name].to_dict("records")
    charts = recipe.get("metrics") or {}
    counts = decided["verdict"].value_counts().to_dict()
    kept, drawn = int(counts.get(verdicts.KEPT, 0)), len(decided)
    pictures = ("kept", "rejected", "undecided", "experts")
    return {
        "name": name,
        "description": recipe.get("description", ""),
        "drawn": drawn,
        "counts": {word: int(counts.get(word, 0)) for word in ("kept", "rejected", "undecided")},
        "share": with_interval(*wilson(kept, drawn), "fraction"),
        "alarms": verdicts.alarms(decided) if drawn else {},
        "refused_by": _refused_by(decided),
        "reasons": {word: _reasons(decided, word) for word in ("rejected", "undecided")},
        "experts": _experts(recipe),
        "pictures": {word: [_picture(p) for p in recipe.get(word) or []] for word in pictures},
        "headlines": _headlines(own, str(name)),
        "metrics": _metrics(own, charts),
        "costs": [_number(row) for row in own if row["metric"] in COSTS],
    }


def _reasons(decided: pd.DataFrame, verdict: str) -> list[list]:
    return decided.loc[decided["verdict"] == verdict, ["sample", "reason"]].to_numpy().tolist()


def _refused_by(decided: pd.DataFrame) -> list[tuple[str, int]]:
    """Return how many samples each expert objected to: the first word of an objection names it."""
    objections = [part.split() for _, reason in _reasons(decided, verdicts.REJECTED)
                  for part in str(reason).split("; ")]  # fmt: skip
    return Counter(words[0] for words in objections if words).most_common()


def _experts(recipe: Mapping[str, Any]) -> list[dict]:
    """Return what each expert asks for and how many samples it accepts."""
    scores, limits = _frame(recipe, "scores"), _frame(recipe, "thresholds")
    if scores.empty or limits.empty:
        return []
    table = verdicts.acceptance(scores, limits, _frame(recipe, "verdicts"))
    return [
        {**row, "told": with_interval(row["fraction"], row["low"], row["high"], "fraction")}
        for row in table.merge(limits.drop(columns="n"), "left", "expert").to_dict("records")
    ]


def _headlines(own: Sequence[Mapping], recipe: str) -> list[dict]:
    """Return at most one number for each of `HEADLINES`, the recipe's own arm before others."""
    found = []
    for name in HEADLINES:
        rows = [row for row in own if row["metric"] == name]
        rows.sort(key=lambda row: not str(row["arm"]).startswith(recipe))
        found += [_number(row) | {"good": metric(name).good} for row in rows[:1]]
    return found


def _metrics(own: Sequence[Mapping], charts: Mapping[str, Picture]) -> list[dict]:
    """Return the metrics in the scorecard's order, each with its paired differences."""
    names = dict.fromkeys(row["metric"] for row in own)
    told = []
    for name in (name for name in names if name not in ELSEWHERE):
        rows = [_number(row) for row in own if row["metric"] == name]
        told.append({
            "title": metric(name).title, "good": metric(name).good, "gain": name.endswith(GAIN),
            "rows": rows, "chart": _picture(charts[name]) if name in charts else None,
        })  # fmt: skip
    return told


def _picture(picture: Picture) -> dict[str, str]:
    caption, png, *alt = picture
    data = base64.b64encode(png).decode() if png else ""
    return {"caption": caption, "data": data, "alt": alt[0] if alt and alt[0] else caption}
