"""Ids of cases and patients that must not leave the house: every text is searched for them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Numbers alone: what headers say is written by the factory, from names that are renamed before.
NO_TEXT = (".safetensors", ".nii.gz", ".png", ".dcm")
SHORTEST_ID = 4  # a shorter one, such as "12", is found by chance in any text
SHORTEST_NUMBER = 6  # the same of an id of digits alone
ID_PARTS = re.compile(r"[A-Za-z0-9_-]+")


def ids_found(files: Mapping[str, bytes], ids: Iterable[str]) -> list[str]:
    """Return "file: id" for each id that a text among the files holds, sorted.

    Args:
        files: By name; .json is searched key by key and value by value, other texts whole.
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
