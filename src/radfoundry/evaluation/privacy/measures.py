"""Thresholds and figures of a memorisation audit: plain functions of similarities.

What is not defined is NaN: a threshold of too few unseen images, a statistic of one group alone.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from radfoundry.evaluation.metrics.detection import weighted_auroc
from radfoundry.evaluation.metrics.statistics import Interval, interval, patient_weights

FALSE = 0.05  # share of unseen real images that a threshold may let pass as copies
WEAKEST = 0.05  # quantile of planted copies that the threshold of copies lies below
CELL = 20  # samples and unseen images that a cell of C_T holds on average
NAN = float("nan")


class Thresholds(NamedTuple):
    """Similarities above which a picture counts; NaN where too little is known.

    Attributes:
        suspect: Above it lies at most `FALSE` of unseen real images, by expectation.
        copy: Above it a picture is called a copy; never below `suspect`.
    """

    suspect: float
    copy: float


def suspect(unseen: np.ndarray, false: float = FALSE) -> float:
    """Return the similarity that an unseen image exceeds with a chance of at most `false`.

    The split-conformal quantile: of n exchangeable images the one of rank ceil((n + 1)(1 - false))
    (Vovk et al. 2005; Angelopoulos and Bates 2021). NaN if n is too small, 18 or fewer
    at 5 %.

    >>> suspect(np.arange(19.0)), suspect(np.arange(18.0))
    (18.0, nan)
    """
    known = np.sort(unseen[np.isfinite(unseen)])
    rank = math.ceil((len(known) + 1) * (1 - false) - 1e-9)
    return float(known[rank - 1]) if 0 < rank <= len(known) else NAN


def thresholds(unseen: np.ndarray, copies: Sequence[np.ndarray] = ()) -> Thresholds:
    """Return the two thresholds of a measure.

    What is called a copy must not be what one in twenty unseen images is by chance. Where planted
    copies lie above all unseen images, the threshold of copies is midway between the nearest unseen
    image and the weakest planted ones (`WEAKEST` of each kind); elsewhere both are one.

    Args:
        unseen: (n,) similarities of unseen real images to the training set.
        copies: Those of planted copies of each kind, other ones than recall is measured with.
    """
    low = suspect(unseen)
    weakest = [np.quantile(own[np.isfinite(own)], WEAKEST) for own in copies if len(own)]
    high, nearest = float(min(weakest, default=NAN)), float(np.nanmax(unseen, initial=-1))
    return Thresholds(low, (nearest + high) / 2 if high > nearest >= low else low)


def data_copying(
    samples: np.ndarray, unseen: np.ndarray, cells: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> float:
    """Return C_T: how much nearer to the training set samples lie than unseen images, as a z-score.

    Far below 0, such as -3, samples copy; far above 0 they lie farther away than real images do.
    Mean over cells, weighted by training images, of the z-score of Mann-Whitney's U (Meehan,
    Chaudhuri and Dasgupta 2020). Cells without a sample or an unseen image are
    left out; NaN if all are.

    Args:
        samples: (n,) distances to the nearest training image.
        unseen: (m,) the same of unseen images.
        cells: (n,), (m,) and (t,) the cell of each sample, unseen image and training image.
    """
    weights, scores = [], []
    for cell in np.unique(cells[2]):
        mine, theirs = samples[cells[0] == cell], unseen[cells[1] == cell]
        if len(mine) and len(theirs):
            n, m = len(mine), len(theirs)
            ranks = stats.rankdata(np.concatenate([mine, theirs]))[:n]
            above = ranks.sum() - n * (n + 1) / 2
            scores.append((above - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12))
            weights.append(float((cells[2] == cell).sum()))
    return float(np.average(scores, weights=weights)) if scores else NAN


def membership(
    similarity: np.ndarray, member: np.ndarray, patients: Sequence[str], draws: int,
    rng: np.random.Generator,
) -> Interval:  # fmt: skip
    """Return how well nearness to the samples tells patients learned from from others, as AUROC.

    The mean over each patient's images counts, intervals are drawn by patient. 0.5 is a coin toss;
    an attack that sees the network's loss may do better than this one.

    Args:
        similarity: (n,) of each real image to its nearest sample.
        member: (n,) whether the generator learned from it; the same for all of a patient's.
        patients: (n,) whose each is.
        draws: Bootstrap samples.
        rng: Source of chance.
    """
    known = np.isfinite(similarity)
    names, owner = np.unique(np.asarray(patients, str)[known], return_inverse=True)
    counts = np.maximum(np.bincount(owner, minlength=len(names)), 1)
    near = np.bincount(owner, similarity[known], len(names)) / counts
    learned = np.bincount(owner, member[known].astype(float), len(names)) > 0
    if learned.all() or not learned.any():
        return Interval(NAN, NAN, NAN)
    value = weighted_auroc(learned, near, np.ones((1, len(names))))[0]
    drawn = weighted_auroc(learned, near, patient_weights(names, draws, rng))
    return interval(float(value), drawn)
