"""The page of all bars: what was claimed, what came out, on which machine."""

import datetime
import math
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import harness

HEAD = "\n".join(
    (
        "| bar | what | ratio or value: median (min to max), n | reach | verdict |",
        "|---|---|---|---|---|",
    )
)
DEMO = "## Where the demo's seconds go"
SIDES_HEAD = "\n".join(
    (
        "| bar | side | n | wall s: median (min to max) | CPU s | peak MB of a process |"
        " cores kept busy by others |",
        "|---|---|---|---|---|---|---|",
    )
)
PACKAGES = (
    "numpy", "scipy", "scikit-image", "torch", "nibabel", "SimpleITK", "isal", "monai",
    "pyradiomics", "surface-distance", "connected-components-3d", "edt", "fill-voids", "snakemake",
)  # fmt: skip


def threads() -> str:
    """Return the setting that all processes share, in words."""
    return "Every process: " + ", ".join(f"{k}={v}" for k, v in harness.THREADS.items())


def spread(values: Iterable[float], digits: int = 2) -> str:
    """Return a median with its ends.

    >>> spread([3.0, 1.0, 2.0])
    '2.00 (1.00 to 3.00)'
    """
    found = list(values)
    low, middle, high = min(found), statistics.median(found), max(found)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def rows(result: Any) -> list[str]:
    """Return the rows of a bar's claims; one that says why, where nothing was measured."""
    title = result.bar.TITLE
    if result.refused:
        return [f"| {title} | - | - | - | not measured: {result.refused.replace('|', '/')} |"]
    found = []
    for claim in result.bar.CLAIMS:
        value = f"{spread(map(claim.value, result.turns))}, n {len(result.turns)}"
        sign = "at least" if claim.least else "at most"
        reach = f"{sign} {claim.reach:g}" if claim.reach is not None else ""
        verdict = claim.verdict(result.turns)
        if verdict and result.small:
            verdict = "not judged: small inputs"
        found.append(f"| {title} | {claim.what} | {value} | {reach} | {verdict} |")
    return found


def side_rows(result: Any) -> list[str]:
    """Return a row of what each side took."""
    found = []
    for side in result.bar.SIDES if result.turns else ():
        runs = [turn[side] for turn in result.turns]
        peak = statistics.median(run.peak_mb for run in runs)
        busy = max(run.others for run in runs)
        took = f"{spread(run.wall_s for run in runs)} | {spread(run.cpu_s for run in runs)}"
        told = "not counted" if math.isnan(busy) else f"{busy:.1f}"
        found.append(
            f"| {result.bar.TITLE} | {side} | {len(runs)} | {took} | {peak:.0f} | {told} |"
        )
    return found


def whole(results: Sequence[Any], small: bool, left_out: Sequence[str] = ()) -> str:
    """Return the page.

    Args:
        results: Of the bars, in order.
        small: Whether inputs were small.
        left_out: Names of bars that were not measured, or not yet.
    """
    size = "`--small` inputs, far below the sizes of the titles: they say little of speed"
    size = size if small else "full sizes"
    missing = f" Not measured here: {', '.join(left_out)}." if left_out else ""
    parts = [
        "# Performance beside peers",
        "Written by `make versus` (`python benchmarks/versus/run.py --page docs/performance.md`):"
        f" {size}.{missing} Sides run in turn, A B A B; outputs of the first turn are compared"
        " before anything is told, and that turn is not counted unless it is the only one (n 1:"
        " ours then goes first, on cold files); each side is a process of its own, measured from"
        " its start to its end with its children. A ratio is what the best of the peers takes over"
        " what ours takes, turn by turn. Where others kept more than"
        f" {harness.BUSY_CORES} cores busy the clock is not judged; CPU seconds are.",
        "\n".join(machine()),
        "\n".join([HEAD, *lines(results, rows)]),
        "## What was compared, before anything was timed",
        "\n".join(
            f"* **{r.bar.TITLE}**, against {r.bar.PEER}: {r.equal or f'nothing: {r.refused}'}."
            f" Load average before {r.load[0]:.1f}, {r.load[1]:.1f} cores busy."
            for r in results
        ),
        "## What each side took",
        "\n".join([SIDES_HEAD, *lines(results, side_rows)]),
    ]
    if whys := lines(results, why):
        parts += ["## Where the seconds of missed bars go", "\n".join(whys)]
    return "\n\n".join(parts) + "\n"


def why(result: Any) -> list[str]:
    """Return what a profile showed of a bar that is missed, where it has been profiled."""
    told = getattr(result.bar, "PROFILE", "")
    verdicts = {claim.verdict(result.turns) for claim in result.bar.CLAIMS}
    return [f"* **{result.bar.TITLE}**: {told}"] if told and "missed" in verdicts else []


def last_part(path: Path) -> str:
    """Return the part of a page that another benchmark writes (`../demo.py`), "" if it has none."""
    _, heading, rest = _text(str(path)).partition(DEMO)
    return heading + rest


def lines(results: Sequence[Any], of: Callable[[Any], list[str]]) -> list[str]:
    """Return the rows of all bars."""
    return [row for result in results for row in of(result)]


def machine() -> list[str]:
    """Return lines that say where, when and with what it was measured."""
    models = [
        line.split(":", 1)[1].strip()
        for line in _text("/proc/cpuinfo").splitlines()
        if line.startswith("model name")
    ]
    model = models[0] if models else platform.processor()
    today = datetime.datetime.now(datetime.UTC).date()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"* {today}, {os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()}",
        f"* Python {platform.python_version()}, {', '.join(versions())}",
        f"* {threads()}",
    ]


def versions() -> list[str]:
    """Return the versions of what was measured with; absent packages are left out."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""
