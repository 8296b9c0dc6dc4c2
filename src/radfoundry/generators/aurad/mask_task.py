"""What the network of masks is taught: those of findings, given the organs and what is said.

A picture has a channel for each finding that the vocabulary has for the chest, so that several are
drawn at once and learn what they have to do with each other. A value is twice the share of a cell
that the finding covers, less 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radfoundry.case import Case
from radfoundry.generators._radiographs import latents, maps, words
from radfoundry.generators._radiographs.latents import Grid
from radfoundry.generators._radiographs.maps import Shown
from radfoundry.generators._radiographs.task import Said, Task, facts_of, said_of, with_dropped
from radfoundry.weights import Weights

NO_MASK = "no training case has a mask of each finding that is stated of it, and any: {count} cases"
FIRST = len(maps.ORGANS)  # channel of the maps with which findings begin


def grid_of(card: Mapping[str, Any]) -> Grid:
    """Return the grid that a network of masks draws on; of its card `factor` and `blocks`."""
    return Grid([int(card["factor"])] * 2, int(card["blocks"]))


class MaskTask(Task):
    """Batches of masks with the organs and what is said of the case."""

    def __init__(
        self,
        cases: Sequence[Case],
        options: Mapping[str, Any],
        encoder: Weights | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        """Keep the masks of the cases whose findings all have one; of healthy cases there is none.

        Args:
            cases: Radiographs of one grid.
            options: Of the network, see `options.of_masks`, with `blocks`.
            encoder: The text encoder; None trains without text.
            device: Where prompts are encoded.

        Raises:
            ValueError: There is no such case with a finding; cases are of several grids.
        """
        latents.one_grid(cases)
        self.grid = grid_of(options)
        _, values, known = latents.maps_of_cases(cases, self.grid)
        rows = known[:, FIRST:].all(1).nonzero()[:, 0]
        values, known, said = values[rows], known[rows], said_of(cases, options["wording"])
        if not values[:, FIRST:].any():
            raise ValueError(NO_MASK.format(count=len(cases)))
        shown = Shown(maps.ORGANS, values[:, :FIRST], known[:, :FIRST])
        each = [words.findings_of(facts) for facts in facts_of(cases)]
        stated = words.stated([each[row] for row in rows.tolist()])
        said = Said([said.prompts[row] for row in rows.tolist()], stated)
        super().__init__(2 * values[:, FIRST:] - 1, said, shown, options, encoder, device)

    def previewed(self, count: int) -> dict[str, Tensor]:
        """Return the condition of the first ill cases; see `Task`."""
        ill = (self.pictures > 0).flatten(1).any(1).nonzero()[:, 0]
        _, condition = self.ready(ill.repeat(count)[:count])
        given = condition.pop("maps"), condition.pop("known")
        return {**condition, "concat": with_dropped(*given, 0.0, torch.Generator())}

    def seen(self, drawn: Tensor) -> np.ndarray:
        """Return how likely any finding is at each pixel; see `Task`."""
        sides = [side * step for side, step in zip(drawn.shape[2:], self.grid.factors, strict=True)]
        return (self.grid.decode(drawn, sides).amax(1).clamp(-1, 1).numpy() + 1) / 2
