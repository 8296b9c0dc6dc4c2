"""Read and check a user's table of cases, and name the batches that cases travel in.

The columns are named in `schemas/cases.schema.yaml`. All faults are listed at once, each
with its line in the file and its column, before any job runs. A missing image is no fault of the
table: the case is rejected later, with all others that cannot be read.
"""

import math
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path

from radfoundry.config import catalogue, spelling
from radfoundry.config.delimited import Fault, Row, parsed, problem

TABLE = "cases"
SCHEMA = Path(__file__).parent / "schemas" / f"{TABLE}.schema.yaml"
PATHS = ("image", "labels")
MOST_LISTED = 200
Rows = list[tuple[int, Row]]


class CohortError(ValueError):
    """Tables of cases cannot be used; `faults` holds every reason, by table."""

    def __init__(self, faults: Mapping[str, Sequence[Fault]]):
        self.faults = {where: sorted(found) for where, found in faults.items()}
        super().__init__("\n".join(line for where in self.faults for line in self._lines(where)))

    def _lines(self, where: str) -> Iterator[str]:
        found = self.faults[where]
        yield f"{where} cannot be used as a table of cases:"
        yield from (f"  {fault}" for fault in islice(found, MOST_LISTED))
        if len(found) > MOST_LISTED:
            yield f"  and {len(found) - MOST_LISTED:,} more faults"


@cache
def columns() -> Mapping[str, Mapping]:
    """Return what a user's table may hold: columns in order, each with its rules."""
    stated = _schema()["properties"].items()
    return {name: rules for name, rules in stated if "readOnly" not in rules}


@cache
def _schema() -> Mapping:
    return catalogue.packaged(SCHEMA)


@cache
def _findings() -> tuple[str, ...]:
    return tuple(entry["name"] for entry in catalogue.vocabulary()["findings"])


def read(path: str | Path, root: str | Path | None = None) -> list[Row]:
    """Return the cases of a table, in its order: every known column, "" where nothing is stated.

    Args:
        path: TSV or CSV with a header; tab, semicolon or comma, whichever the header uses.
        root: Folder that paths in the table start from and may not leave; without it the folder of
            the table. Paths come back relative to it, as the files' own names are spelled.

    Returns:
        Rows with the columns of the schema and `warnings`. Images that do not exist are not faults:
        see `missing`.

    Raises:
        CohortError: With every fault of the table.
    """
    root = Path(path).parent if root is None else Path(root)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        words = f"{error}{spelling.finder('')(str(path)).hint()}"
        raise CohortError({str(path): [Fault(0, "-", "table.missing", words)]}) from None
    rows, faults = parsed(content, columns(), _schema()["given"])
    if not faults:
        rows, faults = _checked(rows, root)
    if faults:
        raise CohortError({str(path): faults})
    return [_finished(row) for _, row in rows]


def _checked(rows: Rows, root: Path) -> tuple[Rows, list[Fault]]:
    inside, rows = _places(root.resolve()), _spelled(rows, root)
    faults = [fault for line, row in rows for fault in _cell_faults(line, row, inside)]
    faults += [*_spelling_faults(rows), *_patient_faults(rows)]
    if not faults:
        given = [{p: inside(row[p]) or "" for p in PATHS if row.get(p)} for _, row in rows]
        rows = [(n, row | paths) for (n, row), paths in zip(rows, given, strict=True)]
        faults += _image_faults(rows)
    return rows, faults


def _spelled(rows: Rows, root: Path) -> Rows:
    """Return the rows with paths spelled as on disk, and warnings of what differs.

    A file that a row names exactly is not taken for another row's in another letter case.
    """
    find = spelling.finder(root)
    found = {row[p]: find(row[p]) for _, row in rows for p in PATHS if row.get(p)}
    exact = {os.path.normpath(each.path) for each in found.values() if each.there and not each.how}
    for cell, each in found.items():
        if each.how == spelling.CASE and os.path.normpath(each.path) in exact:
            found[cell] = spelling.Found(cell, False, each.how, each.path)
    return [(line, row | _paths(row, found, root)) for line, row in rows]


def _paths(row: Row, found: Mapping[str, spelling.Found], root: Path) -> Row:
    """Return a row's paths, and what to warn of."""
    given = {p: found[row[p]] for p in PATHS if row.get(p)}
    taken = [p for p, each in given.items() if each.there and each.how == spelling.CASE]
    warnings = [f"{p}.spelling - the file's name differs in letter case" for p in taken]
    if "image" in given and not given["image"].there and (hint := given["image"].hint()):
        warnings.append(f"image.missing - no file is there{hint}")
    if "labels" in given and not Path(root, given["labels"].path).exists():
        hint = given["labels"].hint()
        warnings.append(f"labels.missing - there are no reader's labels at the path given{hint}")
    return {p: each.path for p, each in given.items()} | {"warnings": "|".join(warnings)}


def _cell_faults(line: int, row: Row, inside: Callable[[str], str | None]) -> Iterator[Fault]:
    for name in columns():
        value = row.get(name, "")
        if not value and name in _schema()["given"]:
            yield Fault(line, name, "value.missing", "is empty")
        elif value and (found := _problem(name, value)):
            yield Fault(line, name, *found)
        elif value and name in PATHS and inside(value) is None:
            words = f"{value!r:.120} lies outside the cohort's folder; set `root` if that is meant"
            yield Fault(line, name, "path.escape", words)


@lru_cache(maxsize=4096)
def _problem(name: str, value: str) -> tuple[str, str] | None:
    return problem(value, columns()[name], _findings())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _spelling_faults(rows: Rows) -> Iterator[Fault]:
    """Find cases named twice, and patients whose id is spelled in two ways."""
    cases: dict[str, tuple[int, str]] = {}
    patients: dict[tuple, tuple[int, str]] = {}
    for line, row in rows:
        first, other = cases.setdefault(_folded(row["case"]), (line, row["case"]))
        if first != line:
            words = f"{row['case']!r} is {other!r} of line {first}"
            yield Fault(line, "case", "id.duplicate", words)
        kept, sought = readings(row["patient"])
        seen = [patients[reading] for reading in sought if reading in patients]
        first, other = min(seen, default=(line, row["patient"]))
        for reading in kept:
            patients.setdefault(reading, (line, row["patient"]))
        if other != row["patient"]:
            words = f"{row['patient']!r} and {other!r} of line {first} differ in spelling only"
            yield Fault(line, "patient", "id.spelling", words)


@lru_cache(maxsize=4096)
def readings(patient: str) -> tuple[frozenset, frozenset]:
    """Return what an id is kept under and sought under: case, separators, leading zeros dropped.

    Separators within digits or letters may mean something: 1-11 and 11-1 are two patients, but
    either may be 111.
    """
    words = re.findall(r"[^\W\d_]+|\d+", _folded(patient))
    joined = re.findall(r"[^\W\d_]+|\d+", "".join(words))
    parted, whole = (tuple(word.lstrip("0") or "0" for word in part) for part in (words, joined))
    if words == joined:
        return frozenset({parted}), frozenset({parted, ("joined", *parted)})
    return frozenset({parted, ("joined", *whole)}), frozenset({parted, whole})


def _patient_faults(rows: Rows) -> Iterator[Fault]:
    """Find patients that are given to two splits."""
    given: dict[str, tuple[int, str]] = {}
    for line, row in rows:
        split = row.get("split", "")
        patient = _folded(row["patient"])
        first, other = given.setdefault(patient, (line, split)) if split else (0, "")
        if split != other:
            words = f"patient {row['patient']!r} is in {split} here and in {other} on line {first}"
            yield Fault(line, "split", "leak.patient", words)


def _image_faults(rows: Rows) -> Iterator[Fault]:
    """Find images that two cases name."""
    named: dict[str, tuple[int, Row]] = {}
    for line, row in rows:
        first, other = named.setdefault(row["image"], (line, row))
        if first != line:
            code = "image" if other["patient"] == row["patient"] else "leak"
            words = f"is the image of case {other['case']!r} on line {first} too"
            yield Fault(line, "image", f"{code}.duplicate", f"{row['image']!r:.120} {words}")


def _places(root: Path) -> Callable[[str], str | None]:
    """Return a function from a path in the table to the path from the root; None if outside.

    Links are followed. Folders are resolved once: 10,000 images would take seconds otherwise.
    """
    resolved = lru_cache(maxsize=4096)(Path.resolve)

    def place(cell: str) -> str | None:
        path = root / cell
        whole = resolved(path.parent) / path.name
        if path.name in ("", "..") or whole.is_symlink():
            whole = path.resolve()
        return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else None

    return cache(place)


def _finished(row: Row) -> Row:
    """Return a row with all columns, its report cut to size, and warnings."""
    warnings = [row["warnings"]] if row["warnings"] else []
    row = {name: row.get(name, "") for name in columns()}
    most = columns()["report"]["max_characters"]
    if len(row["report"]) > most:
        warnings.append(f"text.truncated - report of {len(row['report'])} characters cut to {most}")
        row["report"] = row["report"][:most]
    return row | {"warnings": "|".join(warnings)}


def missing(rows: Sequence[Row], root: str | Path) -> list[str]:
    """Return the ids of the cases whose image is not there."""
    return [row["case"] for row in rows if not (Path(root) / row["image"]).exists()]


def read_all(cohorts: Mapping[str, Mapping]) -> dict[str, list[Row]]:
    """Return the cases of every cohort that has a table, or the faults of all tables at once.

    Args:
        cohorts: The section of the checked config.
    """
    rows: dict[str, list[Row]] = {}
    faults: dict[str, Sequence[Fault]] = {}
    for name, cohort in cohorts.items():
        try:
            if "table" in cohort:
                rows[name] = read(cohort["table"], cohort.get("root"))
        except CohortError as error:
            where = f"cohorts.{name}.table"
            faults |= {f"{where} {path}": found for path, found in error.faults.items()}
    if faults:
        raise CohortError(faults)
    return rows


def root_of(cohort: Mapping) -> str:
    """Return the folder that the paths of a cohort's table start from; "" for phantoms."""
    own = str(Path(cohort["table"]).parent) if "table" in cohort else ""
    return cohort.get("root", own)


def batch_name(index: int) -> str:
    """Return the name of a batch: b0003 for 3."""
    return f"b{index:04d}"


def names_of_batches(count: int, size: int) -> list[str]:
    """Return the names of the batches that hold so many things."""
    return [batch_name(index) for index in range(math.ceil(count / size))]


def batch_of_each(count: int, size: int, jobs: int | None = None) -> list[str]:
    """Return the batch of each of so many things, in order: of `size` each, or at most `jobs`.

    >>> batch_of_each(5, 2), batch_of_each(3, 1, jobs=2)
    (['b0000', 'b0000', 'b0001', 'b0001', 'b0002'], ['b0000', 'b0000', 'b0001'])
    """
    size = max(1, math.ceil(count / jobs)) if jobs else size
    return [batch_name(index // size) for index in range(count)]


def batch_names(cohort: Mapping, rows: Sequence[Row] = ()) -> list[str]:
    """Return the names of a cohort's batches: of its cases, or of the patients of phantoms."""
    count = cohort["phantom"]["patients"] if "phantom" in cohort else len(rows)
    return names_of_batches(count, cohort["batch"])


def files_of_batch(cohort: Mapping, rows: Sequence[Row], batch: str) -> list[str]:
    """Return the images and readers' labels of a batch that exist, a DICOM series as its folder."""
    start = int(batch[1:]) * cohort["batch"]
    chosen = rows[start : start + cohort["batch"]]
    images, labels = ([Path(root_of(cohort), r[p]) for r in chosen if r[p]] for p in PATHS)
    masks = [f for p in labels for f in (sorted(p.iterdir()) if p.is_dir() else [p])]
    return [str(path) for path in [*images, *masks] if path.exists()]
