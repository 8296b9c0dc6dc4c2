"""Turn experts' scores into verdicts: kept, rejected or undecided, each with its reason.

A threshold is a quantile of what real cases of the tune split score, so an expert refuses that
share of real images too; `joint` chooses quantiles by what all experts refuse together. Missing
evidence never counts as agreement: such a sample is undecided. `groups` says who accepts what.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics.statistics import wilson
from radfoundry.verdicts import joint

KEPT, REJECTED, UNDECIDED = "kept", "rejected", "undecided"
REPEATS = "repeats"  # begins the reason of a sample that is an earlier one again


class VerdictError(ValueError):
    """The verdicts make no dataset."""


def thresholds(
    real_scores: pd.DataFrame, quantiles: Mapping[str, float], accept_real: float | None = None
) -> pd.DataFrame:
    """Return each expert's threshold: columns expert, quantile, threshold, n, note.

    The threshold is the score of a real case (the highest whose rank is within the quantile), never
    a value between two. Fewer than 1/quantile real cases cannot resolve the quantile: then their
    lowest score is taken and `note` says so. Without a finite score the threshold is NaN.

    Args:
        real_scores: Columns expert and score (and, for `accept_real`, sample), one row per real
            case of the tune split.
        quantiles: Expert to the share of real cases that may be refused, in [0, 1).
        accept_real: The share of real cases that all experts together must accept: the quantiles
            are then ratios, see `joint.scaled`. Without it each expert has its own.
    """
    rows, together = [], ""
    if accept_real is not None:
        quantiles, together = joint.scaled(real_scores, quantiles, accept_real)
    for expert, quantile in quantiles.items():
        if not 0 <= quantile < 1:
            raise ValueError(f"the quantile of {expert} is {quantile}; it must lie in [0, 1)")
        scores = real_scores.loc[real_scores["expert"] == expert, "score"].to_numpy(float)
        scores = np.sort(scores[np.isfinite(scores)])
        n = len(scores)
        # A score equal to the threshold passes: this many real cases lie strictly below it.
        value = scores[math.floor(quantile * n + 1e-9)] if n else np.nan
        note = together if together and n else _note(quantile, n)
        rows.append((expert, float(quantile), float(value), n, note))
    return pd.DataFrame(rows, columns=["expert", "quantile", "threshold", "n", "note"])


def decide(
    scores: pd.DataFrame, limits: pd.DataFrame, twins: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return a verdict for every sample: columns sample, verdict, reason.

    Rejected if any expert's score is below its threshold, or the sample repeats an earlier one;
    otherwise undecided if a score or a threshold is missing; otherwise kept.

    Args:
        scores: Columns sample, expert, score; NaN is no evidence. Experts not in `limits` are an
            error, a pair that is absent counts as NaN (but every sample needs one row at least).
        limits: What `thresholds` returns.
        twins: Samples that repeat another, if anyone looked for them.
    """
    strangers = sorted(set(scores["expert"]) - set(limits["expert"]))
    if strangers:
        raise ValueError(f"no threshold for {strangers}: there are {', '.join(limits['expert'])}")
    double = scores.loc[scores.duplicated(["sample", "expert"]), ["sample", "expert"]]
    if len(double):
        raise ValueError(f"scored twice: {double.to_numpy().tolist()[:5]}")
    table = scores.pivot(index="sample", columns="expert", values="score")
    table = table.reindex(columns=limits["expert"])
    rows = []
    for sample in pd.unique(scores["sample"]):
        against, missing = _held_against(table.loc[sample], limits)
        if twins and sample in twins:
            against.insert(0, f"{REPEATS} {twins[sample]}")
        verdict = REJECTED if against else UNDECIDED if missing else KEPT
        rows.append((sample, verdict, "; ".join(against + missing)))
    return pd.DataFrame(rows, columns=["sample", "verdict", "reason"])


def acceptance(scores: pd.DataFrame, limits: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return how many samples each expert, and all of them, accept.

    Columns expert ("all" for the verdict), accepted, undecided, n, fraction, low, high: the
    fraction is of all n samples, undecided ones included, with its 95 % Wilson interval.
    """
    rows = []
    for expert, limit in zip(limits["expert"], limits["threshold"], strict=True):
        own = scores.loc[scores["expert"] == expert, "score"].to_numpy(float)
        unknown = int(np.isnan(own).sum()) if np.isfinite(limit) else len(own)
        rows.append((expert, int((own >= limit).sum()), unknown, len(own)))
    counts = verdicts["verdict"].value_counts()
    rows.append(("all", counts.get(KEPT, 0), counts.get(UNDECIDED, 0), len(verdicts)))
    table = pd.DataFrame(rows, columns=["expert", "accepted", "undecided", "n"])
    intervals = [wilson(k, n) for k, n in zip(table["accepted"], table["n"], strict=True)]
    table["fraction"], table["low"], table["high"] = zip(*intervals, strict=True)
    return table


def alarms(verdicts: pd.DataFrame) -> dict[str, str]:
    """Return what is wrong with a set of verdicts as a whole: code to message, {} if nothing.

    `filter.none_accepted` must stop the run: an empty dataset is not a result. The warnings
    `filter.all_accepted` and `filter.many_undecided` (more than half) must be shown.
    """
    n = len(verdicts)
    counts = verdicts["verdict"].value_counts()
    kept, undecided = int(counts.get(KEPT, 0)), int(counts.get(UNDECIDED, 0))
    found = {}
    if kept == 0:
        found["filter.none_accepted"] = (
            f"none of {n} samples is kept: {n - undecided} rejected, {undecided} undecided"
        )
    if n and kept == n:
        found["filter.all_accepted"] = f"all {n} samples are kept: the filter separates nothing"
    if undecided > n / 2:
        found["filter.many_undecided"] = f"{undecided} of {n} samples lack evidence"
    return found


def check(verdicts: pd.DataFrame) -> dict[str, str]:
    """Return the warnings among the alarms; raise VerdictError if no sample is kept."""
    found = alarms(verdicts)
    if "filter.none_accepted" in found:
        raise VerdictError(f"filter.none_accepted: {found['filter.none_accepted']}")
    return found


def _note(quantile: float, n: int) -> str:
    if n == 0:
        return "no real case has a score: every sample is undecided"
    if quantile * n < 1:
        needed = f"({math.ceil(1 / quantile)} needed)" if quantile else "of 0"
        return f"{n} real cases cannot resolve the quantile {needed}: their lowest score is used"
    return ""


def _held_against(scores: pd.Series, limits: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the experts' objections to one sample, and the evidence it lacks, in words."""
    against, missing = [], []
    for expert, quantile, limit, n in limits[["expert", "quantile", "threshold", "n"]].to_numpy():
        value = scores[expert]
        if np.isnan(limit):
            missing.append(f"{expert} has no threshold")
        elif np.isnan(value):
            missing.append(f"{expert} has no evidence")
        elif value < limit:
            reason = f"{value:.4g} < {limit:.4g} (quantile {quantile:.3g} of {n} real cases)"
            against.append(f"{expert} {reason}")
    return against, missing
