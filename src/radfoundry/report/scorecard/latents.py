"""Turn what autoencoders keep of held-out cases into rows of the scorecard."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import effects, round_trip
from radfoundry.report.scorecard.card import Row

WHOLE = ("psnr_db", "ssim", "label_dice")


def of_round_trip(
    table: pd.DataFrame, recipe: str, draws: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield what is kept: values, labels, and of each radiomics feature error and concordance.

    Args:
        table: Rows of the table `round_trip`.
        recipe: Whose autoencoder it is.
        draws: Bootstrap samples of an interval, drawn by patient.
        rng: Source of chance.
    """
    for metric in WHOLE:
        known = table[(table["metric"] == metric) & table["value"].notna()]
        for arm, own in known.groupby("arm"):
            yield _mean((recipe, f"round_trip_{metric}", str(arm)), own, draws, rng)
    for arm, own in round_trip.pairs(table).groupby("arm"):
        real, decoded = own["real"].to_numpy(), own["decoded"].to_numpy()
        off = own.assign(value=np.abs(decoded - real) / np.maximum(np.abs(real), 1e-12))
        yield _mean((recipe, "round_trip_radiomics_error", str(arm)), off, draws, rng)
        found = round_trip.concordance(real, decoded, list(own["patient"]), draws, rng)
        yield Row(
            recipe, "round_trip_concordance", found.value, str(arm), found.low, found.high, len(own)
        )


def _mean(
    named: tuple[str, str, str], own: pd.DataFrame, draws: int, rng: np.random.Generator
) -> Row:
    """Return the mean of `value`; `named` are recipe, metric and arm."""
    recipe, metric, arm = named
    values, patients = own["value"].to_numpy(float), own["patient"].to_numpy(str)
    found = effects.mean(values, patients, draws, rng)
    return Row(recipe, metric, found.value, arm, found.low, found.high, len(values))
