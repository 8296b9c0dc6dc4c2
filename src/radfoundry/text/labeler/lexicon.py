"""The labeler's rules, compiled: sentences of a report, and phrases found in them.

The rules are data (`lexicon.yaml`, and the severity words of `wording.yaml`); nothing here knows a
finding by name. Text that the rules read is lower case, with hyphens as spaces.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pkgutil import get_data
from typing import Any

import yaml

from radfoundry.text import composer
from radfoundry.text.labeler.headings import sections
from radfoundry.text.labeler.language import Languages
from radfoundry.text.labeler.sentences import Layout, split

_EDGE = r"(?:(?<!\w)|(?!\w))"  # not in the middle of a word


@dataclass(frozen=True)
class Span:
    """A phrase of a sentence: [start, end) in characters, what kind it is, and of which word."""

    start: int
    end: int
    kind: str
    value: str = ""


@dataclass(frozen=True)
class Phrases:
    """Patterns of one kind, each with its value; `quick` is true of text that holds any."""

    kind: str
    patterns: Sequence[tuple[str, re.Pattern[str]]]
    quick: re.Pattern[str]

    def found(self, text: str) -> Iterator[Span]:
        """Yield every match of every pattern; those of different patterns may overlap."""
        if not self.quick.search(text):
            return
        for value, pattern in self.patterns:
            for match in pattern.finditer(text):
                yield Span(match.start(), match.end(), self.kind, value)


@dataclass(frozen=True)
class Rules:
    """What `lexicon.yaml` says, compiled; `severity` is by finding, `data` the file as it is."""

    data: Mapping[str, Any]
    layout: Layout
    languages: Languages
    findings: Sequence[Phrases]
    cues: Sequence[Phrases]
    stops: Phrases
    boundaries: Phrases
    verbs: Phrases
    again: re.Pattern[str]
    compound: re.Pattern[str]
    places: Sequence[Phrases]
    severity: Mapping[str, Sequence[Phrases]]


@cache
def rules() -> Rules:
    """Return the rules, read and compiled once."""
    data = yaml.safe_load(get_data("radfoundry.text.labeler", "lexicon.yaml") or b"")
    fill = _fill(data)
    return Rules(
        data=data,
        layout=_layout(data, fill),
        languages=_languages(data),
        findings=[*_findings(data, fill)],
        cues=[
            _phrases(kind, {side: cue[side]}, fill)
            for kind, cue in data["cues"].items()
            for side in cue
        ],
        stops=_phrases("stop", data["stops"], fill),
        boundaries=_phrases("boundary", {"": data["boundaries"]}),
        verbs=_phrases("verb", {"": data["verbs"]}),
        again=re.compile(_filled(data["again"], fill)),
        compound=re.compile(_any(data["compound"])),
        places=[_phrases("side", data["sides"]), _phrases("place", data["places"], fill)],
        severity={name: _severity(name, data["severity"]) for name in data["findings"]},
    )


def statements(text: str) -> list[tuple[str, str]]:
    """Return (section, sentence) in order, in the form that the rules read; English ones alone."""
    return list(_read(text)[0])


def foreign(text: str) -> bool:
    """Return whether a report, or a sentence of it, is in another language than English.

    >>> foreign("Kein Pleuraerguss. Das Herz ist nicht groß."), foreign("No effusion.")
    (True, False)
    """
    return _read(text)[1]


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Return the English sentences of a report, and whether it has others."""
    known, parts = rules().languages, sections(text)
    if not known.read("\n".join(part for _, part in parts)):
        return (), True
    lines = [(kind, line) for kind, part in parts for line in split(part, rules().layout)]
    own = tuple((kind, line.lower()) for kind, line in lines if not known.strange(line))
    return own, len(own) < len(lines)


def longest(groups: Sequence[Phrases], text: str) -> list[Span]:
    """Return the phrases in a text, left to right; of those that overlap the longest stays.

    Phrases of exactly one stretch all stay: a "ground glass nodule" is two findings.
    """
    spans = {span for group in groups for span in group.found(text)}
    ranked = sorted(spans, key=lambda s: (s.start - s.end, s.start, s.kind, s.value))
    kept: list[Span] = []
    for span in ranked:
        rivals = [k for k in kept if span.start < k.end and k.start < span.end]
        if all((k.start, k.end) == (span.start, span.end) for k in rivals):
            kept.append(span)
    return sorted(kept, key=lambda s: (s.start, s.end, s.value))


def _fill(data: Mapping) -> dict[str, str]:
    """Return what the marks in phrases stand for, such as "{degree}" for any word of severity."""
    degrees = [w for words in data["severity"]["all"].values() for w in words]
    sides = [w for side in ("right", "left", "bilateral") for w in data["sides"][side]]
    return {"{degree}": _any(degrees), "{side}": _any(sides), **data["nouns"]}


def _languages(data: Mapping) -> Languages:
    """Return the words of the languages; English ones are also those of the phrases."""
    words = {kind: frozenset(listed) for kind, listed in data["language"].items()}
    phrases = str([data[key] for key in ("findings", "others", "cues", "modifiers", "severity")])
    spelled = set(re.findall(r"(?<![\\a-z])[a-z]{4,}(?![a-z(\[?])", phrases))
    cut = {word for kind in data["short"].values() for word in kind}
    known = (words["english"] | spelled | cut) - words["shared"] - words["others"]
    return Languages(known, words["others"], words["shared"])


def _layout(data: Mapping, fill: Mapping[str, str]) -> Layout:
    adjectives = [*data["modifiers"], "{degree}", "{side}"]
    unfinished = _filled(_any([*data["lines"]["unfinished"], *adjectives]), fill)
    continuing = _any(data["lines"]["continuing"])
    short = [(re.compile(k), v) for k, v in data["abbreviations"].items()]
    cut = data["short"]["always"] | data["short"]["stopped"]
    always, every = (_any([*words]) for words in (data["short"]["always"], cut))
    return Layout(
        re.compile(rf"(?i)(?:(?<!\w){unfinished}|[,/:])$"),
        re.compile(rf"(?i){continuing}\b"),
        short,
        re.compile(rf"(?i:\b{every})\.(?=\w|\s+[a-z(])|(?i:\b{always})\b(?!\.\w)"),
        cut,
    )


def _findings(data: Mapping, fill: Mapping[str, str]) -> Iterator[Phrases]:
    yield _phrases("other", {"": data["others"]})
    for kind in ("says", "denies", "suggests"):
        known = {name: phrases.get(kind, []) for name, phrases in data["findings"].items()}
        yield _phrases(kind, known, fill)


def _severity(name: str, words: Mapping) -> list[Phrases]:
    """Return the severity words of one finding: general, its own, and the composer's."""
    own = words.get(name, {})
    composed = composer.wording()["severity"].get(name, {})
    weak = own.get("weak", {})
    degrees = {"none": words["none"]}
    for degree in composer.DEGREES:
        plain = [str(w).replace("-", " ") for w in composed.get(degree, [])]
        known = [*words["all"][degree], *own.get(degree, []), *plain]
        degrees[degree] = [w for w in known if w not in weak.get(degree, [])]
    return [_phrases("severity", degrees), _phrases("weak", weak)]


def _phrases(
    kind: str, words: Mapping[str, Sequence[str]], fill: Mapping[str, str] | None = None
) -> Phrases:
    patterns = [
        (value, re.compile(_bounded(_filled(phrase, fill or {}))))
        for value, listed in words.items()
        for phrase in listed
    ]
    return Phrases(kind, patterns, re.compile(_any([p.pattern for _, p in patterns]) or "(?!)"))


def _bounded(phrase: str) -> str:
    return f"{_EDGE}(?:{phrase}){_EDGE}"


def _filled(phrase: str, fill: Mapping[str, str]) -> str:
    for mark, words in fill.items():
        phrase = phrase.replace(mark, words)
    return phrase


def _any(phrases: Sequence[str]) -> str:
    return f"(?:{'|'.join(phrases)})" if phrases else ""
