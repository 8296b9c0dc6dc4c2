"""What stages hand each other in memory: one case, real, phantom or drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from radfoundry.volume import Volume


@dataclass(frozen=True)
class Case:
    """One image with all that is known of it.

    Attributes:
        name: The case's id, or the sample's.
        image: Intensities: [0, 1] for radiographs, HU for CT.
        anatomy: uint8 ids of `labels.yaml` on the image's grid; 0 where nothing is known.
        findings: uint8 ids of findings on the image's grid; 0 where there is none.
        facts: The row of the table that names the case (patient, split, findings, site ...).
    """

    name: str
    image: Volume
    anatomy: np.ndarray
    findings: np.ndarray
    facts: Mapping[str, str] = field(default_factory=dict)
