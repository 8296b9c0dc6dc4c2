"""Named numbers as a condition: one token for each, and all of them as one vector.

Any of them may be unknown. In the vector those are what the known ones lead one to expect, for a
network that is asked for few of a hundred values which go together, and has seen tens of cases,
cannot learn from these what each says by itself. A row that knows none reads a learned token.
"""

import torch
from torch import Tensor, nn

COMPONENTS = 12  # of the values, that the vector is made from
NOISE = 0.1  # variance of a value that its companions need not explain


class ValueTokens(nn.Module):
    """Standardized values, such as radiomics, as tokens and as a vector."""

    covariance: Tensor
    axes: Tensor

    def __init__(self, values: int, width: int, made: int, facts: int = 0) -> None:
        """Make the layers.

        Args:
            values: How many there are.
            width: Of a token.
            made: Of the vector.
            facts: How many more numbers the vector is made from, which are always known.
        """
        super().__init__()
        self.names = nn.Parameter(torch.randn(values, width) * width**-0.5)
        self.slopes = nn.Parameter(torch.randn(values, width) * width**-0.5)
        self.nothing = nn.Parameter(torch.randn(1, width) * width**-0.5)
        count = min(COMPONENTS, values)
        given = count + 1 + facts
        self.linear = nn.Linear(given, made)  # beside the layers, whose output is small at first
        self.vector = nn.Sequential(nn.Linear(given, made), nn.SiLU(), nn.Linear(made, made))
        self.register_buffer("covariance", torch.eye(values))
        self.register_buffer("axes", torch.eye(values)[:, :count])

    @torch.no_grad()
    def measure(self, values: Tensor, known: Tensor) -> None:
        """Take how values go together from those of the training cases.

        Args:
            values: (n, values) standardized.
            known: (n, values) bool.
        """
        told = torch.where(known, values, 0).double()
        pairs = known.double().T @ known.double()
        found = (told.T @ told) / pairs.clamp_min(1)
        found.diagonal().clamp_(min=NOISE)
        powers, axes = torch.linalg.eigh(found)
        powers = powers.clamp_min(0)  # pairs of which not all are known may make it none
        self.covariance.copy_((axes * powers) @ axes.T)
        count = self.axes.shape[1]
        strongest = axes.flip(1)[:, :count] / (powers.flip(0)[:count] + NOISE).sqrt()
        self.axes.copy_(strongest)

    def expected(self, values: Tensor, known: Tensor) -> Tensor:
        """Return values (B, n), the unknown ones as the known ones lead one to expect."""
        told, mask = torch.where(known, values, 0).to(self.covariance), known.to(self.covariance)
        own = self.covariance * mask[:, :, None] * mask[:, None]
        own = own + torch.diag_embed(torch.where(known, NOISE, 1.0).to(own))
        guess = torch.linalg.solve(own, told[..., None])[..., 0] * mask @ self.covariance
        return torch.where(known, told, guess)

    def forward(self, values: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return tokens, which of them are read, and the vector.

        Args:
            values: (B, n + facts) standardized; the n read only where they are known.
            known: (B, n) bool.

        Returns:
            (B, n + 1, width), bool (B, n + 1) and (B, made). The last token is read where no
            value is known, and only there.
        """
        values, facts = values[:, : known.shape[1]], values[:, known.shape[1] :]
        told = torch.where(known, values, 0).to(self.names)
        tokens = self.names + told[..., None] * self.slopes
        tokens = torch.cat([tokens, self.nothing.expand(len(told), -1, -1)], 1)
        nothing = ~known.any(1, keepdim=True)
        seen = torch.cat([self.expected(values, known) @ self.axes, nothing, facts], 1)
        seen = seen.to(told)
        return tokens, torch.cat([known, nothing], 1), self.linear(seen) + self.vector(seen)
