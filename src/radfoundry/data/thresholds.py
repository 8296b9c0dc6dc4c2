"""Choose from which value on a drawn channel shows its structure: where real labels agree best.

A network draws the mean of what it cannot tell: an airway that fills half of a voxel, or a vessel
that may lie beside it, stays below the middle between "none" and "all". So each channel is read at
the threshold at which shapes drawn beside given images of the tune split agree best with their
labels (Dice). No test case is looked at. A generator names in THRESHOLDS the network whose card
carries them: from there they go wherever the network goes.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from radfoundry.data.channels import LEVELS, MIDWAY
from radfoundry.weights import Weights

FEWEST = 4  # cases that show a structure: below it, the threshold stays midway
MOST = 16  # cases that are drawn: a curve of means hardly moves with more
STEP = 0.05
_TREES = tuple(float(value) for value in np.round(np.arange(-0.95, 0.5 + STEP / 2, STEP), 2))
# By channel, from fewest to most that must be drawn. Lobes: below the lowest level of a lobe.
CANDIDATES: Mapping[str, tuple[float, ...]] = {
    "lobes": tuple(value for value in _TREES if value < min(LEVELS.values())),
    "airway": _TREES,
    "vessel": _TREES,
}


def chosen(table: pd.DataFrame) -> dict[str, float]:
    """Return the best threshold of each channel.

    Args:
        table: Rows of the table `channels`, of cases of the tune split.

    Returns:
        By channel; of equals the one nearest to midway. A channel that fewer than `FEWEST` cases
        show, or that no threshold makes agree at all, is left out: it stays at `channels.MIDWAY`.
    """
    out = {}
    for name, rows in table[table["dice"].notna()].groupby("channel"):
        means = rows.groupby("threshold")["dice"].mean()
        best = means[means == means.max()].index.to_numpy()
        if rows["case"].nunique() >= FEWEST and means.max() > 0:
            midway = getattr(MIDWAY, str(name))
            out[str(name)] = float(best[np.abs(best - midway).argmin()])
    return out


def told(
    weights: Mapping[str, Weights], network: str, thresholds: Mapping[str, float]
) -> dict[str, Weights]:
    """Return networks at rest of which one says on its card how its channels are read.

    Thresholds that it came with, from elsewhere, stay where no other is given.

    Args:
        weights: By name; they are left alone.
        network: Which of them is told.
        thresholds: By channel, as `chosen` returns them.
    """
    own = weights[network]
    card = {**own.card, "thresholds": {**own.card.get("thresholds", {}), **thresholds}}
    return {**weights, network: Weights(own.state, card)}
