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

from radfoundry import anatomy, prompts
from radfoundry.bodies import devices, film, habitus, lesions, skeleton, thorax, trees
from radfoundry.case import Case
from radfoundry.volume import plane, radiograph

SITES: Mapping[str, Mapping] = {
    "a": {"ages": [18, 90], "children": 0.1, "ap": 0.05, "devices": 0.05, "noise": [0.001, 0.004],
          "lung_gray": [0.2, 0.34], "heart_gray": [0.66, 0.8], "detail": [0.4, 1.2], "scatter": [0.4, 0.9]},
    "b": {"ages": [35, 90], "children": 0.0, "ap": 0.6, "devices": 0.6, "noise": [0.003, 0.008],
          "lung_gray": [0.3, 0.5], "heart_gray": [0.62, 0.78], "detail": [0.3, 1.5], "scatter": [0.4, 0.9]},
}  # fmt: skip
WIDE: Mapping = {
    "ages": [0.5, 90], "children": 0.35, "ap": 0.5, "devices": 0.4, "noise": [0.0005, 0.01],
    "lung_gray": [0.12, 0.55], "heart_gray": [0.62, 0.92], "detail": [0.0, 1.5], "scatter": [0.1, 1.3],
}  # fmt: skip
OPTIONS = {
    "patients": 40,
    "exams": [1, 2],
    "size": 128,
    "site": "a",
    "variety": "cohort",
    "findings": dict.fromkeys(lesions.NAMES, 0.1),
}
CHILD_AGES = (0.5, 12.0)
LEAST_LUNG_MM = 8.0  # lung along a ray that makes it part of the lung field
THICKEST_MM = 16.0  # vessels that cross in projection share the lung they lie in
MARKINGS = 1.5  # airway walls and connective tissue along the vessels
LEAST_CHANGE_MM = 3.0  # water along a ray that a finding must add or take to be marked
LEAST_SHARE = 0.12  # and of its greatest change


def plan(options: Mapping, rng: np.random.Generator) -> pd.DataFrame:
    """Return the cases of a cohort, with every random choice written down.

    Args:
        options: See `OPTIONS`: patients, exams (least, most per patient), size (pixels), site
            (of `SITES`), variety ("cohort", or "wide" for domain-randomized anatomy and view),
            findings (prevalence of each).
        rng: Makes every choice.
    """
    options = OPTIONS | dict(options)
    if options["site"] not in SITES:
        raise ValueError(f"no site {options['site']!r}: choose from {', '.join(SITES)}")
    if options["variety"] not in habitus.SPREAD:
        raise ValueError(f"variety is {options['variety']!r}: choose from {', '.join(habitus.SPREAD)}")
    site = WIDE if options["variety"] == "wide" else SITES[options["site"]]
    rows = []
    for i in range(options["patients"]):
        patient = f"{options['site']}{i:04d}"
        ages = CHILD_AGES if rng.random() < site["children"] else tuple(site["ages"])
        body = habitus.person(rng, ages, options["variety"])
        for exam in range(int(rng.integers(options["exams"][0], options["exams"][1] + 1))):
            rows.append(_row(f"{patient}-{exam}", patient, body, options, rng))
    return pd.DataFrame(rows)


def _row(
    case: str, patient: str, body: Mapping, options: Mapping, rng: np.random.Generator
) -> dict:
    """Return one examination's row: breath, posture, findings, view and film are its own."""
    wide = options["variety"] == "wide"
    site = WIDE if wide else SITES[options["site"]]
    view = "AP" if rng.random() < site["ap"] or body["age"] < 4 else "PA"
    exam = habitus.examination(rng, body, view, options["variety"])
    findings = lesions.choose(rng, options["findings"], view)
    exposure = _exposure(rng, body, exam, view, wide)
    parameters = {
        "case": case, "patient": patient, "site": options["site"], "view": view,
        "size": int(options["size"]), "body": body, "exam": exam, "findings": findings,
        "exposure": exposure, "film": _film(rng, site),
        "devices": devices.choose(rng, site["devices"], view), "seed": int(rng.integers(2**31)),
    }  # fmt: skip
    names = dict.fromkeys(f["name"] for f in findings)
    return {
        "case": case, "patient": patient, "findings": "|".join(names),
        "report": prompts.compose(findings, rng), "sex": body["sex"][0].upper(), "age": body["age"],
        "site": options["site"], "view": view, "spacing_mm": _pixel_mm(parameters),
        "parameters": json.dumps(parameters, sort_keys=True),
    }  # fmt: skip


def _exposure(
    rng: np.random.Generator, body: Mapping, exam: Mapping, view: str, wide: bool
) -> dict:
    """Return beam and collimation: where the source stands, what the field shows."""
    w, k = body["width"], 1.8 if wide else 1.0
    child = body["age"] < 12
    top = w * float(np.clip(rng.normal(0.4 if child else 0.3, 0.1 * k), 0.03, 0.9))
    bottom = w * float(np.clip(rng.normal(0.45, 0.2 * k), 0.05, 1.4))
    low = min(thorax.dome(body, exam, 1), thorax.dome(body, exam, -1)) - 0.2 * w
    tilt = rng.normal(0, 2 * k) if view == "PA" else rng.normal(4, 5 * k)
    distance = 1750.0 if view == "PA" else float(rng.uniform(950, 1250))
    middle = 0.5 * (top + low - bottom)
    out = {
        "source_y_mm": -distance if view == "PA" else distance,
        "source_z_mm": middle + distance * float(np.tan(np.radians(tilt))),
        "turn_deg": float(rng.normal(0, 2.5 * k if view == "PA" else 4 * k)),
        "roll_deg": float(rng.normal(0, 1.5 * k)),
        "center_mm": [w * float(rng.normal(0, 0.04 * k)), middle],
        "half_field_mm": [w * float(np.clip(rng.normal(1.36, 0.1 * k), 1.08, 1.9)), 0.5 * (top - low + bottom)],
        "shutter": [round(float(v), 3) for v in np.clip(rng.normal(-0.03, 0.03 * k, 4), 0, 0.1)],
    }  # fmt: skip
    return {n: np.round(v, 4).tolist() for n, v in out.items()}


def _film(rng: np.random.Generator, site: Mapping) -> dict:
    """Return detector and development."""
    out = {n: float(rng.uniform(*site[n])) for n in ("noise", "lung_gray", "heart_gray", "detail", "scatter")}
    out["blur_mm"] = float(rng.uniform(0.3, 0.9))
    out["detail_mm"] = float(rng.uniform(6, 20))
    out["lung"] = float(rng.normal(0, 0.03))
    out = {n: round(v, 4) for n, v in out.items()}
    return out | {"marker": str(rng.choice(["", "L", "R"], p=[0.4, 0.35, 0.25]))}


def _pixel_mm(parameters: Mapping) -> float:
    return round(2 * max(parameters["exposure"]["half_field_mm"]) / parameters["size"], 4)


def _view(parameters: Mapping) -> film.View:
    e = parameters["exposure"]
    center = (e["center_mm"][0], e["center_mm"][1])
    return film.View(
        e["source_y_mm"], e["source_z_mm"], e["turn_deg"], e["roll_deg"], center,
        _pixel_mm(parameters), parameters["size"],
    )  # fmt: skip


def draw(parameters: Mapping) -> Case:
    """Return one radiograph with its truth, a pure function of the row's parameters.

    Image: float32 in [0, 1], air 0. Anatomy: lungs (left, right, behind the heart), heart and
    mediastinum as projected. Findings: where the finding changes the ray by what can be seen.
    """
    view = _view(parameters)
    scene = _Scene(parameters, view)
    truth = scene.truth()
    picture = _developed(scene, truth, parameters, view)
    field = _field(parameters, view)
    labels, marks = anatomy.compose(truth), scene.marks(truth)
    labels[~field], marks[~field] = 0, 0
    facts = {n: str(parameters[n]) for n in ("patient", "site", "view")}
    facts |= {"sex": parameters["body"]["sex"], "age": str(parameters["body"]["age"])}
    facts["findings"] = "|".join(dict.fromkeys(f["name"] for f in parameters["findings"]))
    image = radiograph(np.where(field, picture, 0).astype(np.float32), view.pixel_mm)
    return Case(parameters["case"], image, plane(labels), plane(marks), facts)


class _Scene:
    """Lengths (mm) of every tissue along every pixel's ray."""

    def __init__(self, parameters: Mapping, view: film.View) -> None:
        self.body = parameters["body"]
        self.exam = lesions.affected(parameters["exam"], parameters["findings"])
        self.view, self.findings = view, parameters["findings"]
        field = view.size * view.pixel_mm
        self.grid = film.rays(view, 1.15 * (self.body["depth"] + self.body["belly"] + self.body["wall"]), field / (60 + 0.35 * view.size))
        self.organs = thorax.organs(self.body, self.exam, self.grid)
        self.maps = {n: self._seen(v) for n, v in vars(self.organs).items()}
        self.lungs = self.maps["lung_right"] + self.maps["lung_left"]
        self.changes = [self._change(f) for f in self.findings]
        fine = max(0.7 * view.pixel_mm, 0.8)
        self.bone = film.splatted(skeleton.skeleton(self.body, self.exam, fine), view)
        self.vessels = self._vessels()
        self.metal = film.splatted(devices.points(parameters["devices"], self.body, self.exam), view)

    def _seen(self, filled: np.ndarray) -> np.ndarray:
        return film.shown(film.along_rays(filled, self.grid), self.view, self.grid.step_mm[0])

    def _change(self, finding: Mapping) -> np.ndarray:
        if finding["name"] == "cardiomegaly":
            return np.zeros_like(self.lungs)
        lung = getattr(self.organs, f"lung_{finding['side']}")
        return self._seen(lesions.density(self.body, self.exam, finding, self.grid, lung))

    def _vessels(self) -> np.ndarray:
        total = np.zeros_like(self.lungs)
        for side in (1, -1):
            for tree in trees.lung_trees(self.body, self.exam, side, 380):
                total += film.splatted(trees.vessel_points(tree, self.view.pixel_mm), self.view)
        return THICKEST_MM * np.tanh(total / THICKEST_MM) * np.clip(self.lungs / 25, 0, 1)

    def attenuation(self, density: float, diseased: bool) -> np.ndarray:
        """Return the optical depth of each ray; `density` is that of aerated lung."""
        water = self.maps["body"] - (1 - density) * self.lungs - self.maps["gas"]
        water = np.maximum(water + (1 - density) * MARKINGS * self.vessels, 0)
        if diseased:
            water = np.maximum(water + sum(self.changes, np.zeros_like(water)), 0)
        return film.WATER_PER_MM * water + film.BONE_PER_MM * (self.bone + self.metal)

    def truth(self) -> dict[str, np.ndarray]:
        """Return projected regions by name."""
        regions = {}
        for name, side in (("lung_right", 1), ("lung_left", -1)):
            lung = self._seen(thorax.lung_field(self.body, self.exam, self.grid, side))
            regions[name] = (lung > LEAST_LUNG_MM) & self._above_dome(side)
        regions["heart"] = self.maps["heart"] > LEAST_LUNG_MM
        chest = self.grid.z < 0.05 * self.body["width"]
        middle = self._seen(self.organs.mediastinum * chest)
        regions["mediastinum"] = (middle > 0.35 * self.body["depth"]) & self._above_dome(0)
        return regions

    def _above_dome(self, side: int) -> np.ndarray:
        """Return which pixels lie above the diaphragm's contour as it is seen."""
        sides = (side,) if side else (1, -1)
        x, y = self.grid.x[..., 0], self.grid.y[..., 0]
        inside = (np.abs(x) < self.body["width"]) & (np.abs(y) < 0.9 * self.body["depth"])
        height = np.max([thorax.diaphragm(self.body, self.exam, x, y, s) for s in sides], axis=0)
        highest = np.where(inside, height, -1e4)[..., None]
        above = (self.grid.z >= highest).all(axis=1).astype(np.float32)
        return film.shown(above, self.view, self.grid.step_mm[0]) > 0.5

    def marks(self, truth: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the findings map: later findings over earlier ones."""
        labels = np.zeros(self.lungs.shape, np.uint8)
        lungs = truth["lung_right"] | truth["lung_left"]
        for finding, change in zip(self.findings, self.changes, strict=True):
            least = max(LEAST_CHANGE_MM, LEAST_SHARE * float(np.abs(change).max()))
            mask = (np.abs(change) > least) & lungs
            if finding["name"] == "cardiomegaly":
                mask = truth["heart"] & (labels == 0)
            labels[mask] = anatomy.label_id(finding["name"])
        return labels


def _developed(
    scene: _Scene, truth: Mapping[str, np.ndarray], parameters: Mapping, view: film.View
) -> np.ndarray:
    """Return gray levels: exposed, enhanced, developed for the healthy body, with noise."""
    options, rng = parameters["film"], np.random.default_rng(parameters["seed"])
    density = lesions.AERATED + options["lung"]
    healthy = scene.attenuation(density, diseased=False)
    attenuation = scene.attenuation(density, diseased=True)
    signal = film.exposed(attenuation, healthy, options, view.pixel_mm)
    plain = film.exposed(healthy, healthy, options, view.pixel_mm)
    coarse = ndimage.gaussian_filter(plain, options["detail_mm"] / view.pixel_mm)
    signal = signal + options["detail"] * (signal - coarse)
    lungs = truth["lung_right"] | truth["lung_left"]
    clear, dense = lungs & ~truth["heart"], truth["heart"] | (scene.maps["mediastinum"] > 60)
    levels = (float(np.median(plain[clear])), float(np.median(plain[dense])))
    grain = ndimage.gaussian_filter(rng.normal(size=signal.shape), 0.5) * 1.8
    signal = signal + options["noise"] * np.exp(0.5 * np.minimum(plain, 5)) * grain
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
