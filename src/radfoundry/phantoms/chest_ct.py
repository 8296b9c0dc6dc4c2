"""Chest CT of geometric bodies: Hounsfield units, with lobes, airways, vessels and findings.

The patient lies on the back with arms raised. The grid spans the chest from the neck to the upper
abdomen, and more of the neck if asked; its voxels are as large as `size` asks for, so spacing
differs from case to case.
"""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.phantoms._bodies import cage, chest, cohort, extras, findings, habitus
from radfoundry.phantoms._bodies.space import Grid, regular
from radfoundry.text import composer
from radfoundry.volume import Volume

# Per site: ages, share of children, mean build, noise, blood (with or without contrast), margin of
# the slices around the body, aerated lung.
SITES: Mapping[str, Mapping] = {
    "a": {"ages": [25, 90], "children": 0.0, "build": 0.3, "noise_hu": [8, 16],
          "blood_hu": [35, 50], "margin": [1.02, 1.08], "lung_hu": [-880, -830],
          "table": False},
    "b": {"ages": [40, 92], "children": 0.0, "build": 0.55, "noise_hu": [22, 40],
          "blood_hu": [140, 240], "margin": [1.1, 1.25], "lung_hu": [-850, -790],
          "table": True},
}  # fmt: skip
MODALITIES = ("CT",)
OPTIONS = {
    "patients": 24,
    "exams": [1, 2],
    "size": 64,
    "site": "a",
    "variety": "cohort",
    "findings": {
        "opacity": 0.1,
        "consolidation": 0.15,
        "ground_glass": 0.15,
        "pleural_effusion": 0.25,
        "nodule": 0.15,
        "emphysema": 0.2,
        "cardiomegaly": 0.2,
    },
    "neck_mm": 0,  # more of the neck above the chest, with larynx and throat; 0 to 200
    "bowel_gas": 0,  # loops of gas-filled bowel under the diaphragm; 0 to 8
    "rib_fat_mm": 0,  # greatest thickness of fat between ribs and pleura; 0 to 20
}


def plan(options: Mapping, rng: np.random.Generator) -> pd.DataFrame:
    """Return the cases of a cohort, with every random choice written down.

    Args:
        options: See `OPTIONS`: patients, exams (least, most per patient), size (voxels along each
            axis), site (of `SITES`), variety ("cohort" or "wide"), findings (prevalence of each);
            neck_mm, bowel_gas and rib_fat_mm add what stands in the way of finding lungs.
        rng: Makes every choice.
    """
    options = cohort.checked(options, OPTIONS, SITES)
    site = SITES[options["site"]]
    return pd.DataFrame([_row(v, options, site, rng) for v in cohort.visits(options, site, rng)])


def _row(visit: tuple, options: Mapping, site: Mapping, rng: np.random.Generator) -> dict:
    """Return one examination's row: breath, findings, dose and grid are its own."""
    case, patient, body = visit
    exam = habitus.examination(rng, body, "CT", options["variety"])
    found = findings.choose(rng, options["findings"], "CT")
    scan = {n: round(float(rng.uniform(*site[n])), 4) for n in ("noise_hu", "blood_hu", "lung_hu")}
    scan["table"] = site["table"]
    parameters = {
        "case": case, "patient": patient, "site": options["site"], "view": "", "body": body,
        "size": options["size"], "exam": exam, "findings": found, "scan": scan,
        "span_mm": _span(body, exam, float(rng.uniform(*site["margin"]))),
        "seed": int(rng.integers(2**31)),
    }  # fmt: skip
    if added := extras.chosen(options):  # no choice is made for them: the bodies stay the same
        parameters["extras"] = added
        parameters["span_mm"][2] += added.get("neck_mm", 0)
    return {"case": case} | cohort.facts(parameters) | {
        "report": composer.compose(found, rng), "age": body["age"],
        "spacing_mm": round(parameters["span_mm"][0] / int(np.max(options["size"])), 4),
        "parameters": json.dumps(parameters, sort_keys=True),
    }  # fmt: skip


def _span(body: Mapping, exam: Mapping, margin: float) -> list[float]:
    """Return width of the square slices and lowest and highest z, mm."""
    low = min(cage.dome(body, exam, 1), cage.dome(body, exam, -1))
    across = 2 * margin * (body["width"] + body["wall"])
    return [round(v, 3) for v in (across, low - 0.7 * body["width"], 0.25 * body["width"])]


def draw(parameters: Mapping) -> Case:
    """Return one CT with its truth, a pure function of the row's parameters.

    Image: float32 HU (X, Y, Z). Anatomy: lobes with the vessels and bronchi inside them, fluid
    between lung and chest wall, airway, heart, aorta, ribs, spine, clavicles, mediastinum, abdomen
    and the rest of the body. Findings: the voxels that a finding changes; outside them the image
    is what it would be without it, bit for bit.
    """
    grid, affine = _grid(parameters)
    body = chest.Chest(parameters, grid)
    image, marks = body.tissues(), np.zeros(grid.shape, np.uint8)
    for finding in parameters["findings"]:
        share = body.share(finding)
        image += body.change(finding["name"], share, image)
        marks[share > 0] = regions.label_id(finding["name"])
        if finding["name"] == "cardiomegaly":
            marks[(body.heart > 0.5) & (marks == 0)] = regions.label_id("cardiomegaly")
    image = np.clip(image + body.noise(), -1024, 3071)
    volume = Volume(image, affine)
    return Case(parameters["case"], volume, body.labels(), marks, cohort.facts(parameters))


def _grid(parameters: Mapping) -> tuple[Grid, np.ndarray]:
    """Return the voxels' places and the affine, RAS+."""
    across, low, high = parameters["span_mm"]
    counts = np.broadcast_to(parameters["size"], 3)
    step = np.array([across, across, high - low]) / counts
    first = np.array([-0.5 * across, -0.5 * across, low]) + 0.5 * step
    return regular(first, step, counts)
