"""What cases add to a few patients: areas under the ROC curve, gains, and the share of real gain.

No network runs here. Each row of the bootstrap draws patients of the test set and draws of the k
patients again, both for all arms together, so that differences and their ratio are paired.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import utility
from radfoundry.evaluation.metrics.effects import FEWEST
from radfoundry.evaluation.metrics.statistics import (
    Interval,
    difference,
    interval,
    patient_weights,
)

AUROC, SHARE = "few_shot_auroc", "share_of_real_gain"
BASELINE, CONTROL, ADDED = "real_repeated", "extra_real", "synthetic_added"
RIVALS = ("real_augmented", CONTROL)  # what added samples are compared to, beside the baseline
NAN = float("nan")


def summarised(predictions: pd.DataFrame, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the area of every arm, paired differences, and the share of the real gain.

    A value is the mean over draws of the k patients; of fewer than `FEWEST` it has no interval. The
    share is what samples gain on k real
    patients, repeated, in parts of what as many further patients gain; it is NaN where the
    interval of that gain is not wholly above 0: there is nothing to be measured by.

    Args:
        predictions: arm, seed (the draw), case, patient, cohort, finding (`target/k`), truth
            (1, 0, NaN if not known), score, threshold, samples, extra, note; every arm and seed
            has the same cases.
        draws: Bootstrap samples.
        rng: Source of chance.

    Returns:
        metric, arm (for differences `other-baseline`), test (the cohort), findings (`target/k`),
        value, low, high, n (cases whose truth is known), patients, note.
    """
    rows: list[dict] = []
    known = predictions[predictions["truth"].notna()]
    for (cohort, finding), cases in known.groupby(["cohort", "finding"], sort=False):
        where = {"test": str(cohort), "findings": str(finding)}
        rows += [where | row for row in _rows(cases, draws, rng)]
    return pd.DataFrame(rows, columns=list(utility.COLUMNS))


def share(
    added: np.ndarray, control: np.ndarray, baseline: np.ndarray
) -> tuple[Interval, Interval]:
    """Return (added - baseline) / (control - baseline) with its interval, and the control's gain.

    Args:
        added: (1 + draws,) of the arm with samples: the value, then its paired draws.
        control: The same with further real cases.
        baseline: The same of neither.

    Returns:
        The share, NaN where the control's interval is not above 0; and that gain.
    """
    gain = difference((control[0], baseline[0]), (control[1:], baseline[1:]))
    if not gain.low > 0:
        return Interval(NAN, NAN, NAN), gain
    below = control - baseline
    parts = np.divide(added - baseline, below, out=np.full(len(below), NAN), where=below != 0)
    found = interval(parts[0], parts[1:])
    # A ratio's draws are skewed: the interval is made to hold the value.
    return Interval(found.value, min(found.low, found.value), max(found.high, found.value)), gain


def _rows(cases: pd.DataFrame, draws: int, rng: np.random.Generator) -> Iterator[dict]:
    order = cases.drop_duplicates("case").sort_values("case")
    drawn = _drawn(cases, order, draws, rng)
    about = {"n": len(order), "patients": order["patient"].nunique()}
    notes = {str(arm): _note(order, own) for arm, own in cases.groupby("arm", sort=False)}
    for arm, values in drawn.items():
        found = interval(values[0], values[1:])
        yield {"metric": AUROC, "arm": arm, "note": notes[arm], **found._asdict(), **about}
    for arm, other in _pairs(list(drawn)):
        pair = drawn[arm], drawn[other]
        gain = difference((pair[0][0], pair[1][0]), (pair[0][1:], pair[1][1:]))
        note = notes[arm] if np.isfinite(pair[1][0]) else notes[other]
        row = {"metric": f"{AUROC}_gain", "arm": f"{arm}-{other}", "note": note}
        yield {**row, **gain._asdict(), **about}
    if {ADDED, CONTROL, BASELINE} <= set(drawn):
        found, gain = share(drawn[ADDED], drawn[CONTROL], drawn[BASELINE])
        row = {"metric": SHARE, "arm": ADDED, "note": f"{notes[ADDED]}; {_measure(gain)}"}
        yield {**row, **found._asdict(), **about}


def _drawn(
    cases: pd.DataFrame, order: pd.DataFrame, draws: int, rng: np.random.Generator
) -> Mapping[str, np.ndarray]:
    """Return (1 + draws,) of every arm: the value, then draws that are paired between arms.

    Of fewer than `FEWEST` draws of the k patients the latter are NaN: which patients were drawn is
    most of what is not known, and so few say too little of it.
    """
    weights = patient_weights(order["patient"].to_numpy(), draws, rng)
    weights = np.concatenate([np.ones((1, len(order)), int), weights])
    seeds = sorted(cases["seed"].unique())
    picks = rng.multinomial(len(seeds), np.full(len(seeds), 1 / len(seeds)), size=draws)
    shares = np.concatenate([np.ones((1, len(seeds))), picks]) / len(seeds)
    place = utility.METRICS.index("utility_auroc")
    found = {}
    for arm, own in cases.groupby("arm", sort=False):
        each = [own[own["seed"] == s].set_index("case").loc[order["case"]] for s in seeds]
        areas = np.stack([utility.measured(rows, weights)[:, place] for rows in each], 1)
        found[str(arm)] = (areas * shares).sum(1)
        if len(seeds) < FEWEST:
            found[str(arm)][1:] = NAN
    return found


def _pairs(arms: list[str]) -> list[tuple[str, str]]:
    pairs = [(arm, BASELINE) for arm in arms if arm != BASELINE]
    pairs += [(ADDED, rival) for rival in RIVALS]
    return [(arm, other) for arm, other in pairs if {arm, other} <= set(arms)]


def _measure(gain: Interval) -> str:
    """Return what a share is measured by, and why there is none."""
    if not np.isfinite(gain.low):
        return "not defined: the gain of further real cases is not known"
    words = f"the gain of further real cases, {gain.value:.3f} ({gain.low:.3f} to {gain.high:.3f})"
    return f"in parts of {words}" if gain.low > 0 else f"not defined: {words}, is not above 0"


def _note(order: pd.DataFrame, own: pd.DataFrame) -> str:
    """Return who stands against whom, what was added, and why a figure is missing."""
    ill, draws = int((order["truth"] == 1).sum()), own["seed"].nunique()
    parts = [f"{ill} positive, {len(order) - ill} negative", f"{draws} draws of patients"]
    for column, words in (("samples", "samples"), ("extra", "further patients")):
        least, most = int(own[column].min()), int(own[column].max())
        if most:
            parts.append(f"{least if least == most else f'{least} to {most}'} {words} of each kind")
    if ill in (0, len(order)):
        parts.append("not defined: one kind only")
    return "; ".join([*parts, *sorted(set(own["note"]) - {""})])
