"""What the report says of cohorts: where images came from, how they are labelled and measured.

Values in, values out: tables become rows of words for the template.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pandas as pd

from radfoundry.evaluation.metrics.clinical import MEASURES
from radfoundry.report import encoding
from radfoundry.report.scorecard.card import metric
from radfoundry.report.scorecard.formatting import (
    NOT_AVAILABLE,
    excludes_zero,
    shown,
    spoken,
    with_interval,
)

Picture = tuple[str, bytes] | tuple[str, bytes, str]  # caption, PNG, text in its place
CLINICAL = ("clinical_mean", "clinical_bias", "clinical_error")
STATES = ("present", "cropped", "small", "absent", "not_in_view", "failed")


def row(name: str, phantom: bool, images: pd.DataFrame, splits: pd.DataFrame) -> dict[str, Any]:
    """Return what the report says of one cohort: how many of what.

    Args:
        name: Of the cohort.
        phantom: Whether it is drawn.
        images: Rows of the table `images`, rejected cases too.
        splits: Rows of the table `splits`.
    """
    counts = splits["split"].value_counts()
    found = {"cohort": name, "origin": "phantom" if phantom else "real", "cases": len(images)}
    found |= {"patients": images["patient"].nunique()}
    found |= {"rejected": int((images["status"] == "rejected").sum())}
    found |= {split: int(counts.get(split, 0)) for split in ("train", "tune", "test")}
    found |= {"findings": int((images["findings"] != "").sum())}
    return found | {"warnings": int((images["warnings"] != "").sum())}


class Volumes(TypedDict, total=False):
    """What is shown of a cohort of CT or MR.

    Attributes:
        name: Of the cohort.
        modality: "CT" or "MR".
        pictures: Montages of its cases with their labels.
        opinions: Columns case, region, dice, status, of a second segmenter.
        measured: Columns region, lesion, code: one row per radiomics vector.
    """

    name: str
    modality: str
    pictures: Sequence[Picture]
    opinions: pd.DataFrame
    measured: pd.DataFrame


def frame_of(context: Mapping[str, Any], key: str, columns: Sequence[str] = ()) -> pd.DataFrame:
    frame = context.get(key)
    return pd.DataFrame(columns=list(columns)) if frame is None else frame


def rows_of(frame: pd.DataFrame) -> dict[str, list]:
    return {"head": [str(name) for name in frame.columns], "rows": frame.to_numpy().tolist()}


def origin(cohorts: pd.DataFrame) -> str:
    """Return "phantom", "real", "both" or "unknown"."""
    kinds = set(cohorts["origin"]) if "origin" in cohorts else set()
    if not kinds or kinds - {"phantom", "real"}:
        return "unknown"
    return "both" if len(kinds) == 2 else kinds.pop()


def refused(cases: pd.DataFrame) -> dict[str, Any]:
    if "status" not in cases:
        return {"known": False, "total": 0, "codes": [], "rows": []}
    own = cases[cases["status"] != "ok"]
    codes = own.groupby("code")["case"].count().sort_values(ascending=False)
    rows = own.reindex(columns=["cohort", "case", "code", "message"]).to_numpy().tolist()
    return {"known": True, "total": len(cases), "codes": list(codes.items()), "rows": rows}


def states(labels: pd.DataFrame) -> dict[str, list]:
    """Return how often each structure was found, per cohort and method."""
    if labels.empty:
        return {"head": [], "rows": []}
    table = pd.crosstab(
        [labels["cohort"], labels["by"], labels["structure"]], labels["status"]
    ).reindex(columns=list(STATES), fill_value=0)
    return rows_of(table.reset_index())


def number(row: Mapping) -> dict[str, Any]:
    """Return a row of the scorecard in words."""
    arm, setting = spoken(row["arm"])
    unit = str(row["unit"])
    return {
        "recipe": row["recipe"],
        "metric": row["metric"],
        "title": metric(row["metric"]).title,
        "arm": arm,
        "setting": setting,
        "estimate": with_interval(row["value"], row["low"], row["high"], unit),
        "n": row["n"],
        "published": "" if pd.isna(row["published"]) else shown(row["published"], unit),
        "note": "" if pd.isna(row["note"]) else row["note"],
        "excludes_zero": excludes_zero(row["low"], row["high"]),
    }


def label_quality(card: pd.DataFrame) -> list[dict]:
    rows = card[card["metric"] == "label_dice"].to_dict("records")
    return [number(row) | {"cohort": str(row["recipe"]).removeprefix("cohort:")} for row in rows]


def picture(picture: Picture) -> dict[str, str]:
    caption, png, *alt = picture
    kind, content = encoding.smaller(png)
    data = base64.b64encode(content).decode()
    words = alt[0] if alt and alt[0] else caption
    return {"caption": caption, "kind": kind, "data": data, "alt": words}


def volumes(part: Mapping[str, Any], card: pd.DataFrame) -> dict[str, Any]:
    """Return what the page says of one cohort of volumes.

    Args:
        part: A `Volumes`.
        card: The scorecard.
    """
    name = str(part.get("name", NOT_AVAILABLE))
    own = card[card["recipe"] == f"cohort:{name}"]
    return {
        "name": name,
        "modality": part.get("modality", NOT_AVAILABLE),
        "pictures": [picture(shown) for shown in part.get("pictures") or []],
        "clinical": _clinical(own),
        "opinions": _opinions(frame_of(part, "opinions")),
        "measured": _measured(frame_of(part, "measured")),
    }


def _clinical(own: pd.DataFrame) -> list[dict]:
    """Return one row per measurement and method: what the labels say, and how far off they are."""
    rows: dict[str, dict] = {}
    for row in own[own["metric"].isin(CLINICAL)].to_dict("records"):
        entry, name = number(row), str(row["arm"]).split("/")[0]
        words = MEASURES[name].words if name in MEASURES else entry["arm"]
        rows.setdefault(row["arm"], {"arm": words, "method": entry["setting"], "n": 0})
        rows[row["arm"]][row["metric"]] = entry["estimate"]
        rows[row["arm"]]["n"] = max(rows[row["arm"]]["n"], row["n"])
    return [{name: NOT_AVAILABLE for name in CLINICAL} | row for row in rows.values()]


def _opinions(frame: pd.DataFrame) -> list[dict]:
    """Return one row per region: how often the two methods agree."""
    if frame.empty:
        return []
    entries = []
    for region, rows in frame.groupby("region"):
        counts = rows["status"].value_counts()
        row = {word: int(counts.get(word, 0)) for word in ("agree", "disagree", "both absent")}
        entries.append({"region": region, "dice": shown(rows["dice"].median()), **row})
    return entries


def _measured(frame: pd.DataFrame) -> list[dict]:
    """Return one row per region: lesions that were measured, and why others were not."""
    if frame.empty:
        return []
    entries = []
    for region, rows in frame.groupby("region"):
        failed = rows.loc[rows["code"] != "", "code"].value_counts().to_dict()
        whole = int((rows["lesion"] == 0).sum())
        row = {"region": region, "cases": whole, "lesions": len(rows) - whole}
        entries.append(
            row | {"refused": ", ".join(f"{k} {v}" for k, v in failed.items()) or "none"}
        )
    return entries
