"""Run what is compared in turn, each side in a process of its own, and judge what came out.

Only the standard library is imported here: what a process weighs is its own.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PAIRS = 5  # counted turns of each side, after one that is not; a bar of minutes has fewer
BUSY_CORES = 0.2  # that others may keep busy while the clock is believed
THREADS = {  # the same for both sides
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
}
NAN = float("nan")


class UnequalError(ValueError):
    """The sides did not do the same work: nothing is measured."""


@dataclass(frozen=True)
class Run:
    """What one process took, with all its children.

    Attributes:
        wall_s: Seconds of the clock.
        cpu_s: Seconds of all cores, of its children too.
        peak_mb: Of the largest of its processes.
        others: Cores that the rest of the machine kept busy meanwhile; NaN where nobody counts.
        figures: What the side measured of itself, by name.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    others: float = NAN
    figures: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        """Return a quantity or a figure by its name."""
        return self.figures[name] if name in self.figures else getattr(self, name)


@dataclass(frozen=True)
class Claim:
    """What a bar asks for.

    Attributes:
        what: In words, with its unit.
        value: Of the runs of one turn, by side.
        reach: The value that is wanted; None where it is only told.
        least: Whether that is the least, else the most.
        by_clock: Whether the clock decides, which a busy machine falsifies.
    """

    what: str
    value: Callable[[Mapping[str, Run]], float]
    reach: float | None = None
    least: bool = True
    by_clock: bool = False

    def verdict(self, turns: Sequence[Mapping[str, Run]]) -> str:
        """Return "met", "missed", why it is neither, or "" where nothing is asked for."""
        if self.reach is None or not turns:
            return ""
        others = [run.others for turn in turns for run in turn.values()]
        if self.by_clock and not max(others) <= BUSY_CORES:  # NaN: nobody knows
            return f"not judged: others kept {max(others):.1f} cores busy"
        middle = statistics.median(map(self.value, turns))
        return "met" if (middle >= self.reach) is self.least or middle == self.reach else "missed"


def ratio(
    what: str, quantity: str, reach: float | None, ours: str = "ours", peers: Sequence[str] = ()
) -> Claim:
    """Return the claim that the best of the peers takes so many times what ours takes.

    Args:
        what: In words.
        quantity: A name that `Run` knows.
        reach: How many times; None: only told.
        ours: The side that is ours.
        peers: Those it is held against; none: all others.
    """

    def times(turn: Mapping[str, Run]) -> float:
        others = peers or [name for name in turn if name != ours]
        return min(turn[name][quantity] for name in others) / turn[ours][quantity]

    return Claim(what, times, reach, by_clock=quantity == "wall_s")


def environment() -> dict[str, str]:
    """Return the environment of every side."""
    return os.environ | THREADS


def weighed(command: Sequence[str], log: Path, figures: Path | None = None) -> Run:
    """Run a command and return what it took.

    Args:
        command: With its arguments.
        log: What it says is added to this file.
        figures: A JSON file that it may write.

    Raises:
        RuntimeError: It failed, with the end of what it said.
    """
    with log.open("ab") as said:
        before, begun = _busy_seconds(), time.perf_counter()
        child = subprocess.Popen(command, env=environment(), stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)  # its children, those it waited for, are in it
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"exit {child.returncode}: {log.read_text(errors='replace')[-2000:]}")
    cpu = used.ru_utime + used.ru_stime
    others = max(0.0, _busy_seconds() - before - cpu) / wall
    told = json.loads(figures.read_text()) if figures and figures.exists() else {}
    return Run(wall, cpu, used.ru_maxrss / 1e3, others, told)


def turns(sides: Mapping[str, Callable[[], Run]], pairs: int) -> list[dict[str, Run]]:
    """Return the runs of every turn: A B, A B and so on."""
    return [{name: run() for name, run in sides.items()} for _ in range(pairs)]


def load() -> tuple[float, float]:
    """Return the load average of the last minute, and the cores that are busy right now."""
    before, begun = _busy_seconds(), time.perf_counter()
    time.sleep(1.0)
    return os.getloadavg()[0], (_busy_seconds() - before) / (time.perf_counter() - begun)


def act(bar: str, name: str, folder: Path, small: bool = False) -> list[str]:
    """Return the command that does one thing of a bar in a process of its own."""
    run = str(Path(__file__).with_name("run.py"))
    return [sys.executable, run, "--act", bar, name, str(folder), *(["--small"] if small else [])]


def _busy_seconds() -> float:
    """Return the seconds that all cores worked since the start; NaN where none are counted."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return NAN
    user, nice, system, _, _, irq, soft = map(int, fields[:7])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")
