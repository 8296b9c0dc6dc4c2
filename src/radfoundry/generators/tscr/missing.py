"""What was not asked for, drawn so that it goes with what was: a Gaussian of all scores together.

A lesion of an asked volume has a surface and diameters to match. A network that is told all of them
draws what it is told; told one in thirty, it has to guess the rest within the drawing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.covariance import LedoitWolf

RIDGE = 1e-4  # added to the variances of what is asked: scores that follow from each other
FEWEST = 5  # lesions of which all is known; of fewer nothing can be said
DIGITS = 5


def fitted(scores: np.ndarray, known: np.ndarray) -> dict[str, list]:
    """Return mean and covariance of scores (N, n), for a card; empty where too few are complete."""
    whole = scores[known.all(1)]
    if len(whole) < FEWEST:
        return {}
    found = LedoitWolf().fit(whole.astype(np.float64))
    return {
        "mean": np.round(found.location_, DIGITS).tolist(),
        "covariance": np.round(found.covariance_, DIGITS).tolist(),
    }


def completed(
    scores: np.ndarray, known: np.ndarray, card: Mapping[str, Any], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (n,) of which all are known: those given as they are, others drawn.

    Args:
        scores: (n,); read where known.
        known: (n,) bool.
        card: As `fitted` returns it; where it is empty, scores come back as they are.
        rng: Draws.
    """
    if not card or known.all():
        return scores, known
    mean, covariance = np.array(card["mean"]), np.array(card["covariance"])
    given, rest = np.flatnonzero(known), np.flatnonzero(~known)
    own = covariance[np.ix_(given, given)] + RIDGE * np.eye(len(given))
    gain = np.linalg.solve(own, covariance[np.ix_(given, rest)]).T
    expected = mean[rest] + gain @ (scores[given] - mean[given])
    left = covariance[np.ix_(rest, rest)] - gain @ covariance[np.ix_(given, rest)]
    values, vectors = np.linalg.eigh((left + left.T) / 2)
    noise = vectors @ (np.sqrt(values.clip(0)) * rng.normal(size=len(rest)))
    whole = scores.copy()
    whole[rest] = expected + noise
    return whole, np.ones_like(known)
