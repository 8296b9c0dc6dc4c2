"""What draws masks, and what draws voxels into them: networks and baselines alike."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from radfoundry.generators.tscr.crops import Crop
from radfoundry.generators.tscr.features import Table


class Shapes(Protocol):
    """What draws masks: a network, or a baseline."""

    @property
    def table(self) -> Table:
        """What its scores mean."""

    def draw(
        self,
        scores: np.ndarray,
        known: np.ndarray,
        spacings_mm: Sequence[Sequence[float]],
        seeds: Sequence[int],
    ) -> np.ndarray:
        """Return regions (B, *crop) uint8 of scores (B, n) and of which of them are known."""


class Textures(Protocol):
    """What draws voxels into a crop's regions: a network, or a baseline."""

    def draw(
        self,
        crops: Sequence[Crop],
        scores: np.ndarray,
        known: np.ndarray,
        seeds: Sequence[int],
    ) -> Sequence[np.ndarray]:
        """Return the crops' images; where nothing is known, healthy tissue in the regions."""
