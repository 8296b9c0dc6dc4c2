"""Lung mask, distance map, connected parts and surface distance, against the usual libraries."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import harness

TITLE = "lung mask, distance map, parts, surface distance at 256^3"
PEER = "scikit-image and scipy, scipy, scipy, and the package surface-distance"
WORK = ("lung mask", "distance map", "parts", "surface distance")
NEAR_MM, NEAR_DICE = 1e-3, 0.01
LEAST_DICE = 0.8  # of either side: what misses the lungs has not done the work


def _times(turn: Mapping[str, harness.Run], work: str) -> float:
    return turn["libraries"][work] / turn["ours"][work]


def _mean(turn: Mapping[str, harness.Run]) -> float:
    """Return the geometric mean over the work."""
    return math.exp(sum(math.log(_times(turn, work)) for work in WORK) / len(WORK))


PROFILE = (
    "the lungs of 256^3 are 16 distance maps (8.1 of 19.4 CPU s), a watershed where they touch"
    " (3.5), the body, slice by slice (1.4), smoothing (1.4) and parts (1.3): table, windpipe and"
    " bowel gas are left out and the lungs are parted, of which the peer's mask does nothing"
    " (cProfile, 2026-11-30, after masks were brought into one order: 23.2 s before; parts of"
    " 256^3 took .28 s before and .10 since, where scipy takes .19)."
)
CLAIMS = (
    harness.Claim("CPU of libraries over ours, geometric mean", _mean, 4),
    *(harness.Claim(f"{w}: CPU", lambda turn, w=w: _times(turn, w)) for w in WORK),
)


def prepare(folder: Path, small: bool) -> None:
    """Draw a chest, its lungs, and lungs that lie a little off."""
    import json

    import numpy as np

    from radfoundry.anatomy import regions
    from radfoundry.config.catalogue import load

    chest, side, times = load("phantoms", "chest_ct"), 64 if small else 128, 1 if small else 2
    asked = {**chest.OPTIONS, "patients": 1, "exams": [1, 1], "size": side, "findings": {}}
    planned = chest.plan(asked, np.random.default_rng(5))["parameters"]
    case = chest.draw(json.loads(planned[0]))
    enlarged = lambda a: a.repeat(times, 0).repeat(times, 1).repeat(times, 2)  # noqa: E731
    lungs = enlarged(np.asarray(regions.mask(case.anatomy, "lungs")))
    np.savez(
        folder / "chest.npz",
        hu=enlarged(case.image.voxels.astype(np.float32)),
        lungs=lungs,
        shifted=np.roll(lungs, 3, axis=0),
        spacing=np.array(case.image.spacing_mm) / times,
    )


def _done(folder: Path, name: str, work: Mapping[str, Callable]) -> dict[str, float]:
    """Do each piece of work; keep what came out, and return its CPU seconds."""
    import time

    import numpy as np

    given = dict(np.load(folder / "chest.npz"))
    spacing = tuple(map(float, given.pop("spacing")))
    made, spent = {}, {}
    for piece in WORK:
        begun = time.process_time()
        made[piece] = work[piece](given, spacing)
        spent[piece] = time.process_time() - begun
    np.savez(folder / f"{name}.npz", **made)
    return spent


def ours(folder: Path) -> dict[str, float]:
    """Use what the factory uses."""
    from radfoundry.anatomy.chest_ct import air, morphology
    from radfoundry.evaluation.metrics import agreement

    def lung_mask(given, spacing):
        right, left = air.lungs(given["hu"], spacing)
        return right | left

    return _done(
        folder,
        "ours",
        {
            "lung mask": lung_mask,
            "distance map": lambda given, spacing: morphology.depth_mm(given["lungs"], spacing),
            "parts": lambda given, _: morphology.parts(given["hu"] > 150)[1],
            "surface distance": lambda given, spacing: agreement.surface_distance(
                given["lungs"], given["shifted"], spacing
            ),
        },
    )


def peer(folder: Path) -> dict[str, float]:
    """Use the libraries as their documentation shows."""
    import numpy as np
    import surface_distance
    from scipy import ndimage
    from skimage import measure, segmentation

    def lung_mask(given, spacing):
        planes = np.moveaxis(given["hu"] < -400, -1, 0)  # lungs may reach the first and the last
        air = np.stack([segmentation.clear_border(plane) for plane in planes], -1)
        parts = measure.label(air)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        largest = np.isin(parts, [n for n in np.argsort(sizes)[-2:] if sizes[n]])
        return ndimage.binary_fill_holes(ndimage.binary_closing(largest, iterations=3))

    def parts(given, _):
        labels, _ = ndimage.label(given["hu"] > 150)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        return sizes

    def apart(given, spacing):
        found = surface_distance.compute_surface_distances(
            given["lungs"], given["shifted"], spacing
        )
        return surface_distance.compute_robust_hausdorff(found, 95)

    return _done(
        folder,
        "peer",
        {
            "lung mask": lung_mask,
            "distance map": lambda given, spacing: ndimage.distance_transform_edt(
                given["lungs"], spacing
            ),
            "parts": parts,
            "surface distance": apart,
        },
    )


SIDES = {"ours": ours, "libraries": peer}


def equal(folder: Path) -> str:
    """Hold what both made against each other, and the lung masks against the drawn lungs.

    Raises:
        UnequalError: Ours is another distance, another part, or a worse mask.
    """
    import numpy as np

    from radfoundry.evaluation.metrics.overlap import dice

    given, own, other = (np.load(folder / f"{n}.npz") for n in ("chest", "ours", "peer"))
    masks = [dice(side["lung mask"], given["lungs"]) for side in (own, other)]
    far = float(np.abs(own["distance map"] - other["distance map"]).max())
    sizes = [np.sort(side["parts"]) for side in (own, other)]
    surfaces = [float(side["surface distance"]) for side in (own, other)]
    if masks[0] < masks[1] - NEAR_DICE or min(masks) < LEAST_DICE:
        raise harness.UnequalError(f"lung mask: Dice {masks[0]:.3f} and {masks[1]:.3f}")
    if far > NEAR_MM or not np.array_equal(*sizes):
        raise harness.UnequalError(f"distances differ by {far:.2g} mm, or the parts differ")
    if abs(surfaces[0] - surfaces[1]) > max(given["spacing"]):
        raise harness.UnequalError(f"surfaces are {surfaces} mm apart")
    return (
        f"distance maps within {far:.1g} mm, sizes of all parts equal, surfaces {surfaces[0]:.2f}"
        f" and {surfaces[1]:.2f} mm apart (voxels and surface elements: within a voxel), Dice of"
        f" the lung masks with the drawn lungs {masks[0]:.3f} and {masks[1]:.3f} (ours no worse)"
    )
