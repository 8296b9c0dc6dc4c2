"""What a request says in words: a report of the cohort, the user's text, or findings composed.

The labeler reads which findings a text states, where the MedSyn paper uses SARLE.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from radfoundry.text import composer, labeler

SIDES: Mapping[str, tuple[str, ...]] = {
    "": ("",),
    "right": ("right",),
    "left": ("left",),
    "bilateral": ("right", "left"),
}
EFFUSION = "pleural_effusion"  # no sentence names one without its side
MARKED = composer.DEGREES[1:]  # what is mild may not show

# A text, and the findings it states: name, side, location and severity, "" where not stated.
Prompt = tuple[str, list[dict[str, str]]]
# Words a request: by its index, its source and its own generator.
Prompter = Callable[[int, Mapping, np.random.Generator], Prompt]
# Chooses source and prompt of a sample, by its index and its own generator.
Chooser = Callable[[int, np.random.Generator], tuple[Mapping, Prompt]]


def prompter(options: Mapping, sources: Sequence[Mapping]) -> Prompter:
    """Return what words each request of a dataset.

    Args:
        options: text, prompts, given and count as `text_guided.plan` takes them.
        sources: Cases with split and report; the reports are read if `prompts` is "reports".

    Raises:
        ValueError: If `prompts` is neither "reports" nor a list of prompts.
    """
    if not options["text"]:
        return lambda index, source, rng: ("", [])
    if options["prompts"] != "reports":
        items = checked(options["prompts"])
        turns = in_turn([item.get("count", 1) for item in items], options["count"])
        return lambda index, source, rng: _item(items[turns[index]], rng)
    if options["given"]:
        return lambda index, source, rng: read(source["report"])
    reports: dict[str, list[str]] = {}
    for case in sources:
        reports.setdefault(case["split"], []).append(case["report"])
    return lambda index, source, rng: read(_one(reports[source["split"]], rng))


def read(text: str) -> Prompt:
    """Return a text and the findings that the labeler finds stated in it."""
    return text, [dict(finding) for finding in _labeled(text)]


@lru_cache(maxsize=2**14)
def _labeled(text: str) -> tuple[dict[str, str], ...]:
    """Return the labeler's findings, all keys filled; reports recur, so they are remembered."""
    keys = ("name", "side", "location", "severity")
    return tuple({key: f.get(key, "") for key in keys} for f in labeler.structured(text))


def composed(findings: Sequence[Mapping], rng: np.random.Generator) -> Prompt:
    """Return a report that states these findings and no other.

    A severity that is left out is drawn from all, the side of an effusion from right and left.
    """
    whole = []
    for finding in findings:
        drawn = {"severity": _one(composer.DEGREES, rng), "side": ""}
        if finding["name"] == EFFUSION:
            drawn["side"] = _one(("right", "left"), rng)
        stated = drawn | {key: str(value) for key, value in finding.items() if value}
        place = {"location": stated.get("location", ""), "severity": stated["severity"]}
        whole += [{"name": stated["name"], "side": s, **place} for s in SIDES[stated["side"]]]
    return composer.compose(whole, rng), whole


def clear(name: str, side: str, rng: np.random.Generator) -> Prompt:
    """Return a report of one finding alone, moderate or severe, where it is usually seen.

    Args:
        name: The finding.
        side: "right" or "left"; "" for none, or a drawn one for an effusion.
        rng: Makes every choice.
    """
    usual = {"side": "bilateral", "location": "upper zone"} if name == "emphysema" else {}
    severity = _one(MARKED, rng)
    return composed([{"name": name, "severity": severity, "side": side} | usual], rng)


def checked(items: Any) -> list[Mapping]:
    """Return the user's prompts, or say which is none and why."""
    if not isinstance(items, list) or not items:
        allowed = "state 'reports' or a list of prompts, or 'coverage'"
        raise ValueError(f"prompts are {items!r}: {allowed}")
    for place, item in enumerate(items, 1):
        where = f"prompt {place} of {len(items)}"
        if not isinstance(item, Mapping) or len({"text", "findings"} & set(item)) != 1:
            raise ValueError(f"{where} is {item!r}: state either text or findings")
        if "text" in item and not str(item["text"]).strip():
            raise ValueError(f"{where} has an empty text; to draw without prompts say text: false")
        count = item.get("count", 1)
        if not isinstance(count, int | float) or not count > 0:
            raise ValueError(f"{where} has the count {count!r}; it must be a number above 0")
        for finding in item.get("findings", []):
            _check(finding, where)
    return items


def _check(finding: Mapping, where: str) -> None:
    allowed: dict[str, tuple[str, ...]] = {"name": tuple(composer.wording()["findings"])}
    allowed |= {"side": tuple(SIDES), "severity": ("", *composer.DEGREES)}
    for key, choices in allowed.items():
        if finding.get(key, "") not in choices:
            listed = ", ".join(choice for choice in choices if choice)
            raise ValueError(f"{where}: no {key} {finding.get(key, '')!r}: choose from {listed}")


def in_turn(weights: Sequence[float], count: int) -> list[int]:
    """Return which of several comes at each of `count` turns, in proportion to their weights.

    More turns begin with the same ones.

    >>> in_turn([2, 1], 6)
    [0, 1, 0, 0, 1, 0]
    """
    total, had = sum(weights), [0] * len(weights)
    turns: list[int] = []
    for turn in range(1, count + 1):
        short = [weight * turn / total - n for weight, n in zip(weights, had, strict=True)]
        turns.append(int(np.argmax(short)))
        had[turns[-1]] += 1
    return turns


def _item(item: Mapping, rng: np.random.Generator) -> Prompt:
    return read(str(item["text"])) if "text" in item else composed(item["findings"], rng)


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
