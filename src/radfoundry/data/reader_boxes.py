"""Boxes that readers drew round findings, as a table of cases states them, on the canvas of a film.

A cell reads `finding:x,y,width,height`, several joined by |, in pixels of the image as it is
viewed: x from its left, y from its top.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from radfoundry import volume
from radfoundry.data import preprocess


class Box(NamedTuple):
    """A box round a finding, in pixels of the image as it is viewed."""

    finding: str
    x: float
    y: float
    width: float
    height: float


def parsed(text: str) -> list[Box]:
    """Return the boxes of a cell, which was checked with its table; [] of an empty one.

    >>> parsed("opacity:10,20,30,40")
    [Box(finding='opacity', x=10.0, y=20.0, width=30.0, height=40.0)]
    """
    parts = [part.partition(":") for part in text.split("|") if part]
    return [Box(name, *map(float, numbers.split(","))) for name, _, numbers in parts]


def masks(text: str, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return where the boxes of each finding lie on the canvas (rows, columns), booleans.

    What of a box lies outside the image, or in a border that was cut off, is not there.

    Args:
        text: A cell of boxes, see `parsed`.
        record: What was done to the image, of `preprocess.radiograph`.
    """
    drawn: dict[str, np.ndarray] = {}
    for box in parsed(text):
        film = drawn.setdefault(box.finding, np.zeros(record["shape"], bool))
        ends = (box.y, box.y + box.height, box.x, box.x + box.width)
        top, bottom, left, right = (max(0, round(end)) for end in ends)
        film[top:bottom, left:right] = True
    return {
        name: volume.picture(preprocess.like(volume.plane(film), record))
        for name, film in drawn.items()
    }
