"""Findings of known extent: choose them for a person, then say how they change a body.

A finding is a plain mapping with everything that was chosen: name, side, location and severity in
words for the report, and numbers in parts of the lung, so that it stays in place as the lung
breathes. `density` says what it adds to each point; nothing here draws at random but `choose`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from radfoundry.bodies import cage
from radfoundry.bodies.space import Grid, Points, ellipsoid, extent

NAMES = (
    "opacity",
    "consolidation",
    "ground_glass",
    "pleural_effusion",
    "nodule",
    "emphysema",
    "cardiomegaly",
)
SEVERITIES = ("mild", "moderate", "severe")
LOBES = {
    "right": ("upper lobe", "middle lobe", "lower lobe"),
    "left": ("upper lobe", "lower lobe"),
}
SIDES = {"right": 1, "left": -1}
AERATED = 0.26  # density of lung with its small vessels, water 1
STRENGTH = {"opacity": (0.35, 0.8), "consolidation": (0.7, 0.95), "ground_glass": (0.18, 0.4)}
HEART_FACTOR = {"mild": 1.2, "moderate": 1.32, "severe": 1.45}
RECUMBENCE_DEG = {"PA": 0.0, "AP": 50.0, "CT": 90.0}  # how far a patient leans back


def choose(rng: np.random.Generator, prevalence: Mapping[str, float], view: str) -> list[dict]:
    """Return the findings of one examination, each chosen with its prevalence.

    Args:
        rng: Makes every choice.
        prevalence: Probability of each finding of `NAMES`; those not named are absent.
        view: "PA", "AP" or "CT": fluid runs where the posture lets it.

    Raises:
        ValueError: If a finding has no such name.
    """
    unknown = sorted(set(prevalence) - set(NAMES))
    if unknown:
        raise ValueError(f"no findings {unknown}: choose from {', '.join(NAMES)}")
    present = [n for n in NAMES if rng.random() < prevalence.get(n, 0)]
    return [f for name in present for f in _CHOOSERS[name](rng, name, view)]


def _words(rng: np.random.Generator, name: str, severity: str) -> dict:
    side = str(rng.choice(["right", "left"]))
    return {"name": name, "side": side, "severity": severity}


def _severity(rng: np.random.Generator) -> str:
    return str(rng.choice(SEVERITIES, p=[0.35, 0.4, 0.25]))


def _clouds(rng: np.random.Generator, name: str, view: str) -> list[dict]:
    """Return one to four clouds of airspace disease or ground glass."""
    severity = _severity(rng)
    foci = {"mild": (1, 2), "moderate": (1, 3), "severe": (2, 5)}[severity]
    out = []
    for _ in range(int(rng.integers(*foci))):
        finding = _words(rng, name, severity)
        height = float(rng.uniform(0.08, 0.85))
        spread = {"mild": 0.16, "moderate": 0.22, "severe": 0.3}[severity] * rng.uniform(0.7, 1.3)
        n = int(rng.integers(18, 45))
        middle = np.array([rng.uniform(0.3, 0.95), rng.uniform(0.1, 0.8), height])
        blobs = np.concatenate(
            [middle + rng.normal(0, 1, (n, 3)) * [spread, spread, 0.6 * spread], rng.uniform(0.15, 0.6, (n, 1)) * spread], axis=1
        )
        finding["location"] = _zone(height)
        finding["strength"] = round(float(rng.uniform(*STRENGTH[name])), 3)
        finding["blobs"] = np.round(blobs, 3).tolist()
        out.append(finding)
    return out


def _zone(height: float) -> str:
    return ("lower zone", "middle zone", "upper zone")[min(2, int(3 * max(height, 0)))]


def _lobar(rng: np.random.Generator, name: str, view: str) -> list[dict]:
    finding = _words(rng, name, _severity(rng))
    lobes = LOBES[finding["side"]]
    finding["location"] = str(rng.choice(lobes))
    finding["strength"] = round(float(rng.uniform(*STRENGTH[name])), 3)
    finding["share"] = {"mild": 0.5, "moderate": 0.75, "severe": 1.0}[finding["severity"]]
    finding["blobs"] = np.round(rng.uniform([0, 0, 0, 0.12], [1, 1, 1, 0.35], (24, 4)), 3).tolist()
    return [finding]


def _nodule(rng: np.random.Generator, name: str, view: str) -> list[dict]:
    out = []
    for _ in range(1 + int(rng.random() < 0.25)):
        severity = _severity(rng)
        finding = _words(rng, name, severity)
        at = rng.uniform([0.35, 0.15, 0.15], [0.9, 0.85, 0.85])
        finding["location"] = _zone(at[2])
        low, high = {"mild": (4, 7), "moderate": (7, 11), "severe": (11, 15)}[severity]
        finding["radius_mm"] = round(float(rng.uniform(low, high)), 2)
        finding["at"] = np.round(at, 3).tolist()
        out.append(finding)
    return out


def _effusion(rng: np.random.Generator, name: str, view: str) -> list[dict]:
    sides = [["right"], ["left"], ["right", "left"]][int(rng.choice(3, p=[0.35, 0.35, 0.3]))]
    out = []
    for side in sides:
        severity = _severity(rng)
        level = {"mild": (0.1, 0.18), "moderate": (0.22, 0.36), "severe": (0.42, 0.62)}[severity]
        out.append({"name": name, "side": side, "severity": severity, "location": "",
                    "level": round(float(rng.uniform(*level)), 3),
                    "lean_deg": round(float(np.clip(RECUMBENCE_DEG[view] + rng.normal(0, 8), 0, 90)), 1)})
    return out


def _bullae(rng: np.random.Generator, name: str, view: str) -> list[dict]:
    severity = _severity(rng)
    n = {"mild": 4, "moderate": 8, "severe": 14}[severity]
    out = []
    for side in ("right", "left"):
        balls = rng.uniform([0.3, 0.1, 0.5, 0.06], [0.9, 0.9, 0.95, 0.13], (n, 4))
        balls[:, 3] *= {"mild": 0.8, "moderate": 1.0, "severe": 1.25}[severity]
        out.append({"name": name, "side": side, "severity": severity, "location": "upper zone", "blobs": np.round(balls, 3).tolist()})
    return out


def _large_heart(rng: np.random.Generator, name: str, view: str) -> list[dict]:
    severity = _severity(rng)
    factor = round(float(HEART_FACTOR[severity] * rng.uniform(0.97, 1.03)), 3)
    return [{"name": name, "side": "", "severity": severity, "location": "", "factor": factor}]


_CHOOSERS = {
    "opacity": _clouds,
    "ground_glass": _clouds,
    "consolidation": _lobar,
    "nodule": _nodule,
    "pleural_effusion": _effusion,
    "emphysema": _bullae,
    "cardiomegaly": _large_heart,
}


def affected(exam: Mapping, findings: Sequence[Mapping]) -> dict:
    """Return the examination as the findings change it: a larger heart, flat diaphragms."""
    out = dict(exam)
    for finding in findings:
        if finding["name"] == "cardiomegaly":
            out["heart"] = out["heart"] * finding["factor"]
        if finding["name"] == "emphysema":
            share = SEVERITIES.index(finding["severity"]) / 2
            out["recess"] = out["recess"] * (0.95 - 0.2 * share)
            out["inspiration"] = out["inspiration"] * (1.01 + 0.02 * share)
    return out


def place(body: Mapping, exam: Mapping, side: int, at: np.ndarray) -> np.ndarray:
    """Return millimeters (n, 3) of points in parts of a lung: from hilum to wall, back to front, base to top."""
    w, top = body["width"], cage.dome(body, exam, side)
    z = top * (1 - at[:, 2]) - 0.04 * body["height"] * at[:, 2]
    wide = cage.half_width(body, z)
    fore, aft = cage.front(body, z), cage.back(body, z)
    x = 0.15 * w + at[:, 0] * np.maximum(wide - 0.15 * w, 0)
    y = aft + at[:, 1] * (fore - aft)
    return np.stack([side * x, y, z], axis=1)


def density(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid, lung: np.ndarray) -> np.ndarray:
    """Return the density (water 1) that a finding of the lung adds to each point.

    Args:
        body: The person.
        exam: As `affected` by the findings.
        finding: One of `choose`.
        grid: Where.
        lung: How much of each point the finding's lung fills.
    """
    return _FIELDS[finding["name"]](body, exam, finding, grid) * lung


def _cloud(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    field = _blobs(body, exam, finding, grid)
    return np.minimum(field, 1) * np.float32(finding["strength"] * (1 - AERATED))


def _blobs(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    blobs = np.asarray(finding["blobs"])
    centers = place(body, exam, SIDES[finding["side"]], blobs)
    field = np.zeros(grid.shape, np.float32)
    for center, radius in zip(centers, blobs[:, 3] * body["width"], strict=True):
        axes = np.eye(3) * radius
        box = grid.box(*extent(center, axes, 0))
        if field[box].size:
            depth = np.maximum(ellipsoid(grid.part(box), center, axes), 0) * np.float32(1 / radius)
            field[box] += np.float32(2.2) * depth * depth * (3 - 2 * depth)
    return field


def _lobe_filled(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    side = SIDES[finding["side"]]
    depth = lobe_depth(body, exam, grid, side, finding["location"])
    patchy = np.float32(finding["share"]) + np.minimum(_blobs(body, exam, finding, grid), 1)
    return grid.filled(depth) * np.minimum(patchy, 1) * np.float32(finding["strength"] * (1 - AERATED))


def lobe_depth(body: Mapping, exam: Mapping, grid: Grid, side: int, lobe: str) -> np.ndarray:
    """Return the depth (mm) of each point of a lung in one of its lobes, between the fissures.

    The oblique fissure runs from high at the back to the diaphragm in front; the horizontal one
    leaves it at the hilum, on the right only.
    """
    z_hilum = cage.levels(body, exam)["hilum"] + (0.05 if side < 0 else 0.0) * body["width"]
    floor = cage.dome(body, exam, side)
    slope = (z_hilum - floor) / (0.75 * body["depth"])
    oblique = z_hilum - slope * (grid.y + np.float32(0.1 * body["depth"])) - grid.z
    oblique = np.float32(1 / np.hypot(1, slope)) * oblique.astype(np.float32)
    if lobe == "lower lobe":
        return oblique
    if side < 0:
        return -oblique
    horizontal = (np.float32(z_hilum + 0.03 * body["width"]) - grid.z) + 0 * grid.x
    return np.minimum(-oblique, horizontal if lobe == "middle lobe" else -horizontal)


def _fluid(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    side = SIDES[finding["side"]]
    lean = np.radians(finding["lean_deg"])
    low = cage.dome(body, exam, side) - 0.2 * body["width"]
    tall = -low * finding["level"] * np.cos(lean) ** 2
    deep = 2 * body["depth"] * finding["level"] * 0.7 * np.sin(lean) ** 2
    height = np.float32(np.cos(lean)) * (grid.z - np.float32(low))
    height = height + np.float32(np.sin(lean)) * (grid.y + np.float32(body["depth"]))
    wall = np.maximum(cage.cavity_depth(body, grid), 0)
    climb = np.float32(0.35 * body["width"]) * np.exp(wall * np.float32(-1 / (0.13 * body["width"])))
    return grid.filled(np.float32(tall + deep) + climb - height) * np.float32(1 - AERATED)


def _ball(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    center = place(body, exam, SIDES[finding["side"]], np.asarray([finding["at"]]))[0]
    axes = np.eye(3) * finding["radius_mm"]
    field = np.zeros(grid.shape, np.float32)
    box = grid.box(*extent(center, axes, grid.edge_mm))
    if field[box].size:
        field[box] = grid.filled(ellipsoid(grid.part(box), center, axes))
    return field * np.float32(1 - AERATED)


def _holes(body: Mapping, exam: Mapping, finding: Mapping, grid: Grid) -> np.ndarray:
    blobs = np.asarray(finding["blobs"])
    centers = place(body, exam, SIDES[finding["side"]], blobs)
    field = np.zeros(grid.shape, np.float32)
    for center, radius in zip(centers, blobs[:, 3] * body["width"], strict=True):
        axes = np.eye(3) * radius
        box = grid.box(*extent(center, axes, grid.edge_mm))
        if field[box].size:
            np.maximum(field[box], grid.filled(ellipsoid(grid.part(box), center, axes)), out=field[box])
    return field * np.float32(0.03 - AERATED)


_FIELDS = {
    "opacity": _cloud,
    "ground_glass": _cloud,
    "consolidation": _lobe_filled,
    "nodule": _ball,
    "pleural_effusion": _fluid,
    "emphysema": _holes,
}
