"""Figures of several trainings, with patients and trainings drawn again, paired between arms."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics.statistics import patient_weights


class Resampled(NamedTuple):
    """Patients and trainings, drawn again together; the first row is what was measured.

    Attributes:
        weights: (1 + draws, n) how often each case counts.
        shares: (1 + draws, trainings) how much each training counts; a row sums to 1.
    """

    weights: np.ndarray
    shares: np.ndarray


def resampled(
    patients: np.ndarray, trainings: int, draws: int, rng: np.random.Generator
) -> Resampled:
    """Return the patient of each case (n,), and trainings, drawn again, once for all arms."""
    weights = patient_weights(patients, draws, rng)
    weights = np.concatenate([np.ones((1, len(patients)), int), weights])
    picks = rng.multinomial(trainings, np.full(trainings, 1 / trainings), size=draws)
    shares = np.concatenate([np.ones((1, trainings)), picks]) / trainings
    return Resampled(weights, shares)


def aligned(
    cases: pd.DataFrame, order: Sequence[str], seeds: Sequence[int]
) -> dict[str, list[pd.DataFrame]]:
    """Return the rows of each arm's trainings, by seed, with cases in one order for all."""
    return {
        str(arm): [own[own["seed"] == seed].set_index("case").loc[list(order)] for seed in seeds]
        for arm, own in cases.groupby("arm", sort=False)
    }


def reached(
    trainings: Sequence[pd.DataFrame],
    measured: Callable[[pd.DataFrame, np.ndarray], np.ndarray],
    drawn: Resampled,
    fewest: int,
) -> np.ndarray:
    """Return (1 + draws,) of one arm: the mean over its trainings, then the draws of it.

    Args:
        trainings: Rows of each, as `aligned` returns them.
        measured: Returns a figure of one training for every row of weights.
        drawn: Of those cases and trainings.
        fewest: Of fewer trainings the draws are NaN: they say too little of which were drawn.
    """
    each = np.stack([measured(rows, drawn.weights) for rows in trainings], 1)
    found = (each * drawn.shares).sum(1)
    if len(trainings) < fewest:
        found[1:] = np.nan
    return found
