"""Which voxel size a sample has: the user's, or one of the cohort's; never by chance its source's.

A request states it, and the affine of what is drawn has it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.volume import Volume

EQUAL = 1e-5  # relative: files keep an affine in 32 bits
DIGITS = 6  # of a size in a request: nanometers

# Chooses the voxel size of a request by its source and its seed; None where no size is known.
Chooser = Callable[[Mapping, int], list[float] | None]


def chooser(cases: pd.DataFrame, stated: Any, given: Sequence[str]) -> Chooser:
    """Return what chooses the voxel size (mm along X, Y, Z) of each request.

    That of a case of the train split, drawn from the request's seed in a stream of its own, so that
    all other choices are what they would be without. Where channels are given, the source's own:
    they are the source's anatomy. Where no voxel size of a case is known, none is stated.

    Args:
        cases: Rows with case, split and, if known, spacing: three numbers, mm.
        stated: The user's three sizes for all samples, or None.
        given: Channels that are taken from the source.

    Raises:
        ValueError: Sizes that are not three numbers above 0, with their case; sizes are stated
            where channels are given.
    """
    if stated is not None:
        if given:
            message = f"spacing {stated}: {', '.join(given)} are given and have their source's"
            raise ValueError(f"{message}; allowed: without given channels")
        fixed = checked(stated, "sample.spacing")
        return lambda source, seed: fixed
    if "spacing" not in cases:
        return lambda source, seed: None
    known = dict(zip(cases["case"].astype(str), cases["spacing"], strict=True))
    if given:
        return lambda source, seed: checked(known[source["case"]], f"case {source['case']}")
    train = cases.loc[cases["split"] == "train", "case"].astype(str)
    names = sorted(train if len(train) else known)
    sizes = [checked(known[name], f"case {name}") for name in names]
    return lambda source, seed: sizes[int(np.random.default_rng([seed, 2]).integers(len(sizes)))]


def checked(sizes: Any, where: str) -> list[float]:
    """Return three voxel sizes (mm), rounded to nanometers.

    Raises:
        ValueError: They are not three finite numbers above 0.
    """
    try:
        found = np.array(sizes, float)
    except (TypeError, ValueError):
        found = np.array([np.nan])
    if found.shape != (3,) or not (np.isfinite(found) & (found > 0)).all():
        raise ValueError(f"{where}: spacing is {sizes!r}; allowed: three numbers above 0, in mm")
    return [round(float(size), DIGITS) for size in found]


def placed(image: Volume, spacing_mm: Sequence[float] | None) -> np.ndarray:
    """Return the affine of an image with other voxel sizes, its middle and axes where they were.

    The image's own, bit for bit, where the sizes are its own or none are stated.

    >>> placed(Volume(np.zeros((3, 3, 3)), np.eye(4)), [2, 1, 1])[0]
    array([ 2.,  0.,  0., -1.])
    """
    own = np.array(image.spacing_mm)
    if spacing_mm is None or np.allclose(spacing_mm, own, rtol=EQUAL, atol=0):
        return image.affine
    affine = np.array(image.affine, float)
    middle = (np.array(image.voxels.shape) - 1) / 2
    there = affine[:3, :3] @ middle + affine[:3, 3]
    affine[:3, :3] *= np.array(spacing_mm) / own
    affine[:3, 3] = there - affine[:3, :3] @ middle
    return affine
