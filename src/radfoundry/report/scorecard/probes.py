"""The measurements of drawn volumes as one row per volume, with those that were never drawn."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import effects
from radfoundry.evaluation.metrics.statistics import Interval
from radfoundry.evaluation.synthesis import FAILED

NAN = float("nan")


class Bootstrap(NamedTuple):
    """What intervals are made of: how many bootstrap samples, and the source of chance."""

    draws: int
    rng: np.random.Generator

    def mean(self, rows: pd.DataFrame, name: str, unit: str) -> Interval:
        """Return the mean of a column with its interval; what is drawn again is `unit`."""
        return effects.mean(rows[name].to_numpy(float), rows[unit].to_numpy(str), *self)


def wide(probes: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sample, one column per measurement, and whether its draw failed."""
    index = ["sample", "patient", "probe", "arm"]
    table = probes.set_index([*index, "measurement"])["value"].unstack().reset_index()
    return table.assign(failed=column(table, FAILED).notna())


def wide_real(real: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return one row per real case, one column per measurement, of `value` or of `truth`."""
    index = ["case", "patient", "findings"]
    table = real.set_index([*index, "measurement"])[kind].unstack().reset_index()
    return table.assign(failed=False)


def column(rows: pd.DataFrame, name: str) -> pd.Series:
    """Return a measurement of each row; NaN where nobody took it."""
    return rows[name] if name in rows else pd.Series(NAN, rows.index, float)


def lost(rows: pd.DataFrame, values: np.ndarray, what: str = "undefined") -> list[str]:
    """Return in words how many rows have no value, and how many of them were never drawn."""
    failed = int(rows["failed"].sum())
    counts = {what: len(rows) - failed - known(values), "not drawn": failed}
    return [f"{count} {word}" for word, count in counts.items() if count]


def known(values: np.ndarray) -> int:
    """Return how many values are defined."""
    return int(np.isfinite(values).sum())
