"""The figures of a reader study, each with n and an interval, or with the reason why there is none.

A synthetic image is the positive case: sensitivity is the share of synthetic images that were
called synthetic, specificity the share of real ones called real. Readers who cannot tell reach 0.5
of accuracy. Over all readers an image counts once, with the share of readers who were right, and
images are drawn again by patient: several readers of one image are not independent cases.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import raters
from radfoundry.evaluation.metrics.statistics import Interval, interval, patient_weights, wilson
from radfoundry.evaluation.reader_study.questions import REAL, SYNTHETIC, USEFUL, allowed

ALL = "all"  # in place of a reader


class Figure(NamedTuple):
    """One row of the table of readings; NaN where a figure is not defined."""

    task: str
    recipe: str
    arm: str
    reader: str
    metric: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    p: float = float("nan")
    n: int = 0
    note: str = ""


class Bootstrap(NamedTuple):
    """How often patients are drawn again, and by what chance."""

    draws: int
    rng: np.random.Generator

    def weights(self, patients: pd.Series) -> np.ndarray:
        """Return how often each item counts in each draw: (draws, items)."""
        return patient_weights(patients.tolist(), self.draws, self.rng)


def figures(answers: pd.DataFrame, again: Bootstrap) -> pd.DataFrame:
    """Return the table of readings.

    Args:
        answers: What `answers.read` returns.
        again: How patients are drawn again.
    """
    rows: list[Figure] = []
    for (task, recipe), own in answers[answers["task"] != "ranking"].groupby(
        ["task", "recipe"], sort=False
    ):
        measure = _origin if task == "origin" else _overlay
        rows += measure(str(recipe), own, again)
    ranked = answers[answers["task"] == "ranking"]
    rows += _ranking(ranked, again) if len(ranked) else []
    return pd.DataFrame(rows, columns=Figure._fields)


def _origin(recipe: str, own: pd.DataFrame, again: Bootstrap) -> list[Figure]:
    right = own.assign(right=own["answer"] == own["arm"])
    shares = {"sensitivity": (SYNTHETIC,), "specificity": (REAL,), "accuracy": (REAL, SYNTHETIC)}
    rows: list[Figure] = []
    for metric, arms in shares.items():
        part = right[right["arm"].isin(arms)]
        rows += _shares("origin", recipe, "-", metric, part, again)
    return [*rows, _kappa("origin", recipe, own, again)]


def _overlay(recipe: str, own: pd.DataFrame, again: Bootstrap) -> list[Figure]:
    scored = own.assign(score=own["answer"].astype(int))
    rows: list[Figure] = []
    for arm, part in scored.assign(right=scored["score"] >= USEFUL).groupby("arm"):
        rows += _shares("overlay", recipe, str(arm), "useful", part, again)
        found = _mean(part, "score", again)
        n = part["item"].nunique()
        rows.append(Figure("overlay", recipe, str(arm), ALL, "score", *found, n=n))
    return [*rows, _kappa("overlay", recipe, own, again)]


def _shares(
    task: str, recipe: str, arm: str, metric: str, part: pd.DataFrame, again: Bootstrap,
) -> Iterator[Figure]:  # fmt: skip
    """Yield the share of each reader with Wilson's interval, and that of all by patient."""
    for reader, own in part.groupby("reader"):
        found = wilson(int(own["right"].sum()), len(own))
        yield Figure(task, recipe, arm, str(reader), metric, *found, n=len(own))
    found = _mean(part, "right", again)
    yield Figure(task, recipe, arm, ALL, metric, *found, n=part["item"].nunique())


def _mean(part: pd.DataFrame, column: str, again: Bootstrap) -> Interval:
    """Return the mean over items of the mean over readers, patients drawn again."""
    items = part.groupby("item").agg(value=(column, "mean"), patient=("patient", "first"))
    values = items["value"].to_numpy(float)
    weights = again.weights(items["patient"])
    return interval(float(values.mean()), weights @ values / weights.sum(axis=1))


def _kappa(task: str, recipe: str, own: pd.DataFrame, again: Bootstrap) -> Figure:
    """Return Fleiss' kappa of all readers over all items, patients drawn again."""
    counts = own.pivot_table(index="item", columns="answer", values="place", aggfunc="size")
    table = counts.reindex(columns=allowed(task, 1)).fillna(0).to_numpy(int)
    patients = own.drop_duplicates("item").set_index("item")["patient"].loc[counts.index]
    value = raters.fleiss_kappa(table)
    weights = again.weights(patients)
    found = interval(value, np.array([raters.fleiss_kappa(table, w) for w in weights]))
    note = "" if np.isfinite(value) else "one reader, or all answers alike: no agreement to measure"
    return Figure(task, recipe, "-", ALL, "fleiss_kappa", *found, n=len(table), note=note)


def _ranking(ranked: pd.DataFrame, again: Bootstrap) -> list[Figure]:
    orders = zip(ranked["answer"], ranked["place"].astype(str), strict=True)
    ranks = ranked.assign(rank=[order.split(",").index(place) + 1 for order, place in orders])
    recipe = "|".join(sorted(set(ranks["arm"]) - {REAL}))
    blocks = ranks.pivot_table(index="item", columns="arm", values="rank")
    readers = ranks.pivot_table(index="reader", columns="arm", values="rank")
    rows = [_mean_rank(recipe, str(arm), own, again) for arm, own in ranks.groupby("arm")]
    tests = (("sets", blocks), ("readers", readers))
    rows += [row for what, table in tests for row in _friedman(recipe, what, table)]
    return [*rows, *_pairs(recipe, blocks)]


def _mean_rank(recipe: str, arm: str, own: pd.DataFrame, again: Bootstrap) -> Figure:
    found, n = _mean(own, "rank", again), own["item"].nunique()
    return Figure("ranking", recipe, arm, ALL, "mean_rank", *found, n=n, note="1 is most realistic")


def _friedman(recipe: str, what: str, table: pd.DataFrame) -> Iterator[Figure]:
    """Yield Friedman's chi2 with p, and Kendall's W, over sets of images or over readers.

    Over sets, ranks are first averaged over readers; over readers, over sets: neither takes the
    answers of one reader, or to one set, for independent ones.
    """
    found = raters.friedman(table.to_numpy(float))
    note = found.note or f"blocks are {what}; ranks averaged over the others"
    values: tuple[tuple[str, dict[str, Any]], ...] = (
        ("friedman_chi2", {"value": found.chi2, "p": found.p}),
        ("kendall_w", {"value": found.w}),
    )
    for metric, own in values:
        name = f"{metric}_{what}"
        yield Figure("ranking", recipe, "-", ALL, name, **own, n=found.n, note=note)


def _pairs(recipe: str, blocks: pd.DataFrame) -> Iterator[Figure]:
    arms, note = list(map(str, blocks.columns)), "p by Wilcoxon over sets, times the pairs"
    for pair in raters.bonferroni_pairs(blocks.to_numpy(float)):
        arm = f"{arms[pair.first]} - {arms[pair.second]}"
        yield Figure("ranking", recipe, arm, ALL, "rank_difference", pair.difference, p=pair.p,
                     n=len(blocks), note=note)  # fmt: skip
