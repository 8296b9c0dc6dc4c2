"""A bundle of MedSyn with the tiny networks that its own tests train."""

from functools import cache

import numpy as np
import pandas as pd
from test_medsyn import chests, trained

from radfoundry.bundles import making

SAMPLE = {"count": 4, "steps": 2}


def origin(**changed):
    """Return what the bundle is made from."""
    rows = [
        {"case": case.name, "patient": case.facts["patient"], "report": case.facts["report"]}
        for case in chests()
    ]
    cases = pd.DataFrame(rows).assign(findings=["nodule", "", "nodule|emphysema", "emphysema"])
    stated = {
        "recipe": "chests",
        "settings": {"generator": "medsyn", "sample": SAMPLE},
        "modality": "CT",
        "phantoms": True,
        "publish": {"licence": "CC BY 4.0", "authors": ["A. Person"]},
        "networks": trained(),
        "grid": making.Grid((32, 32, 32), np.diag([11.0, 11.0, 10.0, 1.0])),
        "cases": cases,
        "ids": frozenset([*cases["case"], *cases["patient"]]),
    }
    return making.Origin(**{**stated, **changed})


@cache
def files():
    """Return the bundle's files by name."""
    return making.made(origin())
