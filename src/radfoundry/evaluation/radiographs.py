"""What can be read off one radiograph, drawn or real: is it the one that was asked for?

A segmenter and a reader of findings see nothing but the image. What they find is compared with the
organs and the findings that came with it, and with what was asked for. Real films of the test split
are measured in the same way: what is found there is the ceiling; of organs, where it is not the
segmenter itself that labeled them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from radfoundry.case import Case
from radfoundry.evaluation.metrics.overlap import dice
from radfoundry.evaluation.readers import stated
from radfoundry.evaluation.readers.finding_reader import Reader, Reading
from radfoundry.evaluation.readers.stated import Stated
from radfoundry.evaluation.synthesis import FAILED, NAN, Segment, labels_of, overlaps

REGIONS = ("lungs", "lung_right", "lung_left", "heart", "mediastinum", "cardiomediastinum")
MARKED = 0.5  # probability from which on a pixel shows a finding


def measured(
    film: Case, other: Case | None, known: Stated, segment: Segment | None, reader: Reader | None
) -> dict[str, float]:
    """Return every measurement of one radiograph; NaN where it is not defined.

    `anatomy_dice_<region>`: what the segmenter finds against the organ map that came with the
    image; NaN for what that map does not show. `shuffled_dice_<region>`: the same against the map
    of another patient's film, as if its organs were asked for. Then those of `findings_of`.

    Args:
        film: Image in [0, 1] with its organ map, given or drawn.
        other: A film of another patient, or None.
        known: What is asked of the film, or known of it, for the reader's findings.
        segment: Returns the anatomy map of a radiograph on its grid; None leaves organs out, for a
            film whose own map it made.
        reader: Reads findings; None leaves them out, for a film that it learned from.
    """
    values = {} if segment is None else _organs(film, other, segment)
    if reader is not None:
        values |= findings_of(reader.read(film.image), known, reader.findings)
    return values


def _organs(film: Case, other: Case | None, segment: Segment) -> dict[str, float]:
    """Return how the organs that are found agree with the film's own and with another one's."""
    found = labels_of(film.image, segment)
    values = _named("anatomy", overlaps(found, film.anatomy, REGIONS, shown=True))
    if other is not None:
        alike = other.anatomy.shape == found.shape
        each = overlaps(found, other.anatomy, REGIONS, shown=True) if alike else {}
        values |= _named("shuffled", dict.fromkeys(REGIONS, NAN) | each)
    return values


def with_another(films: Iterable[Case]) -> Iterator[tuple[Case, Case | None]]:
    """Yield films, each with the last one before it of another patient, or None.

    Two are kept. A sample's patient is its source's: samples of one source share its organs.

    Args:
        films: With the fact `patient`.
    """
    last = other = None
    for film in films:
        if last is not None and last.facts["patient"] != film.facts["patient"]:
            other = last
        yield film, other
        last = film


def findings_of(reading: Reading, known: Stated, names: Sequence[str]) -> dict[str, float]:
    """Return how a reader's findings agree with what is known of a film.

    Of each finding those of `asked_of`, and:

    * `score_<finding>`: the probability that the film shows it; `extent_<finding>`: the share of
      the film that its map covers, the mean of the map.
    * `side_<finding>`, of one that is on one side alone: 1 if that side is read as the likelier
      one, else 0.
    * of one that is there with a mask: `area_<finding>`, the mask's share of the film;
      `finding_dice_<finding>`, the marked pixels against the mask; `pointing_<finding>`: 1 if the
      strongest pixel lies in the mask, else 0.

    Of the film, `outside_fraction`: which share of the pixels that are marked with any finding lies
    outside every mask; NaN where nothing is marked, or a mask is not known.
    """
    values = asked_of(known.present, known.sides, known.severity, names)
    for at, name in enumerate(names):
        own = {"score": reading.present[at], "extent": reading.maps[at].mean()}
        own |= {"side": _side(reading.sides[at], known.sides[at])}
        mask = known.masks[at]
        there = bool(known.mapped[at] and known.present[at] == 1 and mask.any())
        own |= _place(reading.maps[at], mask) if there else {}
        values |= {f"{kind}_{name}": float(value) for kind, value in own.items()}
    marked = (reading.maps >= MARKED).any(0)
    defined = bool(known.mapped.all()) and bool(marked.any())
    outside = marked & ~known.masks.any(0)
    values["outside_fraction"] = float(outside.sum() / marked.sum()) if defined else NAN
    return values


def asked_of(
    present: np.ndarray, sides: np.ndarray, severity: np.ndarray, names: Sequence[str]
) -> dict[str, float]:
    """Return what is asked of a film, or known of it, as measurements.

    `asked_<finding>`: 1 or 0. `right_<finding>`: 1 if it is on the right side alone, 0 if on the
    left alone. `severity_<finding>`: 1 mild, 2 moderate, 3 severe. NaN where it is not stated.
    """
    values = {}
    for name, there, side, much in zip(names, present, sides, severity, strict=True):
        values[f"asked_{name}"] = float(there)
        values[f"right_{name}"] = float(side[0]) if side.sum() == 1 else NAN
        values[f"severity_{name}"] = float(much)
    return values


def failed(asked: Mapping, names: Sequence[str]) -> dict[str, float]:
    """Return what is stated of a sample that could not be drawn: that, and what was asked of it."""
    return {FAILED: 1.0} | asked_of(*stated.of_request(stated.requested(asked, {}), names), names)


def _side(read: np.ndarray, known: np.ndarray) -> float:
    """Return whether the side that alone is known is read as the likelier one."""
    if known.sum() != 1:  # none, both, or not known
        return NAN
    right, left = read
    return float(right > left) if known[0] else float(left > right)


def _place(found: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    strongest = np.unravel_index(int(found.argmax()), found.shape)
    return {
        "area": float(mask.mean()),
        "finding_dice": dice(found >= MARKED, mask),
        "pointing": float(mask[strongest]),
    }


def _named(kind: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{kind}_dice_{region}": value for region, value in values.items()}
