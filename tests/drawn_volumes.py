"""Phantom chest CT that stand for samples of a generator of volumes."""

import json
from dataclasses import replace

import numpy as np

from radfoundry.phantoms import chest_ct
from radfoundry.segmenters import threshold
from radfoundry.volume import whole


def phantoms(count, seed, size=32):
    """Return healthy chests of as many patients, labeled as their phantom was drawn."""
    options = {"patients": count, "exams": [1, 1], "size": size, "findings": {}}
    rows = chest_ct.plan(options, np.random.default_rng(seed))
    cases = (chest_ct.draw(json.loads(text)) for text in rows["parameters"])
    return [
        replace(case, name=f"p{seed}-{n}", facts={**case.facts, "patient": f"p{seed}-{n}"})
        for n, case in enumerate(cases)
    ]


def as_sample(case, name="syn-1", **facts):
    """Return a case as a generator of CT hands it over: int16 HU, its own labels, no finding."""
    image = case.image.holding(whole(np.clip(case.image.voxels, -1024, 600)))
    defaults = {
        "source": "other",
        "patient": "other",
        "split": "train",
        "findings": "",
        "shape": "",
    }
    blank = np.zeros(image.voxels.shape, np.uint8)
    labels = threshold.prepare({})(image)
    return replace(
        case, name=name, image=image, anatomy=labels, findings=blank, facts={**defaults, **facts}
    )
