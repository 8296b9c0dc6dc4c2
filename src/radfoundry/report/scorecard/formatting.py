"""Say numbers as a reader wants them. What is not known reads "not available" and never as 0."""

import math
from typing import Any

import pandas as pd

NOT_AVAILABLE = "not available"
SETTINGS = {
    "synthesized": "findings like those painted",
    "never_synthesized": "findings never painted",
}


def shown(value: float | None, unit: str = "1") -> str:
    """Return a number as a reader wants it: three significant figures, percent, or words for NaN.

    >>> shown(0.9123), shown(0.5, "fraction"), shown(float("nan")), shown(41.25, "dB")
    ('0.912', '50 %', 'not available', '41.2 dB')
    """
    if value is None or pd.isna(value) or math.isinf(value):
        return NOT_AVAILABLE
    if unit == "fraction":
        return f"{100 * value:.3g} %"
    size = math.floor(math.log10(abs(value))) if value else 2
    text = f"{value:,.{max(0, min(3, 2 - size))}f}" if size >= -3 else f"{value:.2g}"
    return text + ("" if unit == "1" else f" {unit}")


def with_interval(value: float, low: float, high: float, unit: str = "1") -> str:
    """Return a number with its 95 % interval in words.

    >>> with_interval(0.91, 0.884, 0.94)
    '0.910 (0.884 to 0.940)'
    >>> with_interval(0.5, float("nan"), float("nan"), "fraction")
    '50 % (interval not available)'
    """
    if shown(value) == NOT_AVAILABLE:
        return NOT_AVAILABLE
    ends = [shown(low, unit), shown(high, unit)]
    span = "interval not available" if NOT_AVAILABLE in ends else " to ".join(ends)
    return f"{shown(value, unit)} ({span})"


def cell(value: Any) -> str:
    """Return what a cell of a table shows: text as it is, whole numbers whole.

    >>> cell("a"), cell(1200), cell(3.0), cell(0.25), cell(None)
    ('a', '1,200', '3', '0.250', 'not available')
    """
    if isinstance(value, str):
        return value
    if shown(value) == NOT_AVAILABLE:
        return NOT_AVAILABLE
    return f"{int(value):,}" if float(value).is_integer() else shown(value)


def spoken(arm: str) -> tuple[str, str]:
    """Return an arm of the scorecard, and the setting it was tested in, in words.

    >>> spoken("artasyn-noise/site_b/never_synthesized")
    ('artasyn minus noise', 'site b · findings never painted')
    >>> spoken("-")
    ('all', '')
    """
    first, *others = str(arm).split("/")
    parts = [SETTINGS.get(part, part.replace("_", " ")) for part in others]
    return ("all" if first == "-" else first.replace("-", " minus ")), " · ".join(parts)


def excludes_zero(low: float, high: float) -> str:
    """Return whether the interval of a difference lies on one side of 0, and on which."""
    if pd.isna(low) or pd.isna(high):
        return NOT_AVAILABLE
    return "yes, better" if low > 0 else "yes, worse" if high < 0 else "no"
