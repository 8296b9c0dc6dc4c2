"""A page with sliders of phantoms: of a radiograph on its source, and of a CT on its own."""

from dataclasses import replace

import pandas as pd
from drawn_films import films
from drawn_volumes import phantoms

from radfoundry.report import page, sliders


def radiographs(size=48):
    """Return a slider of a phantom with a finding, on that of another patient."""
    ill = next(film for film in films(size=size) if film.findings.any())
    return sliders.of_radiographs([ill], lambda _: films(size=size)[0].image)


def volumes(size=32):
    """Return a slider of a phantom CT with its labels, on itself."""
    (body,) = phantoms(1, 0, size)
    return sliders.of_volumes([replace(body, name="ct-1")], lambda case: case.image, "CT")


def written(**sizes):
    """Return the page as HTML."""
    decided = pd.DataFrame({"sample": ["s1"], "verdict": ["kept"], "reason": [""]})
    shown = {"verdicts": decided, "description": "Phantoms, to try the sliders on."}
    recipes = [
        {"name": "films", "sliders": radiographs(**sizes), **shown},
        {"name": "bodies", "modality": "CT", "sliders": volumes(), **shown},
    ]
    origin = pd.DataFrame({"cohort": ["drawn"], "origin": ["phantom"]})
    return page.render({"title": "Sliders", "cohorts": origin, "recipes": recipes})
