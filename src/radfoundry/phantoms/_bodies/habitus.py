"""Choose a person and how they are examined: the numbers that describe a body.

Two spreads: a "cohort" looks like the patients of one hospital; "wide" randomizes the anatomy
beyond it, so that a network trained on it meets everything a real radiograph may show.
Lengths are millimeters or, where a comment says so, parts of the half width of the rib cage.
"""

from collections.abc import Mapping

import numpy as np

AGES = [0.1, 1, 3, 6, 10, 14, 18]
CHILD_WIDTH = [48, 68, 80, 92, 106, 120, 131]
ADULT_WIDTH = {"M": (142, 8), "F": (128, 7)}
DEPTH_RATIO = ([0, 2, 6, 14, 30, 85], [0.88, 0.8, 0.73, 0.67, 0.68, 0.76])
SPREAD = {"cohort": 1.0, "wide": 1.9}


def person(rng: np.random.Generator, ages: tuple[float, float], build: float, spread: str) -> dict:
    """Return one person: sex, age, build and the shape of all that lies in the chest.

    Args:
        rng: Makes every choice.
        ages: Least and greatest age, years.
        build: Mean build of the population, 0 thin to 1 obese.
        spread: "cohort" or "wide".
    """
    sex = str(rng.choice(["F", "M"]))
    age = float(np.round(rng.uniform(*ages), 1))
    child = age < 16
    build = float(np.clip(rng.normal(build, 0.3 * SPREAD[spread]), 0, 1.6))
    width = _width(rng, sex, age)
    k = SPREAD[spread]
    body = {"sex": sex, "age": age, "build": build, "width": width}
    body |= _cage(rng, age, width, k)
    body |= _flesh(rng, body, k)
    body |= _middle(rng, age, k)
    body |= {
        "sway": float(np.clip(rng.normal(0, 0.018 * k), -0.12, 0.12)),
        "sway_phase": float(rng.uniform(0, 6.28)),
        "tree_seed": int(rng.integers(2**31)),
        "breast": 0.0 if sex == "M" or child else float(rng.uniform(0.2, 0.5)),
        "breast_level": float(rng.uniform(0.72, 1.0)),
        "bone": float(np.clip(rng.normal(1.0 - 0.004 * max(age - 50, 0), 0.12 * k), 0.5, 1.5)),
    }
    return _rounded(body)


def _width(rng: np.random.Generator, sex: str, age: float) -> float:
    mean, deviation = ADULT_WIDTH[sex]
    if age < 18:
        return float(np.interp(age, AGES, CHILD_WIDTH) * rng.normal(1, 0.05))
    return float(rng.normal(mean, deviation))


def _cage(rng: np.random.Generator, age: float, width: float, k: float) -> dict:
    """Return the rib cage: young ones are short, deep and widest at the bottom."""
    grown = float(np.interp(age, [0, 4, 16], [0, 0.4, 1]))
    height = width * float(np.clip(rng.normal(1.22 + 0.14 * grown, 0.09 * k), 0.9, 2.1))
    return {
        "depth": width
        * float(np.interp(age, *DEPTH_RATIO) * np.clip(rng.normal(1, 0.06 * k), 0.75, 1.3)),
        "height": height,
        "spacing": height / float(rng.uniform(9.0, 10.0) if grown > 0.7 else rng.uniform(8.0, 9.2)),
        "widest": float(np.clip(rng.normal(1.05 - 0.07 * grown, 0.07 * k), 0.7, 1.3)),
        "roundness": float(np.clip(rng.normal(0.26, 0.035 * k), 0.15, 0.45)),
        "narrowing": float(np.clip(rng.normal(0.25 - 0.11 * grown, 0.05 * k), 0.0, 0.45)),
        "taper": float(np.clip(rng.normal(0.12, 0.08 * k), 0, 0.35)),
        "square": float(np.clip(rng.normal(0.45, 0.12 * k), 0.1, 0.8)),
        "apex_x": float(np.clip(rng.normal(0.38, 0.03 * k), 0.28, 0.5)),
        "apex_difference": float(rng.normal(0, 0.02 * k)) * width,
        "rib_drop": float(np.clip(rng.normal(0.12 + 0.3 * grown, 0.07 * k), 0.0, 0.75)),
        "rib_size": float(np.clip(rng.normal(1, 0.1 * k), 0.7, 1.4)),
    }


def _flesh(rng: np.random.Generator, body: Mapping, k: float) -> dict:
    """Return what surrounds the cage: wall, belly, neck, arms and head."""
    width, build, child = body["width"], body["build"], body["age"] < 10
    wall = width * float(np.clip(rng.normal(0.13 + 0.16 * build, 0.03 * k), 0.09, 0.6))
    return {
        "wall": wall,
        "fat": wall * float(np.clip(0.2 + 0.35 * build + rng.normal(0, 0.06), 0.1, 0.75)),
        "waist": float(np.clip(rng.normal(0.88 + 0.15 * build, 0.06 * k), 0.7, 1.3)),
        "belly": width * float(np.clip(rng.normal(0.1 + 0.35 * build, 0.05 * k), 0.05, 0.9)),
        "neck": float(np.clip(rng.normal(0.42 if child else 0.44, 0.04 * k), 0.3, 0.62)),
        "neck_length": float(rng.uniform(0.0, 0.35) if child else rng.uniform(0.35, 0.8)),
        "head": float(rng.uniform(0.75, 0.95) if child else rng.uniform(0.52, 0.62)),
        "arm": float(np.clip(rng.normal(0.3 + 0.06 * build, 0.03 * k), 0.2, 0.5)),
    }


def _middle(rng: np.random.Generator, age: float, k: float) -> dict:
    """Return heart, great vessels and mediastinum, in parts of the half width."""
    old = float(np.clip((age - 40) / 40, 0, 1))
    infant = float(np.clip((4 - age) / 4, 0, 1))
    return {
        "heart": float(np.clip(rng.normal(0.97 + 0.22 * infant, 0.06 * k), 0.75, 1.45)),
        "mediastinum": float(np.clip(rng.normal(1 + 0.2 * infant, 0.08 * k), 0.75, 1.5)),
        "aorta": float(np.clip(rng.normal(0.09 + 0.02 * old, 0.01 * k), 0.06, 0.15)),
        "knob_x": float(np.clip(rng.normal(0.17 + 0.05 * old, 0.02 * k), 0.08, 0.32)),
        "unfolding": float(np.clip(rng.normal(0.06 * old, 0.03 * k), 0, 0.2)),
        "arch_level": float(np.clip(rng.normal(0.24, 0.025 * k), 0.16, 0.34)),
        "thymus": float(rng.uniform(0.7, 1.3)) if rng.random() < 0.8 * infant else 0.0,
        "vessels": float(np.clip(rng.normal(1, 0.15 * k), 0.5, 1.6)),
    }


def examination(rng: np.random.Generator, body: Mapping, view: str, spread: str) -> dict:
    """Return how a person is examined: breath, posture, stomach gas and heart of the day.

    Args:
        rng: Makes every choice.
        body: What `person` returned.
        view: "PA" (standing, arms away), "AP" (lying or sitting) or "CT" (lying, arms up).
        spread: "cohort" or "wide".
    """
    k, width = SPREAD[spread], body["width"]
    breath = {"PA": 0.98, "AP": 0.86, "CT": 0.95}[view]
    exam = {
        "inspiration": float(np.clip(rng.normal(breath, 0.05 * k), 0.6, 1.15)),
        "dome_difference": width * float(np.clip(rng.normal(0.08, 0.05 * k), -0.25, 0.35)),
        "recess": float(np.clip(rng.normal(0.32, 0.08 * k), 0.1, 0.75)),
        "cardiophrenic": float(np.clip(rng.normal(0.09, 0.05 * k), -0.08, 0.3)),
        "heart": float(np.clip(rng.normal(1.06 if view == "AP" else 1.0, 0.02 * k), 0.85, 1.25)),
        "heart_tilt_deg": float(np.clip(rng.normal(38 if view == "PA" else 28, 6 * k), 5, 60)),
        "shift": float(rng.normal(0, 0.015 * k)),
        "trachea_x": float(rng.normal(0.02, 0.02 * k)),
        "gas": _gas(rng, k),
    }
    return _rounded(exam | _posture(rng, body, view, k))


def _posture(rng: np.random.Generator, body: Mapping, view: str, k: float) -> dict:
    """Return shoulders, arms (0 hanging, 180 raised) and head."""
    raised = {"PA": 0.05, "AP": 0.1 if body["age"] > 8 else 0.6, "CT": 1.0}[view]
    up = rng.random() < raised
    center = rng.uniform(90, 165) if up else rng.normal(16 if view == "AP" else 26, 8)
    arms = np.clip(center + rng.normal(0, 4 * k, 2), 2, 178)
    lift = 0.0012 * max(center - 60, 0) + rng.normal(-0.02, 0.05 * k)
    return {
        "arm_right_deg": float(arms[0]),
        "arm_left_deg": float(arms[1]),
        "shoulder_lift": float(np.clip(lift, -0.2, 0.4)),
        "scapula_out": float(
            np.clip(rng.normal(0.22 if view == "PA" else 0.02, 0.08 * k), -0.1, 0.4)
        ),
        "clavicle_tilt": float(rng.normal(0.3 if view == "PA" else 0.16, 0.06 * k)),
        "clavicle_level": float(
            np.clip(rng.normal(0.18 if view == "PA" else 0.1, 0.03 * k), -0.02, 0.32)
        ),
        "head_turn": float(rng.normal(0, 0.12)),
    }


def _gas(rng: np.random.Generator, k: float) -> list:
    """Return bubbles of stomach and bowel: center x, y, z below the dome, and semi-axes."""
    bubbles = []
    if rng.random() < 0.75:
        a, b, c = rng.uniform([0.12, 0.1, 0.07], [0.28, 0.25, 0.08 + 0.1 * k])
        bubbles.append([-rng.uniform(0.3, 0.55), rng.uniform(-0.1, 0.5), -0.07 - c, a, b, c])
    for _ in range(rng.poisson(1.2 * k)):
        size = rng.uniform([0.06, 0.06, 0.05], [0.2, 0.2, 0.14])
        x = rng.choice([-1, -1, 1]) * rng.uniform(0.05, 0.75)
        z = -rng.uniform(0.3, 1.0) - (0.35 if x > 0 else 0)
        bubbles.append([x, rng.uniform(0, 0.6), z, *size])
    return [[float(v) for v in bubble] for bubble in bubbles]


def _rounded(values: Mapping) -> dict:
    """Return the numbers with four decimals, so that text holds them exactly."""
    out = {}
    for name, value in values.items():
        if isinstance(value, float):
            value = round(value, 4)
        elif isinstance(value, list):
            value = [[round(v, 4) for v in row] for row in value]
        out[name] = value
    return out
