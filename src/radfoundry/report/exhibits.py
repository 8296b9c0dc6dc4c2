"""Turn the factory's tables into captioned pictures for the report, each with a text in its place.

A picture's `alt` says what it shows in words, for those who hear the page or print it badly.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from radfoundry.report import charts, curves, slices
from radfoundry.report.scorecard.card import GAIN, Metric, metric
from radfoundry.report.scorecard.formatting import shown, spoken, with_interval

PER_GROUP = 6  # pairs in one montage: what still prints on a page
MAIN = ("synthesized", "never_synthesized")  # sets of findings that are charted
MAIN_ROWS = 32  # of a chart; one that has more says so


class Exhibit(NamedTuple):
    """A picture (PNG) with its caption and the words that stand for it."""

    caption: str
    png: bytes
    alt: str


def of_samples(
    groups: Mapping[str, Iterable[charts.SourceAndSample]],
    kind: str,
    totals: Mapping[str, int] | None = None,
) -> list[Exhibit]:
    """Return a montage for each group, such as each shape of opacity.

    Args:
        groups: Name of the group to its pairs; those beyond `PER_GROUP` are left out, and said so.
        kind: What the pairs are: "kept", "rejected", "undecided".
        totals: Samples in each group, where `groups` holds only some of them.
    """
    exhibits = []
    for name, pairs in groups.items():
        every = list(pairs)
        chosen = every[:PER_GROUP]
        total = (totals or {}).get(name, len(every))
        caption = f"{name}: {len(chosen)} of {total} {kind} samples"
        ids = ", ".join(pair.title for pair in chosen)
        alt = (
            f"{caption}. Each row shows the source image, the synthetic image, the outline of its "
            f"mask and an enlarged detail. Samples: {ids}."
        )
        exhibits.append(Exhibit(caption, charts.montage(chosen), alt))
    return exhibits


def of_volumes(pictures: Sequence[slices.VolumePicture], kind: str, total: int) -> list[Exhibit]:
    """Return one montage of drawn volumes, [] without any.

    Args:
        pictures: What is shown, from top to bottom; `titled` makes their titles.
        kind: What the samples are: "kept", "rejected", "undecided".
        total: How many there are, shown or not.
    """
    if not pictures:
        return []
    caption = f"{len(pictures)} of {total} {kind} samples"
    labeled = any(picture.anatomy is not None for picture in pictures)
    beside = ", each plain and with the labels drawn with it" if labeled else ""
    titles = "; ".join(picture.title for picture in pictures)
    alt = f"{caption}: an axial, a coronal and a sagittal slice{beside}. {titles}."
    return [Exhibit(f"{caption}{beside}", slices.montage(pictures), alt)]


def titled(sample: str, findings: str, reason: str = "") -> str:
    """Return the title of a drawn volume: what was asked for, and what speaks against it.

    >>> titled("s1", "pleural_effusion|emphysema", "novelty 0.1 < 0.2")
    's1: pleural effusion, emphysema (novelty 0.1 < 0.2)'
    >>> titled("s2", "")
    's2: no finding'
    """
    asked = findings.replace("_", " ").replace("|", ", ") or "no finding"
    return f"{sample}: {asked}" + (f" ({shortened(reason)})" if reason else "")


def shortened(text: str, most: int = 100) -> str:
    """Return a text that fits above a picture.

    >>> shortened("anatomy 0.1 < 0.9; novelty 0.1 < 0.2", 20)
    'anatomy 0.1 < 0.9 …'
    """
    return text if len(text) <= most else text[: most - 1].rsplit("; ", 1)[0] + " …"


def of_experts(
    scores: pd.DataFrame, real_scores: pd.DataFrame, thresholds: pd.DataFrame
) -> list[Exhibit]:
    """Return one histogram for each expert: real beside synthetic scores, with its limit.

    Args:
        scores: Columns sample, expert, score, of the samples.
        real_scores: The same of real cases of the tune split.
        thresholds: Columns expert, quantile, threshold.
    """
    exhibits = []
    for row in thresholds.to_dict("records"):
        expert, limit = str(row["expert"]), float(row["threshold"])
        real, drawn = (
            table.loc[table["expert"] == expert, "score"].astype(float)
            for table in (real_scores, scores)
        )
        png = charts.histogram(list(real), list(drawn), limit, f"Score of the expert {expert}")
        passed, held = (
            (values >= limit).mean() if len(values) and math.isfinite(limit) else math.nan
            for values in (drawn, real.dropna())
        )
        caption = (
            f"{expert}: {shown(1 - held, 'fraction')} of {real.notna().sum()} real images lie "
            f"below the limit {shown(limit)}; {shown(passed, 'fraction')} of the synthetic ones "
            "reach it"
        )
        alt = (
            f"Histogram. Median of {real.notna().sum()} real images {shown(real.median())}, of "
            f"{drawn.notna().sum()} synthetic images {shown(drawn.median())}; limit {shown(limit)}."
        )
        exhibits.append(Exhibit(caption, png, alt))
    return exhibits


def of_metrics(scorecard: pd.DataFrame, recipe: str) -> dict[str, Exhibit]:
    """Return a chart of arms with their intervals for each metric that has two rows or more.

    Args:
        scorecard: All rows; an arm is `arm/test set/findings`, as far as these are named, with the
            number of patients that taught it behind them where there were few.
        recipe: Whose rows are charted.
    """
    own = scorecard[scorecard["recipe"] == recipe]
    found = {}
    for name, rows in own.groupby("metric", sort=False):
        shots = curves.is_curve(list(rows["arm"]))
        main = rows if shots else _main(rows)
        rows, left = (main, 0) if shots else (main.head(MAIN_ROWS), len(main) - MAIN_ROWS)
        if len(rows) < 2:
            continue
        known = metric(str(name))
        arms, groups = zip(*map(spoken, rows["arm"]), strict=True)
        readable = rows.assign(arm=arms, group=groups)
        zero = 0.0 if str(name).endswith(GAIN) else None
        if shots:
            png = curves.against_shots(readable, known.title, zero)
        else:
            readable = readable.sort_values("group", key=_order, kind="stable")
            png = charts.forest(readable, known.title, known.unit, zero, recipe)
        found[str(name)] = _worded(png, readable, known, zero, left)
    return found


def _worded(
    png: bytes, rows: pd.DataFrame, known: Metric, zero: float | None, left: int
) -> Exhibit:
    alt = f"{known.title}. " + "; ".join(_sentences(rows, known.unit)) + "."
    line = "; dotted line: no difference" if zero == 0 else ""
    more = f" {left} more rows are in the table alone." if left > 0 else ""
    return Exhibit(f"Point: value; bar: its 95 % interval{line}.{more}", png, alt)


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    chosen = rows[[str(arm).split("/")[-1] in MAIN for arm in rows["arm"]]]
    return chosen if len(chosen) else rows


def _sentences(rows: pd.DataFrame, unit: str) -> Iterator[str]:
    for row in rows.to_dict("records"):
        name = ", ".join(filter(None, (row["arm"], row["group"])))
        yield f"{name} {with_interval(row['value'], row['low'], row['high'], unit)}"


def _order(groups: pd.Series) -> pd.Series:
    """Return ranks that keep groups together, in the order of their first row."""
    return groups.map({name: rank for rank, name in enumerate(pd.unique(groups))})
