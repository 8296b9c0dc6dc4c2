"""Draw the pictures of the report: montages, score histograms, intervals of metrics.

Every function returns the bytes of a PNG and touches no file and no global state of matplotlib.
Real and synthetic differ in colour and in line, so that print and colour-blind readers know them
apart; a number that is not available is said to be so and is never drawn at 0.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from scipy import ndimage

from radfoundry.report.scorecard.formatting import NOT_AVAILABLE, shown, with_interval

REAL, SYNTHETIC, INK, FAINT = "#0072B2", "#D55E00", "#222222", "#8a8a8a"
OUTLINE = "#FFC20A"  # seen on black lung and on white heart alike
TITLES = ("Source image", "Synthetic", "Outline of its mask", "Detail")
PANEL_INCHES = 2.6
DPI = 110
MARGIN = 0.35  # of a finding's larger side, around it in the detail
LEAST_DETAIL = 0.35  # of the picture
BINS = 24
EMPTY = 0.01  # intensity of padding


@dataclass(frozen=True)
class SourceAndSample:
    """A synthetic image beside that of its source, as viewed (rows, columns).

    Attributes:
        title: What is written above, such as the sample's id.
        synthetic: Intensities in [0, 1].
        real: The source, or None where the sample has none.
        mask: Booleans, where the finding lies; None where it is not known.
    """

    title: str
    synthetic: np.ndarray
    real: np.ndarray | None = None
    mask: np.ndarray | None = None


class _Group(NamedTuple):
    name: str
    scores: np.ndarray
    colour: str
    line: str
    hatch: str


def montage(pairs: Sequence[SourceAndSample], titles: Sequence[str] = TITLES) -> bytes:
    """Return one row of four panels for each pair: source, synthetic, mask outline, detail."""
    shown_pairs = [_cropped(pair) for pair in pairs]
    ratios = [pair.synthetic.shape[0] / pair.synthetic.shape[1] for pair in shown_pairs] or [0.3]
    height = sum(ratio * PANEL_INCHES + 0.3 for ratio in ratios) + 0.25
    figure = new_figure(4 * PANEL_INCHES, height)
    grid = figure.subplots(len(ratios), 4, squeeze=False, height_ratios=ratios)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, title in zip(grid[0], titles, strict=True):
        axes.annotate(
            title, (0.5, 1), (0, 20), "axes fraction", textcoords="offset points",
            ha="center", fontsize=10, fontweight="bold", color=INK,
        )  # fmt: skip
    for axes, pair in zip(grid, shown_pairs, strict=False):
        axes[0].set_title(pair.title, fontsize=8, color=INK, loc="left", pad=4)
        _show(axes[0], pair.real)
        _show(axes[1], pair.synthetic)
        _show(axes[2], pair.synthetic, pair.mask)
        _show(axes[3], _detail(pair))
    if not pairs:
        say_not_available(grid[0][0])
    return png(figure, "Contains synthetic medical images; not for diagnosis.")


def histogram(
    real: Sequence[float], synthetic: Sequence[float], threshold: float, label: str
) -> bytes:
    """Return the scores of real and synthetic images, with the limit below which one is rejected.

    Args:
        real: Scores of real cases of the tune split; NaN is left out, and counted.
        synthetic: Scores of samples.
        threshold: NaN where there is none.
        label: What the score measures.
    """
    groups = [
        _Group("Real", np.asarray(real, float), REAL, "-", "///"),
        _Group("Synthetic", np.asarray(synthetic, float), SYNTHETIC, "--", ""),
    ]
    figure = new_figure(6.4, 3.1)
    axes = figure.subplots()
    finite = np.concatenate([group.scores[np.isfinite(group.scores)] for group in groups])
    if len(finite):
        ends = [*finite, threshold] if math.isfinite(threshold) else finite
        edges = np.histogram_bin_edges(ends, BINS)
        for group in groups:
            _bars(axes, group, edges)
        if math.isfinite(threshold):
            text = f"Limit {shown(threshold)}:\nrejected below"
            axes.axvline(threshold, color=INK, lw=1.4, ls=":", label=text)
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        say_not_available(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _plain(axes, label, "Share of images")
    return png(figure)


def forest(
    rows: pd.DataFrame, label: str, unit: str = "1", zero: float | None = None, own: str = ""
) -> bytes:
    """Return each arm's value with its interval as a line, one below the other.

    Args:
        rows: Columns arm, value, low, high, n, in the order to be shown; `group` is a heading over
            neighbouring arms.
        label: Name of the metric, under the axis.
        unit: As in the scorecard.
        zero: Where a line of no effect is drawn.
        own: Arms that start with this word stand out.
    """
    lines = _lines(rows)
    figure = new_figure(7.6, 0.3 * max(len(lines), 1) + 0.95)
    axes = figure.subplots()
    for place, row in enumerate(lines):
        mine = own and str(row["arm"]).startswith(own)
        if "value" in row:
            _interval(axes, place, row, unit, SYNTHETIC if mine else REAL)
    if zero is not None:
        axes.axvline(zero, color=INK, lw=1, ls=":")
    axes.set_yticks(range(len(lines)), [str(row["arm"]) for row in lines], fontsize=8.5)
    for tick, row in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("normal" if "value" in row else "bold")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    if rows["value"].isna().all():
        axes.set_xticks([])
    _plain(axes, label, "")
    return png(figure)


def _lines(rows: pd.DataFrame) -> list[dict]:
    """Return the rows with a heading line before each group."""
    lines: list[dict] = []
    group = ""
    for row in rows.to_dict("records"):
        if str(row.get("group", "")) != group:
            group = str(row["group"])
            lines.append({"arm": group})
        lines.append({str(key): value for key, value in row.items()})
    return lines


def _interval(axes: Axes, place: int, row: Mapping[str, Any], unit: str, colour: str) -> None:
    text = with_interval(row["value"], row["low"], row["high"], unit)
    text += "" if text == NOT_AVAILABLE else f", n = {row['n']}"
    across = axes.get_yaxis_transform()
    axes.text(1.02, place, text, transform=across, va="center", fontsize=8)
    if not pd.isna(row["value"]):
        axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=2.2)
        axes.plot(row["value"], place, "o", color=colour, ms=6, mec="white")


def new_figure(width: float, height: float) -> Figure:
    figure = Figure((width, height), DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure, comment: str = "") -> bytes:
    buffer = io.BytesIO()
    metadata = {"Software": None, **({"Comment": comment} if comment else {})}
    figure.savefig(buffer, format="png", metadata=metadata)
    return buffer.getvalue()


def _show(axes: Axes, picture: np.ndarray | None, mask: np.ndarray | None = None) -> None:
    if picture is None:
        say_not_available(axes)
        return
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="lanczos")
    if mask is not None and mask.any():
        axes.contour(mask, levels=[0.5], colors="black", linewidths=2.2)
        axes.contour(mask, levels=[0.5], colors=OUTLINE, linewidths=1.2)


def _cropped(pair: SourceAndSample) -> SourceAndSample:
    """Return the pair without the empty margin that padded its picture to a square."""
    seen = pair.synthetic > EMPTY
    if pair.real is not None:
        seen = seen | (pair.real > EMPTY)
    if not seen.any():
        return pair
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    real, mask = (None if part is None else part[box] for part in (pair.real, pair.mask))
    return SourceAndSample(pair.title, pair.synthetic[box], real, mask)


def _detail(pair: SourceAndSample) -> np.ndarray | None:
    """Return the part around the largest piece of the finding, or nothing without a finding."""
    if pair.mask is None or not pair.mask.any():
        return None
    pieces, _ = ndimage.label(pair.mask)
    where = np.argwhere(pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:]))
    size = np.array(pair.mask.shape)
    low, high = where.min(0), where.max(0) + 1
    # of the picture's own proportions, so that the panels of a row are equally tall
    share = np.clip(((high - low) / size).max() * (1 + MARGIN), LEAST_DETAIL, 1)
    extent = np.maximum((share * size).astype(int), 1)
    top, left = np.clip((low + high - extent) // 2, 0, size - extent)
    return pair.synthetic[top : top + extent[0], left : left + extent[1]]


def _bars(axes: Axes, group: _Group, edges: np.ndarray) -> None:
    finite = group.scores[np.isfinite(group.scores)]
    missing = len(group.scores) - len(finite)
    if not len(finite):
        axes.plot([], [], color=group.colour, label=f"{group.name}: {NOT_AVAILABLE}")
        return
    text = f"{group.name}, n = {len(finite)}" + (f"\n{missing} without evidence" if missing else "")
    axes.hist(
        finite, list(edges), weights=np.full(len(finite), 1 / len(finite)), histtype="stepfilled",
        facecolor=(group.colour, 0.18), edgecolor=group.colour, ls=group.line, lw=1.5,
        hatch=group.hatch, label=text,
    )  # fmt: skip


def _plain(axes: Axes, horizontal: str, vertical: str) -> None:
    axes.set_xlabel(horizontal, fontsize=9, color=INK)
    axes.set_ylabel(vertical, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)


def say_not_available(axes: Axes) -> None:
    axes.text(0.5, 0.5, NOT_AVAILABLE, transform=axes.transAxes, ha="center", va="center",
              fontsize=9, color=FAINT, style="italic")  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
