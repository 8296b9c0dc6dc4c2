"""Lungs, lobes, airways, vessels, heart and pleural fluid of a chest CT without any weights.

Densities, shapes and what must lie beside what: see `radfoundry.anatomy.chest_ct`. It runs on one
core and reads whole chests, slabs and abdomens with no more than the bases of the lungs.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct import air, airways, lobes, mediastinum, pleura, vessels
from radfoundry.anatomy.chest_ct.coarse_lungs import enlarged, reduced
from radfoundry.volume import Volume
from radfoundry.weights import Weights

LUNGS = ("lung_right", "lung_left")
LOBES = (*regions.LOBES["lung_left"], *regions.LOBES["lung_right"])
EXTRAS = {
    "airway": "airway",
    "vessels": "lung_vessel",
    "heart": "heart",
    "pleural": "pleural_space",
}
STRUCTURES = (*LUNGS, *LOBES, *EXTRAS.values(), "body")
MODALITIES = ("CT",)
NEEDS_WEIGHTS = False
OPTIONS: dict[str, Any] = {
    "lobes": True,  # five lobes in place of two lungs
    "vessels": True,
    "airway": True,
    "heart": True,
    "pleural": True,  # fluid between lung and chest wall
    "coarse_mm": 3.2,  # fluid and heart are sought on voxels averaged up to this size
    "finest_mm": 0.8,  # finer voxels are averaged before labeling
}


def structures(options: Mapping) -> tuple[str, ...]:
    """Return what is labeled under these options."""
    chosen = _chosen(options)
    lungs = LOBES if chosen["lobes"] else LUNGS
    return (*lungs, *(name for option, name in EXTRAS.items() if chosen[option]), "body")


def prepare(
    options: Mapping, weights: Weights | None = None, device: str = "cpu"
) -> Callable[[Volume], np.ndarray]:
    """Return the segmenter: a chest CT goes in, its anatomy map (uint8, same grid) comes out.

    Args:
        options: `OPTIONS`, of which any may be left out.
        weights: Not used.
        device: Not used: all is done on the processor.

    Raises:
        ValueError: An option that does not exist.
    """
    chosen = _chosen(options)
    return lambda image: label(chosen, image)[0]


def explained(
    options: Mapping, weights: Weights | None = None, device: str = "cpu"
) -> Callable[[Volume], tuple[np.ndarray, dict[str, str]]]:
    """Return the segmenter as `prepare` does, which also says how the lobes were parted.

    The notes, by structure: fissures; oblique fissure or horizontal fissure (the other border is
    the atlas'); atlas (no fissure was seen); absent.
    """
    return partial(label, _chosen(options))


def _chosen(options: Mapping) -> dict[str, Any]:
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise ValueError(f"threshold has no options {sorted(unknown)}: there are {sorted(OPTIONS)}")
    return OPTIONS | dict(options)


def label(options: Mapping, image: Volume) -> tuple[np.ndarray, dict[str, str]]:
    """Return the anatomy map (uint8) of one CT in HU, and how its lobes were found."""
    spacing = image.spacing_mm
    factors = tuple(max(1, int(2 * options["finest_mm"] / step)) for step in spacing)
    hu = reduced(image.voxels, factors)
    steps = tuple(step * factor for step, factor in zip(spacing, factors, strict=True))
    found, how = masks(options, hu, steps)
    labels = regions.compose(found) if found else np.zeros(hu.shape, np.uint8)
    notes = {lobe: how[side] for side in how for lobe in regions.LOBES[f"lung_{side}"]}
    return enlarged(labels, factors, image.voxels.shape), notes


def masks(
    options: Mapping, hu: np.ndarray, spacing_mm: tuple[float, ...]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the structures asked for and found, as booleans by name; and how lobes were found."""
    wanted = {*LUNGS, *structures(options)}
    inside = air.body(hu, spacing_mm)
    if not inside.any():
        return {}, {}
    middle = air.midline(hu, inside, spacing_mm)
    tree = airways.airways(hu, spacing_mm, inside, middle)
    both = air.lungs(hu, spacing_mm, inside, tree)
    out = {"body": inside}
    soft = _soft_masks(options, hu, spacing_mm, (*both, tree, middle))
    right, left = (lung & ~soft["pleural_space"] for lung in both)
    lungs, how = _lung_masks(options, hu, spacing_mm, (right, left, tree))
    out |= lungs
    out |= {name: mask & ~(right | left | tree) for name, mask in soft.items()}
    if options["airway"]:
        out["airway"] = tree
    return {name: mask for name, mask in out.items() if name in wanted}, how


def _soft_masks(
    options: Mapping, hu: np.ndarray, spacing_mm: tuple[float, ...], parts: tuple
) -> dict[str, np.ndarray]:
    """Return fluid and heart: large things without fine detail, sought on coarser voxels."""
    factors = tuple(max(1, int(options["coarse_mm"] / step)) for step in spacing_mm)
    steps = tuple(step * factor for step, factor in zip(spacing_mm, factors, strict=True))
    *masks_, middle = parts
    right, left, tree = (reduced(mask, factors) > 0.5 for mask in masks_)
    middle = (middle + 0.5) / factors[0] - 0.5
    small = reduced(hu, factors)
    out = {"pleural_space": pleura.fluid(small, steps, (right, left), middle)}
    if options["heart"]:
        fluid = out["pleural_space"]
        lungs = _with_fluid(right, left, fluid, middle)
        places = (middle, mediastinum.carina(tree, steps))
        out["heart"] = mediastinum.heart(small, steps, lungs, tree | fluid, places)
    return {name: enlarged(mask, factors, hu.shape) for name, mask in out.items()}


def _with_fluid(
    right: np.ndarray, left: np.ndarray, fluid: np.ndarray, middle: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pleural cavities: lungs with the fluid on their side of the middle."""
    side = (np.arange(fluid.shape[0]) > middle)[:, None, None]
    return right | fluid & side, left | fluid & ~side


def _lung_masks(
    options: Mapping, hu: np.ndarray, spacing_mm: tuple[float, ...], parts: tuple
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return lungs or lobes and the vessels in them; and how the lobes of each side were found."""
    right, left, tree = parts
    out = {"lung_right": right, "lung_left": left}
    if not (right | left).any():
        return out, {}
    found: dict[str, np.ndarray] = {}
    how: dict[str, str] = {}
    if options["vessels"] or options["lobes"]:
        found["lung_vessel"] = vessels.vessels(hu, right | left, spacing_mm)
    if options["lobes"]:
        # The lungs stay beneath the lobes: a voxel that no lobe claims is still lung.
        parted, how = lobes.lobes(hu, right, left, found["lung_vessel"], tree, spacing_mm)
        out |= parted
    return out | (found if options["vessels"] else {}), how
