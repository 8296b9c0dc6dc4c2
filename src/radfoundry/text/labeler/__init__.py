"""Read the findings out of a free-text chest report: what is there, denied or doubtful, and where.

Stands where the MedSyn paper uses SARLE's labels: rules over sentences, as NegEx and its kin use
them, kept as data (`lexicon.yaml`). A finding that no sentence mentions has no label; "the lungs
are clear" denies nothing by name. It diagnoses nothing: pneumonia or edema are no findings here.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

from radfoundry.text import composer
from radfoundry.text.labeler.lexicon import Rules, Span, foreign, longest, rules, statements
from radfoundry.text.labeler.places import again, inherited, phrase, severity, side_of, sites

PRESENT, UNCERTAIN, ABSENT = "present", "uncertain", "absent"
FOREIGN = "a report is not, or not all, in English: what it says is not read and stays open"
HISTORY_REACH = 4  # words between "previous" and the finding it speaks of


@dataclass(frozen=True)
class Mention:
    """One finding as one sentence states it.

    Attributes:
        name: As in labels.yaml.
        status: "present", "absent" or "uncertain".
        side: "right", "left", "bilateral", or "" where none is stated.
        severity: "mild", "moderate", "severe", or "" where none is stated; "" if absent.
        location: "upper lobe", "lower zone" and so on, or "".
        section: "findings" or "impression".
        qualified: Whether only some are denied ("no other nodule").
    """

    name: str
    status: str
    side: str = ""
    severity: str = ""
    location: str = ""
    section: str = "findings"
    qualified: bool = False


@dataclass(frozen=True)
class _Sentence:
    text: str
    findings: Sequence[Span]
    cues: Sequence[Span]
    stops: Sequence[Span]

    def between(self, start: int, end: int) -> str:
        return self.text[start:end]


def label(text: str) -> list[Mention]:
    """Return every mention of a finding in a report, in order; nothing of the past alone.

    Warns of a report, or of sentences in one, in another language than English: they are not read.
    """
    if foreign(text):
        warnings.warn(FOREIGN, RuntimeWarning, stacklevel=2)
    return [
        replace(mention, section=section)
        for section, sentence in statements(text)
        for mention in _mentions(sentence)
    ]


def findings_of(text: str) -> dict[str, Mention]:
    """Return one mention per finding that a report names.

    Within a section present wins over uncertain over absent. What the impression says of a finding
    is the last word, unless it only denies some of it ("no other nodule"); side, location and
    severity that it leaves out are taken from the findings section.
    """
    # By section, so that "findings" comes before "impression", as the alphabet has it.
    mentions = sorted(label(text), key=lambda m: (m.name, m.section))
    stated: dict[str, Mention] = {}
    for (name, _), group in groupby(mentions, key=lambda m: (m.name, m.section)):
        said = _agreed(list(group))
        stated[name] = _concluded(stated[name], said) if name in stated else said
    return stated


def structured(text: str) -> list[dict[str, str]]:
    """Return the present findings as `composer.compose` takes them.

    One entry for each name, location and side, so a bilateral finding is two. Severity given with
    no place ("mild emphysema") holds for every place that has none of its own; where the report
    gives none it is left out.
    """
    present = [name for name, said in findings_of(text).items() if said.status == PRESENT]
    stated = [m for m in label(text) if m.name in present and m.status == PRESENT]
    entries: dict[tuple[str, str, str], dict[str, str]] = {}
    for mention in _placed(stated):
        for side in {"bilateral": ("right", "left")}.get(mention.side, (mention.side,)):
            entry = {"name": mention.name, "side": side, "location": mention.location}
            entry |= {"severity": mention.severity} if mention.severity else {}
            known = entries.setdefault((mention.name, mention.location, side), entry)
            known |= {"severity": _worst([known, entry])} if _worst([known, entry]) else {}
    return [_general(stated, name) | entry for (name, _, _), entry in entries.items()]


def labels_of(facts: Mapping[str, str], findings: Iterable[str]) -> list[float]:
    """Return 1 or 0 for each finding of a case, NaN where it is open.

    Args:
        facts: `findings` joined by |. Where it is empty a `report`, if there is one, is read; one
            that states nothing, such as a comparison alone, leaves all findings open, and one in
            another language than English leaves open all that it does not state in English.
        findings: Names as in labels.yaml.

    >>> labels_of({"findings": "nodule"}, ("nodule", "opacity"))
    [1.0, 0.0]
    >>> labels_of({"findings": "", "report": "Possible nodule."}, ("nodule", "opacity"))
    [nan, 0.0]
    """
    known = dict.fromkeys(set(str(facts.get("findings", "")).split("|")) - {""}, PRESENT)
    report, silent = str(facts.get("report") or "").strip(), ABSENT
    if report and not known:
        known = {name: said.status for name, said in findings_of(report).items()}
        silent = ABSENT if statements(report) and not foreign(report) else UNCERTAIN
    values = {PRESENT: 1.0, UNCERTAIN: math.nan, ABSENT: 0.0}
    return [values[known.get(name, silent)] for name in findings]


@lru_cache(maxsize=2**16)
def _mentions(text: str) -> tuple[Mention, ...]:
    """Return the mentions of a sentence; reports repeat many, so they are remembered."""
    compiled = rules()
    findings = [s for s in longest(compiled.findings, text) if s.kind != "other"]
    if not findings:
        return ()
    cues, stops = longest(compiled.cues, text), longest([compiled.stops], text)
    more = again(text, findings, compiled)
    mentions = tuple(_read(_Sentence(text, findings, cues, stops), compiled))
    return mentions + (_mentions(more) if more else ())


def _read(sentence: _Sentence, compiled: Rules) -> Iterator[Mention]:
    previous = ""
    for at, span in enumerate(sentence.findings):
        status, qualified = _status(sentence, span)
        qualified = qualified or (status == ABSENT and _compound(sentence, span, compiled))
        noun, rest = phrase(sentence.text, sentence.findings, at, compiled)
        degree = severity(noun, rest, compiled.severity[span.value])
        places = sites(noun, rest, compiled, span.value)
        for side, location in places if status else []:
            own = inherited(noun, side, previous, compiled)
            much = "" if status == ABSENT else degree
            yield Mention(span.value, status, own, much, location, qualified=qualified)
            previous = own or previous


def _compound(sentence: _Sentence, span: Span, compiled: Rules) -> bool:
    """Return whether the word for a finding names more than it: "no hydropneumothorax"."""
    return bool(compiled.compound.fullmatch(sentence.between(span.start, span.end)))


def _status(sentence: _Sentence, span: Span) -> tuple[str, bool]:
    """Return what a sentence says of a finding, "" if only of its past, and if it denies a part."""
    before = [c for c in sentence.cues if c.value == "before" and _reaches(sentence, c, span)]
    after = [c.kind for c in sentence.cues if c.value == "after" and _reaches(sentence, c, span)]
    ahead = [c.kind for c in before]
    if "resolved" in {*ahead, *after} or ("negation" in after and not _affirmed(sentence, span)):
        return ABSENT, False
    if _past(sentence, before, after, span):
        return "", False
    if span.kind == "denies":
        return ABSENT, False
    if "uncertain" in after:
        return UNCERTAIN, False
    return _ahead(ahead, span)


def _affirmed(sentence: _Sentence, span: Span) -> bool:
    """Return whether "there is" or the like stands before a finding, and no finding between."""
    since = max([s.end for s in sentence.findings if s.end <= span.start], default=0)
    return any(c.kind == "affirm" and since <= c.start < span.start for c in sentence.cues)


def _ahead(kinds: Sequence[str], span: Span) -> tuple[str, bool]:
    """Return what the nearest of the cues before a finding says."""
    ruling = [k for k in kinds if k in ("negation", "uncertain", "weak", "qualifier", "purpose")]
    nearest = ruling[-1] if ruling else ""
    denied = nearest in ("negation", "qualifier")
    if denied or (nearest == "weak" and {"negation", "qualifier"} & set(ruling)):
        return ABSENT, "qualifier" in ruling
    if nearest or span.kind == "suggests":
        return UNCERTAIN, nearest == "purpose"
    return PRESENT, False


def _past(sentence: _Sentence, before: Sequence[Span], after: Sequence[str], span: Span) -> bool:
    if any(cue.kind == "current" and _together(sentence, cue, span) for cue in sentence.cues):
        return False
    near = [c for c in before if c.kind == "history"]
    words = [len(sentence.between(c.end, span.start).split()) for c in near]
    return "history" in after or any(n <= HISTORY_REACH for n in words)


def _together(sentence: _Sentence, cue: Span, span: Span) -> bool:
    """Return whether a cue and a finding, in either order, stand in one clause."""
    low, high = min(cue.end, span.end), max(cue.start, span.start)
    ends = [s for s in sentence.stops if s.value in ("both", "before")]
    return not any(low <= stop.start and stop.end <= high + 1 for stop in ends)


def _reaches(sentence: _Sentence, cue: Span, span: Span) -> bool:
    """Return whether nothing ends the reach of a cue before it gets to a finding."""
    low, high = (cue.end, span.start) if cue.value == "before" else (span.end, cue.start)
    if low > high:
        return False
    ends = [s for s in sentence.stops if s.value in ("both", cue.value, f"{cue.value} {cue.kind}")]
    if any(low <= stop.start and stop.end <= high + 1 for stop in ends):
        return False
    barred = cue.value == "after" and longest([rules().verbs], sentence.between(low, high))
    return not barred


def _agreed(mentions: Sequence[Mention]) -> Mention:
    """Return what the mentions of one finding in one section come to."""
    status = next(s for s in (PRESENT, UNCERTAIN, ABSENT) if s in {m.status for m in mentions})
    same = [m for m in mentions if m.status == status]
    sides = {m.side for m in same if m.side}
    places = {m.location for m in same if m.location}
    degrees = [m.severity for m in same if m.severity]
    return replace(
        same[0],
        side=side_of(sides),
        location="".join(places) if len(places) == 1 else "",
        severity=max(degrees, key=composer.DEGREES.index, default=""),
        qualified=all(m.qualified for m in same),
    )


def _concluded(found: Mention, concluded: Mention) -> Mention:
    """Return a finding as the impression has it, completed from the findings section."""
    if concluded.qualified and found.status != ABSENT:
        return found
    if ABSENT in (concluded.status, found.status):
        return concluded
    return replace(
        concluded,
        side=concluded.side or found.side,
        location=concluded.location or found.location,
        severity=concluded.severity or found.severity,
    )


def _placed(mentions: Sequence[Mention]) -> list[Mention]:
    """Return the mentions that add something: "emphysema" is known where its lobe is named."""
    sure = [m for m in mentions if m.side or m.location]
    named = {m.name for m in sure}
    return sure + [m for m in mentions if not (m.side or m.location) and m.name not in named]


def _general(mentions: Sequence[Mention], name: str) -> dict[str, str]:
    """Return the worst severity of a finding that is named without a place, if any is."""
    plain = [m for m in mentions if m.name == name and not (m.side or m.location)]
    worst = _worst([{"severity": m.severity} for m in plain if m.severity])
    return {"severity": worst} if worst else {}


def _worst(entries: Sequence[Mapping[str, str]]) -> str:
    degrees = [e["severity"] for e in entries if "severity" in e]
    return max(degrees, key=composer.DEGREES.index, default="")


def unread(texts: Iterable[str]) -> list[str]:
    """Return the texts in which the labeler reads no finding, neither present nor absent, sorted.

    >>> unread(["Left pleural effusion.", "No effusion.", "Pneumothorax."])
    ['Pneumothorax.']
    """
    return sorted({text for text in texts if text and not label(text)})
