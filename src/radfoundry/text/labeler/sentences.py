"""Where a sentence of a report ends: not at every line, nor at every full stop.

Reports are wrapped at some width, typed as lists without full stops, shouted in capitals, and full
of abbreviations; the words that decide are data (`lexicon.yaml`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LONGEST = 120  # words; no sentence of the gold reports has half as many
_BREAK = re.compile(
    r"(?<=[.!;?])\s+|\n|(?<!\S)\d{1,2}[.)]\s+(?=[A-Z])"
    r"|(?<=[^\W\d_][\w)]\.)(?=[^\W\d_]{2})"  # a full stop without a space
    r"|(?<=\d[)%]\.)(?=[^\W\d_]{2})|(?<=\d\d\.)(?=[A-Z])"
)
_SIGNED = re.compile(r"(?m)^\s*\([-–−+]\).*$")  # "(-) effusion (+) nodule"
_ITEM = re.compile(r"\s*(?:[-*•]|\d+[.)]\s|[^\W\d_][\w /-]{0,40}:(?:\s|$))")
_WITHIN = re.compile(r"[^\W\d_)]\.\s+\S")  # a sentence ends inside the line
_LOWER = re.compile(r"[a-z]")
_CAPITALS = re.compile(r"\b(?![RL]\b)[A-Z]+\b")  # R is right, r is a letter


@dataclass(frozen=True)
class Layout:
    """What tells whether a line goes on: its last words, or the first ones of the next.

    Attributes:
        unfinished: Matches the end of a line that needs more words ("no evidence of").
        continuing: Matches the start of a line that says more of the one before ("in the").
        short: Patterns of abbreviations and signs, with the words that they stand for.
        cut: Matches words that are cut short, with the full stop that ends no sentence.
        whole: What they are in full.
    """

    unfinished: re.Pattern[str]
    continuing: re.Pattern[str]
    short: Sequence[tuple[re.Pattern[str], str]]
    cut: re.Pattern[str]
    whole: Mapping[str, str]


def split(text: str, layout: Layout) -> Iterator[str]:
    """Yield the sentences of a part of a report, with hyphens as spaces."""
    text = unwrapped(text, layout)
    if not _LOWER.search(text):
        text = _CAPITALS.sub(lambda word: word.group().lower(), text)
    text = _SIGNED.sub(_in_words, text)
    for pattern, words in layout.short:
        text = pattern.sub(words, text)
    text = layout.cut.sub(lambda word: f"{layout.whole[word.group().strip('.').lower()]} ", text)
    for sentence in _BREAK.split(text):
        plain = re.sub(r"\s+", " ", re.sub(r"(?<=\w)-(?=\w)", " ", sentence)).strip(" -*•")
        if plain:
            yield from pieces(plain)


def pieces(sentence: str) -> Iterator[str]:
    """Yield a run-on line in pieces of at most `LONGEST` words, cut at commas where there are some.

    What a word reaches is looked for word by word, which takes minutes in dictation without a stop.

    >>> list(pieces("no effusion, large heart"))
    ['no effusion, large heart']
    """
    words = sentence.split(" ")
    while len(words) > LONGEST:
        commas = [at for at in range(1, LONGEST + 1) if words[at - 1].endswith((",", ";"))]
        cut = commas[-1] if commas else LONGEST
        yield " ".join(words[:cut])
        words = words[cut:]
    yield " ".join(words)


def _in_words(line: re.Match[str]) -> str:
    """Return a line in which signs stand before findings, with words for them.

    >>> _in_words(_SIGNED.match("(-) effusion (+) nodule"))
    '; no effusion; there is nodule'
    """
    told = re.sub(r"\s*\(\+\)\s*", "; there is ", line.group())
    return re.sub(r"[,;]?\s*\([-–−]\)\s*", "; no ", told)


def unwrapped(text: str, layout: Layout) -> str:
    """Return a text in which a line ends only where a statement does.

    A line goes on in the next if its last words want more, if the next starts in lower case or with
    a word that leans on what stands before, or if the paragraph is prose that was wrapped there.
    """
    lines = [line.rstrip() for line in text.split("\n")]
    out = lines[:1]
    for at, line in enumerate(lines[1:], 1):
        joined = _goes_on(lines, at, layout)
        out.append(f"{' ' if joined else chr(10)}{line.lstrip() if joined else line}")
    return "".join(out)


def _goes_on(lines: Sequence[str], at: int, layout: Layout) -> bool:
    """Return whether a line belongs to the one before it."""
    before, line = lines[at - 1].strip(), lines[at].strip()
    if not before or not line or _ITEM.match(line):
        return False
    if line[0].islower() or layout.unfinished.search(before) or layout.continuing.match(line):
        return True
    return _wrapped(lines, at)


def _wrapped(lines: Sequence[str], at: int) -> bool:
    """Return whether prose was cut before a line because its first word had no room."""
    first, last = at, at
    while first > 0 and lines[first - 1].strip():
        first -= 1
    while last < len(lines) and lines[last].strip():
        last += 1
    block = lines[first:last]
    width = max(len(line) for line in block)
    room = width - len(lines[at - 1]) - 1
    return any(_WITHIN.search(line) for line in block) and len(lines[at].split()[0]) > room
