"""Masks of findings that nobody saw, in a given patient's organs.

What is chosen is relative to the region where the vocabulary allows the finding (`within`), so that
it can be chosen before the patient is read, and is drawn in any patient.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.volume import picture, plane

# Share of the allowed region that a finding covers, from and to, by severity.
SHARES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "nodule": {"mild": (0.008, 0.015), "moderate": (0.015, 0.03), "severe": (0.03, 0.06)},
    "pleural_effusion": {"mild": (0.08, 0.16), "moderate": (0.2, 0.34), "severe": (0.4, 0.6)},
    "": {"mild": (0.06, 0.12), "moderate": (0.14, 0.26), "severe": (0.28, 0.45)},
}
KINDS = {"pleural_effusion": "level", "cardiomegaly": "region"}  # others are ellipses
# Where the center lies, in heights of the region from its top.
ZONES = {"": (0.0, 1.0), "upper": (0.0, 0.4), "middle": (0.33, 0.67), "lower": (0.55, 1.0)}
WAVES = 3  # of an ellipse's edge
RAGGED = 0.12  # standard deviation of each, in radii
RIM = 1  # pixel
RISE = 0.35  # how much higher a fluid level is at the chest wall, in heights of the lung


def chosen(finding: Mapping, rng: np.random.Generator) -> dict[str, Any]:
    """Return where a finding lies and how large it is, as plain values for a request.

    Args:
        finding: name; side ("right", "left", or "" to be drawn), location and severity ("" or none
            to be drawn).
        rng: Makes every choice, the same number of them for any finding.
    """
    name = str(finding["name"])
    side = str(rng.choice(["right", "left"]))
    severity = str(rng.choice(["mild", "moderate", "severe"]))
    stated = str(finding.get("severity") or severity)
    low, high = SHARES.get(name, SHARES[""])[stated]
    waves = rng.normal(0, RAGGED, (WAVES, 2))
    return {
        "finding": name,
        "shape": KINDS.get(name, "ellipse"),
        "side": "" if KINDS.get(name) == "region" else str(finding.get("side") or side),
        "zone": zone_of(str(finding.get("location", ""))),
        "share": round(float(rng.uniform(low, high)), 4),
        "at": np.round(rng.uniform(0, 1, 2), 4).tolist(),
        "ratio": round(float(rng.uniform(0.65, 1.5)), 3),
        "angle": round(float(rng.uniform(0, math.pi)), 3),
        "edge": np.round(waves / np.arange(1, WAVES + 1)[:, None], 3).tolist(),
    }


def region(finding: Mapping, rng: np.random.Generator) -> dict[str, Any]:
    """Return all of where a finding may lie as its mask, on its side or, with none, on both.

    For findings of which nobody marked the place, as a pneumonia that haze over both lungs may be.

    Args:
        finding: name; side ("right", "left" or "").
        rng: Not used: there is nothing to choose.
    """
    name, side = str(finding["name"]), str(finding.get("side") or "")
    whole = KINDS.get(name) == "region"
    shape = {"shape": "region", "side": ""} if whole else {"shape": "rimmed", "side": side}
    return {"finding": name, **shape}


def zone_of(location: str) -> str:
    """Return which zone a location means: "upper", "middle", "lower", or "" for any.

    >>> zone_of("lower lobe"), zone_of("lung")
    ('lower', '')
    """
    return next((zone for zone in ZONES if zone and zone in location), "")


def allowed(finding: str, side: str, anatomy: np.ndarray) -> np.ndarray:
    """Return where a finding may lie (rows, columns), bool, as viewed.

    Args:
        finding: Of `labels.yaml`.
        side: "right" or "left"; "" for both.
        anatomy: Anatomy map (X, 1, Z).
    """
    where = regions.mask(anatomy, regions.within(finding))
    if side:
        where = where & regions.mask(anatomy, f"lung_{side}")
    return picture(where)


def drawn(spec: Mapping[str, Any], anatomy: np.ndarray) -> np.ndarray:
    """Return the mask (X, 1, Z), bool, of what `chosen` returned, in a patient's organs.

    Raises:
        ValueError: The patient has no region where the finding may lie.
    """
    region = allowed(spec["finding"], spec["side"], anatomy)
    if not region.any():
        where = f"{spec['side']} side of the" if spec["side"] else "whole"
        raise ValueError(f"{spec['finding']}: the {where} anatomy map shows nowhere that it may be")
    kinds = {"ellipse": ellipse, "level": _level, "region": lambda spec, region: region}
    kinds["rimmed"] = _rimmed
    if spec["shape"] not in kinds:
        raise ValueError(f"shape {spec['shape']!r} is none of {', '.join(kinds)}")
    return plane(kinds[spec["shape"]](spec, region))


def ellipse(spec: Mapping[str, Any], region: np.ndarray) -> np.ndarray:
    """Return a ragged ellipse about a place in the region's zone, cut by the region.

    Args:
        spec: As `chosen` returns it.
        region: (rows, columns), bool, not empty.
    """
    row, column = _place(region, spec["zone"], spec["at"])
    rows, columns = (
        g - middle for g, middle in zip(np.indices(region.shape), (row, column), strict=True)
    )
    turn, ratio = spec["angle"], math.sqrt(spec["ratio"])
    across = (columns * math.cos(turn) + rows * math.sin(turn)) * ratio
    along = (rows * math.cos(turn) - columns * math.sin(turn)) / ratio
    radius = max(1.0, math.sqrt(spec["share"] * region.sum() / math.pi))
    around = np.arctan2(along, across)
    edge = 1 + sum(
        a * np.cos(n * around) + b * np.sin(n * around) for n, (a, b) in enumerate(spec["edge"], 2)
    )
    found = (np.hypot(across, along) <= radius * np.maximum(edge, 0.4)) & region
    found[row, column] = True
    return found


def _place(region: np.ndarray, zone: str, at: Sequence[float]) -> tuple[int, int]:
    """Return a pixel of the region: by the rank of its row in the zone, then of its column."""
    rows = np.flatnonzero(region.any(1))
    low, high = (rows[0] + share * (rows[-1] - rows[0]) for share in ZONES[zone])
    pixels = np.argwhere(region)
    inside = pixels[(pixels[:, 0] >= low) & (pixels[:, 0] <= high)]
    inside = inside if len(inside) else pixels
    row = inside[int(at[0] * (len(inside) - 1)), 0]
    columns = inside[inside[:, 0] == row, 1]
    return int(row), int(columns[int(at[1] * (len(columns) - 1))])


def _rimmed(spec: Mapping[str, Any], region: np.ndarray) -> np.ndarray:
    """Return the region and what is within `RIM` pixels of it.

    Segmenters leave out the outermost lung: as it was, it would be a dark line around the haze.
    """
    return ndimage.binary_dilation(region, iterations=RIM)


def _level(spec: Mapping[str, Any], region: np.ndarray) -> np.ndarray:
    """Return the lowest part of a lung, higher at the chest wall than at the heart."""
    rows, columns = np.indices(region.shape)
    found = np.argwhere(region)
    (top, first), (bottom, last) = found.min(0), found.max(0)
    outward = (columns - first) / max(1, last - first)
    lateral = 1 - outward if spec["side"] == "right" else outward
    depth = (rows - top) / max(1, bottom - top) + RISE * lateral**2
    count = max(1, round(spec["share"] * len(found)))
    least = np.sort(depth[region])[-count]
    return region & (depth >= least)
