"""Gates that a release must pass: leakage, memorisation, geometry, burned-in text, shortfall.

Each is judged from what the stages before it wrote, all of them before a file is written. A release
with an open gate is refused, and the message names each of them and why; what the passed ones found
stands in the release's card.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import nibabel
import numpy as np
import pandas as pd

from radfoundry.evaluation.privacy import gate as audit
from radfoundry.report.sources import edited

PIXELS = "privacy."  # how warnings of the read gate about an image's pixels begin
SPACING_MM = (0.05, 20.0)  # as at the gate that images came in by
SAME_MM = 1e-3  # how far a map's voxels may lie from its image's
ORIENTATION = ("R", "A", "S")
LISTED = 3  # samples named of each gate
Grid = tuple[tuple[int, ...], np.ndarray]  # shape, and 4 x 4 affine in millimeters


class Blocked(ValueError):  # noqa: N818 - the release is, by its gates
    """A release must wait; the message says for what."""


class Gate(NamedTuple):
    """What one gate says of a release.

    Attributes:
        name: Of the gate.
        reasons: What is held against the release; it is open while there is any.
        said: What a card says of it once it is passed.
    """

    name: str
    reasons: Sequence[str]
    said: str = ""


def check(recipe: str, gates: Iterable[Gate]) -> dict[str, str]:
    """Return what a card says of gates that are passed, by label; refuse a release otherwise.

    Raises:
        Blocked: Its message names the recipe, each gate that is open, and each reason.
    """
    gates = list(gates)
    found = [f"{gate.name} ({'; '.join(gate.reasons)})" for gate in gates if gate.reasons]
    if found:
        raise Blocked(f"the release of {recipe} is blocked, open gates: {', '.join(found)}")
    return {f"Gate {gate.name}": gate.said for gate in gates}


def leakage(proof: pd.DataFrame) -> Gate:
    """Judge the table `leakage`: without a check nothing is proven."""
    leaks = proof[proof["leaks"].fillna(1) > 0]
    reasons = [f"{row.check}: {row.leaks} leaks in {row.cases} cases" for row in leaks.itertuples()]
    reasons = reasons if len(proof) else ["nothing was compared"]
    checks = ", ".join(f"{row.check} ({row.cases})" for row in proof.itertuples())
    return Gate("leakage", reasons, f"no leak. Compared, with the number of cases: {checks}")


def memorisation(table: pd.DataFrame | None, most: float) -> Gate:
    """Judge an audit.

    Args:
        table: Rows of the table `memorisation`; None for a recipe that is not audited.
        most: The largest fraction of released samples that may be copies.
    """
    if table is None:
        return Gate("memorisation", (), audit.NONE)
    reasons = list(audit.reasons(table, most))
    return Gate("memorisation", reasons, "" if reasons else audit.passed(table))


def geometry(samples: Mapping[str, Mapping[str, Grid]]) -> Gate:
    """Judge where images and their maps lie.

    Args:
        samples: For each sample the grids of its image and of its maps, by name; "image" is one.
    """
    found = {name: list(_misplaced(grids)) for name, grids in samples.items()}
    bad = [f"{name}: {'; '.join(why)}" for name, why in found.items() if why]
    more = [f"{len(bad) - LISTED} more samples"] if len(bad) > LISTED else []
    low, high = SPACING_MM
    said = f"{len(samples)} images lie in RAS+, voxels of {low} to {high} mm, maps on their grid"
    return Gate("geometry", [*bad[:LISTED], *more], said)


def _misplaced(grids: Mapping[str, Grid]) -> Iterable[str]:
    shape, affine = grids["image"]
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < np.finfo(float).eps:
        yield "the affine has no inverse"
        return
    if (axes := nibabel.aff2axcodes(affine)) != ORIENTATION:
        yield f"axes run to {''.join(axes)}; allowed: {''.join(ORIENTATION)}"
    sides, (low, high) = np.linalg.norm(affine[:3, :3], axis=0), SPACING_MM
    if sides.min() < low or sides.max() > high:
        text = " x ".join(f"{side:g}" for side in sides)
        yield f"voxels of {text} mm; allowed: {low} to {high}"
    for what, (own, placed) in grids.items():
        if own != shape:
            yield f"{what} is {own}, the image {shape}"
        elif not np.allclose(placed, affine, atol=SAME_MM):
            yield f"{what} lies elsewhere than the image"


def burned_in(kept: pd.DataFrame, images: pd.DataFrame, allowed: bool) -> Gate:
    """Judge whether an image goes out in whose source a name may be written.

    Args:
        kept: Columns source and parameters of what would be released.
        images: Columns case and warnings of the sources.
        allowed: Whether a person has looked at them, as the config says.
    """
    asked = zip(kept["source"].astype(str), kept["parameters"].astype(str), strict=True)
    taken = {source for source, parameters in asked if edited(json.loads(parameters))}
    flagged = images.loc[images["warnings"].fillna("").str.contains(PIXELS, regex=False), "case"]
    found = sorted(taken & set(flagged.astype(str)))
    said = f"{len(found)} sources of images may hold text burned in"
    if not found or allowed:
        return Gate("burned-in text", (), f"{said}, and the config allows it" if found else said)
    named = ", ".join(found[:LISTED])
    why = f"{said}: {named}; look at them, then say publish: {{burned_in: allow}}"
    return Gate("burned-in text", [why])


def shortfall(asked: int, kept: int, most: float) -> Gate:
    """Judge how much is missing of what was asked for.

    Args:
        asked: Samples that were planned.
        kept: Those that every expert accepted.
        most: The largest fraction that may be missing; a release of nothing is never allowed.
    """
    missing = 1 - kept / asked if asked else 1.0
    said = f"{kept} of {asked} samples asked for are kept"
    limit = f"missing are {missing:.3f}; allowed: max_shortfall {most:g}"
    open_ = not kept or missing > most
    return Gate("shortfall", [f"{said}, {limit}"] if open_ else (), f"{said}; {limit}")
