"""What must not leave with a bundle: images of patients, and the ids of cases and patients.

No image is ever put in. Ids could come in by a card or a name, so every text is searched. What a
network remembers of its training images no search finds: the model card says so.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

NO_TEXT = (".safetensors", ".nii.gz")  # numbers alone: their headers are written by the factory
WORD = re.compile(r"[^\W\d_]{3,}")
SHORTEST_ID = 4  # a shorter one, such as "12", is found by chance in any text
SHORTEST_NUMBER = 6  # the same of an id of digits alone
ID_PARTS = re.compile(r"[A-Za-z0-9_-]+")


def ids_found(files: Mapping[str, bytes], ids: Iterable[str]) -> list[str]:
    """Return "file: id" for each id that a text among the files holds, sorted.

    Args:
        files: By name; .json is searched key by key and value by value, .md whole.
        ids: Of cases and patients. Those that any text may hold by chance are not looked for.
    """
    wanted = {own for own in ids if len(own) >= (SHORTEST_NUMBER if own.isdigit() else SHORTEST_ID)}
    found = set()
    for name, content in files.items():
        for text in _texts(name, content):
            parts = {text, *ID_PARTS.findall(text)}
            found |= {f"{name}: {own}" for own in parts & wanted}
    return sorted(found)


def _texts(name: str, content: bytes) -> Iterator[str]:
    if name.endswith(".json"):
        yield from _strings(json.loads(content))
    elif not name.endswith(NO_TEXT):
        yield content.decode()
    yield name


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _strings(key)
            yield from _strings(below)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


def rare_words(vocabulary: Sequence[str], reports: Iterable[tuple[str, str]]) -> list[str]:
    """Return the whole words of a vocabulary that stand in reports of one patient alone, sorted.

    Such a word may be a name that nobody took out of a report.

    Args:
        vocabulary: Word pieces; those that go on a word start with "##".
        reports: (patient, report) of each training case.
    """
    whole = {piece for piece in vocabulary if WORD.fullmatch(piece)}
    patients: dict[str, set[str]] = {}
    for patient, report in reports:
        for word in set(WORD.findall(report.lower())) & whole:
            patients.setdefault(word, set()).add(patient)
    return sorted(word for word, own in patients.items() if len(own) == 1)
