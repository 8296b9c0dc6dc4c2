"""How well boxes find lesions: COCO's matching, and average precision of re-weighted films.

Boxes are matched by faster-coco-eval, film by film, once for each network. From these matches the
average precision of any re-weighted set of the same films follows, which is what a bootstrap asks
for; it equals that of COCO where all weights are 1.

Boxes are (row, column, row, column): first inside, last outside.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

MOST = 20  # detections of a film that count, strongest first
RECALLS = np.linspace(0, 1, 101)  # of COCO's interpolation
LOOSE, STRICT = 0.3, 0.5  # least intersection over union of a match
# Sizes of lesions: the root of the box's area in parts of the film's side is below the limit.
BINS = {"small": 0.1, "medium": 0.25, "large": np.inf}
TOUCHING = np.ones((3, 3), int)
NAN = float("nan")


def of_mask(mask: np.ndarray) -> np.ndarray:
    """Return (k, 4) the boxes of a mask's parts; pixels that touch at a corner are one part.

    >>> of_mask(np.eye(3) > 0).tolist()
    [[0.0, 0.0, 3.0, 3.0]]
    """
    parts, _ = ndimage.label(mask, TOUCHING)
    found = [
        [s.start for s in part] + [s.stop for s in part] for part in ndimage.find_objects(parts)
    ]
    return np.reshape(np.array(found, float), (len(found), 4))


def bins_of(boxes: np.ndarray, side: int) -> list[str]:
    """Return in which of `BINS` boxes (k, 4) of a film of so many pixels along its side lie."""
    height, width = (boxes[:, 2:4] - boxes[:, :2]).T
    roots = np.sqrt(np.maximum(height * width, 0)) / side
    return [next(name for name, limit in BINS.items() if root < limit) for root in roots]


def matched(
    truths: Sequence[np.ndarray], found: Sequence[np.ndarray], least: float
) -> list[np.ndarray]:
    """Return for each film which lesion each of its detections found; -1 for none.

    Lin et al., "Microsoft COCO" (ECCV 2014): the strongest detection chooses first, among lesions
    that are left, the one with which its intersection over union is largest.

    Args:
        truths: For each film (k, 4) boxes of lesions.
        found: For each film (d, 5) boxes and scores.
        least: Intersection over union from which a box has found a lesion.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    lesions, detections = _annotated(truths), _annotated(found)
    places = [(film, at) for film, boxes in enumerate(truths) for at in range(len(boxes))]
    films = [{"id": film + 1} for film in range(len(truths))]
    known = COCO({"images": films, "categories": [{"id": 1}], "annotations": lesions})
    judge = COCOeval_faster(known, known.loadRes(detections), "bbox", extra_calc=True)
    judge.print_function = _silent
    judge.params.iouThrs, judge.params.maxDets = np.array([least]), [MOST]
    judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
    judge.evaluate()
    judge.accumulate()
    pairs = (key.split("_") for key in judge.eval["matched"])
    hits = {int(own) - 1: places[int(lesion) - 1][1] for own, lesion in pairs}
    return _by_film(found, hits)


def average_precision(
    scores: np.ndarray, right: np.ndarray, weights: np.ndarray, lesions: np.ndarray
) -> np.ndarray:
    """Return COCO's average precision at one intersection over union, for every row of weights.

    The mean over 101 recalls of the best precision at that recall or a higher one.

    Args:
        scores: (d,) of all detections; equal ones keep their order.
        right: (d,) booleans: whether each found a lesion.
        weights: (draws, d) how often each one's film counts.
        lesions: (draws,) how many lesions there are in all.

    Returns:
        (draws,) in [0, 1]; NaN where there is no lesion.
    """
    if not len(scores):
        return np.where(lesions > 0, 0.0, NAN)
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(weights[:, order] * right[order], 1)
    marked = np.cumsum(weights[:, order], 1)
    precision = np.divide(hits, marked, out=np.zeros(hits.shape), where=marked > 0)
    best = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    best = np.concatenate([best, np.zeros((len(best), 1))], 1)
    recall = hits / np.maximum(lesions, 1)[:, None]
    places = [np.searchsorted(own, RECALLS, side="left") for own in recall]
    found = np.take_along_axis(best, np.stack(places), 1).mean(1)
    return np.where(lesions > 0, found, NAN)


def _annotated(films: Sequence[np.ndarray]) -> list[dict]:
    """Return boxes, with their scores if they have some, as COCO lists them."""
    listed: list[dict] = []
    for film, boxes in enumerate(films):
        for row, column, below, right, *score in boxes.tolist():
            box = [column, row, right - column, below - row]
            own = {"id": len(listed) + 1, "image_id": film + 1, "category_id": 1, "bbox": box}
            own |= {"area": box[2] * box[3], "iscrowd": 0}
            listed.append(own | ({"score": score[0]} if score else {}))
    return listed


def _by_film(found: Sequence[np.ndarray], hits: dict[int, int]) -> list[np.ndarray]:
    """Return what each detection hit, by film, from what was hit by its number among all."""
    starts = np.cumsum([0, *map(len, found)])
    return [
        np.array([hits.get(at, -1) for at in range(start, start + len(own))], int)
        for start, own in zip(starts[:-1], found, strict=True)
    ]


def _silent(*_: object) -> None:
    """Take what COCO's tools print."""
