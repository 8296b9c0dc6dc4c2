"""Hold what a file's tags and its row of the table say against each other and against the cohort.

A radiograph's cohort is of frontal chests. Pixels are not looked at: a chest from the side looks
enough like one from the front to be labeled as one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from radfoundry.data.gate.source import GateError, Raw
from radfoundry.data.gate.terms import CHEST_PARTS, FRONTAL_VIEWS

POLICIES = ("reject", "warn")
VIEW, PART, PATIENT = "pose.view", "dcm.body_part", "dcm.patient"
PARTS_OF_MODALITY = {"MG": "a breast", "IO": "teeth", "PX": "jaws", "BMD": "bone density"}
AGE_APART = 2.0  # years: tables round, and count from another date
OLDEST = 90.0  # the gate tells no higher age

Found = Iterator[tuple[str, str]]


def agreeing(raw: Raw, stated: Mapping[str, Any], modality: str, policy: str = "reject") -> Raw:
    """Return an image of which no two facts contradict each other, or with a warning for each.

    Args:
        raw: What the gate read, with the facts of its tags.
        stated: The case's row of the table: view, sex, age, where known.
        modality: Of the cohort; views and body parts matter to "CXR" alone.
        policy: "reject", or "warn" to keep the case and say what contradicts.

    Raises:
        GateError: pose.view, dcm.body_part or dcm.patient, naming every fact that contradicts.
        ValueError: The policy is none of `POLICIES`.
    """
    if policy not in POLICIES:
        raise ValueError(f"contradictions {policy!r}: choose from {', '.join(POLICIES)}")
    film = modality == "CXR"
    found = [*_views(raw.facts, stated), *_parts(raw.facts)] if film else []
    found += _person(raw.facts, stated)
    if found and policy == "reject":
        words = "; ".join(words for _, words in found)
        raise GateError(found[0][0], f"{words} (preprocess.contradictions can only warn instead)")
    return replace(raw, warnings=(*raw.warnings, *(f"{code} - {words}" for code, words in found)))


def _views(facts: Mapping[str, str], stated: Mapping[str, Any]) -> Found:
    told = {
        "ViewPosition says": facts.get("view"),
        "ViewCodeSequence says": facts.get("view_code"),
        "the table says view": stated.get("view"),
    }
    for where, view in told.items():
        if isinstance(view, str) and view and view not in FRONTAL_VIEWS:
            yield VIEW, f"{where} {view}, the cohort is of frontal chests"
    axes = facts.get("orientation", "").split("/")
    if any(one.startswith(("A", "P")) for one in axes):
        words = f"PatientOrientation says {'/'.join(axes)}: not seen from the front or back"
        yield VIEW, words


def _parts(facts: Mapping[str, str]) -> Found:
    told = {"BodyPartExamined": "body_part", "AnatomicRegionSequence": "region_code"}
    for where, name in told.items():
        part = facts.get(name)
        if part and part not in CHEST_PARTS:
            yield PART, f"{where} says {part}, the cohort is of chests"
    modality = facts.get("modality")
    if modality:
        words = f"Modality or storage class says {modality}, {PARTS_OF_MODALITY[modality]}"
        yield PART, f"{words}; the cohort is of chests"


def _person(facts: Mapping[str, str], stated: Mapping[str, Any]) -> Found:
    sexes = (facts.get("sex"), stated.get("sex"))
    if set(sexes) == {"F", "M"}:
        words = f"PatientSex says {sexes[0]}, the table says {sexes[1]}"
        yield PATIENT, f"{words}: is it another patient's file?"
    ages = [float(one.get("age") or "nan") for one in (facts, stated)]
    if abs(ages[0] - min(ages[1], OLDEST)) > AGE_APART:
        words = f"PatientAge says {ages[0]:g} years, the table says {ages[1]:g}"
        yield PATIENT, f"{words}: is it another patient's file?"
