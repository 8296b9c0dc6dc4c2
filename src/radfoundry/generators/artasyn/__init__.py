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
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.generators._requests.planning import exclusions, first, per_source
from radfoundry.generators.artasyn import texture
from radfoundry.generators.artasyn.shapes import SHAPES, Lungs
from radfoundry.volume import picture, plane

NETWORKS: Mapping[str, str] = {}
NEEDS: Mapping[str, list[str]] = {}
MODALITIES = ("CXR",)
OPTIONS: Mapping[str, Any] = {
    "count": 64,
    "per_case": None,
    "splits": ["train", "tune"],
    "structures": ["lung_right", "lung_left"],
    "shapes": {"bezier": 2, "patch": 2, "nodular": 1, "peripheral": 1, "diffuse": 1},
    "strength": [0.3, 0.7],
    "detail": 0.4,
}
FINDING = "opacity"
COLOR_PERCENTILE = 85
RIM = 0.15  # part of the strength that fades out: the blend ends instead of thinning forever
VISIBLE = 0.012  # least change of intensity that the mask counts: 3 of 255 gray levels
LEAST_AREA = 40  # pixels of a 256-pixel picture
LEAST_CONTRAST = 0.05  # mean change of intensity inside the mask
TRIES = 8
FAINT = 0.55  # a diffuse haze is fainter than a consolidation


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
    color = opacity_color(original, picture(source.anatomy))
    rng = np.random.default_rng(int(request["seed"]))
    for attempt in range(TRIES):
        # A faint opacity over bright lung may not show: later tries are stronger.
        alpha = painted(asked, lungs, original, rng, attempt / (TRIES - 1))
        drawn, mask = blended(original, alpha, color, asked["detail"])
        facts = quality(original, drawn, mask, lungs)
        if facts["contrast"] >= LEAST_CONTRAST:
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


def sides_of(labels: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Return the pictured lungs by side, those that are there; an unsided pair is split."""
    both = regions.mask(labels, "lungs")
    lungs = {side: regions.mask(labels, f"lung_{side}") for side in ("right", "left")}
    if both.any() and not (lungs["right"] | lungs["left"]).any():
        middle = np.arange(both.shape[1]) < np.argwhere(both)[:, 1].mean()
        lungs = {"right": both & middle, "left": both & ~middle}
    lungs = {side: mask for side, mask in lungs.items() if mask.any()}
    if not lungs:
        raise ValueError(f"{name}: the source has no lung in its anatomy map")
    return lungs


def painted(
    asked: Mapping, lungs: Lungs, original: np.ndarray, rng: np.random.Generator, urge: float
) -> np.ndarray:
    """Return the opacity to blend, in [0, 1], exactly zero outside the slightly dilated lungs.

    Args:
        asked: The request's parameters.
        lungs: Masks by side.
        original: The picture to paint on: the published gate follows its brightness.
        rng: Draws the shape and the texture.
        urge: 0 as asked, 1 at full strength.
    """
    sides = lungs if asked["sides"] == "both" else {asked["sides"]: lungs.get(asked["sides"])}
    chosen = {side: mask for side, mask in sides.items() if mask is not None} or lungs
    alpha = SHAPES[asked["shape"]](chosen, rng)
    allowed = gate(np.logical_or.reduce(list(chosen.values())))
    alpha = alpha * (0.5 * original + 0.5) * allowed
    peak = float(np.quantile(alpha[alpha > 0.1 * alpha.max()], 0.9)) if alpha.any() else 1.0
    strength = asked["strength"] * (FAINT if asked["shape"] == "diffuse" else 1)
    alpha = np.clip(alpha / peak - RIM, 0, None) / (1 - RIM)
    return np.clip(alpha * (strength + urge * (1 - strength)), 0, 0.95)


def gate(lungs: np.ndarray) -> np.ndarray:
    """Return the published anatomical gate, remapped to reach zero at the dilated lungs' edge."""
    scale = texture.unit(lungs.shape)
    wide = ndimage.binary_dilation(lungs, iterations=max(1, round(3 * scale)))
    soft = ndimage.gaussian_filter(wide.astype(float), 5 * scale)
    return np.where(wide, np.clip(3 * (soft - 0.5), 0, 1), 0)


def opacity_color(original: np.ndarray, labels: np.ndarray) -> float:
    """Return the intensity of the opacity: the published percentile of the exposed picture.

    Where the heart is labeled its median is the most: consolidated lung is as dense as soft tissue,
    never as the bones and the abdomen that fill the upper percentiles of some pictures.
    """
    color = float(np.percentile(original[original > 0], COLOR_PERCENTILE))
    heart = regions.mask(labels, "heart")
    return min(color, float(np.median(original[heart]))) if heart.any() else color


def blended(
    original: np.ndarray, alpha: np.ndarray, color: float, detail: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture with the opacity and the mask of what changed; it never darkens.

    The opacity has one color. A share `detail` of the structure finer than 4 pixels stays on top,
    as structures superimpose in a projection; 0 is as published.
    """
    scale = texture.unit(original.shape)
    fine = original - ndimage.gaussian_filter(original, 4 * scale)
    composite = original + alpha * (color + detail * fine - original)
    composite = np.clip(np.maximum(original, composite), 0, 1)
    changed = composite - original >= VISIBLE
    reach = ndimage.iterate_structure(
        ndimage.generate_binary_structure(2, 1), round(2 * scale) or 1
    )
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(changed, reach)) & (alpha > 0)
    parts, n = ndimage.label(closed)
    areas = np.bincount(parts.ravel(), minlength=n + 1)
    kept = np.flatnonzero(areas >= LEAST_AREA * scale**2)
    mask = np.isin(parts, kept[kept > 0])
    return np.where(mask, composite, original).astype(original.dtype), mask


def quality(
    original: np.ndarray, drawn: np.ndarray, mask: np.ndarray, lungs: Lungs
) -> dict[str, float | int]:
    """Return how well the mask covers what is seen.

    Keys: `area` of the mask in pixels; `contrast` mean change inside it; `ring` mean of the mask
    less that of the lung within 6 pixels around it, in the drawn picture (NaN if no lung is left
    there); `visible_fraction` share of the mask changed by 0.03 or more; `lung_fraction` area over
    that of the lungs. An empty mask has area and contrast 0 and no other figure.
    """
    if not mask.any():
        return {"area": 0, "contrast": 0.0}
    lung = np.logical_or.reduce(list(lungs.values()))
    reach = max(2, round(6 * texture.unit(mask.shape)))
    ring = ndimage.binary_dilation(mask, iterations=reach) & lung & ~mask
    change = (drawn - original)[mask]
    around = drawn[mask].mean() - drawn[ring].mean() if ring.any() else np.nan
    figures = {
        "contrast": change.mean(),
        "ring": around,
        "visible_fraction": np.mean(change >= 0.03),
        "lung_fraction": mask.sum() / lung.sum(),
    }
    rounded = {name: round(float(value), 5) for name, value in figures.items()}
    return {"area": int(mask.sum()), **rounded}
