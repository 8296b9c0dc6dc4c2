"""Frontal chest radiographs of geometric bodies, with organs and findings projected too.

Beer-Lambert projection of the same bodies that `chest_ct` shows. Lung truth follows V7's
convention: the projected lung field, lung behind the heart included, down to the dome of the
diaphragm (not the recess behind it), effusions and opacities included.
"""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.phantoms._bodies import cage, cohort, devices, film, findings, habitus
from radfoundry.phantoms._bodies.scene import Scene
from radfoundry.text import composer
from radfoundry.volume import plane, radiograph

# Per site: ages, shares (children, AP views, patients with devices), mean build and half width of
# the field (in half widths of the chest), and ranges of film and beam.
SITES: Mapping[str, Mapping] = {
    "a": {"ages": [18, 90], "children": 0.1, "build": 0.3, "ap": 0.05, "devices": 0.05,
          "field": 1.32, "noise": [0.001, 0.004], "scatter": [0.4, 0.9], "detail": [0.2, 0.9],
          "lung_gray": [0.2, 0.34], "heart_gray": [0.7, 0.84]},
    "b": {"ages": [35, 90], "children": 0.0, "build": 0.5, "ap": 0.6, "devices": 0.6,
          "field": 1.2, "noise": [0.003, 0.008], "scatter": [0.4, 0.9], "detail": [0.3, 1.5],
          "lung_gray": [0.3, 0.5], "heart_gray": [0.62, 0.78]},
}  # fmt: skip
WIDE: Mapping = {
    "ages": [0.5, 90], "children": 0.35, "build": 0.35, "ap": 0.5, "devices": 0.4,
    "field": 1.26, "noise": [0.0005, 0.01], "scatter": [0.1, 1.3], "detail": [0.0, 1.5],
    "lung_gray": [0.12, 0.55], "heart_gray": [0.62, 0.92],
}  # fmt: skip
MODALITIES = ("CXR",)
OPTIONS = {
    "patients": 40,
    "exams": [1, 2],
    "size": 128,
    "site": "a",
    "variety": "cohort",
    "findings": {
        "opacity": 0.15,
        "consolidation": 0.1,
        "ground_glass": 0.1,
        "pleural_effusion": 0.12,
        "nodule": 0.1,
        "emphysema": 0.08,
        "cardiomegaly": 0.12,
    },
}


def plan(options: Mapping, rng: np.random.Generator) -> pd.DataFrame:
    """Return the cases of a cohort, with every random choice written down.

    Args:
        options: See `OPTIONS`: patients, exams (least, most per patient), size (pixels), site
            (of `SITES`), variety ("cohort", or "wide" for domain-randomized anatomy and view),
            findings (prevalence of each; those not named are absent).
        rng: Makes every choice.
    """
    options = cohort.checked(options, OPTIONS, SITES)
    site = WIDE if options["variety"] == "wide" else SITES[options["site"]]
    rows = [_row(visit, options, site, rng) for visit in cohort.visits(options, site, rng)]
    return pd.DataFrame(rows)


def _row(visit: tuple, options: Mapping, site: Mapping, rng: np.random.Generator) -> dict:
    """Return one examination's row: breath, posture, findings, view and film are its own."""
    case, patient, body = visit
    spread = habitus.SPREAD[options["variety"]]
    view = "AP" if rng.random() < site["ap"] or body["age"] < 4 else "PA"
    exam = habitus.examination(rng, body, view, options["variety"])
    found = findings.choose(rng, options["findings"], view)
    parameters = {
        "case": case, "patient": patient, "site": options["site"], "view": view,
        "size": int(options["size"]), "body": body, "exam": exam, "findings": found,
        "exposure": _exposure(rng, body, exam, view, (site["field"], spread)),
        "film": _film(rng, site), "devices": devices.choose(rng, site["devices"], view),
        "seed": int(rng.integers(2**31)),
    }  # fmt: skip
    return {"case": case} | cohort.facts(parameters) | {
        "report": composer.compose(found, rng), "age": body["age"],
        "spacing_mm": _pixel_mm(parameters), "parameters": json.dumps(parameters, sort_keys=True),
    }  # fmt: skip


def _exposure(
    rng: np.random.Generator, body: Mapping, exam: Mapping, view: str, field: tuple
) -> dict:
    """Return beam and collimation: where the source stands, what the field shows.

    `field` is the mean half width of the field, in half widths of the chest, and its spread.
    """
    w, (half, k) = body["width"], field
    top = w * float(np.clip(rng.normal(0.4 if body["age"] < 12 else 0.3, 0.1 * k), 0.03, 0.9))
    below = w * float(np.clip(rng.normal(0.65, 0.2 * k), 0.25, 1.6))
    low = min(cage.dome(body, exam, 1), cage.dome(body, exam, -1)) - below
    tilt = rng.normal(0, 2 * k) if view == "PA" else rng.normal(4, 5 * k)
    distance = 1750.0 if view == "PA" else float(rng.uniform(950, 1250))
    across = w * float(np.clip(rng.normal(half, 0.1 * k), 0.95, 1.9))
    out = {
        "source_y_mm": -distance if view == "PA" else distance,
        "source_z_mm": 0.5 * (top + low) + distance * float(np.tan(np.radians(tilt))),
        "turn_deg": float(rng.normal(0, 2.5 * k if view == "PA" else 4 * k)),
        "roll_deg": float(rng.normal(0, 1.5 * k)),
        "center_mm": [w * float(rng.normal(0, 0.04 * k)), 0.5 * (top + low)],
        "half_field_mm": [across, 0.5 * (top - low)],
        "shutter": np.clip(rng.normal(-0.03, 0.03 * k, 4), 0, 0.1),
    }
    return {name: np.round(value, 4).tolist() for name, value in out.items()}


def _film(rng: np.random.Generator, site: Mapping) -> dict:
    """Return detector and development, and how dense the lung is this time."""
    ranges = {n: site[n] for n in ("noise", "lung_gray", "heart_gray", "detail", "scatter")}
    ranges |= {"blur_mm": [0.3, 0.9], "detail_mm": [3, 12], "aerated": [0.2, 0.32]}
    out = {name: round(float(rng.uniform(*span)), 5) for name, span in ranges.items()}
    return out | {"marker": str(rng.choice(["", "L", "R"], p=[0.4, 0.35, 0.25]))}


def _pixel_mm(parameters: Mapping) -> float:
    return round(2 * max(parameters["exposure"]["half_field_mm"]) / parameters["size"], 4)


def draw(parameters: Mapping) -> Case:
    """Return one radiograph with its truth, a pure function of the row's parameters.

    Image: float32 in [0, 1], air 0. Anatomy: lungs (left, right, behind the heart), heart and
    mediastinum as projected. Findings: where the finding changes the ray by what can be seen.
    """
    view = _view(parameters)
    scene = Scene(parameters, view)
    truth = scene.truth()
    field = _field(parameters, view)
    picture = film.marked(_developed(scene, truth, parameters), parameters["film"]["marker"], field)
    picture = np.where(field, picture, 0)
    labels = np.where(field, regions.compose(truth), 0).astype(np.uint8)
    marks = np.where(field, scene.marks(truth), 0).astype(np.uint8)
    image = radiograph(picture.astype(np.float32), view.pixel_mm)
    return Case(parameters["case"], image, plane(labels), plane(marks), cohort.facts(parameters))


def _view(parameters: Mapping) -> film.View:
    names = ("source_y_mm", "source_z_mm", "turn_deg", "roll_deg", "center_mm")
    chosen = {name: parameters["exposure"][name] for name in names}
    return film.View(**chosen, pixel_mm=_pixel_mm(parameters), size=parameters["size"])


def _developed(scene: Scene, truth: Mapping[str, np.ndarray], parameters: Mapping) -> np.ndarray:
    """Return gray levels: exposed, enhanced, developed as for the healthy body, with noise."""
    options, pixel = parameters["film"], scene.view.pixel_mm
    rng = np.random.default_rng(parameters["seed"])
    healthy = scene.attenuation(options["aerated"], diseased=False)
    diseased = scene.attenuation(options["aerated"], diseased=True)
    plain = film.exposed(healthy, healthy, options, pixel)
    signal = film.exposed(diseased, healthy, options, pixel)
    coarse = ndimage.gaussian_filter(plain, options["detail_mm"] / pixel)
    signal = signal + options["detail"] * (signal - coarse)
    clear = (truth["lung_right"] | truth["lung_left"]) & ~truth["heart"]
    dense = truth["heart"] | (scene.maps["mediastinum"] > 60)
    grain = ndimage.gaussian_filter(rng.normal(size=signal.shape), 0.5) * 1.8
    signal = signal + options["noise"] * np.exp(0.5 * np.minimum(plain, 5)) * grain
    levels = (float(np.median(plain[clear])), float(np.median(plain[dense])))
    return film.developed(signal, levels, options)


def _field(parameters: Mapping, view: film.View) -> np.ndarray:
    """Return the collimated field on the square canvas."""
    half = np.asarray(parameters["exposure"]["half_field_mm"])
    columns, rows = np.round(half / half.max() * view.size / 2).astype(int)
    middle = view.size // 2
    left, right, top, bottom = parameters["exposure"]["shutter"]
    field = np.zeros((view.size, view.size), bool)
    field[
        middle - rows + int(top * rows) : middle + rows - int(bottom * rows),
        middle - columns + int(left * columns) : middle + columns - int(right * columns),
    ] = True
    return field
