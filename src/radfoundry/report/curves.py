"""Draw what a few patients teach: a figure at each number of patients, one line for each arm.

Arms with samples differ from real ones in color and in line. An arm without a figure at some number
of patients has no point there.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from radfoundry.report import charts

REGIME = re.compile(r"k\d+|all")  # the last part of an arm: so many patients taught it
MARKERS = "os^Dv<P>X"
SPREAD = 0.5  # of the distance between two numbers of patients, over which arms stand side by side
PANEL_INCHES = (3.9, 3.1)


def is_curve(arms: Sequence[str]) -> bool:
    """Return whether all arms say how many patients taught them.

    >>> is_curve(["real/a/nodule/k4", "real/a/nodule/all"]), is_curve(["real/a/nodule"])
    (True, False)
    """
    return all(REGIME.fullmatch(str(arm).split("/")[-1]) for arm in arms)


def against_shots(rows: pd.DataFrame, label: str, zero: float | None = None) -> bytes:
    """Return one panel for each test set and target: value and interval against k.

    Args:
        rows: Columns arm, group (`test set · target · k4`), value, low, high, in order of k.
        label: Name of the metric, beside the axis.
        zero: Where a line of no effect is drawn.
    """
    named = rows["group"].str.rsplit(" · ", n=1, expand=True)
    panels = [
        own for _, own in rows.assign(panel=named[0], k=named[1]).groupby("panel", sort=False)
    ]
    width, height = PANEL_INCHES
    figure = charts.new_figure(width * len(panels) + 1.6, height)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, own in zip(grid, panels, strict=True):
        _panel(axes, own, list(pd.unique(rows["arm"])))
        if zero is not None:
            axes.axhline(zero, color=charts.INK, lw=1, ls=":")
    grid[0].set_ylabel(label, fontsize=8, color=charts.INK)
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", fontsize=8, frameon=False)
    return charts.png(figure)


def _panel(axes: Axes, rows: pd.DataFrame, arms: Sequence[str]) -> None:
    shots = list(pd.unique(rows["k"]))
    axes.set_title(str(rows["panel"].iloc[0]), fontsize=9, color=charts.INK)
    axes.set_xticks(range(len(shots)), [text.replace("k", "k = ") for text in shots], fontsize=8)
    axes.tick_params(labelsize=8, colors=charts.INK)
    axes.spines[["top", "right"]].set_visible(False)
    if rows["value"].isna().all():
        charts.say_not_available(axes)
    for place, arm in enumerate(arms):
        own = rows[rows["arm"] == arm].set_index("k").reindex(shots)
        value, low, high = (own[name].to_numpy(float) for name in ("value", "low", "high"))
        beside = SPREAD * (place / max(1, len(arms) - 1) - 0.5)
        drawn = "synthetic" in arm
        axes.errorbar(
            np.arange(len(shots)) + beside, value, np.stack([value - low, high - value]), label=arm,
            color=charts.SYNTHETIC if drawn else charts.REAL, ls="--" if drawn else "-", lw=1.2,
            marker=MARKERS[place % len(MARKERS)], ms=5, mec="white", elinewidth=1,
        )  # fmt: skip
