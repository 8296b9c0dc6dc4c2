"""Networks as drawing wants them: told how their channels are read, where that was calibrated."""

from collections.abc import Sequence
from pathlib import Path

from _cases import read_all

from radfoundry import weights
from radfoundry.data import thresholds


def learned(folders: Sequence[str], curves: Sequence[str], told: str) -> dict[str, weights.Weights]:
    """Return networks at rest by name.

    Args:
        folders: Of the networks.
        curves: Table of `channels` of the tune split; none where nothing is calibrated.
        told: The network that carries the thresholds; "" where nothing is calibrated.
    """
    found = {Path(folder).name: weights.read(folder) for folder in folders}
    if not curves:
        return found
    return thresholds.told(found, told, thresholds.chosen(read_all(curves, "channels")))
