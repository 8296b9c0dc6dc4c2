"""Phantom radiographs that stand for real films, and for samples of a generator of radiographs."""

import json
from dataclasses import replace
from functools import cache

import numpy as np

from radfoundry.phantoms import chest_xray

FINDINGS = {"opacity": 0.5, "pleural_effusion": 0.4}


@cache
def films(count=8, seed=0, size=48):
    """Return radiographs of as many patients with their findings, masks and reports."""
    options = {"patients": count, "exams": [1, 1], "size": size, "findings": FINDINGS}
    rows = chest_xray.plan(options, np.random.default_rng(seed)).to_dict("records")
    drawn = [(chest_xray.draw(json.loads(row["parameters"])), row["report"]) for row in rows]
    known = {"split": "tune", "findings_sha256": "there"}
    return tuple(
        replace(case, facts={**case.facts, **known, "report": report}) for case, report in drawn
    )
