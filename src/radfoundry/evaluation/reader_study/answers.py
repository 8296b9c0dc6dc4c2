"""What readers sent back: joined with the key, or refused with every reason at once.

The seal of a file tells that it was edited or cut, by accident or by hand. It holds no secret, for
the page that makes it holds none: it is no proof against someone who sets out to forge answers.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from radfoundry.evaluation.reader_study.questions import allowed

FIELDS = ("reader", "pack", "key", "answers", "seal")
PARTS = ("task", "number", "answer")
KINDS = {"number": int, "answers": list}  # all else is text
LISTED = 5
COLUMNS = ["reader", "task", "item", "place", "recipe", "arm", "patient", "answer"]


class AnswersError(ValueError):
    """Answers cannot be used; `faults` holds one line for each reason."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(["answers of the reader study:", *self.faults]))


def read(files: Mapping[str, bytes], key: bytes, withdrawn: Sequence[str] = ()) -> pd.DataFrame:
    """Return all answers with what the key says of each picture.

    Args:
        files: File name to content, as pages saved them.
        key: The file that `pack.build` made with the pages.
        withdrawn: Readers who left the study: no answers of theirs are asked for or taken.

    Returns:
        `COLUMNS`, one row for each picture that a reader saw; of a ranking, all pictures of an item
        share its answer.

    Raises:
        AnswersError: Edited, repeated, missing, unknown or unblinded answers, or of another key.
    """
    known = json.loads(key)
    digest = hashlib.sha256(key).hexdigest()
    given: dict[str, list[dict]] = {}
    faults: list[str] = []
    for name, content in files.items():
        answers, found = _checked(content, known, digest)
        faults += [f"  {name}: {fault}" for fault in found]
        if answers and answers["reader"] in given:
            faults.append(f"  {name}: {answers['reader']} answered already, in another file")
        elif answers:
            given[answers["reader"]] = answers["answers"]
    faults += _of_readers(given, known, withdrawn) if not faults else []
    if faults:
        raise AnswersError(faults)
    return _joined(given, known)


def seal(reader: str, pack: str, key: str, answers: Sequence[Mapping[str, Any]]) -> str:
    """Return the sha256 of what a file of answers says, as the page makes it."""
    lines = [f"{one['task']} {one['number']} {one['answer']}" for one in answers]
    text = "\n".join([reader, pack, key, *lines])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _checked(content: bytes, known: Mapping, digest: str) -> tuple[dict | None, list[str]]:
    """Return what a file says, or None, and what is wrong with it."""
    try:
        file = json.loads(content, object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        return None, [f"is no file of answers: {error}"]
    faults = list(_form_faults(file, known)) or list(_origin_faults(file, known, digest))
    faults = faults or list(_answer_faults(file, known))
    return (None if faults else file), faults


def _no_key_twice(pairs: Sequence[tuple[str, Any]]) -> dict:
    twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)} is given twice")
    return dict(pairs)


def _form_faults(file: Any, known: Mapping) -> Iterator[str]:
    """Find what no page writes; a name of the key among it tells that the reader knew."""
    if not isinstance(file, dict) or not isinstance(file.get("answers"), list):
        yield f"is no file of answers; allowed: {', '.join(FIELDS)}"
        return
    told = _words(file) & _secrets(known) - _said(known)
    if told:
        names = ", ".join(sorted(told)[:LISTED])
        yield f"is unblinded: it names {names}, which the key alone knows"
    parts: list[tuple[str, Any, tuple[str, ...]]] = [("the file", file, FIELDS)]
    parts += [(f"answer {i + 1}", one, PARTS) for i, one in enumerate(file["answers"])]
    for where, part, fields in parts:
        if not isinstance(part, dict) or set(part) != set(fields):
            yield f"{where} holds {_shown(part)}; allowed: exactly {', '.join(fields)}"
        elif not all(isinstance(part[field], KINDS.get(field, str)) for field in fields):
            yield f"{where}: a value is of a kind that no page writes"


def _shown(part: Any) -> str:
    return ", ".join(map(str, part)) if isinstance(part, dict) else repr(part)[:80]


def _words(value: Any) -> set[str]:
    """Return every text of a file, the names of its fields included."""
    if isinstance(value, dict):
        return set(map(str, value)).union(*map(_words, value.values()))
    if isinstance(value, list):
        return set().union(*map(_words, value))
    return {value} if isinstance(value, str) else set()


def _secrets(known: Mapping) -> set[str]:
    """Return the names of cases, samples and patients: no reader can know them."""
    rows = [row for items in known["items"].values() for row in items]
    return {str(row[what]) for row in rows for what in ("name", "patient")} - {""}


def _said(known: Mapping) -> set[str]:
    """Return the words that every reader may write: a case may be called "1" too."""
    tasks = [(row["task"], row["place"]) for items in known["items"].values() for row in items]
    words = {word for task, place in set(tasks) for word in (task, *allowed(task, place))}
    return {*words, *FIELDS, *PARTS, *known["packs"]}


def _origin_faults(file: Mapping, known: Mapping, digest: str) -> Iterator[str]:
    reader = file["reader"]
    if reader not in known["packs"]:
        yield f"is of {reader!r}; allowed: {', '.join(known['packs'])}"
    elif file["key"] != digest:
        yield f"belongs to a key with sha256 {file['key'][:12]}, and this one has {digest[:12]}"
    elif file["pack"] != known["packs"][reader]:
        yield f"is not of the page that was made for {reader}"
    elif file["seal"] != seal(reader, file["pack"], file["key"], file["answers"]):
        yield "was edited after the page saved it: its seal does not fit its answers"


def _answer_faults(file: Mapping, known: Mapping) -> Iterator[str]:
    items = _items(known, file["reader"])
    asked = [(one["task"], one["number"]) for one in file["answers"]]
    for (task, number), n in Counter(asked).items():
        if n > 1:
            yield f"item {number} of {task} is answered {n} times"
        if (task, number) not in items:
            yield f"there is no item {number} of {task!r} in the page of {file['reader']}"
    for one in file["answers"]:
        pictures = items.get((one["task"], one["number"]), 0)
        if pictures and one["answer"] not in (may := allowed(one["task"], pictures)):
            shown = ", ".join(may[:LISTED]) + (" ..." if len(may) > LISTED else "")
            yield f"item {one['number']} is answered {one['answer']!r}; allowed: {shown}"
    missing = sorted(number for task, number in set(items) - set(asked))
    if missing:
        first = ", ".join(map(str, missing[:LISTED]))
        yield f"{len(missing)} of {len(items)} items have no answer: {first}"


def _items(known: Mapping, reader: str) -> dict[tuple[str, int], int]:
    """Return how many pictures each item of a reader has, by task and number."""
    return dict(Counter((row["task"], row["number"]) for row in known["items"][reader]))


def _of_readers(given: Mapping, known: Mapping, withdrawn: Sequence[str]) -> Iterator[str]:
    missing = [r for r in known["packs"] if r not in given and r not in withdrawn]
    if missing:
        yield f"  no answers of {', '.join(missing)}; allowed: a file of each, or `withdrawn`"
    for reader in [reader for reader in given if reader in withdrawn]:
        yield f"  {reader} is said to be withdrawn, and there is a file of answers"


def _joined(given: Mapping[str, list[dict]], known: Mapping) -> pd.DataFrame:
    rows = []
    for reader, answers in given.items():
        said = {one["number"]: one["answer"] for one in answers}
        rows += [
            {**row, "reader": reader, "answer": said[row["number"]]}
            for row in known["items"][reader]
        ]
    return pd.DataFrame(rows, columns=COLUMNS)
