"""Findings of radiographs as COCO: a box, an area and a run-length mask for each lesion.

Lesions are the connected components of a finding (8 neighbors). Volumes have no place in COCO and
are left out. Boxes are [x, y, width, height] in pixels from the upper left corner of the image as
viewed; see Lin et al. 2014 and cocodataset.org, "Data format".
"""

import json
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.release.radiographs import MARKS
from radfoundry.volume import picture

NEIGHBORS = np.ones((3, 3), int)


class Exporter:
    """Gathers boxes and writes them at the end, into one file."""

    def __init__(self, recipe: str, facts: Mapping[str, str]) -> None:
        self.recipe, self.facts = recipe, facts
        self.images: list[dict] = []
        self.boxes: list[dict] = []

    def add(self, sample: Case) -> dict[str, bytes]:
        """Take the findings of a radiograph; return no file yet."""
        if not sample.image.is_radiograph:
            return {}
        found = picture(sample.findings)
        image = {"id": len(self.images) + 1, "file_name": f"images/{sample.name}.png"}
        rows, columns = found.shape
        self.images.append(image | {"height": rows, "width": columns, "synthetic": True})
        for box in _lesions(found):
            one = {"id": len(self.boxes) + 1, "image_id": image["id"], "iscrowd": 0}
            self.boxes.append(one | box)
        return {}

    def finish(self, table: pd.DataFrame, digests: Mapping[str, str]) -> dict[str, bytes]:
        """Return annotations.json, or nothing where there was no radiograph."""
        if not self.images:
            return {}
        findings = regions.vocabulary().findings
        said = {
            "info": {"description": MARKS["Warning"], "synthetic": True, "recipe": self.recipe},
            "licenses": [{"id": 1, "name": self.facts.get("Licence", ""), "url": ""}],
            "categories": [
                {"id": f.id, "name": f.name, "supercategory": "finding"} for f in findings
            ],
            "images": self.images,
            "annotations": self.boxes,
        }
        return {"coco/annotations.json": (json.dumps(said) + "\n").encode()}


def _lesions(found: np.ndarray) -> Iterator[dict]:
    for label in regions.vocabulary().findings:
        parts, _ = ndimage.label(found == label.id, NEIGHBORS)
        for number, where in enumerate(ndimage.find_objects(parts), 1):
            mask = parts == number
            top, left = (int(part.start) for part in where)
            high, wide = (int(part.stop - part.start) for part in where)
            yield {
                "category_id": label.id,
                "bbox": [left, top, wide, high],
                "area": int(mask.sum()),
                "segmentation": {"size": list(mask.shape), "counts": runs(mask)},
            }


def runs(mask: np.ndarray) -> list[int]:
    """Return a mask as COCO's run lengths: down the columns, beginning with what is not in it.

    >>> runs(np.array([[False, True], [True, True]]))
    [1, 3]
    >>> runs(np.array([[True, False]]))
    [0, 1, 1]
    """
    flat = mask.ravel(order="F")
    turns = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    lengths = np.diff([0, *turns, flat.size])
    return [*([0] if flat.size and flat[0] else []), *map(int, lengths)]
