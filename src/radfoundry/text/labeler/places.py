"""Where a finding is and how much of it: the words of its sentence that belong to it.

A sentence may speak of several findings; each has the noun phrase that ends with its name ("small
right pleural effusion") and what follows it ("in the right lower lobe", "left larger than right").
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from radfoundry.text import composer
from radfoundry.text.labeler.lexicon import Phrases, Rules, Span, longest

_JOINING = (",", "and", "or")


def phrase(text: str, spans: Sequence[Span], at: int, compiled: Rules) -> tuple[str, str]:
    """Return the noun phrase up to a finding's end, and what follows and may belong to it.

    Args:
        text: A sentence.
        spans: The findings it names, left to right.
        at: Which of them.
        compiled: The rules.
    """
    span = spans[at]
    peers = [s for s in spans if (s.start, s.end) != (span.start, span.end)]
    begin = max([s.end for s in peers if s.end <= span.start], default=0)
    end = min([s.start for s in peers if s.start >= span.end], default=len(text))
    start = _noun_start(text[begin : span.start], compiled) + begin
    rest = text[span.end : end]
    if end < len(text):
        rest = rest[: _noun_start(rest, compiled)]
    noun, rest = text[start : span.end], _attached(rest, compiled)
    told = any(s.kind == "side" for s in _sited(f"{noun}; {rest}", compiled))
    return noun, rest if told else rest + _everywhere(text, spans, at, compiled)


def again(text: str, spans: Sequence[Span], compiled: Rules) -> str:
    """Return what a sentence goes on to say of a finding that it denied, with the finding's name.

    "Effusion is not seen on the left but is moderate on the right" says that "effusion is moderate
    on the right". "" where it says no more.
    """
    start = end = 0
    for span in spans:
        if text[end : span.start].strip() not in _JOINING:  # else denied together
            start = span.start
        end = span.end
        denied = compiled.again.match(text, end + 1)
        if denied and not any(end < other.start < denied.end() for other in spans):
            return f"{text[start:end]} {text[denied.end() :]}"
    return ""


def _noun_start(text: str, compiled: Rules) -> int:
    """Return where the noun phrase begins that ends with a text: after the last boundary.

    A boundary between adjectives ("right and left", "small, layering") is none.
    """
    for boundary in reversed(longest([compiled.boundaries], text)):
        words = text[: boundary.start].split()
        joined = text[boundary.start : boundary.end] in _JOINING
        if joined and _listed(words, text[boundary.end :].split(), compiled):
            continue
        if not (joined and words and _modifies(words[-1], compiled)):
            return boundary.end
        if words[-2:-1] in (["the"], ["on"]):  # "on the right and left effusion"
            return boundary.end
    return 0


def _listed(before: Sequence[str], after: Sequence[str], compiled: Rules) -> bool:
    """Return whether two sites of one finding are joined: "left upper lobe and right lower lobe".

    Not where the first one belongs to what stands before: "atelectasis in the left upper lobe and".
    """
    site = set(compiled.data["site"])
    places = site - {"right", "left", "bilateral"}
    tail = list(takewhile(site.__contains__, reversed(before)))
    ahead = [word for word in before[: len(before) - len(tail)] if word not in ("the", "both")]
    governed = bool(set(ahead[-1:]) & set(compiled.data["governing"]))
    first = [word for word in after if word != "the"][:1]
    named = bool(places & set(tail) and places & set(after) and site & set(first))
    return named and not governed


def _everywhere(text: str, spans: Sequence[Span], at: int, compiled: Rules) -> str:
    """Return " bilaterally" if a sentence ends so and still speaks of a finding there, else "".

    It does unless another finding stands between that is not joined to this one, another clause
    begins, or the sentence ends with what is clear on both sides.
    """
    last = re.search(compiled.data["everywhere"], text)
    if not last:
        return ""
    end = spans[at].end
    for later in [s for s in spans[at + 1 :] if s.start >= end]:
        between = text[end : later.start]
        joins = {between[b.start : b.end] for b in longest([compiled.boundaries], between)}
        if longest([compiled.verbs], between) or not joins & set(_JOINING):
            return ""
        end = later.end
    between = text[end : last.start()]
    marks = longest([compiled.boundaries], between)
    more = between[marks[0].end :].strip() if marks else ""
    verbs = longest([compiled.verbs], more)
    # "opacities, mostly basal, are seen": a verb behind a comma goes on with the same clause
    clause = any(not more[: verb.start].rstrip().endswith(",") and verb.start for verb in verbs)
    clear = set(between.split()) & set(compiled.data["unaffected"])
    return "" if clause or clear else " bilaterally"


def _modifies(word: str, compiled: Rules) -> bool:
    known = [*compiled.data["modifiers"], "right", "left", "bilateral"]
    return word in known or bool(longest(compiled.severity["pleural_effusion"], word))


def _attached(text: str, compiled: Rules) -> str:
    """Return the part of what follows a finding that still speaks of it."""
    for boundary in longest([compiled.boundaries], text):
        words = re.findall(r"\w+", text[boundary.end :])[:3]
        mark = text[boundary.start : boundary.end]
        before = text[: boundary.start].split()[-1:]
        other = set(words[:1]) & set(compiled.data["alternatives"])
        if other or set(before) & set(compiled.data["joining"]):
            continue
        ahead = text[boundary.end :]
        if mark in ("and", "as well as") and _last_site(ahead, compiled):
            continue
        clause = ahead[: next((b.start for b in longest([compiled.boundaries], ahead)), None)]
        if set(clause.rstrip(".").split()) & set(compiled.data["unaffected"]):
            return text[: boundary.start]  # "right effusion, left lung clear"
        follows = words[:1] not in (["the"], ["no"]) and set(words) & set(compiled.data["follow"])
        if not follows or mark not in (*_JOINING, ":"):
            return text[: boundary.start]
    return text


def _last_site(text: str, compiled: Rules) -> bool:
    """Return whether a text is nothing but one more site: "the right lower lobe."."""
    words = re.findall(r"\w+", text)
    known = {*compiled.data["site"], "the", "in", "at", "lobe", "apices", "bases", "to"}
    return set(words) <= known and bool(set(words) & set(compiled.data["site"]))


def severity(noun: str, rest: str, words: Sequence[Phrases]) -> str:
    """Return the worst degree that the noun phrase names, else the one named after it, else ""."""
    for text in (noun, rest):
        spans = [s for s in longest(words, text) if s.value != "none"]
        strong = [s.value for s in spans if s.kind == "severity"]
        if spans:
            return max(strong or [s.value for s in spans], key=composer.DEGREES.index)
    return ""


def sites(noun: str, rest: str, compiled: Rules, name: str) -> list[tuple[str, str]]:
    """Return (side, location) for each place where a finding is said to be; at least one."""
    about = compiled.data["findings"][name]
    if not about.get("sided", True):
        return [("", "")]
    spans = _sited(noun, compiled)
    if not any(s.kind == "side" for s in spans) or not any(s.kind == "place" for s in spans):
        spans += _sited(rest, compiled)
    placed = about.get("placed", True)
    sides: dict[str, set[str]] = {}
    for location, named in _paired([s for s in spans if placed or s.kind == "side"]):
        sides.setdefault(location, set()).update(named)
    only = compiled.data["only"]
    return [(side_of(named) or only.get(where, ""), where) for where, named in sides.items()]


def _sited(text: str, compiled: Rules) -> list[Span]:
    """Return sides and places in order; a word that means both ("lingula") counts as both."""
    both = [s for group in compiled.places for s in longest([group], text) if s.value != "none"]
    return sorted(both, key=lambda s: (s.start, s.kind == "place"))


def _paired(spans: Sequence[Span]) -> list[tuple[str, list[str]]]:
    """Return each place with its sides: those before it, else those after it, else as before.

    Where sides stand before the places ("right upper, middle and left lower lobes"), only the last
    place has any after it.
    """
    places = [i for i, span in enumerate(spans) if span.kind == "place"]
    if not places:
        return [("", [s.value for s in spans])]
    out: list[tuple[str, list[str]]] = []
    used, first = 0, False
    for i, following in zip(places, [*places[1:], len(spans)], strict=True):
        ahead = [s.value for s in spans[used:i] if s.kind == "side"]
        behind = [s.value for s in spans[i + 1 : following]]
        first = first or bool(ahead)
        if first and following < len(spans):
            behind = []
        used = following if behind and not ahead else i + 1
        inherited = out[-1][1] if out else []
        out.append((spans[i].value, ahead or behind or inherited))
        if behind and not ahead:  # "mid and lower zones bilaterally"
            out = [(place, sides or behind) for place, sides in out]
    return out


def side_of(sides: set[str]) -> str:
    """Return one word for several sides: "bilateral" for more than one, "" for none."""
    return "bilateral" if len(sides) > 1 else "".join(sides)


def inherited(noun: str, side: str, previous: str, compiled: Rules) -> str:
    """Return a finding's own side; an "adjacent effusion" is on the side of the one before."""
    near = set(compiled.data["adjacent"]) & set(noun.split())
    return side or (previous if near else "")
