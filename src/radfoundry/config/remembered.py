"""Answers about the code, kept between runs: each job of a cluster parses the workflow twice.

An answer follows from the sources alone. It is kept under a digest of what it follows from, in the
user's cache folder, so that an edited file asks anew; so does everybody where that is read-only.

Standard library only: see `digest`.
"""

import atexit
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
KEPT = 50  # states of the sources
SOURCES = {".py", ".yaml", ".j2", ".css"}
PYTHON = repr(sys.version_info)  # syntax trees differ


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what a function of a script, its first argument, says of the sources.

    All other arguments and the answer are JSON.
    """

    @cache
    @wraps(function)
    def asked(script, *rest):
        question = json.dumps([function.__qualname__, script.name, rest])
        return _of_all(script.resolve().parent).answer(question, lambda: function(script, *rest))

    return asked


def remembered_of_file(function: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Keep what a function says of a file, which follows from the file's content; it is JSON."""

    @cache
    @wraps(function)
    def asked(file):
        question = f"{function.__qualname__} {_sha256(file)}"
        return _of_files().answer(question, lambda: function(file))

    return asked


class _Answers:
    """Answers in one file, read at once; what is new is written when the process ends."""

    def __init__(self, name: str, every: bool):
        self.file, self.every, self.new = folder() / name, every, False
        self.used: set[str] = set()
        self.known: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            self.known = json.loads(self.file.read_text(encoding="utf-8"))
        atexit.register(self.write)

    def answer(self, question: str, find: Callable[[], Any]) -> Any:
        self.used.add(question)
        if question not in self.known:
            self.known[question], self.new = find(), True
        return self.known[question]

    def write(self) -> None:
        """Write all answers, or those that were asked for: files of old are forgotten."""
        if not self.new:
            return
        kept = self.known if self.every else {name: self.known[name] for name in self.used}
        with suppress(OSError):
            place = self.file.parent
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=place, suffix=".new", delete=False) as new:
                json.dump(kept, new)
            Path(new.name).replace(self.file)
            for old in sorted(place.glob("*.json"), key=lambda file: -file.stat().st_mtime)[KEPT:]:
                old.unlink(missing_ok=True)


def folder() -> Path:
    """Return where answers are kept; the environment's `XDG_CACHE_HOME` moves it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "radfoundry"


@cache
def _of_files() -> _Answers:
    return _Answers(f"files-{hashlib.sha256(PYTHON.encode()).hexdigest()[:8]}.json", every=False)


@cache
def _of_all(scripts: Path) -> _Answers:
    files = sorted(file for file in PACKAGE.rglob("*") if file.suffix in SOURCES)
    digest = hashlib.sha256(PYTHON.encode())
    for root, found in ((PACKAGE, files), (scripts, sorted(scripts.glob("*.py")))):
        for file in found:
            digest.update(f"{file.relative_to(root)}\0{_sha256(file)}\0".encode())
    return _Answers(f"{digest.hexdigest()[:32]}.json", every=True)


@cache
def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
