"""What is known of where findings lie in a film: readers' masks and boxes of the tables."""

import json

import numpy as np

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray.marking import BOX, READER, Evidence
from radfoundry.data import reader_boxes

HELD_OUT = "test split: judged by readers alone"


def boxes_of(case, boxes) -> dict[str, np.ndarray]:
    """Return the boxes of a case by finding; `boxes` are the cells of the table by case."""
    return reader_boxes.masks(boxes.get(case.name, ""), json.loads(case.facts["record"]))


def evidence(case, boxes, split: str, score) -> Evidence:
    """Return what may be known of a case; a phantom's truth may in the test split alone.

    Args:
        case: With its anatomy, and the findings map that came along.
        boxes: Cells of the table by case.
        split: Of the case.
        score: The detector's map; None where it was not asked.
    """
    by = case.facts["truth_by"]
    own = case.facts["findings_sha256"] and (by == READER or split == "test")
    given = volume.picture(case.findings) if own else None
    missing, drawn = case.facts["not_given"].split("|"), boxes_of(case, boxes)
    anatomy = volume.picture(case.anatomy)
    return Evidence(anatomy, given, missing, drawn, score, HELD_OUT, by or READER)


def truth(case, boxes) -> tuple[np.ndarray, str]:
    """Return a reader's or a phantom's findings map, or one of boxes, and who drew it."""
    if case.facts["findings_sha256"]:
        return volume.picture(case.findings), case.facts["truth_by"]
    drawn = np.zeros(volume.picture(case.anatomy).shape, np.uint8)
    for name, box in boxes_of(case, boxes).items():
        drawn[box] = regions.label_id(name)
    return drawn, BOX
