"""Write the one page that a radiologist reads: what was made, from what, and how good it is.

The page stands alone: no link to anything outside, pictures inside it, and no script but one of its
own, which moves the sliders and without which their pictures lie side by side. On a page of volumes
it also unpacks their viewer, which the policy names by its digest, when asked. Every text that
comes from a table is escaped; every number that is missing reads "not available". This module
draws no chart and opens no file but its own template.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import pandas as pd

from radfoundry import verdicts
from radfoundry.evaluation.metrics.statistics import wilson
from radfoundry.evaluation.privacy import gate
from radfoundry.report import (
    cohorts,
    compared,
    costs,
    headlines,
    refusals,
    sliders,
    strip,
    subgroups,
    viewer,
)
from radfoundry.report.cohorts import Picture
from radfoundry.report.scorecard.card import COLUMNS, GAIN, metric
from radfoundry.report.scorecard.formatting import NOT_AVAILABLE, cell, with_interval

# What has a section of its own.
ELSEWHERE = (*cohorts.CLINICAL, "accepted_fraction", "covered_fraction", "label_dice")
MOST_BYTES = 25_000_000  # of a page that holds volumes: what mail and browsers still take
MARKUP_BYTES = 1_000_000  # of it, for all that is neither picture nor volume
LISTED = 100  # rows of one list; the tables of the run hold all
FEW = 8  # rows of a table that is not folded away


def render(context: Mapping[str, Any]) -> str:
    """Return the page as HTML, from a `context.Context`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("radfoundry.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = cell
    card = cohorts.frame_of(context, "scorecard", COLUMNS)
    given = context.get("recipes") or []
    recipes = [_recipe(recipe, card, number) for number, recipe in enumerate(given)]
    volumes = [cohorts.volumes(one, card) for one in context.get("volumes") or []]
    room = MOST_BYTES - MARKUP_BYTES - _weight(recipes) - _weight(volumes)
    for recipe, part in zip(recipes, viewer.of_page(given, room), strict=True):
        recipe["viewer"] = part
    css = environment.get_template("report.css").render()
    css += strip.css([recipe["strip"] for recipe in recipes if recipe["strip"]])
    js = _script(environment, recipes)
    viewed = any(recipe["viewer"].get("names") for recipe in recipes)
    return environment.get_template("report.html.j2").render(
        title=context.get("title") or "Synthetic images",
        date=context.get("date") or NOT_AVAILABLE,
        css=jinja2.utils.markupsafe.Markup(css),
        css_digest=_digest(css),
        js=jinja2.utils.markupsafe.Markup(js),
        js_digest=_digest(js),
        library=viewer.library() if viewed else None,
        origin=cohorts.origin(cohorts.frame_of(context, "cohorts")),
        cohorts=cohorts.rows_of(cohorts.frame_of(context, "cohorts")),
        refused=cohorts.refused(cohorts.frame_of(context, "cases")),
        errors=refusals.errors(cohorts.frame_of(context, "cases"), given),
        labels=cohorts.label_quality(card),
        label_states=cohorts.states(cohorts.frame_of(context, "labels")),
        volumes=volumes,
        recipes=recipes,
        scorecard=[cohorts.number(row) for row in card.to_dict("records")],
        differences=compared.section(context.get("differences")),
        costs=costs.section(cohorts.frame_of(context, "costs"), context.get("on_gpu") or ()),
        provenance=context.get("provenance") or {},
        listed=LISTED,
        few=FEW,
        missing=NOT_AVAILABLE,
        audit_says=gate.SAYS,
        subgroups_say=subgroups.READ,
    )


def _weight(value: Any) -> int:
    """Return how many characters of text lie in what the template shows."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_weight, value.values()))
    return sum(map(_weight, value)) if isinstance(value, list | tuple) else 0


def _script(environment: jinja2.Environment, recipes: Sequence[Mapping[str, Any]]) -> str:
    """Return the page's own script: what its parts need, "" where they need none."""
    needed = {
        "sliders.js": any(recipe["sliders"] for recipe in recipes),
        "viewer.js": any(recipe["viewer"].get("names") for recipe in recipes),
    }
    texts = [environment.get_template(name).render() for name, wanted in needed.items() if wanted]
    return '"use strict";\n' + "".join(texts) if texts else ""


def _digest(text: str) -> str:
    """Return a text's sha256 as a page's policy names what it allows."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _recipe(recipe: Mapping[str, Any], card: pd.DataFrame, number: int) -> dict[str, Any]:
    name = recipe.get("name", NOT_AVAILABLE)
    decided = cohorts.frame_of(recipe, "verdicts", ("sample", "verdict", "reason"))
    own = card[card["recipe"] == name].to_dict("records")
    charts = recipe.get("metrics") or {}
    counts = decided["verdict"].value_counts().to_dict()
    kept, drawn = int(counts.get(verdicts.KEPT, 0)), len(decided)
    pictures = ("kept", "rejected", "undecided", "experts", "untrained", "nearest")
    flat = recipe.get("modality", "CXR") == "CXR"
    return {
        "name": name,
        "flat": flat,
        "edited": flat and recipe.get("edited", True),
        "description": recipe.get("description", ""),
        "drawn": drawn,
        "counts": {word: int(counts.get(word, 0)) for word in ("kept", "rejected", "undecided")},
        "share": with_interval(*wilson(kept, drawn), "fraction"),
        "alarms": verdicts.alarms(decided) if drawn else {},
        "refused_by": _refused_by(decided),
        "reasons": {word: _reasons(decided, word) for word in ("rejected", "undecided")},
        "experts": _experts(recipe),
        **refusals.part(recipe),
        "strip": _strip(recipe, number),
        "sliders": [sliders.part(one) for one in recipe.get("sliders") or []],
        "pictures": {
            word: [cohorts.picture(p) for p in recipe.get(word) or []] for word in pictures
        },
        "untrained": recipe.get("untrained_said", ""),
        "headlines": headlines.of(own, str(name)),
        "unmeasured": headlines.missing(own),
        "metrics": _metrics(own, charts),
        "subgroups": subgroups.section(asked) if (asked := recipe.get("subgroups")) else None,
    }


def _strip(recipe: Mapping[str, Any], number: int) -> dict[str, Any]:
    names = ("samples", "verdicts", "scores")
    samples, decided, scores = (cohorts.frame_of(recipe, name) for name in names)
    return strip.strip(number, samples, decided, scores, recipe.get("thumbnails") or b"")


def _reasons(decided: pd.DataFrame, verdict: str) -> list[list]:
    return decided.loc[decided["verdict"] == verdict, ["sample", "reason"]].to_numpy().tolist()


def _refused_by(decided: pd.DataFrame) -> list[tuple[str, int]]:
    """Return how many samples each expert objected to: the first word of an objection names it.

    Why a sample could not be drawn is no objection of an expert's.
    """
    parts = [part.split() for _, reason in _reasons(decided, verdicts.REJECTED)
             for part in str(reason).split("; ")]  # fmt: skip
    objections = [
        words for words in parts if words[2:3] == ["<"] or words[:1] == [verdicts.REPEATS]
    ]
    return Counter(words[0] for words in objections).most_common()


def _experts(recipe: Mapping[str, Any]) -> list[dict]:
    """Return what each expert asks for and how many samples it accepts."""
    scores, limits = (
        cohorts.frame_of(recipe, "scores"),
        cohorts.frame_of(recipe, "thresholds"),
    )
    if scores.empty or limits.empty:
        return []
    table = verdicts.acceptance(scores, limits, cohorts.frame_of(recipe, "verdicts"))
    return [
        {**row, "estimate": with_interval(row["fraction"], row["low"], row["high"], "fraction")}
        for row in table.merge(limits.drop(columns="n"), "left", "expert").to_dict("records")
    ]


def _metrics(own: Sequence[Mapping], charts: Mapping[str, Picture]) -> list[dict]:
    """Return the metrics in the scorecard's order, each with its paired differences."""
    names = dict.fromkeys(row["metric"] for row in own)
    entries = []
    for name in (name for name in names if name not in ELSEWHERE):
        rows = [cohorts.number(row) for row in own if row["metric"] == name]
        entries.append({
            "title": metric(name).title, "good": metric(name).good, "gain": name.endswith(GAIN),
            "rows": rows, "chart": cohorts.picture(charts[name]) if name in charts else None,
        })  # fmt: skip
    return entries


def provenance(settings: Mapping[str, Any], versions: str, digest: str) -> dict[str, dict]:
    """Return what must be known to make the page again, by group and label.

    Args:
        settings: The checked config.
        versions: Of Python and the libraries, as one text.
        digest: Of the code that made the page.
    """
    seeds = {name: str(entry["seed"]) for name, entry in settings["recipes"].items()}
    text = json.dumps(settings, sort_keys=True).encode()
    return {
        "Versions": {"Libraries": versions},
        "Seeds": seeds | {"evaluation": json.dumps(settings["evaluate"]["seeds"])},
        "Config": {"sha256": hashlib.sha256(text).hexdigest()},
        "Code": {"digest of this page": digest},
    }
