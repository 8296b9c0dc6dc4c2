"""Turn the tables of the stages into rows of the scorecard, each with n and interval.

An arm of a row joins with "/" what varies: the region and the method of a label, the training
arm, test set and findings of a downstream metric.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics.statistics import Interval, interval, patient_weights
from radfoundry.report.scorecard.card import Row
from radfoundry.verdicts import covered


def of_labels(measured: pd.DataFrame, draws: int, rng: np.random.Generator) -> Iterator[Row]:
    """Yield the mean Dice of every collection, region and method, intervals drawn by patient.

    Args:
        measured: Rows of the table `label_dice`.
        draws: Bootstrap samples.
        rng: Source of chance.
    """
    known = measured[measured["dice"].notna()]
    for (collection, region, method), rows in known.groupby(["collection", "region", "method"]):
        values = rows["dice"].to_numpy(float)
        found = _mean(rows["patient"], values, draws, rng)
        none = int((values == 0).sum())
        readers = "/".join(sorted(set(rows["truth_by"])))
        yield Row(
            f"cohort:{collection}",
            "label_dice",
            found.value,
            f"{region}/{method}",
            found.low,
            found.high,
            len(values),
            note=f"truth by {readers}; median {np.median(values):.3f}; nothing found in {none}",
        )


def of_clinical(measured: pd.DataFrame, draws: int, rng: np.random.Generator) -> Iterator[Row]:
    """Yield the mean of every clinical measurement, and how far the labels are off the truth.

    `clinical_mean` is what the labels say; `clinical_bias` their mean difference from the truth and
    `clinical_error` the mean of its size, over cases where both have a value. Cases whose organ is
    cropped enter none of them, and the note says how many; NaN where it is cropped in all.

    Args:
        measured: Rows of the table `clinical`.
        draws: Bootstrap samples.
        rng: Source of chance.
    """
    for (collection, name, method), rows in measured.groupby(
        ["collection", "measurement", "method"]
    ):
        cut = rows["status"] == "cropped"
        left_out = f"{cut.sum()} cropped by the image left out" if cut.any() else ""
        if cut.all():
            yield Row(
                f"cohort:{collection}", "clinical_mean", float("nan"), f"{name}/{method}",
                n=0, unit=rows["unit"].iloc[0], note=left_out,
            )  # fmt: skip
        rows = rows[~cut]
        both = rows[rows["value"].notna() & rows["truth"].notna()]
        off = both["value"] - both["truth"]
        truth = f"mean truth {both['truth'].mean():.4g}" if len(both) else ""
        known = rows[rows["value"].notna()]
        for metric, patients, values, note in (
            ("clinical_mean", known["patient"], known["value"], left_out),
            ("clinical_bias", both["patient"], off, truth),
            ("clinical_error", both["patient"], off.abs(), truth),
        ):
            if len(values):
                found = _mean(patients, values.to_numpy(float), draws, rng)
                yield Row(
                    f"cohort:{collection}", metric, found.value, f"{name}/{method}",
                    found.low, found.high, len(values), unit=rows["unit"].iloc[0], note=note,
                )  # fmt: skip


def _mean(patients: pd.Series, values: np.ndarray, draws: int, rng: np.random.Generator):
    """Return the mean of values with its interval, drawn by patient; one patient has none."""
    if patients.nunique() < 2:
        return Interval(float(values.mean()), float("nan"), float("nan"))
    weights = patient_weights(patients.to_numpy(), draws, rng)
    return interval(float(values.mean()), (weights @ values) / np.maximum(weights.sum(1), 1))


def of_acceptance(table: pd.DataFrame, recipe: str) -> Iterator[Row]:
    """Yield the share of samples that each expert, and all of them, accept."""
    for row in table.to_dict("records"):
        yield Row(
            recipe,
            "accepted_fraction",
            row["fraction"],
            row["expert"],
            row["low"],
            row["high"],
            int(row["n"]),
            note=f"{row['undecided']} undecided",
        )


def of_joint_acceptance(table: pd.DataFrame, recipe: str) -> Iterator[Row]:
    """Yield the share of real tune cases that all experts together accept.

    Arm `real`, and `real_held_out` for cases judged by thresholds of other patients.

    Args:
        table: Rows of the table `acceptance_by_group`.
        recipe: Whose.
    """
    own = table[(table["group"] == "all") & (table["images"] != "samples")]
    for row in own.to_dict("records"):
        limits, n = (row["low"], row["high"]), int(row["n"])
        said = "; ".join(filter(None, (f"{row['undecided']} undecided", row.get("note", ""))))
        yield Row(
            recipe, "accepted_fraction", row["fraction"], row["images"], *limits, n, note=said
        )


def of_coverage(table: pd.DataFrame, recipe: str) -> Iterator[Row]:
    """Yield which share of the cells that prompts can ask for is filled, before and after.

    None where no request asks for any. The cells are all there are, so there is no interval.

    Args:
        table: Rows of the table `coverage`.
        recipe: Whose.
    """
    found = covered.counts(table)
    for arm in ("real", "real_and_kept") if found else ():
        filled, n = getattr(found, arm), found.cells  # type: ignore[union-attr]
        note = f"{filled} cells of finding, side, severity, site"
        yield Row(
            recipe, "covered_fraction", filled / n, arm, n=n, unit="fraction",
            higher_is_better=True, note=note,
        )  # fmt: skip


def of_audit(table: pd.DataFrame, recipe: str) -> Iterator[Row]:
    """Yield what a memorisation audit measured: copies, their controls, membership."""
    for row in table.to_dict("records"):
        limits = row["low"], row["high"]
        yield Row(
            recipe,
            row["metric"],
            row["value"],
            row["arm"],
            *limits,
            int(row["n"]),
            note=row["note"],
        )


def of_comparison(table: pd.DataFrame, recipe: str) -> Iterator[Row]:
    """Yield every metric of every training arm, test set and group of findings."""
    for row in table.to_dict("records"):
        yield Row(
            recipe,
            row["metric"],
            row["value"],
            f"{row['arm']}/{row['test']}/{row['findings']}",
            row["low"],
            row["high"],
            int(row["n"]),
            published=row.get("published", math.nan),
            note=f"{row['patients']} patients; {row['note']}",
        )
