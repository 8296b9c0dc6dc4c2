"""How well a drawn channel agrees with real labels, at each threshold that it may be read at."""

from collections.abc import Iterator

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.data import channels
from radfoundry.data.thresholds import CANDIDATES
from radfoundry.evaluation.metrics.overlap import dice

COLUMNS = ("case", "patient", "channel", "threshold", "dice")
STRUCTURES = {"lobes": "lungs", "airway": "airway", "vessel": "lung_vessel"}  # by channel


def curves(case: Case, drawn: np.ndarray) -> Iterator[tuple[str, str, str, float, float]]:
    """Yield a row of `COLUMNS` for each threshold of each channel but the image.

    Of the lobes it is the lungs, all lobes together, that a threshold decides on. A structure that
    the labels do not show has no Dice: NaN.

    Args:
        case: With its labels and the fact `patient`.
        drawn: (C, X, Y, Z) channels that were drawn beside the image of the case; (1, X, Y, Z) for
            networks that draw the image alone, which give no rows.

    Raises:
        ValueError: The channels are not on the grid of the case.
    """
    if drawn.shape[1:] != case.anatomy.shape:
        raise ValueError(f"{case.name} is {case.anatomy.shape}, its channels {drawn.shape[1:]}")
    ignored = case.anatomy == regions.vocabulary().ignore
    for name, channel in zip(channels.NAMES[1:], drawn[1:], strict=False):
        truth = regions.mask(case.anatomy, STRUCTURES[name])
        for threshold in CANDIDATES[name]:
            found = channels.shown(name, channel, threshold)
            value = dice(found, truth, ignored) if truth.any() else float("nan")
            yield case.name, str(case.facts["patient"]), name, threshold, value
