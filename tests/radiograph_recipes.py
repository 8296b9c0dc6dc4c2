"""What tests of generators of radiographs begin with: networks of a few steps, findings, config."""

import hashlib

import numpy as np
import pandas as pd

FEW = {"steps": 2, "batch": 2}
SHIFTS = {"size": "phantom", "widths": [15, 32], "blocks": [1, 1], "mixing": 8, "text_places": 2}
CODER = {**FEW, "size": {"size": "radiograph", "widths": [16], "blocks": [1]}}
TRAIN = {  # what both generators have
    "size": "phantom",
    "text": {"steps": 0, "size": {"width": 16, "layers": 1, "heads": 2, "inner": 16}},
    "autoencoder": CODER,
    "diffusion": {**FEW, "size": SHIFTS},
}
EFFUSION = {"name": "pleural_effusion", "side": "left", "location": "", "severity": "moderate"}
NODULE = {"name": "nodule", "side": "right", "location": "upper zone", "severity": "severe"}
BOTH = (EFFUSION, NODULE)


def digest(array):
    """Return what tells arrays of other bytes apart."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def table(cases):
    """Return the rows that requests are planned from, of cases that all have lungs."""
    rows = [{"case": c.name, "split": "train", **c.facts} for c in cases]
    return pd.DataFrame(rows).assign(lung_right="present", lung_left="present")


def settings(generator, train=None, sample=None):
    """Return a checked config of one recipe `r`, as far as networks and null arms ask for it."""
    entry = {"cohort": "c", "generator": generator, "networks": {}}
    entry |= {"train": {"seed": 0, **(train or {})}, "sample": {"count": 4, **(sample or {})}}
    entry |= {"size": "phantom", "filter": {}}
    synthesis = {"recipes": ["r"], "untrained": {"samples": 2, "prompt": 1}, "probes": {}}
    return {
        "recipes": {"r": entry},
        "cohorts": {"c": {"pseudolabel": "none"}},
        "evaluate": {"synthesis": synthesis},
    }
