"""A page with sliders of drawn chests: of a radiograph on its source, and of a CT on its own."""

from dataclasses import replace

import drawn_chest
import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.report import page, sliders
from radfoundry.volume import Volume, radiograph


def radiographs(size=48):
    """Return a slider of a chest with an opacity, on that of another patient."""
    ill, other = drawn_chest.case(size), drawn_chest.case(size, 1, 0.03)
    seen = np.zeros((size, size), np.uint8)
    seen[size // 2 : size * 5 // 8, size // 4 : size * 3 // 8] = regions.ids("opacity")[0]
    ill = replace(ill, findings=radiograph(seen).voxels)
    return sliders.of_radiographs([ill], lambda _: other.image)


def volumes():
    """Return a slider of a CT on itself."""
    return sliders.of_volumes([body(32)], lambda case: case.image, "CT")


def body(size):
    """Return a CT of a column of water with one lung."""
    x, y, z = np.indices((size, size, size)) - size / 2
    body = np.hypot(x, y) < size * 0.4
    lung = np.sqrt((x - size / 6) ** 2 + y**2 + z**2) < size / 6
    hu = np.where(lung, -800, np.where(body, 40, -1000)).astype(np.int16)
    anatomy = np.where(lung, regions.ids("lung_left")[0], 0).astype(np.uint8)
    return Case("ct-1", Volume(hu, np.diag([4.0, 4, 4, 1])), anatomy, np.zeros_like(anatomy))


def written(size=48):
    """Return the page as HTML."""
    decided = pd.DataFrame({"sample": ["s1"], "verdict": ["kept"], "reason": [""]})
    shown = {"verdicts": decided, "description": "Drawn in a few strokes, to try the sliders on."}
    recipes = [
        {"name": "films", "sliders": radiographs(size), **shown},
        {"name": "bodies", "modality": "CT", "sliders": volumes(), **shown},
    ]
    origin = pd.DataFrame({"cohort": ["drawn"], "origin": ["phantom"]})
    return page.render({"title": "Sliders", "cohorts": origin, "recipes": recipes})
