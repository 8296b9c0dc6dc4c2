"""Numbers of which any may be missing, as a network reads them: one token each, and one vector.

As XReal's and RadiomicsFill's networks read tables of which cells are empty: what is not stated is
a learned token of its own, not the mean value.
"""

import torch
from torch import Tensor, nn

SPREAD = 0.5  # of the tokens at first


class ValueEmbedding(nn.Module):
    """Tokens (B, n, width) and a vector (B, width) of scores (B, n) of which some are known."""

    def __init__(self, count: int, width: int, depth: int = 2) -> None:
        """Make the layers.

        Args:
            count: Scores.
            width: Of tokens and of the vector.
            depth: Linear layers that the vector comes through.
        """
        super().__init__()
        self.direction = nn.Parameter(SPREAD * torch.randn(count, width))
        self.name = nn.Parameter(SPREAD * torch.randn(count, width))
        self.missing = nn.Parameter(SPREAD * torch.randn(count, width))
        layers: list[nn.Module] = [nn.Linear(2 * count, width)]
        for _ in range(depth - 1):
            layers += [nn.SiLU(), nn.Linear(width, width)]
        self.layers = nn.Sequential(*layers)

    def forward(self, scores: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens and vector; `known` (B, n) says which scores count."""
        shown = known.to(self.direction)
        scores = scores.to(self.direction) * shown
        stated = scores[..., None] * self.direction + self.name
        tokens = torch.where(known[..., None].bool(), stated, self.missing)
        return tokens, self.layers(torch.cat([scores, shown], -1))
