"""Find the file that a path in a table means where its name is spelled in another way.

Windows writes backslashes, macOS stores names decomposed (NFD), and for both `img.png` is
`img.PNG`. Another Unicode form is the same text, and is read. Another letter case is read where one
name alone fits it. What resembles a name otherwise is a hint and never read.
"""

import os
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

UNICODE, CASE = "Unicode form", "letter case"
WINDOWS = "a path of another computer; paths start from the folder of the table"
ABSOLUTE = re.compile(r"[A-Za-z]:[\\/]|\\")  # as Windows writes it
ENDING = re.compile(r"(\.nii\.gz|\.[a-z]\w{0,4})$")
Names = dict[str, list[str]]


class Found(NamedTuple):
    """What a path leads to.

    Attributes:
        path: With slashes; in the spelling of the names on disk where they were found.
        there: Whether it is there (a link that leads nowhere is).
        how: How the names on disk differ from the written ones, or why there can be none.
        name: What is there instead of a path that is not.
    """

    path: str
    there: bool
    how: str = ""
    name: str = ""

    def hint(self, named: bool = True) -> str:
        """Return what is there instead, as the end of a sentence; without its name if asked."""
        name = self.path if self.there else self.name
        if not self.how or not name:
            return f"; it is {self.how}" if self.how else ""
        which = f"{name!r:.200}" if named else "a name"
        return f"; there is {which} that differs in {self.how}".replace("|", "/")


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _composed(unicodedata.normalize("NFD", name).casefold())


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", name).casefold())


def _ascii(name: str) -> str:
    return re.sub(r"[^\x00-\x7f]+", "?", _composed(name).casefold())


def _stem(name: str) -> str:
    return ENDING.sub("", _folded(name))


FORMS: dict[str, Callable[[str], str]] = {
    UNICODE: _composed,
    CASE: _folded,
    "spaces or look-alike signs": _plain,
    "letters beyond ASCII": _ascii,  # of a name in another encoding, as old archives unpack it
    "its ending": _stem,
}


def finder(root: str | Path) -> Callable[[str], Found]:
    """Return a function from a path, as a table may write it, to what it leads to.

    Paths start from the root. Folders are listed once, and only where something is missing.
    """
    listed = cache(_listed)

    def find(cell: str) -> Found:
        if os.path.lexists(Path(root, cell)):
            return Found(cell, True)
        if ABSOLUTE.match(cell):
            return Found(cell, False, WINDOWS)
        path = Path(cell.replace("\\", "/"))
        return _walked(Path(root, path.anchor), path, listed)

    return cache(find)


def _walked(folder: Path, path: Path, listed: Callable[[Path, str], Names]) -> Found:
    """Follow a path part by part, by the names that are there."""
    spelled, different = Path(path.anchor), ""
    for part in path.parts[bool(path.anchor) :]:
        if not os.path.lexists(folder / part):
            how, names = _alike(folder, part, listed)
            if how not in (UNICODE, CASE) or len(names) > 1:
                name = (spelled / names[0]).as_posix() if names else ""
                return Found(path.as_posix(), False, how, name)
            part, different = names[0], CASE if CASE in (how, different) else how
        folder, spelled = folder / part, spelled / part
    return Found(spelled.as_posix(), True, different)


def _alike(folder: Path, part: str, listed: Callable[[Path, str], Names]) -> tuple[str, list[str]]:
    """Return the first form in which names of a folder equal a part, and these names."""
    for how, form in FORMS.items():
        names = listed(folder, how).get(form(part), [])
        if names:
            return how, names
    return "", []


def _listed(folder: Path, how: str) -> Names:
    found: Names = {}
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except (OSError, ValueError):
        return {}
    for name in names:
        found.setdefault(FORMS[how](name), []).append(name)
    return found
