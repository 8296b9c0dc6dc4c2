"""The radiomics of lesions in files, from process start to table, against the pyradiomics command.

Lesions, files and commands are those of `benchmarks/extraction.py`.
"""

import os
from functools import partial
from pathlib import Path

import harness

TITLE = "radiomics of lesions of 30 mm, start to table"
PEER = "the `pyradiomics` command, the better of -j 1 and -j 2; ours has two workers"
PAIRS = 1
COUNTS = {"few": 36, "many": 360}
SMALL = {"few": 3, "many": 6}
DRAWN = 36  # different ones; the others are links
NEAR = 1e-6  # relative


def _ratios(name: str) -> list[harness.Claim]:
    sides = f"ours, {name}", [f"pyradiomics -j {jobs}, {name}" for jobs in (1, 2)]
    told = f"{COUNTS[name]} lesions: {{}} of the better command over ours"
    return [
        harness.ratio(told.format("wall"), "wall_s", 4, *sides),
        harness.ratio(told.format("CPU"), "cpu_s", None, *sides),
    ]


PROFILE = (
    "of .114 CPU s of a lesion the engine itself, which both sides run, takes .102: its mesh .037,"
    " its other features the rest; reading two files takes .017 (cProfile, 20 lesions, 2026-12-01)."
    " At 36 lesions about 8 of 12.4 CPU s are the start and the imports of three processes. The"
    " command is slower because its mesh compares every pair of vertices, and reads more slowly."
)
CLAIMS = (*_ratios("few"), *_ratios("many"))


def prepare(folder: Path, small: bool) -> None:
    """Write the lesions, and links to them."""
    import extraction

    for name, count in (SMALL if small else COUNTS).items():
        own = folder / name
        own.mkdir()
        drawn = extraction.write_cases(own, min(count, DRAWN))
        rows = list(drawn)
        for number in range(len(drawn), count):
            paths = [own / f"{number:03d}_{part}.nii.gz" for part in ("image", "mask")]
            for path, source in zip(paths, drawn[number % DRAWN][1:], strict=True):
                os.link(source, path)
            rows.append((f"c{number:03d}", *map(str, paths)))
        extraction.write_table(own, rows)


def ours(name: str, folder: Path) -> None:
    """Measure the lesions of a folder."""
    import extraction

    extraction.ours(folder / name)


def peer(name: str, jobs: int, folder: Path) -> None:
    """Become the command."""
    import extraction

    (folder / name / f"peer{jobs}.csv").unlink(missing_ok=True)  # it would add to its rows
    command = extraction.peers(folder / name, jobs)
    os.execv(command[0], command)


SIDES = {
    f"{side}, {name}": partial(run, name, *jobs)
    for name in COUNTS
    for side, run, jobs in (
        ("ours", ours, ()),
        ("pyradiomics -j 1", peer, (1,)),
        ("pyradiomics -j 2", peer, (2,)),
    )
}


def equal(folder: Path) -> str:
    """Hold every value against the command's.

    Raises:
        UnequalError: One differs.
    """
    import extraction

    told = []
    for name in COUNTS:
        apart, values = extraction.difference(folder / name)
        if not apart <= NEAR:
            raise harness.UnequalError(f"{name}: values differ by {apart:.1e} (relative)")
        told.append(f"{values} values differ by at most {apart:.1e}")
    return "; ".join(told) + " (relative)"
