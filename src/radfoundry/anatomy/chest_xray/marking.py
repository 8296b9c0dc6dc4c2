"""Masks of the findings that are stated of a radiograph: a reader's, a reader's box, a detector's.

A report says what there is, and hardly where. Where a reader outlined it, that stands. Else a box
stands for it. Else a detector is asked: what is unusual in the region where the finding may lie,
measured against healthy films that the detector has not seen. What it does not see gets no mask.
Pictures and masks are (rows, columns).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions

READER, BOX, DETECTOR, NOBODY = "reader", "box", "detector", ""
NAN = float("nan")


class Normality(NamedTuple):
    """How a detector's score spreads inside one region of healthy films.

    Attributes:
        threshold: Pixels above it are marked.
        strengths: `strength` of what is so marked in each of these films, sorted.
    """

    threshold: float
    strengths: Sequence[float]


class Mark(NamedTuple):
    """What became of one finding of one film.

    Attributes:
        finding: Its name in `labels.yaml`.
        by: `READER` (or "phantom"), `BOX`, `DETECTOR`; `NOBODY` where none was asked or could tell.
        status: "present" with a mask, "absent" where `by` sees none, "unknown" for nobody.
        mask: Booleans; empty unless present.
        confidence: 1 of a reader, of a box the share of it that the region holds, of a detector the
            share of healthy films that show less; NaN where there is no mask.
        message: Why there is no mask.
    """

    finding: str
    by: str
    status: str
    mask: np.ndarray
    confidence: float = NAN
    message: str = ""

    def columns(self) -> dict[str, str | float]:
        """Return the finding's columns of the table `marked_findings`."""
        area = float(self.mask.mean())
        said = {"finding": self.finding, "by": self.by, "status": self.status}
        return {**said, "confidence": self.confidence, "area": area, "message": self.message}


@dataclass(frozen=True)
class Evidence:
    """All that is known of where findings lie in one film.

    Attributes:
        anatomy: Anatomy map.
        reader: Findings map of a reader; None where no reader marked findings.
        not_given: Findings of which that reader said nothing.
        boxes: Masks of readers' boxes, by finding.
        score: How unusual the detector finds each pixel; None where it is not to be asked.
        why_not: Why it is not.
        drawn_by: Who drew the reader's map: `READER`, or "phantom" where a test may see the truth.
    """

    anatomy: np.ndarray
    reader: np.ndarray | None = None
    not_given: Collection[str] = ()
    boxes: Mapping[str, np.ndarray] = field(default_factory=dict)
    score: np.ndarray | None = None
    why_not: str = ""
    drawn_by: str = READER


def normality(
    scores: Sequence[np.ndarray], insides: Sequence[np.ndarray], options: Mapping[str, Any]
) -> Normality:
    """Return what is normal inside a region, from healthy films that the detector has not seen.

    Args:
        scores: The detector's map of each film.
        insides: The region of each, booleans; films without it tell nothing.
        options: `quantile` of all these pixels that becomes the threshold; `least_area`, see
            `marked`.

    Raises:
        ValueError: No film shows the region.
    """
    pairs = [(s, inside) for s, inside in zip(scores, insides, strict=True) if inside.any()]
    if not pairs:
        raise ValueError(f"none of {len(scores)} healthy films shows the region to learn from")
    pixels = np.concatenate([score[inside] for score, inside in pairs])
    threshold = float(np.quantile(pixels, options["quantile"]))
    found = [strength(s, marked(s, inside, threshold, options)) for s, inside in pairs]
    return Normality(threshold, sorted(found))


def marked(
    score: np.ndarray, inside: np.ndarray, threshold: float, options: Mapping[str, Any]
) -> np.ndarray:
    """Return where a score lies above a threshold inside a region: holes filled, no crumbs.

    Args:
        score: The detector's map.
        inside: The region, booleans.
        threshold: Of a `Normality`.
        options: `least_area`, of the region: a smaller part is no finding.
    """
    above = ndimage.binary_fill_holes((score > threshold) & inside) & inside
    parts, count = ndimage.label(above, np.ones((3, 3), int))
    sizes = ndimage.sum_labels(above, parts, np.arange(1, count + 1))
    large = 1 + np.flatnonzero(sizes >= max(1.0, options["least_area"] * inside.sum()))
    return np.isin(parts, large)


def strength(score: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean score of a mask; 0 of an empty one."""
    return float(score[mask].mean()) if mask.any() else 0.0


def confidence(value: float, normal: Normality) -> float:
    """Return the share of healthy films whose strength is below a value, in [0, 1).

    One more film counts as not below: 1 less this is a conformal p-value, and few films cannot
    make anything sure.

    >>> confidence(0.3, Normality(0.1, [0.0, 0.2, 0.3, 0.4]))
    0.4
    """
    below = np.searchsorted(np.asarray(normal.strengths), value)
    return float(below / (len(normal.strengths) + 1))


def marks(
    stated: Iterable[str],
    evidence: Evidence,
    normal: Mapping[str, Normality],
    options: Mapping[str, Any],
) -> list[Mark]:
    """Return what becomes of each finding that is stated, and of what a reader marked beside it.

    Args:
        stated: Findings that the report, or the table, says there are.
        evidence: Of the film.
        normal: Of the detector, by region.
        options: `names`, the findings that it may be asked for; `least_area`; `least_confidence`,
            below which it has not seen anything.
    """
    shown = _shown(evidence.reader)
    names = list(dict.fromkeys([*stated, *shown]))
    given = {name: one for name in names if (one := _given(name, shown, evidence)) is not None}
    asked = [name for name in names if name not in given]
    regions_of = Counter(regions.within(name) for name in asked)
    for name in asked:
        rivals = regions_of[regions.within(name)] - 1
        given[name] = _detected(name, rivals, evidence, (normal, options))
    return [given[name] for name in names]


def findings_map(found: Sequence[Mark], evidence: Evidence) -> np.ndarray:
    """Return the findings map (uint8) of marks: readers' pixels on top, what they ignored kept."""
    out = np.zeros(evidence.anatomy.shape, np.uint8)
    for one in found:
        if one.by in (BOX, DETECTOR):
            out[one.mask & (out == 0)] = regions.label_id(one.finding)
    return out if evidence.reader is None else np.where(evidence.reader > 0, evidence.reader, out)


def _shown(reader: np.ndarray | None) -> list[str]:
    there = set() if reader is None else set(np.unique(reader).tolist())
    return [label.name for label in regions.vocabulary().findings if label.id in there]


def _given(name: str, shown: Sequence[str], evidence: Evidence) -> Mark | None:
    """Return what a reader said of a finding; None where none did."""
    nothing = np.zeros(evidence.anatomy.shape, bool)
    if evidence.reader is not None and name in shown:
        outlined = evidence.reader == regions.label_id(name)
        return Mark(name, evidence.drawn_by, "present", outlined, 1.0)
    if evidence.reader is not None and name not in evidence.not_given:
        by = evidence.drawn_by
        return Mark(name, by, "absent", nothing, message=f"the {by} shows none")
    if name not in evidence.boxes:
        return None
    box, region = evidence.boxes[name], regions.within(name)
    mask = box & regions.mask(evidence.anatomy, region)
    if not mask.any():
        return Mark(name, BOX, "absent", nothing, message=f"the box lies outside the {region}")
    return Mark(name, BOX, "present", mask, float(mask.sum() / box.sum()))


def _detected(
    name: str, rivals: int, evidence: Evidence, detector: tuple[Mapping, Mapping]
) -> Mark:
    normal, options = detector
    region, nothing = regions.within(name), np.zeros(evidence.anatomy.shape, bool)
    inside = regions.mask(evidence.anatomy, region)
    reasons = {
        "the detector is not asked for this finding": name not in options["names"],
        f"{rivals} more of the {region} stated: the detector cannot tell them apart": rivals > 0,
        evidence.why_not or "no detector was asked": evidence.score is None,
        f"no {region} found": not inside.any(),
    }
    if why := next((words for words, holds in reasons.items() if holds), ""):
        return Mark(name, NOBODY, "unknown", nothing, message=why)
    assert evidence.score is not None
    mask = marked(evidence.score, inside, normal[region].threshold, options)
    certain = confidence(strength(evidence.score, mask), normal[region])
    if not mask.any() or certain < options["least_confidence"]:
        words = f"{certain:.0%} of healthy films show less than this one: nothing was seen"
        return Mark(name, DETECTOR, "absent", nothing, message=words)
    return Mark(name, DETECTOR, "present", mask, certain)
