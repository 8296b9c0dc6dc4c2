"""Take a delimited text apart as people and spreadsheets write it, and say what is wrong where.

Byte order mark, CRLF, any of three delimiters, the first line in which Excel states one (`sep=;`),
and the empty cells and lines that spreadsheets leave are fine. It must be UTF-8: which other
encoding a file has can only be guessed, and a wrong guess would change names silently. All cells
stay text: an id 001 or 1e5 is never a number.
"""

import csv
import io
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from radfoundry.config.schema import allowed, nearest

DELIMITERS = "\t;,"
STATED = re.compile(r'"?sep=(.?)"?[\t;,]*', re.I)  # a sheet that is saved again lengthens it
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # a report may have lines and tabs
Row = dict[str, str]


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a table: its line in the file (0: the file itself), column and code."""

    line: int
    column: str
    code: str
    words: str

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        return f"{where}column {self.column!r}: {self.code}: {self.words}"


def parsed(
    content: bytes, known: Collection[str], needed: Collection[str]
) -> tuple[list[tuple[int, Row]], list[Fault]]:
    """Return the rows of a table, each with the line it starts on, and all faults of its form.

    Args:
        content: The file.
        known: Names that columns may have.
        needed: Names of columns that must be there.
    """
    faults = list(_encoding_faults(content))
    if faults:
        return [], faults
    text, above, stated = _without_statement(content.decode("utf-8-sig"))
    if stated not in DELIMITERS:
        words = f"the first line says sep={stated}; allowed: tab, semicolon, comma"
        return [], [Fault(1, "-", "table.delimiter", words)]
    header = next(iter(text.lstrip().splitlines()), "")
    delimiter = stated if stated and stated in header else max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        cells = list(_numbered(reader, above))
    except csv.Error as error:
        line = reader.line_num + above
        return [], [Fault(line, "-", "table.quote", f"{error}; is a quote left open?")]
    if len(cells) < 2:
        return [], [Fault(0, "-", "table.empty", "needs a header and at least one case")]
    names = _trimmed(cells[0][1])
    faults += _header_faults(cells[0][0], names, known, needed)
    faults += _length_faults(cells[1:], len(names))
    return [(line, dict(zip(names, row, strict=False))) for line, row in cells[1:]], faults


def _without_statement(text: str) -> tuple[str, int, str]:
    """Return a text without the line that states its delimiter, the lines left out, and which."""
    first = next(iter(text.splitlines(keepends=True)), "")
    stated = STATED.fullmatch(first.rstrip("\r\n"))
    return (text[len(first) :], 1, stated[1]) if stated else (text, 0, "")


def _numbered(reader: Any, above: int) -> Iterator[tuple[int, list[str]]]:
    """Number the rows by the line they start on; rows without any text are left out."""
    start = above + 1
    for cells in reader:
        if any(cells):
            yield start, cells
        start = above + reader.line_num + 1


def _trimmed(cells: list[str]) -> list[str]:
    """Drop the empty cells at the end, which spreadsheets leave behind."""
    last = max((n for n, cell in enumerate(cells) if cell), default=-1)
    return cells[: last + 1]


def _encoding_faults(content: bytes) -> Iterator[Fault]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Fault(1, "-", "table.encoding", "the file is UTF-16; save it as UTF-8")
        return
    for line, part in enumerate(content.splitlines(), start=1):
        try:
            part.decode()
        except UnicodeDecodeError as error:
            words = (
                f"byte {part[error.start]:#04x} is not UTF-8 (latin-1?); save the table as UTF-8"
            )
            yield Fault(line, "-", "table.encoding", words)


def _header_faults(
    line: int, names: list[str], known: Collection[str], needed: Collection[str]
) -> Iterator[Fault]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Fault(line, name, "table.column", "is there twice")
        if name not in known:
            words = f"unknown; allowed: {', '.join(known)}{nearest(name, known)}"
            yield Fault(line, name, "table.column", words)
    for name in [name for name in needed if name not in names]:
        yield Fault(line, name, "table.column", f"is missing; the table has: {', '.join(names)}")


def _length_faults(rows: list[tuple[int, list[str]]], width: int) -> Iterator[Fault]:
    for line, cells in rows:
        if not len(_trimmed(cells)) <= width <= len(cells):
            words = f"has {len(cells)} cells where the header has {width}"
            yield Fault(line, "-", "table.cells", words)


Problem = tuple[str, str] | None


def problem(value: str, rules: Mapping, words: Collection[str] = ()) -> Problem:
    """Return the code and the words of what is wrong with a cell that is not empty.

    Args:
        value: The cell.
        rules: Its column's schema.
        words: What a column with `joined` may name, joined by |.
    """
    found = _unprintable(value, rules) or _unlike(value, rules) or _unlisted(value, rules)
    return found or _unmeasurable(value, rules) or _unknown(value, rules, words)


def _unprintable(value: str, rules: Mapping) -> Problem:
    if CONTROL.search(value) or ("path" in rules and len(value.splitlines()) > 1):
        return "text.control", f"{value!r:.80} holds control characters"
    return None


def _unlike(value: str, rules: Mapping) -> Problem:
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        return "id.pattern", f"{value!r:.120}; allowed: {allowed(rules)}"
    if len(value) > rules.get("maxLength", math.inf):
        return "value.length", f"{len(value)} characters; allowed: {rules['maxLength']}"
    return None


def _unlisted(value: str, rules: Mapping) -> Problem:
    if "enum" in rules and value not in rules["enum"]:
        hint = nearest(value, rules["enum"])
        return "value.allowed", f"{value!r:.80}; allowed: {allowed(rules)}{hint}"
    return None


def _unmeasurable(value: str, rules: Mapping) -> Problem:
    if rules["type"] == "number":
        known = NUMBER.fullmatch(value)
        if not known or not rules["minimum"] <= float(value) <= rules["maximum"]:
            return "value.range", f"{value!r:.80}; allowed: {allowed(rules)}, with a decimal point"
    return None


def _unknown(value: str, rules: Mapping, words: Collection[str]) -> Problem:
    for part in value.split("|") if "joined" in rules else ():
        word = part.partition(":")[0]  # of a box its finding
        if word not in words:
            message = f"{word!r:.80}; allowed, joined by |: {', '.join(words)}"
            return "finding.unknown", message + nearest(word, words)
    return None
