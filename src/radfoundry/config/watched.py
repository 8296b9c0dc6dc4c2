"""What Snakemake can watch of a user's files by itself, and a digest of the rest.

Snakemake reads braces in a path as wildcards, and of a folder it sees the folder's own time alone:
a slice that is rewritten in place is not noticed. Such files are watched by name, size and time.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

BRACES = frozenset("{}")
LENGTH = 16
TABLE = ("image", "labels", "warnings")  # what a table says of files


def inputs(paths: Iterable[str]) -> list[str]:
    """Return the paths that can be inputs of a rule: those without braces.

    >>> inputs(["a.png", "b {1}.png"])
    ['a.png']
    """
    return [path for path in paths if not BRACES & set(path)]


def state(paths: Iterable[str]) -> str:
    """Return a digest of what `inputs` cannot watch; "" where there is no such thing.

    Args:
        paths: Files and folders that exist. Of folders every file below counts, by its name, size
            and time; of files those whose path has braces.
    """
    rows = [row for path in paths for row in _rows(path)]
    return hashlib.sha256("".join(rows).encode()).hexdigest()[:LENGTH] if rows else ""


def of_table(rows: Iterable[Mapping[str, str]]) -> str:
    """Return a digest of where the paths of a table lead, and of what is not there.

    Args:
        rows: As `cohorts.read` returns them: names as they are spelled on disk, and warnings.
    """
    named = [row[name] for row in rows for name in TABLE]
    return hashlib.sha256("\0".join(named).encode(errors="surrogateescape")).hexdigest()[:LENGTH]


@cache
def _rows(path: str) -> tuple[str, ...]:
    """Return a line for each file of a path; cached, since a DAG asks for it more than once."""
    if Path(path).is_dir():
        return tuple(_line(entry) for entry in _below(path))
    found = Path(path).stat() if BRACES & set(path) else None
    return (f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n",) if found else ()


def _below(folder: str) -> Iterator[os.DirEntry]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            else:
                yield entry


def _line(entry: os.DirEntry) -> str:
    found = entry.stat(follow_symlinks=False)
    return f"{entry.path}\0{found.st_size}\0{found.st_mtime_ns}\n"
