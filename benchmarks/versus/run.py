"""Hold the factory against its peers, side by side: python benchmarks/versus/run.py [BAR ...].

Where one pair is asked for, or a bar's sides take minutes, no turn warms up; `--small` is a quick
look; `--page docs/performance.md` writes the page. Exit 1 when a bar could not be measured or its
sides are unequal, not when it is missed.
"""

import argparse
import importlib
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import harness
import page

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BARS = sorted(path.stem for path in (HERE / "bars").glob("[a-z]*.py"))
PREPARE, EQUAL = "prepare", "equal"  # what a bar does in processes of their own, beside its sides


@dataclass(frozen=True)
class Result:
    """What became of a bar.

    Attributes:
        bar: Its module.
        turns: Runs of each counted turn, by side.
        equal: What was compared, and how close it is.
        refused: Why nothing was measured, or "".
        load: The load average before, and the cores that were busy.
        small: Whether inputs were small, of which nothing is judged.
    """

    bar: ModuleType
    turns: Sequence[dict[str, harness.Run]] = ()
    equal: str = ""
    refused: str = ""
    load: tuple[float, float] = (harness.NAN, harness.NAN)
    small: bool = False


def loaded(name: str) -> ModuleType:
    """Return a bar; what it measures with is imported by its functions alone."""
    for place in (HERE, HERE.parent, ROOT / "src", ROOT / "scripts"):
        if str(place) not in sys.path:
            sys.path.append(str(place))
    return importlib.import_module(f"bars.{name}")


def measured(name: str, pairs: int, small: bool) -> Result:
    """Return what a bar's sides took, once their outputs of the first turn are found equal."""
    bar, load = loaded(name), harness.load()
    folder = Path(tempfile.mkdtemp(prefix=f"{name}_"))
    log = folder / "log.txt"
    try:
        harness.weighed(harness.act(name, PREPARE, folder, small), log)
        sides = {
            side: partial(harness.weighed, harness.act(name, side, folder), log, told(folder, side))
            for side in bar.SIDES
        }
        first = harness.turns(sides, 1)  # warms caches up, and makes what is compared
        harness.weighed(harness.act(name, EQUAL, folder), log)
        more = min(pairs, getattr(bar, "PAIRS", pairs))
        turns = first if more == 1 else harness.turns(sides, more)
        return Result(bar, turns, told(folder, EQUAL).read_text(), "", load, small)
    except (RuntimeError, OSError) as error:
        return Result(bar, refused=str(error).strip().splitlines()[-1], load=load)
    finally:
        shutil.rmtree(folder)


def told(folder: Path, name: str) -> Path:
    """Return where a process writes what it has to say."""
    return folder / f"told_{name.replace(' ', '_').replace(',', '')}"


def act(name: str, what: str, folder: Path, small: bool) -> None:
    """Do one thing of a bar here: prepare it, be a side of it, or compare what the sides made."""
    bar = loaded(name)
    if what == PREPARE:
        bar.prepare(folder, small)
    elif what == EQUAL:
        told(folder, EQUAL).write_text(bar.equal(folder))
    else:
        figures = bar.SIDES[what](folder)
        if figures:
            told(folder, what).write_text(json.dumps(figures))


def written(path: Path, results: Sequence[Result], small: bool) -> None:
    """Write a page of what was measured so far beside the one that is there, whose end it keeps."""
    known = {result.bar.__name__.removeprefix("bars.") for result in results}
    rest = [name for name in BARS if name not in known]
    own, kept = page.whole(results, small, rest), page.last_part(path)
    _partial(path).write_text(f"{own}\n{kept}" if kept else own)


def _partial(path: Path) -> Path:
    return path.with_suffix(".partial.md")


def asked() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bars", nargs="*", help=f"of {', '.join(BARS)}; none: all")
    parser.add_argument("--pairs", type=int, default=harness.PAIRS, help="counted turns")
    parser.add_argument("--small", action="store_true", help="small inputs: says little of speed")
    parser.add_argument("--page", type=Path, help="where to write the page")
    parser.add_argument("--act", nargs=3, metavar=("BAR", "WHAT", "FOLDER"), help="internal")
    given = parser.parse_args()
    if unknown := sorted(set(given.bars) - set(BARS)):
        parser.error(f"no bars {', '.join(unknown)}: choose from {', '.join(BARS)}")
    return given


def main() -> int:
    """Print every bar as it is measured and, where asked for, write the page."""
    given = asked()
    if given.act:
        name, what, folder = given.act
        act(name, what, Path(folder), given.small)
        return 0
    sys.stdout.write(f"{page.threads()}\n\n{page.HEAD}\n")
    results = []
    for name in given.bars or BARS:
        results.append(measured(name, given.pairs, given.small))
        sys.stdout.write("\n".join(page.rows(results[-1])) + "\n")
        sys.stdout.flush()
        if given.page:  # an hour's work is not lost with the last bar
            written(given.page, results, given.small)
    if given.page:
        _partial(given.page).replace(given.page)
    return int(any(result.refused for result in results))


if __name__ == "__main__":
    sys.exit(main())
