"""The parts of a report, by their headings (`headings.yaml`).

Apart from the labeler's other rules: the text encoder reads a report by its parts, and what else
the labeler learns to read is no reason to train it again.
"""

import re
from collections.abc import Sequence
from functools import cache
from pkgutil import get_data
from typing import NamedTuple

import yaml

# A report may go from these straight to what was seen, with no heading for it.
_OPENING = re.compile(r"(?i)\W*(?:comparison|technique|procedure|protocol|exam)")
_CLOSING = re.compile(r"(?i)\W*recommendation")
_PARAGRAPH = re.compile(r"\n\s*\n")
_THEN = re.compile(  # of an older image, and of it alone
    r"(?is)(?!.*\b(?:now|today|currently|is|are)\b)(?:.*\b(?:was|were|had|measured)\b.*"
    r"\b(?:then|at that time)\b|\W*(?:it|this|that|which) (?:showed|demonstrated|revealed)\b)"
)
_FIRST = re.compile(r"(?<=[.!?])(?<!\b\d\.)\s+|\n(?=\s*[A-Z])")  # "1." ends no sentence


class _Part(NamedTuple):
    kind: str
    heading: str
    text: str


def sections(text: str) -> list[tuple[str, str]]:
    """Return (kind, text) for the parts of a report; kinds are "findings" and "impression".

    Text before any heading counts as findings; what stands under an ignored heading is left out. In
    a report without any findings the body may follow such a part with no heading of its own: then
    it begins at the first blank line, or, if there is no impression either, behind the first
    sentence of a comparison or technique and what that says of an older image. No part is left of a
    report that states nothing.

    >>> sections("HISTORY: Cough. FINDINGS: No effusion. IMPRESSION: Normal chest.")
    [('findings', 'No effusion.'), ('impression', 'Normal chest.')]
    >>> sections("HISTORY: Effusion. COMPARISON: None. Clear lungs.")
    [('findings', 'Clear lungs.')]
    """
    marks = list(_headings().finditer(text))
    kinds = ["findings", *((m.lastgroup or "").rstrip("_") for m in marks)]
    headings = ["", *(m.group() for m in marks)]
    starts, ends = [0, *(m.end() for m in marks)], [*(m.start() for m in marks), len(text)]
    bodies = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    parts = [_Part(*part) for part in zip(kinds, headings, bodies, strict=True)]
    if not any(part.kind == "findings" and part.text for part in parts):
        parts = _with_body(parts)
    return [(part.kind, part.text) for part in parts if part.kind != "ignored" and part.text]


def _with_body(parts: Sequence[_Part]) -> list[_Part]:
    """Return the parts of a report with the body that stands behind one of the ignored ones."""
    ends = [at for at, part in enumerate(parts) if part.kind == "impression" and part.text]
    upto = ends[0] if ends else len(parts)
    ignored = [at for at, part in enumerate(parts[:upto]) if part.kind == "ignored"]
    ignored = [at for at in ignored if not _CLOSING.match(parts[at].heading)]
    for at in reversed(ignored):
        opening = _OPENING.match(parts[at].heading)
        pieces = (
            _PARAGRAPH.split(parts[at].text, maxsplit=1) if opening or at == ignored[-1] else []
        )
        if opening and len(pieces) == 1 and not ends:
            pieces = _FIRST.split(parts[at].text, maxsplit=1)
            while len(pieces) == 2 and _THEN.match(_FIRST.split(pieces[1])[0]):
                pieces = _FIRST.split(pieces[1], maxsplit=1)
        if len(pieces) == 2:
            return [*parts[:at], _Part("findings", "", pieces[1].strip()), *parts[at + 1 :]]
    return list(parts)


@cache
def _headings() -> re.Pattern[str]:
    """Return what matches a heading, in a group named by the kind of its part."""
    known = yaml.safe_load(get_data("radfoundry.text.labeler", "headings.yaml") or b"")
    names = "|".join(f"(?P<{kind}>(?:{'|'.join(words)}))" for kind, words in known.items())
    bare = names.replace(">", "_>")  # a heading alone on its line needs no colon
    dash = names.replace(">", "__>")  # "Indication - cough."
    # "In comparison: the effusion is smaller" and "for this reason: ..." are sentences.
    clear = r"(?<![\w-])(?<!\bin )(?<!\bthis )(?<!\bthat )"
    return re.compile(
        rf"(?im){clear}(?:{names})\s*(?:\([^)\n]{{0,40}}\))?\s*:"
        rf"|^\s*(?:{bare})\s*$|(?:^|(?<=[.?!] ))(?:{dash}) [-–] "
    )
