"""How well a mask of a finding, and the score that it was cut from, agree with a reader's.

A reader gave a mask or boxes. Masks are compared by Dice, boxes with the bounding boxes of a mask's
parts; pointing asks whether the highest score lies where the reader marked, and needs no threshold.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import boxes, overlap
from radfoundry.evaluation.metrics.statistics import Interval, difference, interval, patient_weights

METRICS = ("dice", "box_iou", "pointing", "seen")


def measured(
    mask: np.ndarray,
    score: np.ndarray,
    truth: np.ndarray,
    inside: np.ndarray,
    ignored: np.ndarray | None = None,
) -> dict[str, float]:
    """Return dice, box_iou, pointing and seen of one film.

    `box_iou` is the best intersection over union of each box of the truth with one of the mask's
    parts, the mean over them. `pointing` is the share of the highest pixels of the region that lie
    in the truth: 0 or 1, and of a score that is flat the chance of a blind point. `seen` is whether
    there is a mask.

    Args:
        mask: Booleans, what is judged.
        score: What the mask was cut from.
        truth: Booleans, of a reader.
        inside: Where the finding may lie.
        ignored: Where nothing counts, or None.
    """
    counted = inside if ignored is None else inside & ~ignored
    top = counted & (score == score[counted].max()) if counted.any() else counted
    return {
        "dice": overlap.dice(mask, truth, ignored),
        "box_iou": best_boxes(mask, truth),
        "pointing": float(truth[top].mean()) if top.any() else 0.0,
        "seen": float(mask.any()),
    }


def best_boxes(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean over the truth's parts of the best IoU of bounding boxes; NaN without any."""
    found, wanted = boxes.of_mask(mask), boxes.of_mask(truth)
    if not len(wanted):
        return float("nan")
    return float(np.mean([max([_iou(one, other) for other in found], default=0) for one in wanted]))


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    return common / (float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - common)


def summarised(
    rows: pd.DataFrame, first: str, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the mean of every metric of every arm, and what the first arm gains on each other.

    Args:
        rows: case, patient, arm and `METRICS`; every arm has the same cases.
        first: The arm that others are compared with.
        draws: Bootstrap samples of patients.
        rng: Source of chance.

    Returns:
        metric, arm (`first-other` of a difference), value, low, high, n.
    """
    order = rows.drop_duplicates("case").sort_values("case")
    weights = patient_weights(order["patient"].to_numpy(), draws, rng)
    found = []
    for metric in METRICS:
        table = rows.pivot(index="case", columns="arm", values=metric).loc[order["case"]]
        each = {arm: _means(table[arm].to_numpy(float), weights) for arm in rows["arm"].unique()}
        pairs: list[tuple[str, Interval]] = [(arm, interval(*own)) for arm, own in each.items()]
        for other in [arm for arm in each if arm != first]:
            one, two = each[first], each[other]
            lead = difference((one[0], two[0]), (one[1], two[1]))
            pairs.append((f"{first}-{other}", lead))
        found += [
            {"metric": metric, "arm": arm, **figure._asdict(), "n": len(order)}
            for arm, figure in pairs
        ]
    return pd.DataFrame(found)


def _means(values: np.ndarray, weights: Sequence | np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean over films, and over each draw of them."""
    total = np.asarray(weights).sum(1)
    return float(values.mean()), np.asarray(weights) @ values / np.maximum(total, 1)
