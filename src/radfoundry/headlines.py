"""Turn the tables of the stages into figures of the scorecard, each with n and interval.

An arm of a figure joins with "/" what varies: the region and the method of a label, the training
arm, test set and findings of a downstream metric.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.metrics.statistics import interval, patient_weights
from radfoundry.scorecard import Figure


def of_labels(measured: pd.DataFrame, draws: int, rng: np.random.Generator) -> Iterator[Figure]:
    """Yield the mean Dice of every collection, region and method, intervals drawn by patient.

    Args:
        measured: Rows of the table `label_dice`.
        draws: Bootstrap samples.
        rng: Source of chance.
    """
    known = measured[measured["dice"].notna()]
    for (collection, region, method), rows in known.groupby(["collection", "region", "method"]):
        weights = patient_weights(rows["patient"].to_numpy(), draws, rng)
        values = rows["dice"].to_numpy(float)
        drawn = (weights @ values) / np.maximum(weights.sum(1), 1)
        found = interval(float(values.mean()), drawn)
        none = int((values == 0).sum())
        readers = "/".join(sorted(set(rows["truth_by"])))
        yield Figure(
            f"cohort:{collection}",
            "label_dice",
            found.value,
            f"{region}/{method}",
            found.low,
            found.high,
            len(values),
            note=f"truth by {readers}; median {np.median(values):.3f}; nothing found in {none}",
        )


def of_acceptance(table: pd.DataFrame, recipe: str) -> Iterator[Figure]:
    """Yield the share of samples that each expert, and all of them, accept."""
    for row in table.to_dict("records"):
        yield Figure(
            recipe,
            "accepted_fraction",
            row["fraction"],
            row["expert"],
            row["low"],
            row["high"],
            int(row["n"]),
            note=f"{row['undecided']} undecided",
        )


def of_comparison(table: pd.DataFrame, recipe: str) -> Iterator[Figure]:
    """Yield every metric of every training arm, test set and group of findings."""
    for row in table.to_dict("records"):
        yield Figure(
            recipe,
            row["metric"],
            row["value"],
            f"{row['arm']}/{row['test']}/{row['findings']}",
            row["low"],
            row["high"],
            int(row["n"]),
            note=f"{row['patients']} patients; {row['note']}",
        )
