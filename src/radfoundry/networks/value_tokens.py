"""Named numbers as a condition: one token for each, and all of them as one vector.

Any of them may be unknown. A row that knows none reads a learned token that stands for nothing.
"""

import torch
from torch import Tensor, nn


class ValueTokens(nn.Module):
    """Standardized values, such as radiomics, as tokens and as a vector."""

    def __init__(self, values: int, width: int, made: int) -> None:
        """Make the layers.

        Args:
            values: How many there are.
            width: Of a token.
            made: Of the vector.
        """
        super().__init__()
        self.names = nn.Parameter(torch.randn(values, width) * width**-0.5)
        self.slopes = nn.Parameter(torch.randn(values, width) * width**-0.5)
        self.nothing = nn.Parameter(torch.randn(1, width) * width**-0.5)
        self.vector = nn.Sequential(
            nn.Linear(2 * values, made), nn.SiLU(), nn.Linear(made, made)
        )  # fmt: skip

    def forward(self, values: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return tokens, which of them are read, and the vector.

        Args:
            values: (B, n) standardized; read only where they are known.
            known: (B, n) bool.

        Returns:
            (B, n + 1, width), bool (B, n + 1) and (B, made). The last token is read where no
            value is known, and only there.
        """
        told = torch.where(known, values, 0).to(self.names)
        tokens = self.names + told[..., None] * self.slopes
        tokens = torch.cat([tokens, self.nothing.expand(len(told), -1, -1)], 1)
        mask = torch.cat([known, ~known.any(1, keepdim=True)], 1)
        return tokens, mask, self.vector(torch.cat([told, known.to(told)], 1))
