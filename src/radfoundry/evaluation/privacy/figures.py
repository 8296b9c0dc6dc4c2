"""Turn what an audit measured into rows: fractions, recall, the nearest pairs, each with its n."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics.statistics import Interval, wilson
from radfoundry.evaluation.privacy.looks import Nearest
from radfoundry.evaluation.privacy.measures import NAN, Thresholds
from radfoundry.evaluation.privacy.names import EXAM, FLAGGED, FRACTIONS, REAL, RECALL, WORDS
from radfoundry.evaluation.privacy.views import Seen

COLUMNS = ("metric", "arm", "value", "low", "high", "n", "note")
PAIRS = ("sample", "what", "place", "nearest", "similarity", "second", "ratio", "copy")
Row = tuple[str, str, float, float, float, int, str]


class Measured(NamedTuple):
    """What one measure found: thresholds, and the nearest training picture to each.

    Attributes:
        what: "image", "lesion", "mask" or "patient".
        seen: Pictures of the training split, of held-out patients, of samples.
        found: What is nearest to samples.
        unseen: What is nearest to held-out patients' pictures.
        limits: Above which a picture counts.
        note: Why there are no limits; "" where there are.
    """

    what: str
    seen: tuple[Seen, Seen, Seen]
    found: Nearest
    unseen: Nearest
    limits: Thresholds
    note: str = ""

    @property
    def copies(self) -> np.ndarray:
        """Which samples' pictures count as copies, (n,) booleans."""
        return self.found.similarity > self.limits.copy


def row(metric: str, arm: str, value: float | Interval, n: int, note: str) -> Row:
    """Return a row of the table; a value without an interval has NaN as its limits."""
    found = value if isinstance(value, Interval) else Interval(value, NAN, NAN)
    low, high = float(found.low), float(found.high)
    return metric, arm, float(found.value), low, high, n, note


def share(metric: str, arm: str, flags: np.ndarray, limit: float, note: str) -> Row:
    """Return a fraction with Wilson's interval; NaN where there is no limit or nothing to count."""
    n = len(flags) if np.isfinite(limit) else 0
    return row(metric, arm, wilson(int(flags.sum()) if n else 0, n), n, note)


def of_recall(found: Mapping[str, np.ndarray], limits: Thresholds) -> list[Row]:
    """Return the recall of each kind of planted copy at both thresholds.

    The threshold of copies was chosen with every other one: its recall is that of the rest.
    """
    rows = []
    for kind, similarity in found.items():
        for end, limit, own, level in (
            ("", limits.suspect, similarity, "which 5 % of unseen pictures exceed"),
            (FLAGGED, limits.copy, similarity[1::2], "above which a sample counts as a copy"),
        ):
            known = np.isfinite(limit) and len(own)
            told = f"at {limit:.3f}, {level}" if known else "no threshold, or none could be planted"
            rows.append(share(RECALL, f"{kind}{end}", own > limit, limit, f"{WORDS[kind]}; {told}"))
    return rows


def of_exams(cosines: np.ndarray, patient: Measured) -> Row:
    """Return the recall of held-out patients by an exam other than the one that is known."""
    note = "a held-out patient's other exam, had one been learned from; 5 % of others count too"
    if not len(cosines):
        note = patient.note or "no held-out patient has several exams"
    limit = patient.limits.suspect
    return share(RECALL, EXAM, cosines > limit, limit, note)


def of_measure(part: Measured, kept: set[str]) -> list[Row]:
    """Return fractions, the highest similarity and the lowest ratio of distances of one measure."""
    names = np.asarray(part.seen[2].names, str)
    shipped = np.isin(names, sorted(kept))
    unseen = part.unseen.similarity > part.limits.copy
    edits = "; edits are not compared with their source's patient" * any(part.seen[2].owners)
    rows = []
    for arm, flags in (
        ("kept", part.copies[shipped]), ("drawn", part.copies), (f"held_out{REAL}", unseen)
    ):  # fmt: skip
        note = part.note or f"{int(flags.sum())} {_words(part)} above {part.limits.copy:.3f}{edits}"
        rows.append(share(FRACTIONS[part.what], arm, flags, part.limits.copy, note))
    for arm, found in ((part.what, part.found), (f"{part.what}{REAL}", part.unseen)):
        near, ratio = (own[np.isfinite(own)] for own in (found.similarity, found.ratio))
        most, least = near.max(initial=-np.inf), ratio.min(initial=np.inf)
        value = float(most) if len(near) else NAN
        rows.append(row("nearest_similarity", arm, value, len(near), part.note))
        value = float(least) if len(ratio) else NAN
        rows.append(row("nearest_distance_ratio", arm, value, len(ratio), part.note))
    return rows


def _words(part: Measured) -> str:
    return "images like a patient's" if part.what == "patient" else f"{part.what}s"


def pairs(part: Measured) -> pd.DataFrame:
    """Return the nearest training case to each sample; lesions of one sample are numbered."""
    names = pd.Series(part.seen[2].names, dtype=object)
    known = [*part.seen[0].names, ""]  # the last one for row -1: there is nothing to compare with
    table = pd.DataFrame({
        "sample": names,
        "what": part.what,
        "place": names.groupby(names).cumcount() + 1,
        "nearest": [known[at] for at in part.found.row],
        "similarity": part.found.similarity,
        "second": part.found.second,
        "ratio": part.found.ratio,
        "copy": part.copies,
    })  # fmt: skip
    return table[list(PAIRS)]
