"""The figures of a detection experiment, from a table with one row per test case.

No network runs here: intervals come from drawing patients again, and training seeds with them, in
the table that was written when the networks ran.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation.metrics import detection, overlap
from radfoundry.evaluation.metrics.overlap import dice_of_counts
from radfoundry.evaluation.metrics.statistics import Interval, difference, interval, patient_weights

METRICS = ("image_auroc", "image_ap", "pixel_dice", "pixel_dice_mean", "pixel_ap")
NEVER, EVER = "never_synthesized", "synthesized"
FACTS = ("patient", "cohort", "findings")  # that a test case must bring
COLUMNS = ("metric", "arm", "test", "findings", "value", "low", "high", "n", "patients", "note")


def summarised(
    predictions: pd.DataFrame, synthesized: tuple[str, ...], draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return every metric of every arm and test set, and what the first arm gains on the others.

    A test set is the healthy cases of a cohort with those that show some findings: any that is
    synthesized, none that is, and each finding alone. A value is the mean over training seeds; its
    interval comes from drawing patients and seeds again. Differences are drawn in pairs.

    Args:
        predictions: arm, seed, case, patient, cohort, findings, score, tp, fp, fn,
            healthy_pixels, diseased_pixels; every arm and seed has the same cases.
        synthesized: Findings that count as what the first arm was trained to see.
        draws: Bootstrap samples.
        rng: Source of chance.

    Returns:
        metric (for differences `<metric>_gain`, arm `first-other`), arm, test (the cohort),
        findings, value, low, high, n (cases; of diseased ones in the note), patients, note (also
        why a value is NaN).
    """
    rows: list[dict] = []
    for cohort, cases in predictions.groupby("cohort", sort=True):
        for findings, wanted in subsets(cases["findings"], synthesized).items():
            chosen = cases[wanted | (cases["findings"] == "")]
            where = {"test": str(cohort), "findings": findings}
            rows += [where | row for row in _rows(chosen, draws, rng)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def with_healthy(predictions: pd.DataFrame, lender: str) -> pd.DataFrame:
    """Return predictions in which every test set has healthy cases to stand against.

    A cohort of diseased cases alone borrows the healthy ones of another cohort, and its name says
    so: `hannover_vs_healthy`. Such figures also show how the two cohorts differ as films.

    Args:
        predictions: Rows of all arms and seeds.
        lender: The cohort whose healthy cases are lent.
    """
    healthy = predictions["findings"] == ""
    lent = predictions[healthy & (predictions["cohort"] == lender)]
    lent = lent.assign(case=f"{lender}:" + lent["case"], patient=f"{lender}:" + lent["patient"])
    alone = [c for c, rows in healthy.groupby(predictions["cohort"]) if not rows.any()]
    names = {cohort: f"{cohort}_vs_{lender}" for cohort in alone}
    renamed = predictions.assign(cohort=predictions["cohort"].replace(names))
    return pd.concat([renamed, *(lent.assign(cohort=name) for name in names.values())])


def subsets(findings: pd.Series, synthesized: tuple[str, ...]) -> dict[str, pd.Series]:
    """Return which cases are the diseased ones of each test set; empty sets are left out.

    >>> sets = subsets(pd.Series(["", "opacity|nodule", "nodule"]), ("opacity",))
    >>> {name: list(chosen[chosen].index) for name, chosen in sets.items()}
    {'synthesized': [1], 'never_synthesized': [2], 'nodule': [1, 2], 'opacity': [1]}
    """
    shown = findings.map(lambda text: set(str(text).split("|")) - {""})
    sets = {
        EVER: shown.map(lambda names: bool(names & set(synthesized))),
        NEVER: shown.map(lambda names: bool(names) and not names & set(synthesized)),
    }
    for name in sorted(set().union(*shown)):
        sets[name] = shown.map(lambda names, name=name: name in names)
    return {name: chosen.astype(bool) for name, chosen in sets.items() if chosen.any()}


def _rows(cases: pd.DataFrame, draws: int, rng: np.random.Generator) -> Iterator[dict]:
    order = cases.drop_duplicates("case").sort_values("case")
    weights = patient_weights(order["patient"].to_numpy(), draws, rng)
    weights = np.concatenate([np.ones((1, len(order)), int), weights])  # first row: the value
    counted = {"n": len(order), "patients": order["patient"].nunique()}
    arms = {
        str(arm): _over_seeds(own, list(order["case"]), weights, rng)
        for arm, own in cases.groupby("arm", sort=False)
    }
    first, *others = arms
    for metric in METRICS:
        about = counted | {"note": _note(metric, order)}
        for arm, drawn in arms.items():
            yield _row(metric, arm, interval(drawn[metric][0], drawn[metric][1:]), about)
        for other in others:
            pair = arms[first][metric], arms[other][metric]
            gain = difference((pair[0][0], pair[1][0]), (pair[0][1:], pair[1][1:]))
            yield _row(f"{metric}_gain", f"{first}-{other}", gain, about)


def _note(metric: str, cases: pd.DataFrame) -> str:
    """Return who stands against whom, and why a metric is not defined of them."""
    ill = cases["findings"] != ""
    shown = int((cases.loc[ill, "tp"] + cases.loc[ill, "fn"] > 0).sum())
    notes = [f"{ill.sum()} diseased, {(~ill).sum()} healthy"]
    if metric.startswith("pixel"):
        some = f"findings outlined in {shown}" if shown < ill.sum() else ""
        notes.append(some if shown else "not defined: nobody outlined a finding")
    elif ill.all():
        notes.append("not defined: no healthy case")
    return "; ".join(filter(None, notes))


def _row(metric: str, arm: str, found: Interval, about: Mapping) -> dict:
    return {"metric": metric, "arm": arm, **found._asdict(), **about}


def _over_seeds(
    own: pd.DataFrame, order: list[str], weights: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return the mean over seeds of every metric and row of weights; draws also draw seeds."""
    seeds = [rows.set_index("case").loc[order] for _, rows in own.groupby("seed", sort=True)]
    each = [measured(rows, weights) for rows in seeds]
    picks = rng.integers(len(each), size=(len(weights), len(each)))
    picks[0] = np.arange(len(each))
    draw = np.arange(len(weights))[:, None]
    return {m: np.stack([e[m] for e in each], 1)[draw, picks].mean(1) for m in METRICS}


def measured(cases: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return every metric of one model for every row of weights.

    Args:
        cases: Rows as `summarised` takes them, one per case.
        weights: (draws, n) how often each case counts.

    Returns:
        (draws,) per name in `METRICS`. `pixel_dice` is over all pixels at once, `pixel_dice_mean`
        the mean over diseased cases. Of pixels all is NaN where no diseased case is outlined.
    """
    diseased, scores = (cases["findings"] != "").to_numpy(), cases["score"].to_numpy(float)
    known = cases["tp"].notna().to_numpy()
    labeled, counting = cases[known], weights[:, known]
    tp, fp, fn = labeled[["tp", "fp", "fn"]].to_numpy(float).T
    each = dice_of_counts(tp, fp, fn)
    ill = diseased[known] & np.isfinite(each)
    total = counting[:, ill].sum(1)
    mean = np.divide(
        counting[:, ill] @ each[ill], total, out=np.full(len(weights), np.nan), where=total > 0
    )
    shown = counting[:, ill] @ (tp + fn)[ill] > 0  # what nobody outlined has no Dice, not 0
    tables = np.stack([_counts(labeled[c]) for c in ("healthy_pixels", "diseased_pixels")], 1)
    summed = np.tensordot(counting, tables, 1)
    return {
        "image_auroc": detection.weighted_auroc(diseased, scores, weights),
        "image_ap": detection.weighted_ap(diseased, scores, weights),
        "pixel_dice": np.where(
            shown, dice_of_counts(*(counting @ n for n in (tp, fp, fn))), np.nan
        ),
        "pixel_dice_mean": mean,
        "pixel_ap": np.where(shown, detection.binned_ap(summed), np.nan),
    }


def case_row(case: Case, found: np.ndarray, threshold: float, has_truth: bool) -> dict:
    """Return a test case's row but for its score: who and what it is, and its pixels.

    A map in which a diseased case shows nothing is no truth: its finding was not outlined.

    Args:
        case: With the facts patient, cohort and findings ("a|b", "" for healthy).
        found: Pixel scores in [0, 1], as viewed.
        threshold: Pixels at or above it are marked.
        has_truth: Whether the case's findings map is the truth.

    Raises:
        ValueError: If a fact is missing; it says which.
    """
    lacking = [name for name in FACTS if name not in case.facts]
    if lacking:
        raise ValueError(f"case {case.name!r} lacks the facts {', '.join(lacking)}")
    facts = {name: str(case.facts[name]) for name in FACTS}
    outlined = bool(((case.findings > 0) & (case.findings != regions.vocabulary().ignore)).any())
    known = has_truth and (outlined or not facts["findings"])
    labels = volume.picture(case.findings) if known else None
    about = {"case": case.name, **facts, "threshold": threshold}
    return about | pixel_row(found, labels, threshold)


def pixel_row(found: np.ndarray, labels: np.ndarray | None, threshold: float) -> dict:
    """Return what the pixel metrics need of one case, as columns of its row.

    Args:
        found: Pixel scores in [0, 1].
        labels: A findings map of the same shape, or None where no one drew the truth.
        threshold: Pixels at or above it are marked.

    Returns:
        tp, fp, fn (NaN without truth) and healthy_pixels, diseased_pixels: how many fall in each
        bin of `detection.EDGES`, comma-separated.
    """
    if labels is None:
        nothing = dict.fromkeys(("tp", "fp", "fn"), float("nan"))
        return nothing | {"healthy_pixels": "", "diseased_pixels": ""}
    ignored = labels == regions.vocabulary().ignore
    truth = (labels > 0) & ~ignored
    tp, fp, fn = map(float, overlap.counts(found >= threshold, truth, ignored))
    healthy, diseased = (",".join(map(str, r)) for r in detection.binned(found, truth, ignored))
    return {"tp": tp, "fp": fp, "fn": fn, "healthy_pixels": healthy, "diseased_pixels": diseased}


def _counts(texts: pd.Series) -> np.ndarray:
    if len(texts) == 0:
        return np.zeros((0, len(detection.EDGES) - 1))
    return np.array([np.fromstring(text, float, sep=",") for text in texts])
