"""What a detector said of one film, as a row of a table: from it average precisions are drawn."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import boxes

NAN = float("nan")
BINS = tuple(boxes.BINS)
COUNTS, FOUND = "lesions", "detections"  # columns


def columns(
    truths: Sequence[np.ndarray], found: Sequence[np.ndarray], side: int
) -> dict[str, list[str]]:
    """Return the columns `lesions` and `detections` of films.

    Args:
        truths: For each film (k, 4) boxes of lesions.
        found: For each film (d, 5) boxes and scores.
        side: Of all films, in pixels.

    Returns:
        How many lesions are small, medium and large ("0,2,1"); and for each detection its score,
        the size of the lesion that it found at an overlap of `boxes.LOOSE`, or of itself, and
        whether it found one at that and at `boxes.STRICT` ("0.91:medium:1:0,0.2:small:0:0").
    """
    loose, exact = (boxes.matched(truths, found, least) for least in (boxes.LOOSE, boxes.STRICT))
    sizes = [boxes.bins_of(own, side) for own in truths]
    films = zip(found, sizes, loose, exact, strict=True)
    return {
        COUNTS: [",".join(str(own.count(name)) for name in BINS) for own in sizes],
        FOUND: [",".join(_entries(own, known, a, b, side)) for own, known, a, b in films],
    }


def _entries(
    found: np.ndarray, sizes: list[str], loose: np.ndarray, exact: np.ndarray, side: int
) -> list[str]:
    own = boxes.bins_of(found, side)
    named = [sizes[hit] if hit >= 0 else name for hit, name in zip(loose, own, strict=True)]
    rows = zip(found[:, 4], named, loose >= 0, exact >= 0, strict=True)
    return [f"{score:.6g}:{name}:{int(a)}:{int(b)}" for score, name, a, b in rows]


def precision(
    rows: pd.DataFrame, weights: np.ndarray, least: float = boxes.LOOSE, size: str = ""
) -> np.ndarray:
    """Return the average precision of one training for every row of weights.

    Of one size, lesions of other sizes and what found them are left out, as are detections that
    found nothing and are of other sizes themselves: COCO's ranges of area.

    Args:
        rows: Columns truth (1, 0), score, lesions and detections, as `columns` returns them.
        weights: (draws, n) how often each film counts.
        least: `boxes.LOOSE` or `boxes.STRICT`; of one size `boxes.LOOSE` alone.
        size: Of `boxes.BINS`, or "" for all.

    Returns:
        (draws,) in [0, 1]; NaN without lesions, and where there was no network.
    """
    if rows["score"].isna().any():
        return np.full(len(weights), NAN)
    at = 2 if least == boxes.LOOSE else 3
    listed = [
        (film, entry)
        for film, text in enumerate(rows[FOUND].fillna("").astype(str))
        for entry in (part.split(":") for part in text.split(",") if part)
        if size in ("", entry[1])
    ]
    films = np.array([film for film, _ in listed], int)
    scores = np.array([float(entry[0]) for _, entry in listed])
    right = np.array([entry[at] == "1" for _, entry in listed], bool)
    there = weights @ counted(rows, size)
    return boxes.average_precision(scores, right, weights[:, films], there)


def counted(rows: pd.DataFrame, size: str = "") -> np.ndarray:
    """Return (n,) how many lesions of a size, or of any, each film has."""
    each = np.array([[int(n) for n in text.split(",")] for text in rows[COUNTS]], int)
    each = np.reshape(each, (len(rows), len(BINS)))
    return each.sum(1) if not size else each[:, BINS.index(size)]


def told(rows: pd.DataFrame) -> str:
    """Return how many lesions there are, by size.

    >>> told(pd.DataFrame({"lesions": ["0,2,1", "1,0,0"]}))
    '4 lesions: 1 small, 2 medium, 1 large'
    """
    each = [int(counted(rows, name).sum()) for name in BINS]
    sizes = ", ".join(f"{count} {name}" for count, name in zip(each, BINS, strict=True))
    return f"{sum(each)} lesions: {sizes}"
