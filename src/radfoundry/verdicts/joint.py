"""How many real cases all experts together accept, and thresholds chosen so that it is enough.

Experts that each refuse 5 % of real cases refuse more of them together: 14 % if three err apart
from one another. So the quantiles of all are scaled by one factor, the largest at which as many
real cases as asked for pass every expert. Stated quantiles are then ratios: an expert with twice
the quantile of another may refuse twice as many.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from radfoundry.seeds import seed

PARTS = 5  # of the patients, of which each is judged by thresholds from the others


def scaled(
    real_scores: pd.DataFrame, quantiles: Mapping[str, float], accept_real: float
) -> tuple[dict[str, float], str]:
    """Return the quantile of each expert, scaled alike, and a note on what they reach.

    The share is of the real cases that every expert could measure; what lacks evidence is no
    question of thresholds. Where no case was measured by all, the quantiles stay as they are.

    Args:
        real_scores: Columns sample, expert, score: real cases of the tune split.
        quantiles: Expert to its ratio; 0 stays 0.
        accept_real: The least share of real cases that all experts must accept together, (0, 1].

    Raises:
        ValueError: If `accept_real` is outside (0, 1].
    """
    if not 0 < accept_real <= 1:
        raise ValueError(f"accept_real is {accept_real}; it must lie above 0 and not above 1")
    every = by_case(real_scores, list(quantiles))
    measured = every.loc[:, every.notna().any()].dropna()
    if measured.empty:
        return dict(quantiles), f"no real case has every score: {accept_real:g} is not controlled"
    own = {str(e): np.sort(every[e].dropna().to_numpy(float)) for e in measured}

    def accepted(factor: float) -> float:
        limits = {e: s[_below(factor * quantiles[e], len(s))] for e, s in own.items()}
        return float((measured >= pd.Series(limits)).all(axis=1).mean())

    # Thresholds change only where the factor lets an expert refuse one case more.
    steps = {
        refused / (quantiles[expert] * len(scores))
        for expert, scores in own.items() if quantiles[expert]
        for refused in range(len(scores))
    }  # fmt: skip
    factor = _largest(sorted({0.0} | steps), lambda one: accepted(one) >= accept_real - 1e-12)
    found = {e: _below(factor * q, len(own[e])) / len(own[e]) if e in own else q
             for e, q in quantiles.items()}  # fmt: skip
    share, n = accepted(factor), len(measured)
    note = f"all experts accept {share:.4g} of {n} real cases together; {accept_real:g} asked for"
    if accept_real < 1 and (1 - accept_real) * n < 1:
        note += f", which takes {math.ceil(1 / (1 - accept_real) - 1e-9)} to resolve"
    return found, note


def by_case(scores: pd.DataFrame, experts: Sequence[str]) -> pd.DataFrame:
    """Return scores with one row for each case or sample and one column for each expert.

    NaN where there is none, or an infinite one. Rows are in their first order.
    """
    table = scores.pivot(index="sample", columns="expert", values="score").astype(float)
    table = table.reindex(index=pd.unique(scores["sample"]), columns=list(experts))
    return table.where(np.isfinite(table))


def parts_of(cases: Sequence[str], patients: Mapping[str, str]) -> np.ndarray:
    """Return a number below `PARTS` for each case: the same for all cases of a patient.

    Patients are put in an order by their digests and dealt in turn, so that nobody chooses.
    """
    owners = [patients.get(case, case) for case in cases]
    order = sorted(set(owners), key=lambda owner: (seed(0, "verdicts", owner), owner))
    place = {owner: n % PARTS for n, owner in enumerate(order)}
    return np.array([place[owner] for owner in owners], int)


def _below(quantile: float, n: int) -> int:
    """Return how many of n scores may lie below a threshold: never all of them."""
    return min(math.floor(quantile * n + 1e-9), n - 1)


def _largest(steps: Sequence[float], holds: Callable[[float], bool]) -> float:
    """Return the largest step that holds; the first holds, and once one does not, no later does."""
    low, high = 0, len(steps)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(steps[middle]) else (low, middle)
    return steps[low]
