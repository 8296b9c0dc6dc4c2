"""What tasks share of their options: defaults filled in, and arms and sizes that there are."""

from collections.abc import Iterable, Mapping
from typing import Any


def merged(defaults: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return defaults with some changed, single entries of mappings too; others are left out.

    >>> merged({"steps": 8, "loss": {"dice": 1, "edge": 2}}, {"loss": {"dice": 3}, "arms": []})
    {'steps': 8, 'loss': {'dice': 3, 'edge': 2}}
    """
    both = {name: options.get(name, default) for name, default in defaults.items()}
    for name, default in defaults.items():
        if isinstance(default, Mapping):
            both[name] = {**default, **both[name]}
    return both


def check(arm: str, arms: Iterable[str], size: str, sizes: Iterable[str]) -> None:
    """Refuse an arm or a size that a task does not have.

    Raises:
        ValueError: It says which there are.
    """
    for word, name, known in (("arm", arm, list(arms)), ("size", size, list(sizes))):
        if name not in known:
            raise ValueError(f"no {word} {name!r}: choose from {', '.join(known)}")
