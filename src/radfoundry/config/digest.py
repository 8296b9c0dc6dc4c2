"""Say which code made a file.

Snakemake watches the script of a rule and nothing it imports. A digest of everything the script
reaches, given to the rule as a parameter, makes an edited module rerun exactly the stages that
use it. Comments and docstrings do not count: they change no result.

Standard library only: a dry run must not load the libraries the stages need.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from radfoundry.config.remembered import remembered, remembered_of_file

PACKAGE = Path(__file__).parents[1]
LENGTH = 12
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def fingerprint(script: Path, plugins: Iterable[str] = ()) -> str:
    """Return a digest of a script and of every library file it reaches.

    Args:
        script: The file a rule runs.
        plugins: Dotted modules that are loaded by name and so escape the import graph.
    """
    return _fingerprint(Path(script), tuple(sorted(plugins)))


@remembered
def _fingerprint(script: Path, plugins: tuple[str, ...]) -> str:
    reached = _reached(script).union({script}, *(_module(name) for name in plugins))
    digest = hashlib.sha256()
    for file in sorted(reached):
        digest.update(f"{file.name}\0{_substance(file)}\0".encode())
    return digest.hexdigest()[:LENGTH]


def reached_modules(script: Path, plugins: Iterable[str] = ()) -> set[str]:
    """Return the names of the library files that a script's digest covers, for tests and people."""
    files = _reached(Path(script)).union(*(_module(name) for name in plugins))
    return {str(file.relative_to(PACKAGE)) for file in files if PACKAGE in file.parents}


@remembered_of_file
def _substance(file: Path) -> str:
    """Return a digest of what a file does: its syntax without docstrings, or its bytes if data."""
    if file.suffix != ".py":
        return hashlib.sha256(file.read_bytes()).hexdigest()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@cache
def _reached(file: Path) -> frozenset[Path]:
    reached: set[Path] = set()
    todo = [file]
    while todo:
        for found in _uses(todo.pop()) - reached:
            reached.add(found)
            todo.append(found)
    return frozenset(reached)


def _module(dotted: str) -> frozenset[Path]:
    files = {file for name in with_parents(dotted) if (file := file_of(name))}
    if file_of(dotted) is None:
        raise ModuleNotFoundError(dotted)
    return frozenset(files).union(*(_reached(file) for file in files))


@cache
def _uses(file: Path) -> frozenset[Path]:
    """Return the files one file uses: modules it imports and package data it names."""
    imported, data = _names(file)
    return files_of(imported, file.parent).union(*(PACKAGE.rglob(name) for name in data))


@remembered_of_file
def _names(file: Path) -> tuple[list[str], list[str]]:
    """Return the modules that a file imports, as they may be meant, and the data it names."""
    imported: set[str] = set()
    data: set[str] = set()
    if file.suffix != ".py":
        return [], []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.update([node.module, *(f"{node.module}.{each.name}" for each in node.names)])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = node.value
            if named.endswith((".yaml", ".j2", ".css", ".js", ".js.gz")) and len(named) < 100:
                data.add(Path(named).name)
    return sorted(imported), sorted(data)


def with_parents(dotted: str) -> Iterator[str]:
    """Yield a.b.c's parents and itself: a, a.b, a.b.c."""
    parts = dotted.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def files_of(names: Iterable[str], beside: Path) -> frozenset[Path]:
    """Return the files that importing dotted names executes, as far as they are ours."""
    every = {dotted for name in set(names) for dotted in with_parents(name)}
    return frozenset(found for dotted in every if (found := file_of(dotted, beside)))


def file_of(dotted: str, beside: Path = PACKAGE) -> Path | None:
    """Return the file of a module of ours, or of one beside a script; None for those of others."""
    head, *rest = dotted.split(".")
    if head.startswith("_") and not rest:  # what a script shares with its neighbours
        shared = beside / f"{head}.py"
        return shared if shared.is_file() else None
    if head != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*rest)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
