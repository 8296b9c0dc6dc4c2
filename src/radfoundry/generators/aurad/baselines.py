"""Masks that no network drew, which AURAD's are compared with.

* `random`: ragged ellipses of the sizes that real masks have, anywhere in the body; no region cuts
  them.
* `transformed`: a real mask of another patient of the train split, moved onto this one's organs,
  turned, scaled and shifted a little. With `copy_paste` its pixels come along.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.generators._radiographs import shapes
from radfoundry.generators.aurad import masks
from radfoundry.generators.aurad.bank import Bank
from radfoundry.generators.aurad.masks import Masks, Sizes
from radfoundry.volume import picture, plane

TURN, SCALE, SHIFT = 0.2, 0.15, 0.06  # deviations: radians, logarithm, sides of the region


class Moved(NamedTuple):
    """A real finding, brought to another patient.

    Attributes:
        mask: (X, Z), bool.
        pixels: (X, Z), what was in its place.
        donor: The case that it is of.
    """

    mask: np.ndarray
    pixels: np.ndarray
    donor: str


def chosen_at_random(finding: Mapping, rng: np.random.Generator) -> dict[str, Any]:
    """Return where a random ellipse lies and how large it is, as plain values for a request."""
    spec = shapes.chosen(finding, rng) | {"shape": "ellipse", "side": "", "zone": ""}
    del spec["share"]
    return spec | {"size_level": round(float(rng.uniform()), 4)}


def chosen_to_move(finding: Mapping, rng: np.random.Generator) -> dict[str, Any]:
    """Return which real mask is taken, and how it is moved, as plain values for a request."""
    drawn = np.clip(rng.normal(0, 1, 4), -2, 2)
    return {
        "finding": str(finding["name"]),
        "side": str(finding.get("side", "")),
        "donor": round(float(rng.uniform()), 6),
        "turn": round(float(TURN * drawn[0]), 4),
        "scale": round(math.exp(SCALE * drawn[1]), 4),
        "shift": np.round(SHIFT * drawn[2:], 4).tolist(),
    }


def at_random(specs: Sequence[Mapping], anatomy: np.ndarray, sizes: Sizes) -> Masks:
    """Return the masks of what `chosen_at_random` returned for each finding of a sample.

    Raises:
        ValueError: No real mask of a finding is known; the patient has no body or lungs.
    """
    body, lungs = picture(regions.mask(anatomy, "body")), regions.mask(anatomy, "lungs").sum()
    if not lungs:
        raise ValueError("the anatomy map shows no lungs to measure a random mask by")
    found = []
    for spec in specs:
        size = masks.size_at(spec["finding"], sizes, spec["size_level"])
        own = {**spec, "share": size * lungs / body.sum()}
        found.append(plane(shapes.ellipse(own, body))[:, 0])
    names = [spec["finding"] for spec in specs]
    return Masks(np.stack(found), masks.shares_inside(found, names, anatomy))


def transformed(
    specs: Sequence[Mapping], anatomy: np.ndarray, bank: Bank, patient: str
) -> tuple[Masks, list[Moved]]:
    """Return the masks of what `chosen_to_move` returned, cut to where they are allowed.

    Args:
        specs: Of each finding.
        anatomy: Anatomy map (X, 1, Z) of the patient.
        bank: Of real findings.
        patient: Who it is: nothing of their own is moved.

    Raises:
        ValueError: No real mask of a finding is known; nothing of one is left.
    """
    found, names = [moved(s, anatomy, bank, patient) for s in specs], [s["finding"] for s in specs]
    whole = [one.mask for one in found]
    cut = [mask & masks.allowed(name, anatomy) for mask, name in zip(whole, names, strict=True)]
    if lost := [name for name, mask in zip(names, cut, strict=True) if not mask.any()]:
        raise ValueError(f"{', '.join(lost)}: no pixel of the moved mask lies where it may")
    inside = masks.shares_inside(whole, names, anatomy)
    return Masks(np.stack(cut), inside, donors=[one.donor for one in found]), found


def moved(spec: Mapping[str, Any], anatomy: np.ndarray, bank: Bank, patient: str = "") -> Moved:
    """Return a real finding in the same place of the region where it may lie, moved as chosen.

    The region is that of the side that is asked for; of a donor's other side it is mirrored.

    Args:
        spec: As `chosen_to_move` returns it.
        anatomy: Anatomy map (X, 1, Z) of the patient.
        bank: Of real findings.
        patient: Who takes nothing of their own.
    """
    name, row = spec["finding"], bank.donor(spec["finding"], spec["donor"], patient)
    mask, own = bank.mask(row, name), bank.anatomies[row][:, None]
    side = _side(mask, own) if shapes.KINDS.get(name) != "region" else ""
    to = (spec["side"] or side) if side else ""
    boxes = [_box(masks.allowed(name, *one)) for one in ((own, side), (anatomy, to))]
    places = _places(spec, mask, boxes, to != side, (anatomy.shape[0], anatomy.shape[2]))
    shown = ndimage.map_coordinates(mask.astype(np.float32), places, order=1) > 0.5
    pixels = ndimage.map_coordinates(bank.images[row], places, order=1, mode="nearest")
    return Moved(shown, pixels.astype(np.float32), bank.names[row])


def _places(
    spec: Mapping[str, Any],
    mask: np.ndarray,
    boxes: Sequence[tuple[np.ndarray, np.ndarray]],
    mirrored: bool,
    shape: tuple[int, int],
) -> np.ndarray:
    """Return from where in the donor each pixel of a shape is taken, (2, X, Z)."""
    (low, sides), (start, wide) = ([part[:, None, None] for part in box] for box in boxes)
    unit = (np.indices(shape) - start) / wide
    if mirrored:
        unit[0] = 1 - unit[0]
    center = np.argwhere(mask).mean(0)[:, None, None]
    shift = np.array(spec["shift"])[:, None, None] * sides
    across, along = (low + unit * sides - shift - center) / spec["scale"]
    cos, sin = math.cos(spec["turn"]), math.sin(spec["turn"])
    return center + np.stack([cos * across + sin * along, cos * along - sin * across])


def _side(mask: np.ndarray, anatomy: np.ndarray) -> str:
    """Return in which lung most of a mask lies."""
    lungs = [regions.mask(anatomy, f"lung_{side}")[:, 0] for side in ("right", "left")]
    right, left = (int((mask & lung).sum()) for lung in lungs)
    return "right" if right >= left else "left"


def _box(region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the box of a region (X, Z) begins and its sides, in pixels."""
    places = np.argwhere(region)
    low = places.min(0).astype(float)
    return low, np.maximum(places.max(0) - low, 1)
