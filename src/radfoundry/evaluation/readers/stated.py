"""What is known of a real film, or asked of a drawn one, finding by finding.

A side is where a finding's mask lies: right is the right half of the film as it is viewed on its
left. Findings that lie in no lung, such as a large heart, have no side.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.text import composer, labeler

NAN = float("nan")
SIDES = ("right", "left")
SIDED = ("lungs", "pleural_cavity")  # what a finding lies in that has a side
BOTH = "bilateral"
AT_LEAST = 0.2  # of a mask's pixels: with fewer on a side it is not there


class Stated(NamedTuple):
    """What is stated of one film, for k findings; NaN where nothing is.

    Attributes:
        present: (k,) 1 or 0.
        sides: (k, 2) 1 or 0, right and left; of a finding that is there on a known side, or not
            there at all.
        severity: (k,) 1 mild, 2 moderate, 3 severe.
        masks: (k, rows, columns) booleans, as the film is viewed.
        mapped: (k,) booleans: whether the mask is known, an empty one included.
    """

    present: np.ndarray
    sides: np.ndarray
    severity: np.ndarray
    masks: np.ndarray
    mapped: np.ndarray


def of_film(film: Case, names: Sequence[str]) -> Stated:
    """Return what is known of a real film.

    Findings are those that its facts or its report state; sides those of its masks, or else of the
    report. A map of findings came along where the fact `findings_sha256` says so; of a finding
    that is there and not in it, or whose mask was not given, the mask is unknown. A film without
    findings shows none anywhere.

    Args:
        film: With the facts `findings`, `findings_sha256`, `not_given` and `report`, as far as
            there are any.
        names: Findings, as in labels.yaml.
    """
    present = np.array(labeler.labels_of(film.facts, names))
    report = str(film.facts.get("report") or "")
    told = labeler.structured(report) if report.strip() else []
    masks = _masks(film, names)
    given, missing = bool(film.facts.get("findings_sha256")), film.facts.get("not_given", "")
    there = np.asarray(masks.any((1, 2)))
    mapped = np.array([given and name not in missing.split("|") for name in names], bool)
    healthy = not given and bool((present == 0).all())
    mapped = (mapped & np.asarray(there | (present == 0))) | np.full(len(names), healthy)
    sides = np.where(mapped[:, None] & there[:, None], _sides_of(masks), _sides(told, names))
    return Stated(present, _possible(sides, present, names), _severity(told, names), masks, mapped)


def of_sample(sample: Case, asked: Mapping, names: Sequence[str]) -> Stated:
    """Return what was asked of a drawn film, and the map of findings that came with it.

    A finding is asked for in words or by a mask; where words name no side, it is the mask's.

    Args:
        sample: The drawn film. Its map counts where it shows anything, or where nothing was asked
            for; a generator that draws none has no masks.
        asked: The request's parameters. `findings` is a list of {name, side, severity}; without it
            the findings are those of the sample's facts.
        names: Findings, as in labels.yaml.
    """
    told = requested(asked, sample.facts)
    present, sides, severity = of_request(told, names)
    masks = _masks(sample, names)
    there = np.asarray(masks.any((1, 2)))
    unsaid = there & (np.isnan(sides).any(1) | (present == 0))
    present = np.where(there, 1.0, present)
    sides = _possible(np.where(unsaid[:, None], _sides_of(masks), sides), present, names)
    drawn = bool(there.any() or not told)
    mapped = np.full(len(names), drawn) & (there | (present == 0))
    return Stated(present, sides, severity, masks, mapped)


def requested(asked: Mapping, facts: Mapping) -> list[Mapping]:
    """Return the findings that a request asks for; those of the sample where it names none."""
    if "findings" in asked:
        return list(asked["findings"])
    return [{"name": name} for name in str(facts.get("findings", "")).split("|") if name]


def of_request(
    told: Sequence[Mapping], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return presence (k,), sides (k, 2) and severity (k,) of findings that are asked for."""
    wanted = {finding["name"] for finding in told}
    present = np.array([float(name in wanted) for name in names])
    sides = _possible(_sides(told, names), present, names)
    return present, sides, _severity(told, names)


def sided(name: str) -> bool:
    """Return whether a finding can be on one side.

    >>> sided("nodule"), sided("cardiomegaly")
    (True, False)
    """
    labels = {label.name: label for label in regions.vocabulary().findings}
    return name in labels and labels[name].within in SIDED


def _masks(film: Case, names: Sequence[str]) -> np.ndarray:
    marks = volume.picture(film.findings)
    return np.array([regions.mask(marks, name) for name in names]).reshape(-1, *marks.shape)


def _sides_of(masks: np.ndarray) -> np.ndarray:
    """Return (k, 2) whether masks lie on the right and on the left."""
    middle = masks.shape[2] // 2
    halves = [masks[:, :, :middle].sum((1, 2)), masks[:, :, -middle:].sum((1, 2))]
    return np.stack([half >= AT_LEAST * np.maximum(1, sum(halves)) for half in halves], 1).astype(
        float
    )


def _sides(told: Sequence[Mapping], names: Sequence[str]) -> np.ndarray:
    """Return (k, 2) what words say of sides; NaN where they name none."""
    found = np.full((len(names), 2), NAN)
    for at, name in enumerate(names):
        said = {finding.get("side", "") for finding in told if finding["name"] == name}
        said |= set(SIDES) if BOTH in said else set()
        if said & set(SIDES):
            found[at] = [side in said for side in SIDES]
    return found


def _possible(sides: np.ndarray, present: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return sides without those of findings that have none; what is not there is on neither."""
    has = np.array([sided(name) for name in names], bool)[:, None]
    absent, known = (present == 0)[:, None], np.isfinite(present)[:, None]
    return np.where(absent, 0.0, np.where(has & known, sides, NAN))


def _severity(told: Sequence[Mapping], names: Sequence[str]) -> np.ndarray:
    """Return (k,) the worst severity that is named of each finding; NaN where none is."""
    found = np.full(len(names), NAN)
    for finding in told:
        degree = finding.get("severity", "")
        if finding["name"] in names and degree in composer.DEGREES:
            at = list(names).index(finding["name"])
            found[at] = np.fmax(found[at], 1 + composer.DEGREES.index(degree))
    return found
