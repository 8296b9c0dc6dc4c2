"""A page whose viewer holds two phantoms: a chest CT and a brain MR with a tumour."""

import json
from functools import cache

import numpy as np
import pandas as pd

from radfoundry.phantoms import chest_ct, tumour
from radfoundry.report import exhibits, page, slices, viewer

KINDS = {
    "CT": (chest_ct, {"findings": {"pleural_effusion": 1.0, "nodule": 1.0}}),
    "MR": (tumour, {"organ": "brain_mr"}),
}


@cache
def drawn(modality="CT", size=32, seed=3):
    """Return one phantom."""
    kind, options = KINDS[modality]
    asked = {**kind.OPTIONS, "patients": 1, "exams": [1, 1], "size": size, **options}
    return kind.draw(json.loads(kind.plan(asked, np.random.default_rng(seed))["parameters"][0]))


def viewed(modality="CT", size=32, names=("drawn",)):
    """Return a phantom as the viewer reads it for each of some names, another one each time."""
    cases = [(name, drawn(modality, size, seed)) for seed, name in enumerate(names, 3)]
    return viewer.of_cases(cases, modality)


def recipe(modality, size=32, names=("drawn",)):
    """Return what a page is told of a recipe whose samples are phantoms."""
    decided = pd.DataFrame({"sample": ["s1"], "verdict": ["kept"], "reason": [""]})
    case = drawn(modality, size)
    shown = slices.VolumePicture("s1", case.image, case.anatomy, case.findings, modality)
    pictures = exhibits.of_volumes([shown], "kept", 1)
    return {"name": modality, "modality": modality, "verdicts": decided, "kept": pictures,
            "volumes": viewed(modality, size, names)}  # fmt: skip


def written(*recipes):
    """Return the page as HTML."""
    origin = pd.DataFrame({"cohort": ["drawn"], "origin": ["phantom"]})
    return page.render({"title": "Volumes", "cohorts": origin, "recipes": recipes})
