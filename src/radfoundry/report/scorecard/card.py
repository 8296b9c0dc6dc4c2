"""The scorecard: every headline number as one row, with its interval and what good looks like.

A number that could not be measured stays NaN, never 0. This module writes no file and computes no
metric; `formatting` says its numbers in words.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import pandas as pd

from radfoundry.report.scorecard.formatting import NOT_AVAILABLE
from radfoundry.report.scorecard.metric import Metric
from radfoundry.report.scorecard.metrics import METRICS, TAUGHT

COLUMNS = (
    "recipe", "metric", "arm", "value", "low", "high", "n", "unit", "higher_is_better",
    "published", "note",
)  # fmt: skip
GAIN = "_gain"  # ending of a metric that is a paired difference between two arms


@dataclass(frozen=True)
class Row:
    """One number of the scorecard; `value` and its interval are NaN where not measured.

    Attributes:
        recipe: A recipe, or `cohort:<name>`.
        arm: What varies: organ, feature, finding, training arm, method; "-" if nothing does.
        n: Cases, samples or patients behind the number.
        unit: By default the metric's own; needed for a metric that is not in `METRICS`.
        published: The paper's value for the same measurement.
    """

    recipe: str
    metric: str
    value: float
    arm: str = "-"
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    unit: str = ""
    higher_is_better: bool | None = None
    published: float = math.nan
    note: str = ""


def metric(name: str) -> Metric:
    """Return what a metric means; one not in `METRICS` is titled by its name, a gain by its base.

    >>> metric("image_auroc_gain").good == TAUGHT
    True
    """
    if name in METRICS:
        return METRICS[name]
    base = metric(name.removesuffix(GAIN)) if name.endswith(GAIN) else None
    if base:
        return Metric(f"Paired difference: {base.title}", base.unit, True, TAUGHT)
    return Metric(name.replace("_", " "), "1", None, NOT_AVAILABLE)


def build(rows: Iterable[Row]) -> pd.DataFrame:
    """Return the scorecard of some rows, checked, with units and directions filled in."""
    records = []
    for row in rows:
        known, record = metric(row.metric), asdict(row)
        record["unit"] = row.unit or known.unit
        if row.higher_is_better is None:
            record["higher_is_better"] = known.higher_is_better
        records.append(record)
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    frame["higher_is_better"] = frame["higher_is_better"].astype("boolean")
    check(frame)
    return frame


def check(frame: pd.DataFrame) -> None:
    """Refuse a scorecard that contradicts itself.

    Raises:
        ValueError: One line per fault: columns, an interval without its value or not around it, a
            unit other than the metric's, two rows for one metric and arm.
    """
    faults = [f"column {name!r} is missing" for name in COLUMNS if name not in frame]
    faults = faults or list(_faults(frame))
    if faults:
        raise ValueError("\n".join(["this is no scorecard:", *faults]))


def _faults(frame: pd.DataFrame) -> Iterator[str]:
    key = ["recipe", "metric", "arm"]
    double = frame[frame.duplicated(key)]
    yield from (f"{'/'.join(map(str, row))} is there twice" for row in double[key].to_numpy())
    for row in frame.to_dict("records"):
        name, known = "/".join(str(row[part]) for part in key), METRICS.get(row["metric"])
        if known and known.unit and row["unit"] != known.unit:
            yield f"{name} is in {row['unit']!r}, it must be in {known.unit!r}"
        if row["n"] < 0:
            yield f"{name} has n = {row['n']}"
        ends = [end for end in (row["low"], row["high"]) if not pd.isna(end)]
        if pd.isna(row["value"]) and ends:
            yield f"{name} has an interval but no value"
        elif ends and not row["low"] <= row["value"] <= row["high"]:
            yield f"{name} is {row['value']:g}, outside {row['low']:g} to {row['high']:g}"
