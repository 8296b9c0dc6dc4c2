"""What an autoencoder keeps of a real case: its values, its labels, its radiomics.

Nothing that is drawn on latents can be better than this. Beside it stands what averaging on the
same grid keeps, one number for each channel and place.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.measure import block_reduce

from radfoundry import radiomics
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.data.augmentation import WINDOW_HU
from radfoundry.evaluation.metrics.effects import FEWEST
from radfoundry.evaluation.metrics.statistics import Interval, interval, patient_weights
from radfoundry.evaluation.metrics.super_resolution import fidelity
from radfoundry.evaluation.synthesis import labels_of, overlaps
from radfoundry.volume import Volume

COLUMNS = ("case", "patient", "split", "metric", "arm", "value")
AUTOENCODER, POOLED = "autoencoder", "pooled"
REGIONS = ("lungs", "lung_right", "lung_left", "airway", "lung_vessel", "heart", "pleural_space")
FEATURES = (
    "firstorder_Mean", "firstorder_10Percentile", "firstorder_InterquartileRange",
    "firstorder_Entropy", "glcm_Contrast", "glcm_Correlation", "glszm_ZonePercentage",
)  # fmt: skip
LEAST_LESION = 27  # voxels
NAN = float("nan")
Segment = Callable[[Volume], np.ndarray]
Found = Iterator[tuple[str, str, float]]


def rows(
    real: Case, decoded: Case, factors: Sequence[int], segment: Segment | None
) -> pd.DataFrame:
    """Return all that is measured of one case, in the columns of the table `round_trip`.

    `psnr_db` and `ssim` of `autoencoder` and of `pooled`; `label_dice`, of the labels that came
    back with the image (`<region>/decoded`) and of those that a segmenter finds in it
    (`<region>/segmented`), each against the same of the real image; `radiomics_real` and
    `radiomics_decoded` of lungs and lesion where the real case has them.

    Args:
        real: As it was encoded, with the facts `patient` and `split`.
        decoded: The same, encoded and decoded.
        factors: How much coarser the latents are, along each axis that has more than one voxel.
        segment: Returns the anatomy map of an image; None where none needs no weights.
    """
    seen = _within(real.image), _within(decoded.image)
    found = [*_values(seen, factors), *_labels(real, decoded, seen, segment)]
    found += _textures(real, seen)
    named = [real.name, real.facts["patient"], real.facts.get("split", "")]
    return pd.DataFrame([(*named, *one) for one in found], columns=list(COLUMNS))


def _within(image: Volume) -> Volume:
    """Return a CT within the window that networks see; a radiograph as it is."""
    voxels = image.voxels.astype(np.float32)
    return image.holding(voxels if image.is_radiograph else np.clip(voxels, *WINDOW_HU))


def _values(seen: tuple[Volume, Volume], factors: Sequence[int]) -> Found:
    flat = seen[0].is_radiograph
    real, decoded = (v.voxels[:, 0] if flat else v.voxels for v in seen)
    span = 1.0 if flat else WINDOW_HU[1] - WINDOW_HU[0]
    for arm, image in ((AUTOENCODER, decoded), (POOLED, pooled(real, factors))):
        for metric, value in fidelity(real, image, span).items():
            yield metric, arm, value


def pooled(image: np.ndarray, factors: Sequence[int]) -> np.ndarray:
    """Return means of blocks, enlarged again: linear between the centers of voxels.

    Args:
        image: Of as many axes as there are factors; padded with its border up to whole blocks.
        factors: Voxels of a block along each axis.
    """
    more = [(0, -side % n) for side, n in zip(image.shape, factors, strict=True)]
    wide = np.pad(image, more, mode="edge")
    small = block_reduce(wide, tuple(factors), np.mean)
    large = ndimage.zoom(small, tuple(factors), order=1, mode="nearest", grid_mode=True)
    return large[tuple(slice(side) for side in image.shape)]


def _labels(
    real: Case, decoded: Case, seen: tuple[Volume, Volume], segment: Segment | None
) -> Found:
    if decoded.anatomy.any():
        for region, value in overlaps(decoded.anatomy, real.anatomy, REGIONS, shown=True).items():
            yield "label_dice", f"{region}/decoded", value
    if segment is not None:
        first, second = (labels_of(image, segment) for image in seen)
        for region, value in overlaps(second, first, REGIONS, shown=True).items():
            yield "label_dice", f"{region}/segmented", value


def _textures(real: Case, seen: tuple[Volume, Volume]) -> Found:
    """Yield features of both images within the masks of the real case."""
    masks = {"lungs": regions.mask(real.anatomy, "lungs"), "lesion": np.asarray(real.findings) > 0}
    masks = {name: mask for name, mask in masks.items() if mask.sum() >= LEAST_LESION}
    for metric, image in zip(("radiomics_real", "radiomics_decoded"), seen, strict=True):
        for row in radiomics.extract_many(image, masks, {}).to_dict("records") if masks else ():
            for feature in FEATURES:
                yield metric, f"{row['region']}/{feature}", float(row[f"original_{feature}"])


def pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Return each feature of each case before and after: case, patient, arm, real, decoded."""
    chosen = table[table["metric"].str.startswith("radiomics_")]
    wide = chosen.pivot(index=["case", "patient", "arm"], columns="metric", values="value")
    wide = wide.reindex(columns=["radiomics_real", "radiomics_decoded"]).dropna()
    return wide.set_axis(["real", "decoded"], axis=1).reset_index()


def concordance(
    real: np.ndarray, decoded: np.ndarray, patients: Sequence[str], draws: int,
    rng: np.random.Generator,
) -> Interval:  # fmt: skip
    """Return Lin's concordance of paired measurements: 1 where each comes back as it was.

    2 cov / (var + var + (mean - mean)^2), Lin 1989; fewer than `FEWEST` patients have no
    interval, and without any spread it is NaN.

    >>> values = np.array([1.0, 2.0, 3.0])
    >>> [round(float(x), 3) for x in _lin(values, values + 1, np.ones((1, 3)))]
    [0.571]
    """
    value = float(_lin(real, decoded, np.ones((1, len(real))))[0])
    if len(set(patients)) < FEWEST:
        return Interval(value, NAN, NAN)
    weights = patient_weights(np.asarray(patients, str), draws, rng)
    return interval(value, _lin(real, decoded, weights))


def _lin(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the concordance of each draw of weights (draws, n), (draws,)."""
    count = np.maximum(weights.sum(1), 1)
    means = [weights @ values / count for values in (first, second)]
    squares = [
        weights @ values**2 / count - mean**2
        for values, mean in zip((first, second), means, strict=True)
    ]
    shared = weights @ (first * second) / count - means[0] * means[1]
    below = squares[0] + squares[1] + (means[0] - means[1]) ** 2
    return np.divide(2 * shared, below, out=np.full(len(count), NAN), where=below > 1e-12)


def check(table: pd.DataFrame, least_psnr_db: float, recipe: str) -> None:
    """Refuse an autoencoder that keeps less than is asked for.

    Raises:
        ValueError: The mean signal-to-noise ratio is below the least.
    """
    own = table[(table["metric"] == "psnr_db") & (table["arm"] == AUTOENCODER)]["value"]
    if own.mean() < least_psnr_db:
        message = f"{recipe}: the autoencoder keeps {own.mean():.2f} dB of {len(own)} unseen cases"
        raise ValueError(f"{message}; evaluate.round_trip.least_psnr_db: {least_psnr_db}")
