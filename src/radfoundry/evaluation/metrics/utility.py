"""What a training set is worth: figures of classifiers trained on it, with paired differences.

No network runs here: intervals come from drawing patients again, and training seeds with them, in
the table that was written when the networks ran.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import detection
from radfoundry.evaluation.metrics.statistics import difference, interval, patient_weights

METRICS = ("utility_accuracy", "utility_f1", "utility_auroc")
COLUMNS = ("metric", "arm", "test", "findings", "value", "low", "high", "n", "patients", "note")


def summarised(
    predictions: pd.DataFrame, baseline: str, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return accuracy, F1 and AUROC of every arm, and what each arm gains on the baseline.

    A value is the mean over training seeds, each over the held-out cases of all folds together; its
    interval comes from drawing patients and seeds again. Differences are drawn in pairs. Where a
    case has no score, or the cases are of one kind only, all three are NaN.

    Args:
        predictions: arm, seed, case, patient, cohort, finding, truth (1, 0, NaN if not known),
            score, threshold, samples, note; every arm and seed has the same cases.
        baseline: The arm that the others are compared to; without it there are no differences.
        draws: Bootstrap samples.
        rng: Source of chance.

    Returns:
        metric (for differences `<metric>_gain`, arm `other-baseline`), arm, test (the cohort),
        findings (one of them), value, low, high, n (cases whose truth is known), patients, note.
    """
    rows: list[dict] = []
    known = predictions[predictions["truth"].notna()]
    for (cohort, finding), cases in known.groupby(["cohort", "finding"], sort=True):
        where = {"test": str(cohort), "findings": str(finding)}
        rows += [where | row for row in _rows(cases, baseline, draws, rng)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def measured(cases: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Return the figures of one training for every row of weights.

    Args:
        cases: Columns truth (1 or 0), score, threshold.
        weights: (draws, n) how often each case counts.

    Returns:
        (draws, metrics) in [0, 1], in the order of `METRICS`; NaN where a score is missing, or
        where only cases with, or only cases without the finding have weight.
    """
    score, ill = cases["score"].to_numpy(float), cases["truth"].to_numpy(float) == 1
    marked = score >= cases["threshold"].to_numpy(float)
    both = (weights[:, ill].sum(1) > 0) & (weights[:, ~ill].sum(1) > 0)
    named = weights @ (marked.astype(int) + ill)
    figures = [
        weights @ (marked == ill) / np.maximum(weights.sum(1), 1),
        2 * (weights @ (marked & ill)) / np.maximum(named, 1),
        detection.weighted_auroc(ill, score, weights),
    ]
    defined = both & np.isfinite(score).all()
    return np.where(defined[:, None], np.stack(figures, 1), np.nan)


def _rows(
    cases: pd.DataFrame, baseline: str, draws: int, rng: np.random.Generator
) -> Iterator[dict]:
    order = cases.drop_duplicates("case").sort_values("case")
    weights = patient_weights(order["patient"].to_numpy(), draws, rng)
    weights = np.concatenate([np.ones((1, len(order)), int), weights])  # first row: the value
    arms = {str(a): own for a, own in cases.groupby("arm", sort=False)}
    drawn = {a: _over_seeds(own, list(order["case"]), weights, rng) for a, own in arms.items()}
    others = [arm for arm in arms if arm != baseline and baseline in arms]
    about = {"n": len(order), "patients": order["patient"].nunique()}
    notes = {arm: _note(order, own) for arm, own in arms.items()}
    for at, metric in enumerate(METRICS):
        for arm, values in drawn.items():
            found = interval(values[0, at], values[1:, at])
            row = {"metric": metric, "arm": arm, "note": notes[arm]}
            yield {**row, **found._asdict(), **about}
        for arm in others:
            pair = drawn[arm][:, at], drawn[baseline][:, at]
            gain = difference((pair[0][0], pair[1][0]), (pair[0][1:], pair[1][1:]))
            note = notes[arm] if np.isfinite(pair[1][0]) else notes[baseline]
            row = {"metric": f"{metric}_gain", "arm": f"{arm}-{baseline}", "note": note}
            yield {**row, **gain._asdict(), **about}


def _over_seeds(
    own: pd.DataFrame, order: list[str], weights: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return (draws, metrics), the mean over seeds; all but the first row draw the seeds too."""
    seeds = [rows.set_index("case").loc[order] for _, rows in own.groupby("seed", sort=True)]
    each = np.stack([measured(rows, weights) for rows in seeds])
    picks = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=len(weights))
    shares = np.concatenate([np.ones((1, len(each))), picks[1:]]) / len(each)
    return np.einsum("ds,sdm->dm", shares, each)


def _note(order: pd.DataFrame, own: pd.DataFrame) -> str:
    """Return who stands against whom, what was added, and why a figure is missing."""
    ill = int((order["truth"] == 1).sum())
    notes = [f"{ill} with, {len(order) - ill} without the finding"]
    least, most = int(own["samples"].min()), int(own["samples"].max())
    if most:
        notes.append(
            f"taught by {least if least == most else f'{least} to {most}'} samples of each"
        )
    if ill in (0, len(order)):
        notes.append("not defined: one kind only")
    return "; ".join([*notes, *sorted(set(own["note"]) - {""})])
