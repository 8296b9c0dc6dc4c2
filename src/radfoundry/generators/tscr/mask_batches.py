"""Batches of masks' fields with what is told of them: turned over, and parts left untold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


class MaskBatches:
    """Draws batches; every mirror image of a lesion has the same measurements."""

    def __init__(
        self, fields: Tensor, scores: Tensor, known: Tensor, card: Mapping[str, Any]
    ) -> None:
        """Keep the examples.

        Args:
            fields: (N, C, *coarse) of all lesions.
            scores: (N, n + axes), the last ones lengths of voxels.
            known: (N, n + axes) bool.
            card: `batch`; `unknown`, the chance that a lesion is drawn from nothing but the length
                of voxels, and `partial`, that only a random part of the rest is told.
        """
        self.fields, self.scores, self.known = fields, scores, known
        self.batch = int(card["batch"])
        self.unknown, self.partial = float(card["unknown"]), float(card["partial"])
        self.axes = fields.ndim - 2

    def told(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores (N, n) of all lesions, without lengths, and what is known of them."""
        return self.scores[:, : -self.axes].numpy(), self.known[:, : -self.axes].numpy()

    def __call__(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Return `clean` (B, C, *coarse), `scores` and `known` (B, n + axes), `true` as measured.

        `known` is what is told, `measured` what could be.
        """
        rows = torch.randint(len(self.fields), (self.batch,), generator=generator)
        known = self.known[rows]
        return {
            "clean": self._mirrored(self.fields[rows], generator),
            "scores": self.scores[rows],
            "known": known & self._told(known.shape, generator),
            "measured": known,
        }

    def _mirrored(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        flips = torch.rand((len(fields), self.axes), generator=generator) < 0.5
        turned = [
            one.flip([axis + 1 for axis in range(self.axes) if over[axis]])
            for one, over in zip(fields, flips, strict=True)
        ]
        return torch.stack(turned)

    def _told(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """Return what is told (B, n + axes): all, a part of random size, or lengths alone."""
        count, values = shape[0], shape[1] - self.axes
        luck, share, each = (
            torch.rand((count, width), generator=generator) for width in (1, 1, values)
        )
        part = (each < share) | (luck >= self.unknown + self.partial)
        told = part & (luck >= self.unknown)
        return torch.cat([told, torch.ones(count, self.axes, dtype=torch.bool)], 1)
