"""How CPU seconds grow with the number of cases: draw, preprocess and label phantom films."""

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import harness

TITLE = "growth of CPU with cases"
PEER = "itself"
PAIRS = 1
BATCH, SMALL_BATCH = 50, 2
LABELS = "cohorts/films/labels/pbtseg/b*.tsv"
TIMES = (1, 4, 32)  # batches
NAMES = [f"{BATCH * times} cases" for times in TIMES]


def exponent(turn: Mapping[str, harness.Run]) -> float:
    """Return the slope of the straight line through log CPU over log cases."""
    x = [math.log(turn[name]["cases"]) for name in NAMES]
    y = [math.log(turn[name].cpu_s) for name in NAMES]
    middle, mean = sum(x) / len(x), sum(y) / len(y)
    rise = sum((a - middle) * (b - mean) for a, b in zip(x, y, strict=True))
    return rise / sum((a - middle) ** 2 for a in x)


CLAIMS = (harness.Claim("exponent of CPU over cases", exponent, 1.05, least=False),)


def prepare(folder: Path, small: bool) -> None:
    """Say how large a batch is; `--small` makes few and small ones."""
    sizes = [SMALL_BATCH, (1, 2, 3) if small else TIMES]
    (folder / "sizes.json").write_text(json.dumps(sizes if small else [BATCH, TIMES]))


def side(place: int, folder: Path) -> dict[str, float]:
    """Run the factory from nothing on so many cases."""
    import shutil

    from bars import _factory

    batch, times = json.loads((folder / "sizes.json").read_text())
    own = folder / str(place)
    shutil.rmtree(own, ignore_errors=True)
    films = _factory.films(batch * times[place], batch)
    _factory.write(own, _factory.config({"films": films}))
    _factory.run(own, "pseudolabel")
    return {"cases": batch * times[place]}


SIDES = {name: partial(side, place) for place, name in enumerate(NAMES)}


def equal(folder: Path) -> str:
    """Ask for a label map of every case.

    Raises:
        UnequalError: Some have none.
    """
    from bars import _factory

    batch, times = json.loads((folder / "sizes.json").read_text())
    for place, count in enumerate(times):
        found = _factory.digests(
            folder / str(place), "cohorts/films/labels/pbtseg/b*.tsv", "sha256"
        )
        if len(found) != batch * count:
            raise harness.UnequalError(f"{len(found)} of {batch * count} cases have labels")
    return "every case has its label map"
