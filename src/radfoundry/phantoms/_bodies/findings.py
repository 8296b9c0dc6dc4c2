"""Choose findings for a person: what a report would say, and the numbers that draw it.

A finding is a plain mapping: name, side, location and severity in words for the report, and
numbers in parts of the lung, so that it stays in place as the lung breathes.
"""

from collections.abc import Mapping

import numpy as np

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
STRENGTH = {"opacity": (0.6, 0.95), "consolidation": (0.7, 0.95), "ground_glass": (0.25, 0.45)}
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
        n = int(rng.integers(24, 56))
        middle = np.array([rng.uniform(0.3, 0.95), rng.uniform(0.1, 0.8), height])
        blobs = np.concatenate(
            [
                middle + rng.normal(0, 1, (n, 3)) * [spread, spread, 0.6 * spread],
                rng.uniform(0.3, 0.8, (n, 1)) * spread,
            ],
            axis=1,
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
        out.append(
            {
                "name": name,
                "side": side,
                "severity": severity,
                "location": "",
                "level": round(float(rng.uniform(*level)), 3),
                "lean_deg": round(
                    float(np.clip(RECUMBENCE_DEG[view] + rng.normal(0, 8), 0, 90)), 1
                ),
            }
        )
    return out


def _bullae(rng: np.random.Generator, name: str, view: str) -> list[dict]:
    severity = _severity(rng)
    n = {"mild": 4, "moderate": 8, "severe": 14}[severity]
    out = []
    for side in ("right", "left"):
        balls = rng.uniform([0.3, 0.1, 0.5, 0.06], [0.9, 0.9, 0.95, 0.13], (n, 4))
        balls[:, 3] *= {"mild": 0.8, "moderate": 1.0, "severe": 1.25}[severity]
        out.append(
            {
                "name": name,
                "side": side,
                "severity": severity,
                "location": "upper zone",
                "blobs": np.round(balls, 3).tolist(),
            }
        )
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
