"""ART-ASyn: paint textured opacities into healthy lungs, with exact masks.

After Cao, Fan and Cai, "ART-ASyn: Anatomy-aware Realistic Texture-based Anomaly Synthesis Framework
for Chest X-Rays". The shape `bezier` is the published one; the others mend its one brush. The
opacity's blend is exactly zero outside its mask, so the image there is the source's, bit for bit:
the mask is what was changed by at least `VISIBLE`, with its holes closed. It learns nothing.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.generators._requests.planning import exclusions, first, per_source
from radfoundry.generators.artasyn.blending import (
    FINE,
    blended,
    grays,
    opacity_color,
    painted,
    quality,
    sides_of,
)
from radfoundry.generators.artasyn.shapes import PUBLISHED, SHAPES
from radfoundry.volume import picture, plane

NETWORKS: Mapping[str, str] = {}
NEEDS: Mapping[str, list[str]] = {}
MODALITIES = ("CXR",)
OPTIONS: Mapping[str, Any] = {
    "count": 64,
    "per_case": None,
    "splits": ["train", "tune"],
    "structures": ["lung_right", "lung_left"],
    "shapes": {"patch": 3, "lobar": 2, "peripheral": 2, "strokes": 2, "diffuse": 2, "nodular": 1},
    "strength": [0.6, 1.0],
    "detail": 0.5,
}
FINDING = "opacity"
LEAST_CONTRAST = 0.05  # mean change of intensity inside the mask
LEAST_DENSITY = {True: 0.0, False: 0.15}  # mean opacity inside the mask; True: as published
TRIES = 8


def plan(cases: pd.DataFrame, options: Mapping, seed: int) -> pd.DataFrame:
    """Return the requests for healthy cases with usable lungs, spread evenly over them.

    There are fewer than `count` where `per_case` does not allow more.

    Args:
        cases: Rows with case, split, findings and the label status of each of `structures`, in
            columns named as they are; `planning.exclusions` says why the others are left out.
        options: See `OPTIONS`; `per_case` is the samples of a case or their range, as many as
            `count` needs if None; `shapes` weighs the shapes, `strength` is the range of the peak
            opacity, `detail` the share of anatomical detail that shows through.
        seed: The recipe's seed.
    """
    options = {**OPTIONS, **options}
    unknown = sorted(set(options["shapes"]) - set(SHAPES))
    if unknown:
        raise ValueError(f"no shapes {unknown}: choose from {', '.join(SHAPES)}")
    excluded = exclusions(cases, options["splits"], options["structures"])
    sources = cases[~cases["case"].astype(str).isin(excluded["case"])]
    if sources.empty:
        reasons = "; ".join(f"{row.case}: {row.reason}" for row in excluded.head(3).itertuples())
        raise ValueError(f"none of {len(cases)} cases can be edited: {reasons or 'no cases'}")
    counts = options["per_case"] or math.ceil(options["count"] / len(sources))
    planned = per_source(sources, counts, seed, lambda rng: _chosen(options, rng))
    return first(planned, options["count"])


def _chosen(options: Mapping, rng: np.random.Generator) -> dict:
    shapes = {name: weight for name, weight in sorted(options["shapes"].items()) if weight > 0}
    weights = np.array(list(shapes.values()), float)
    return {
        "shape": str(rng.choice(list(shapes), p=weights / weights.sum())),
        "strength": round(float(rng.uniform(*options["strength"])), 4),
        "sides": str(rng.choice(["left", "right", "both"], p=[0.3, 0.3, 0.4])),
        "detail": float(options["detail"]),
    }


def prepare(weights: Mapping[str, Any], device: str = "cpu") -> dict[str, Any]:
    """Return nothing: no network is needed."""
    return {}


def draw(request: Mapping, source: Case, networks: Mapping | None = None) -> Case:
    """Return the source with one synthetic opacity, its findings map and what is known of it.

    Args:
        request: A row of `plan`.
        source: A healthy radiograph with lungs in its anatomy map.
        networks: Not used.

    Raises:
        ValueError: If the source has no lung, or no visible opacity comes of any try.
    """
    asked = json.loads(request["parameters"])
    original = picture(source.image.voxels)
    lungs = sides_of(picture(source.anatomy), str(request["request"]))
    published = asked["shape"] in PUBLISHED
    color = (opacity_color if published else grays)(original, picture(source.anatomy))
    rng = np.random.default_rng(int(request["seed"]))
    for attempt in range(TRIES):
        # A faint opacity over bright lung may not show: later tries are stronger.
        alpha = painted(asked, lungs, original, rng, attempt / (TRIES - 1))
        drawn, mask = blended(original, alpha, color, (asked["detail"], FINE[published]))
        facts = quality(original, drawn, mask, lungs, alpha)
        if facts["contrast"] >= LEAST_CONTRAST and facts["density"] >= LEAST_DENSITY[published]:
            break
    else:
        raise ValueError(f"{request['request']}: no opacity shows in {source.name}, {TRIES} tries")
    findings = np.where(mask, regions.label_id(FINDING), 0).astype(np.uint8)
    known = {
        "source": source.name,
        "seed": request["seed"],
        "attempt": attempt,
        "findings": FINDING,
    }
    every = dict(source.facts) | {k: str(v) for k, v in (asked | known | facts).items()}
    image = source.image.holding(plane(drawn))
    return Case(str(request["request"]), image, source.anatomy.copy(), plane(findings), every)
