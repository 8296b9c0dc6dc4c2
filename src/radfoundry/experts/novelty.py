"""Is the sample new, or a copy of a real training image, or an edit that changed nothing?

The score is 1 minus the highest correlation with any real training image, the lower of two:

* over the whole picture, of the detail finer than what all chests share;
* over the edited region, of what a smooth surface and the source itself do not explain there, so
  that a piece of another patient's image pasted into the source is seen.

Both are searched at shifts of one thumbnail pixel and mirrored. The source's patient is left out,
as an edit is meant to resemble its source; an edit that changed less than `least_change` scores 0.
On a real tune case a disc inside the lungs stands for the edited region.

It sees copies in place, shifted slightly, mirrored, brightened or noisy. It does not see copies
that were moved elsewhere, turned or scaled, nor lesions learned by heart and drawn anew.

A CT is seen in two views, its mean along y and its middle axial slice, each without the mean of all
training images; the correlation is the mean of both with one training image. A drawn CT has no
source to resemble, so no training image is left out, unless the request gave the source's image.
Copies of a part of a volume are not seen.
"""

import base64
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import ndimage

from radfoundry import seeds
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation.metrics import similarity
from radfoundry.evaluation.metrics.similarity import thumbnail
from radfoundry.volume import Volume, picture

OPTIONS: Mapping[str, Any] = {
    "quantile": 0.05,
    "thumbnail": 96,
    "least_change": 0.02,
    "region_fraction": 0.04,
}
COARSE = 3.0  # pixels of the thumbnail: what is wider is shared by all chests
DEGREE = 3  # of the smooth surface taken out of a region
PURE = 0.9  # share of a thumbnail's pixel that must be edited to count
LEAST_PIXELS = 60  # fewer correlate by chance; smaller regions are widened
AT_ONCE = 128  # thumbnails compared at once: of 9,000 images they would fill gigabytes
SHIFTS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]


def fit(cases: Iterable[Case], options: Mapping, device: str = "cpu") -> dict:
    """Return the training images' thumbnails (bytes as base64) and their patients.

    About 12 kB of text for each view at the default size.
    """
    options = {**OPTIONS, **options}
    size, patients, coded = 0, [], []
    for case in cases:
        size = size or _size(case.image, options)  # that of the first counts for all
        patients.append(_patient(case))
        coded.append(similarity.coded(_views(case.image, size)).tobytes())
    return {
        "n": len(patients),
        "size": size or options["thumbnail"],
        "patients": patients,
        "thumbnails": base64.b64encode(b"".join(coded)).decode(),
    }


def score_real(case: Case, reference: Mapping, options: Mapping, device: str = "cpu") -> float:
    """Return how new a real case is to the training images, with a disc in the lungs as its edit.

    NaN if it has no lungs to put the disc in, or no training image of another patient is known. A
    CT needs no disc.
    """
    options = {**OPTIONS, **options}
    if not case.image.is_radiograph:
        return _volume_distance(case, _patient(case), reference)
    lungs = np.argwhere(regions.mask(picture(case.anatomy), "lungs"))
    if not len(lungs):
        return float("nan")
    rng = np.random.default_rng(seeds.seed(0, "novelty", case.name))
    center = lungs[rng.integers(len(lungs))]
    rows, columns = np.indices(picture(case.image.voxels).shape)
    away = np.hypot(rows - center[0], columns - center[1])
    disc = away <= np.sqrt(options["region_fraction"] * away.size / np.pi)
    return _distance(case, disc, None, _patient(case), reference)


def score(
    sample: Case, source: Case | None, reference: Mapping, options: Mapping, device: str = "cpu"
) -> float:
    """Return how new a sample is; 0 if it differs from its source by less than `least_change`.

    The change is the mean over the findings mask (where the mask is empty, over all pixels).

    Args:
        sample: What was drawn.
        source: The case whose image it starts from; None if it starts from none.
        reference: What `fit` returned.
        options: See `OPTIONS`.
        device: Not used: there is no network.
    """
    options = {**OPTIONS, **options}
    if not sample.image.is_radiograph:
        return _volume_distance(sample, _patient(source) if source else None, reference)
    edited = picture(sample.findings) > 0
    if not edited.any():
        edited = np.ones_like(edited)
    if source is not None:
        change = np.abs(picture(sample.image.voxels) - picture(source.image.voxels))
        if change[edited].mean() < options["least_change"]:
            return 0.0
    # What starts from no image may repeat its source's patient as well as any other.
    return _distance(sample, edited, source, _patient(source) if source else None, reference)


def twins(samples: Iterable[Case], options: Mapping) -> dict[str, str]:
    """Return the samples that repeat an earlier one: name of the later to name of the earlier.

    Samples of one source are alike by design, so only what either changed is compared: they repeat
    each other if the mean difference of their thumbnails there is below `least_change`. Of a volume
    all is compared, with all samples drawn before it; of two edits of one volume what differs.
    """
    options = {**OPTIONS, **options}
    seen: dict[str, list[tuple[str, np.ndarray, np.ndarray]]] = {}
    repeats = {}
    volumes: dict[str, np.ndarray] = {}
    drawn: dict[str, tuple[str, np.ndarray]] = {}
    for sample in samples:
        if not sample.image.is_radiograph:
            source = sample.facts.get("source", "")
            drawn[sample.name] = source, similarity.coarse(sample.image.voxels)
            volumes[sample.name] = similarity.coded(
                _views(sample.image, _size(sample.image, options))
            )
            continue
        thumb = thumbnail(picture(sample.image.voxels), options["thumbnail"])
        edited = thumbnail(picture(sample.findings) > 0, options["thumbnail"]) > 0
        earlier = seen.setdefault(sample.facts.get("source", ""), [])
        for name, other, region in earlier:
            either = edited | region
            gap = np.abs(thumb - other)[either if either.any() else ...].mean()
            if gap < options["least_change"]:
                repeats[sample.name] = name
                break
        else:
            earlier.append((sample.name, thumb, edited))
    alike = similarity.repeats(volumes, options["least_change"])
    for later, first in alike.items():
        (own, image), (whose, known) = drawn[later], drawn[first]
        apart = similarity.edited_apart(image, known, options["least_change"])
        if own != whose or not apart:
            repeats[later] = first
    return repeats


def nearest(
    thumb: np.ndarray, region: np.ndarray, known: np.ndarray, explained: np.ndarray
) -> float:
    """Return the highest correlation over a region with known thumbnails, shifted and mirrored.

    Args:
        thumb: (size, size) thumbnail.
        region: Booleans of the same shape; m of them true.
        known: (n, size, size) thumbnails to compare with.
        explained: (m, k) orthonormal columns, taken out of both sides first.
    """
    return max(-1.0, float(_closeness(thumb, region, known, explained).max()))


def _closeness(
    thumb: np.ndarray, region: np.ndarray, known: np.ndarray, explained: np.ndarray
) -> np.ndarray:
    """Return `nearest` for each known thumbnail, (n,).

    The region moves over the known thumbnails, not they under it: then all shifts of all of them
    are one matrix product.
    """
    here = thumb[region] - explained @ (explained.T @ thumb[region])
    moved = _moved(region)
    pixels, places = np.unique(moved, return_inverse=True)
    places = places.reshape(moved.shape)
    columns = np.column_stack([here, explained])
    weights = np.zeros((len(pixels), len(moved), columns.shape[1]))
    inside = np.zeros((len(pixels), len(moved)))
    for n, place in enumerate(places):
        weights[place, n] = columns
        inside[place, n] = 1
    flat = weights.reshape(len(pixels), -1)
    highest = np.full(len(known), -np.inf)
    for start in range(0, len(known), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        there = known[some].reshape(-1, region.size)[:, pixels].astype(float)
        seen = (there @ flat).reshape(len(there), len(moved), -1)
        left = (there**2) @ inside - (seen[..., 1:] ** 2).sum(axis=-1)  # nothing explained is in it
        norms = np.sqrt(np.maximum(left, 0)) * np.linalg.norm(here)
        highest[some] = (seen[..., 0] / np.maximum(norms, 1e-6)).max(axis=1)
    return highest


def _moved(region: np.ndarray) -> np.ndarray:
    """Return the pixels that a region meets in a thumbnail: (shifts, m), also of it mirrored."""
    rows, columns = np.nonzero(region)
    height, width = region.shape
    out = []
    for down, right in SHIFTS:
        row, column = (rows - down) % height, (columns - right) % width
        out += [row * width + column, row * width + width - 1 - column]
    return np.array(out)


def surfaces(region: np.ndarray, degree: int, *pictures: np.ndarray) -> np.ndarray:
    """Return orthonormal columns that span polynomials, and pictures, over a region's pixels."""
    place = np.argwhere(region).astype(float)
    rows, columns = ((place - place.mean(0)) / np.maximum(np.ptp(place, axis=0), 1)).T
    powers = [rows**i * columns**j for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.linalg.qr(np.stack([*powers, *(p[region] for p in pictures)], axis=1))[0]


def _distance(
    case: Case, edited: np.ndarray, source: Case | None, patient: str | None, reference: Mapping
) -> float:
    """Return 1 less the highest correlation with a training image of anyone but the patient."""
    others = np.array([other != patient for other in reference["patients"]], bool)
    if not others.any():
        return float("nan")
    size = reference["size"]
    thumb = thumbnail(picture(case.image.voxels), size)
    body = thumb > 0
    if not body.any():
        return float("nan")
    region = _region(edited, size)
    base = [] if source is None else [thumbnail(picture(source.image.voxels), size)]
    level, explained, detail = surfaces(body, 0), surfaces(region, DEGREE, *base), _detail(thumb)
    known, details = (each[others, 0] for each in _known(reference["thumbnails"], 1, size))
    whole = nearest(detail, body, details, level)
    return 1 - max(whole, nearest(thumb, region, known, explained))


def _volume_distance(case: Case, patient: str | None, reference: Mapping) -> float:
    """Return 1 less the highest correlation with a training CT of anyone but the patient."""
    others = np.array([other != patient for other in reference["patients"]], bool)
    if not others.any():
        return float("nan")
    size = reference["size"]
    views = _detail(_views(case.image, size))
    whole = np.ones(views.shape[1:], bool)
    details = _known(reference["thumbnails"], 2, size)[1]
    shared = details.mean(axis=0, dtype=float)[: len(views) if len(others) > 1 else 0]
    explained = [surfaces(whole, 0, *shared[n : n + 1]) for n in range(len(views))]
    each = [
        _closeness(views[n], whole, details[others, n], explained[n]) for n in range(len(views))
    ]
    return 1 - max(-1.0, float(np.mean(each, axis=0).max()))


@lru_cache(maxsize=1)
def _known(thumbnails: str, views: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return training images' thumbnails, (n, views, size, size) in [0, 1], and their detail.

    Kept, as all of a job's images are compared with the same: what `resources.judging_mb` counts.
    """
    coded = np.frombuffer(base64.b64decode(thumbnails), np.uint8)
    known = coded.reshape(-1, views, size, size).astype(np.float32) / 255
    return known, np.concatenate([_detail(some) for some in np.array_split(known, len(known))])


def _views(image: Volume, size: int) -> np.ndarray:
    """Return an image's thumbnails, (views, size, size): one of a radiograph, two of a CT."""
    if image.is_radiograph:
        return thumbnail(picture(image.voxels), size)[None]
    return similarity.views(image, size)


def _size(image: Volume, options: Mapping) -> int:
    """Return the side of a thumbnail: no finer than a CT itself."""
    own = () if image.is_radiograph else image.voxels.shape
    return min([options["thumbnail"], *own])


def _region(edited: np.ndarray, size: int) -> np.ndarray:
    cover = thumbnail(edited, size)
    region = cover > PURE
    while region.sum() < LEAST_PIXELS:
        region = ndimage.binary_dilation(region | (cover > 0))
    return region


def _detail(thumbs: np.ndarray) -> np.ndarray:
    return thumbs - ndimage.gaussian_filter(thumbs, COARSE, axes=(-2, -1))


def _patient(case: Case) -> str:
    return str(case.facts.get("patient", case.name))
