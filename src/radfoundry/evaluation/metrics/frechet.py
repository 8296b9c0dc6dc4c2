"""Distances between two sets of feature vectors: Fréchet, kernel, energy, Fréchet on radiomics.

All take (n, d) and (m, d) arrays, real ones first, and return one number; NaN where a set has
fewer than two rows or a value is not finite. They depend on n: a Fréchet distance of few rows is
too large. Compare distances of equal n only, which is what `realism.distances` does.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

NAN = float("nan")
EVEN = 1e-9  # spread of a feature, in parts of its size, below which it counts as constant


def frechet_distance(real: np.ndarray, other: np.ndarray) -> float:
    """Return the squared Fréchet distance of the normal distributions fitted to two sets.

    d^2 = |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)), Heusel et al. 2017, equation 6. Covariances
    are plain (n - 1), without shrinkage, which would depend on the set. The trace of the root is
    the sum of the singular values of A1 A2' with S = A'A, so that no root of a singular matrix is
    taken and n < d is exact; MONAI's FIDMetric gives the same where it is defined, and takes
    scipy's root, which is wrong in the fourth digit there. With n <= d the covariances have no full
    rank: such a distance says something only beside another of the same n.

    Args:
        real: (n, d).
        other: (m, d).
    """
    if not comparable(real, other):
        return NAN
    shift = real.mean(0) - other.mean(0)
    first, second = (_rooted(rows) for rows in (real, other))
    shared = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    spread = (first**2).sum() + (second**2).sum()
    return max(0.0, float(shift @ shift + spread - 2 * shared))


def _rooted(rows: np.ndarray) -> np.ndarray:
    """Return A (at most d rows) such that A'A is the covariance."""
    centered = (rows - rows.mean(0)) / np.sqrt(len(rows) - 1)
    if len(rows) <= rows.shape[1]:
        return centered
    return np.asarray(np.linalg.qr(centered, mode="r"))


def comparable(real: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two sets have two rows or more each, all finite.

    Raises:
        ValueError: The sets are not tables of the same columns.
    """
    if real.ndim != 2 or other.ndim != 2 or real.shape[1] != other.shape[1]:
        raise ValueError(f"sets are {real.shape} and {other.shape}, not (n, d) and (m, d)")
    whole = bool(np.isfinite(real).all() and np.isfinite(other).all())
    return whole and min(len(real), len(other)) > 1 and real.shape[1] > 0


def bandwidth(real: np.ndarray) -> float:
    """Return the median distance between two rows of a set; NaN if there are none or it is 0.

    >>> bandwidth(np.array([[0.0], [1.0], [3.0]]))
    2.0
    """
    between = pdist(real) if len(real) > 1 and np.isfinite(real).all() else np.array([])
    median = float(np.median(between)) if between.size else NAN
    return median if median > 0 else NAN


def mmd(real: np.ndarray, other: np.ndarray, width: float | None = None) -> float:
    """Return the squared maximum mean discrepancy, unbiased (Gretton et al. 2012, equation 3).

    Kernel exp(-|x - y|^2 / width^2), as HA-GAN's script for MedSyn's table has it, but with the
    median taken within the real set alone: pooled, a bad sample would widen its own yardstick. May
    be below 0. MONAI's MMDMetric has a linear kernel, which sees means only.

    Args:
        real: (n, d).
        other: (m, d).
        width: Width of the kernel; `bandwidth(real)` if None.
    """
    width = bandwidth(real) if width is None else width
    if not comparable(real, other) or not width > 0:
        return NAN
    return _discrepancy([rbf_kernel(a, b, gamma=width**-2) for a, b in _pairs(real, other)])


def energy(real: np.ndarray, other: np.ndarray) -> float:
    """Return the energy distance 2 E|x - y| - E|x - x'| - E|y - y'|, unbiased.

    Székely and Rizzo 2013, equation 5; it needs no width, and sees any difference. May be below 0.
    """
    if not comparable(real, other):
        return NAN
    return _discrepancy([-cdist(a, b) for a, b in _pairs(real, other)])


def kid(real: np.ndarray, other: np.ndarray) -> float:
    """Return the kernel distance of Binkowski et al. 2018: kernel (x.y / d + 1)^3, unbiased."""
    if not comparable(real, other):
        return NAN
    return _discrepancy(
        [polynomial_kernel(a, b, degree=3, coef0=1) for a, b in _pairs(real, other)]
    )


def _pairs(real: np.ndarray, other: np.ndarray) -> tuple:
    return (real, real), (other, other), (real, other)


def _discrepancy(kernels: Sequence[np.ndarray]) -> float:
    """Return the unbiased estimate from the kernels within the sets and between them."""
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in kernels[:2]]
    return float(sum(within) - 2 * kernels[2].mean())


def log_frechet(real: np.ndarray, other: np.ndarray) -> float:
    """Return the logarithm of the squared Fréchet distance; minus infinity for equal sets."""
    with np.errstate(divide="ignore"):
        return float(np.log(frechet_distance(real, other)))


def standardized(tables: Sequence[pd.DataFrame]) -> tuple[list[np.ndarray], int]:
    """Return tables of radiomics in units of the first one's mean and spread.

    Features that are not defined in every row of every table, or constant in the first, are left
    out (FRD, version 1: Konz, Osuala et al. 2026).

    Returns:
        (n, d) of each table, in order; how many features were left out.

    Raises:
        ValueError: A table has other columns than the first.
    """
    names = list(tables[0])
    if any(set(table) != set(names) for table in tables):
        raise ValueError("the tables of radiomics do not have the same features")
    whole = [table[names].to_numpy(float) for table in tables]
    defined = np.isfinite(np.concatenate(whole)).all(0)
    if not len(whole[0]) or not defined.any():
        return [rows[:, :0] for rows in whole], len(names)
    middle, spread = whole[0][:, defined].mean(0), whole[0][:, defined].std(0)
    varying = spread > EVEN * np.abs(middle)
    scaled = [((rows[:, defined] - middle)[:, varying]) / spread[varying] for rows in whole]
    return scaled, len(names) - int(varying.sum())
