"""Make pairs of a normal picture and the same picture with an anomaly, and its mask.

These are the plain rivals of a generator: what anyone can paint into a picture without a model of
disease. Pictures are (rows, columns), float32 in [0, 1]; outside the mask a pair is equal.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.data.smooth_noise import smooth_noise, smoothstep

LUNG_GRAY = 0.3  # what the median of the lungs becomes
LEAST_LUNGS = 0.003  # of the picture
DARK = 0.02  # of a film's range; a pixel at or below this is air or padding, not body


class AnomalyPair(NamedTuple):
    """A normal picture, the same one with an anomaly, and where they differ (booleans)."""

    normal: np.ndarray
    anomalous: np.ndarray
    mask: np.ndarray


class Normal(NamedTuple):
    """A picture without disease, and the region (booleans) where an anomaly may be painted."""

    picture: np.ndarray
    region: np.ndarray


class Material(NamedTuple):
    """What an arm of an experiment may be trained on: a generator's pairs, and normal pictures."""

    pairs: Sequence[AnomalyPair]
    normals: Sequence[Normal]


def leveling(picture: np.ndarray, lungs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return what brings the lungs of this film, and any edit of it, to one gray.

    The darkest of the lungs becomes 0, the brightest of the film 1, and a gamma brings the median
    of the lungs to `LUNG_GRAY`. Films of two hospitals differ in little else as much; without it
    a detector learns the exposure of one hospital.

    Args:
        picture: Intensities in [0, 1], (rows, columns).
        lungs: Booleans of the same shape; too few stand for the whole body.
    """
    body = body_of(picture)
    inside = lungs if lungs.mean() > LEAST_LUNGS else body
    if not body.any() or not inside.any():
        return lambda other: other.astype(np.float32)
    low, middle = np.percentile(picture[inside], (5, 50))
    reach = max(float(np.percentile(picture[body], 95)) - low, 0.1)
    gamma = np.log(LUNG_GRAY) / np.log(np.clip((middle - low) / reach, 0.05, 0.6))
    return lambda other: (np.clip((other - low) / reach, 0, 1) ** gamma).astype(np.float32)


def body_of(picture: np.ndarray) -> np.ndarray:
    """Return where a film is brighter than air and padding, whatever its gain and offset."""
    low, high = float(picture.min()), float(picture.max())
    return np.asarray(picture > low + DARK * (high - low))


def normal_of(case: Case) -> Normal:
    """Return a case leveled, with its lungs; with its whole body where no lung is known."""
    image = volume.picture(case.image.voxels).astype(np.float32)
    lungs = volume.picture(regions.mask(case.anatomy, "lungs"))
    if "lung" in str(case.facts.get("failed", "")):
        lungs = np.zeros_like(lungs)
    return Normal(leveling(image, lungs)(image), lungs if lungs.any() else body_of(image))


def pair_of(source: Case, sample: Case) -> AnomalyPair:
    """Return a generator's sample beside the case it was drawn from, both leveled as the latter."""
    shapes = source.image.voxels.shape, sample.image.voxels.shape
    if shapes[0] != shapes[1]:
        raise ValueError(f"{sample.name} is {shapes[1]}, its source {source.name} is {shapes[0]}")
    normal, changed = (
        volume.picture(case.image.voxels).astype(np.float32) for case in (source, sample)
    )
    ignore = regions.vocabulary().ignore
    found = volume.picture((sample.findings > 0) & (sample.findings != ignore))
    level = leveling(normal, volume.picture(regions.mask(source.anatomy, "lungs")))
    return AnomalyPair(level(normal), level(changed), found)


def of_split(
    own: Sequence[Case], samples: Sequence[Case], splits: Mapping[str, str], split: str
) -> tuple[list[AnomalyPair], list[Normal]]:
    """Return a generator's pairs and the healthy pictures of one split.

    Args:
        own: Cases with the fact findings, "" for healthy.
        samples: Drawn samples with the facts source (a case's name) and split.
        splits: Case's name to split.
        split: The one that is wanted.
    """
    healthy = [c for c in own if splits[c.name] == split and not c.facts["findings"]]
    sources = {case.name: case for case in own}
    drawn = [sample for sample in samples if sample.facts["split"] == split]
    return (
        [pair_of(sources[sample.facts["source"]], sample) for sample in drawn],
        [normal_of(case) for case in healthy],
    )


def cutpaste(normals: Sequence[Normal], index: int, rng: np.random.Generator) -> AnomalyPair:
    """Return a picture with a patch of this or another picture pasted into its region.

    After Li et al., "CutPaste" (CVPR 2021): a rectangle of 2 to 15 % of the picture's area, aspect
    0.3 to 3.3, brightness jittered; here its center lies inside the region.
    """
    picture, region = normals[index]
    donor = normals[int(rng.integers(len(normals)))].picture
    if donor.shape != picture.shape:
        donor = picture
    rows, columns = _rectangle(picture.shape, rng)
    center = _point(region, rng)
    top, left = (
        int(np.clip(c - n // 2, 0, side - n))
        for c, n, side in zip(center, (rows, columns), picture.shape, strict=True)
    )
    from_row, from_column = (
        int(rng.integers(side - n + 1))
        for n, side in zip((rows, columns), picture.shape, strict=True)
    )
    patch = donor[from_row : from_row + rows, from_column : from_column + columns]
    mask = np.zeros(picture.shape, bool)
    mask[top : top + rows, left : left + columns] = True
    pasted = picture.copy()
    pasted[mask] = np.clip(patch * rng.uniform(0.8, 1.2) + rng.uniform(-0.1, 0.1), 0, 1).ravel()
    return AnomalyPair(picture, pasted, mask)


def colored_noise(normals: Sequence[Normal], index: int, rng: np.random.Generator) -> AnomalyPair:
    """Return a picture with smooth noise, brighter or darker, inside a random blob of its region.

    The blob's diameter is 8 to 40 % of the picture; the noise has a random scale and mean.
    """
    picture, region = normals[index]
    side = max(picture.shape)
    center = np.array(_point(region, rng))
    distance = np.linalg.norm(np.moveaxis(np.indices(picture.shape), 0, -1) - center, axis=-1)
    radius = rng.uniform(0.04, 0.2) * side
    bumps = smooth_noise(picture.shape, radius / 2, rng)
    soft = smoothstep(1 - distance / radius + 0.35 * bumps, 0, 0.4)
    soft = np.where(ndimage.binary_dilation(region, iterations=max(1, side // 64)), soft, 0)
    grain = smooth_noise(picture.shape, rng.uniform(0.005, 0.05) * side, rng)
    mean = rng.choice([-1, 1]) * rng.uniform(0.05, 0.3)
    change = soft * (mean + rng.uniform(0.02, 0.1) * grain)
    mask = soft > 0.1
    changed = np.where(mask, np.clip(picture + change, 0, 1), picture)
    return AnomalyPair(picture, changed.astype(np.float32), mask)


SYNTHESES: Mapping[str, Callable[[Sequence[Normal], int, np.random.Generator], AnomalyPair]] = {
    "cutpaste": cutpaste,
    "noise": colored_noise,
}


def painted(
    kind: str, normals: Sequence[Normal], per_case: int, rng: np.random.Generator
) -> list[AnomalyPair]:
    """Return so many pairs of every normal picture, equal for equal generators.

    Args:
        kind: A name in `SYNTHESES`.
        normals: Pictures to paint in.
        per_case: Pairs of each.
        rng: Source of chance.
    """
    draw = SYNTHESES[kind]
    order = [index for index in range(len(normals)) for _ in range(per_case)]
    return [draw(normals, i, own) for i, own in zip(order, rng.spawn(len(order)), strict=True)]


def gathered(
    kind: str,
    drawn: Sequence[AnomalyPair],
    normals: Sequence[Normal],
    per_case: int,
    rng: np.random.Generator,
) -> list[AnomalyPair]:
    """Return the pairs that one arm of an experiment is trained on.

    Args:
        kind: "samples" for a generator's pairs, "none" for normal pictures paired with themselves,
            or a name in `SYNTHESES`.
        drawn: A generator's pairs.
        normals: Normal pictures.
        per_case: Pairs of each normal picture, where they are painted here.
        rng: Source of chance.

    Raises:
        ValueError: If the kind is unknown, or there is nothing to train on.
    """
    if kind == "samples":
        pairs = list(drawn)
    elif kind == "none":
        pairs = [
            AnomalyPair(n.picture, n.picture, np.zeros(n.picture.shape, bool)) for n in normals
        ]
    elif kind in SYNTHESES:
        pairs = painted(kind, normals, per_case, rng)
    else:
        raise ValueError(f"no pairs {kind!r}: choose from samples, none, {', '.join(SYNTHESES)}")
    if not pairs:
        raise ValueError(f"no training pictures for an arm that trains on {kind!r}")
    return pairs


def _rectangle(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int]:
    area = rng.uniform(0.02, 0.15) * shape[0] * shape[1]
    aspect = np.exp(rng.uniform(np.log(0.3), np.log(3.3)))
    sides = np.sqrt(area * aspect), np.sqrt(area / aspect)
    rows, columns = (
        int(np.clip(round(n), 1, most - 1)) for n, most in zip(sides, shape, strict=True)
    )
    return rows, columns


def _point(region: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    inside = np.argwhere(region)
    if len(inside) == 0:
        raise ValueError("the region to paint in is empty")
    row, column = inside[int(rng.integers(len(inside)))]
    return int(row), int(column)
