"""What MedSyn's paper (Xu et al. 2024) reports, to stand beside rows of the same arms of ours.

A system is a way of drawing that the paper has: medsyn itself, generic_text (a text encoder that
was not trained on reports of this field), without_shapes (the image drawn alone), wgan.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from radfoundry.evaluation.metrics import effects

NAN = float("nan")
MEDSYN = "medsyn"
VOLUMES = 32  # of each prompt


class PromptArms(NamedTuple):
    """Means and standard deviations with the finding in the prompt, and without.

    Attributes:
        tested: Whether the paper says that p is below 0.05.
    """

    means: tuple[float, float]
    spreads: tuple[float, float]
    tested: bool = True


# Effusion in L, emphysema in % of the lungs below -950 HU, cardiomegaly as cardiothoracic ratio.
EFFECTS: Mapping[str, Mapping[str, PromptArms]] = {
    MEDSYN: {
        "pleural_effusion": PromptArms((1.73, 0.00), (0.22, 0.00)),
        "emphysema": PromptArms((1.4, 0.019), (3.5, 0.018)),
        "cardiomegaly": PromptArms((0.75, 0.48), (0.24, 0.06)),
    },
    "generic_text": {"pleural_effusion": PromptArms((0.0024, 0.0006), (0.0059, 0.0014), False)},
}
AIRWAYS_CM3 = {MEDSYN: 33.4, "without_shapes": 19.9, "wgan": 10.7}
REAL_AIRWAYS_CM3 = 45.8
SEGMENTED: Mapping[str, Mapping[str, float]] = {  # Dice of medsyn
    "airway": {"with_text": 0.75, "without_text": 0.70},
    "lobes": {"with_text": 0.77, "without_text": 0.69},
}
DISTANCES: Mapping[str, Mapping[str, float]] = {
    "fid": {MEDSYN: 0.009, "wgan": 0.070},
    "mmd": {MEDSYN: 0.019, "wgan": 0.094},
}


def effect(system: str, finding: str) -> PromptArms | None:
    """Return what a system's prompts of a finding did; None where the paper does not say."""
    return EFFECTS.get(system, {}).get(finding)


def size(pair: PromptArms | None) -> float:
    """Return Hedges' g of a pair from its means and deviations; NaN for none.

    >>> round(size(PromptArms((0.75, 0.48), (0.24, 0.06))), 2)
    1.52
    """
    if pair is None:
        return NAN
    first, second = (
        (np.array(mean), np.array(spread**2), np.array(float(VOLUMES)))
        for mean, spread in zip(pair.means, pair.spreads, strict=True)
    )
    means, variances, counts = zip(first, second, strict=True)
    return float(effects.hedges(means, variances, counts))


def dice(system: str, structure: str, arm: str) -> float:
    """Return the Dice of a segmentation `with_text` or `without_text`; NaN where none is stated."""
    return SEGMENTED.get(structure, {}).get(arm, NAN) if system == MEDSYN else NAN
