"""Read, check and write the tables that stages hand each other.

Every table has a schema in `config/schemas`; it is checked when written and again when read, so
a stage never computes on a table that is not what its name says. Ids are text, always.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import jsonschema
import pandas as pd
import yaml

from radfoundry.volume import write_bytes

SCHEMAS = Path(__file__).parent / "config" / "schemas"
LISTED = 5  # offending rows named in an error


class TableError(ValueError):
    """A table is not what its schema says."""


@cache
def schema(kind: str) -> Mapping:
    """Return the schema of a kind of table: columns with type, meaning and allowed values."""
    return yaml.safe_load((SCHEMAS / f"{kind}.schema.yaml").read_text())


def columns(kind: str) -> dict[str, Mapping]:
    """Return a kind's columns in order, each with its schema."""
    return dict(schema(kind)["properties"])


def write(frame: pd.DataFrame, path: str | Path, kind: str) -> None:
    """Check a table against its schema and store it, as .tsv or .parquet by its name."""
    table = checked(frame, kind, str(path))
    if Path(path).suffix == ".parquet":
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        write_bytes(buffer.getvalue(), path)
    else:
        text = table.to_csv(sep="\t", index=False, lineterminator="\n")
        write_bytes(text.encode(), path)


def read(path: str | Path, kind: str) -> pd.DataFrame:
    """Return a stored table, checked against its schema; empty text is "", empty numbers NaN."""
    if Path(path).suffix == ".parquet":
        return checked(pd.read_parquet(path), kind, str(path))
    raw = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return checked(raw, kind, str(path))


def digest(frame: pd.DataFrame) -> str:
    """Return a short digest of a table's rows, whatever their order.

    >>> rows = pd.DataFrame({"case": ["a", "b"]})
    >>> digest(rows) == digest(rows[::-1]) != digest(rows.head(1))
    True
    """
    rows = frame.sort_values(list(frame.columns)).to_csv(index=False)
    return hashlib.sha256(rows.encode()).hexdigest()[:12]


def checked(frame: pd.DataFrame, kind: str, where: str) -> pd.DataFrame:
    """Return the table with its schema's column order and types, or list all that is wrong.

    Raises:
        TableError: One line per fault, with rows (first data row is 1), column and allowed values.
    """
    faults = list(_column_faults(frame, kind))
    if not faults:
        frame = _typed(frame, kind, faults)
    if not faults:
        faults = list(_value_faults(frame, kind))
    if faults:
        raise TableError("\n".join([f"{where} is not a table of {kind}:", *faults]))
    return frame


def texts(folder: str | Path, pattern: str) -> dict[str, str]:
    """Return the texts of the files below a folder that a pattern names, by their names there."""
    return {str(path.relative_to(folder)): path.read_text() for path in Path(folder).glob(pattern)}


def _column_faults(frame: pd.DataFrame, kind: str) -> Iterator[str]:
    known, needed = columns(kind), schema(kind).get("required", [])
    yield from (f"  column {name!r} is missing" for name in needed if name not in frame)
    if not schema(kind).get("additionalProperties", False):
        extra = [name for name in frame if name not in known]
        yield from (f"  column {name!r} is unknown; known: {', '.join(known)}" for name in extra)


def _typed(frame: pd.DataFrame, kind: str, faults: list[str]) -> pd.DataFrame:
    typed = {}
    order = [n for n in columns(kind) if n in frame] + [n for n in frame if n not in columns(kind)]
    for name in order:
        wanted = columns(kind).get(str(name), {"type": "number"})["type"]
        try:
            typed[name] = _cast(frame[name], wanted)
        except (ValueError, TypeError) as error:
            faults.append(f"  column {name!r} must hold {wanted}s: {error}")
    return pd.DataFrame(typed, index=pd.RangeIndex(len(frame)))


def _cast(column: pd.Series, wanted: str) -> pd.Series:
    column = column.reset_index(drop=True)
    if wanted == "string":
        return column.astype(object).where(column.notna(), "").astype(str)
    if wanted == "boolean" and not pd.api.types.is_bool_dtype(column):
        return column.map({"True": True, "False": False, "true": True, "false": False}).astype(
            "boolean"
        )
    if pd.api.types.is_bool_dtype(column):
        return column.astype("boolean")
    numbers = pd.to_numeric(column.replace("", None))
    return numbers.astype("Int64") if wanted == "integer" else numbers.astype("float64")


def _value_faults(frame: pd.DataFrame, kind: str) -> Iterator[str]:
    for name, column in frame.items():
        rules = columns(kind).get(str(name), {})
        filled = column[column.notna() & (column.astype(str) != "")]
        if str(name) in schema(kind).get("required", []) and rules.get("type") == "string":
            filled = column
        check = jsonschema.Draft202012Validator({k: v for k, v in rules.items() if k != "type"})
        for value in pd.unique(filled):
            for error in check.iter_errors(value.item() if hasattr(value, "item") else value):
                rows = _some(column.index[column == value])
                yield f"  column {name!r}, row {rows}: {error.message}"
    key = schema(kind).get("key", [])
    if key and len(frame):
        double = frame[frame.duplicated(key, keep=False)]
        for values, same in double.groupby(key).groups.items():
            yield f"  rows {_some(same)} share {'/'.join(key)} {values}"


def _some(index: pd.Index) -> str:
    """Return the first rows in words, counted from 1."""
    more = f" and {len(index) - LISTED} more" if len(index) > LISTED else ""
    return ", ".join(str(int(row) + 1) for row in index[:LISTED]) + more
