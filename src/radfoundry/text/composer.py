"""Findings as words: compose radiology reports with varied wording, negations, side and severity.

The vocabulary is data (`wording.yaml`), for the parser as well as for the composer.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pkgutil import get_data

import numpy as np
import yaml

DEGREES = ("mild", "moderate", "severe")
_ARTICLE = re.compile(r"\b([Aa]) ([aeiou])")


@cache
def wording() -> Mapping:
    """Return the vocabulary: phrases by finding, severity and side."""
    return yaml.safe_load(get_data("radfoundry.text", "wording.yaml") or b"")


def compose(findings: Sequence[Mapping], rng: np.random.Generator) -> str:
    """Return "FINDINGS: ... IMPRESSION: ...", which states what is there and denies the rest.

    Args:
        findings: Each with name and, where it has them, side ("right", "left", ""), location
            ("upper lobe", "lower zone", "") and severity ("mild", "moderate", "severe").
        rng: Chooses the words.
    """
    words = wording()
    unknown = sorted({str(f["name"]) for f in findings} - set(words["findings"]))
    if unknown:
        raise ValueError(f"no findings {unknown}: choose from {', '.join(words['findings'])}")
    merged = _merged(findings)
    present = {f["name"] for f in merged}
    stated = [_stated(finding, rng) for finding in merged]
    denied = [
        _denied(name, rng)
        for name in words["findings"]
        if name not in present and rng.random() < 0.7
    ]
    body = [*stated, *denied]
    body = [body[i] for i in rng.permutation(len(body))]
    return f"FINDINGS: {' '.join(body)} IMPRESSION: {_impression(merged, rng)}"


def _merged(findings: Sequence[Mapping]) -> list[dict]:
    """Return one statement per name and location, with the sides and the worst severity seen."""
    merged: dict[tuple[str, str], dict] = {}
    for finding in findings:
        key = (str(finding["name"]), str(finding.get("location", "")))
        known = merged.setdefault(
            key, {"name": key[0], "location": key[1], "sides": set(), "severity": "mild"}
        )
        known["sides"] |= {finding["side"]} if finding.get("side") else set()
        known["severity"] = max(
            known["severity"], finding.get("severity", "mild"), key=DEGREES.index
        )
    return list(merged.values())


def _stated(finding: Mapping, rng: np.random.Generator, kind: str = "present") -> str:
    """Return a sentence that states a finding: `kind` is "present", or "brief" to sum up."""
    words = wording()
    severity = _one(words["severity"][finding["name"]][finding["severity"]], rng)
    side = "both" if len(finding["sides"]) == 2 else "".join(finding["sides"])
    fields = {
        "severity": severity,
        "Severity": severity.capitalize(),
        "side": _one(words["sides"][side], rng) if side else "",
        "place": _place(finding["location"], side, rng),
    }
    sentence = _one(words["findings"][finding["name"]][kind], rng).format(**fields)
    return _ARTICLE.sub(lambda m: f"{m[1]}n {m[2]}", sentence)


def _place(location: str, side: str, rng: np.random.Generator) -> str:
    places = wording()["places"]
    if not location or not side:
        return f"{side} lung" if side in ("right", "left") else "lungs"
    kind = "both" if side == "both" else "zone_one" if "zone" in location else "one"
    return _one(places[kind], rng).format(location=location, side=side)


def _impression(findings: Sequence[Mapping], rng: np.random.Generator) -> str:
    """Return the summary: the worst findings first, numbered if there are several."""
    if not findings:
        return _one(wording()["normal"], rng)
    ranked = sorted(findings, key=lambda f: -DEGREES.index(f["severity"]))
    sentences = [_stated(finding, rng, "brief") for finding in ranked]
    if len(sentences) == 1:
        return sentences[0]
    return " ".join(f"{i}. {sentence}" for i, sentence in enumerate(sentences, 1))


def _denied(name: str, rng: np.random.Generator) -> str:
    return _one(wording()["findings"][name]["absent"], rng)


def _one(phrases: Sequence[str], rng: np.random.Generator) -> str:
    return phrases[int(rng.integers(len(phrases)))]
