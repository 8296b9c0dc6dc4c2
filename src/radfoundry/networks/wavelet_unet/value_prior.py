"""What values a place takes: lung or wall, seldom something between.

The mean of many bodies is no body. Where the surface of the lungs may lie here or there, the best
linear estimate is a ghost of both. What was seen at a place in other bodies says which values are
likely there: the estimate is drawn towards them, the more the less certain it is.
"""

import torch
from torch import Tensor, nn

from radfoundry.networks.wavelet_unet.band_statistics import smoothed

RIDGE = 20.0  # cases that speak for no change by a text
FLOOR = 2e-3  # part of the whole picture's values among those of a place
LEAST = 1e-4  # of a variance and of a share


class ValuePrior(nn.Module):
    """How often each value is taken at each place, and how a text moves that."""

    values: Tensor
    spread: Tensor
    shares: Tensor
    shifts: Tensor

    def __init__(self, count: int, space: tuple[int, ...], read: int) -> None:
        """Make buffers for values in [-1, 1]; before `measure` all are alike.

        Args:
            count: Values that are told apart.
            space: (channels, *sides) of the pictures.
            read: Width of a text's features; 0 for none.
        """
        super().__init__()
        # Said here, since transformers may hide `linspace` from the context that names a device.
        place = torch.get_default_device()
        self.register_buffer("values", torch.linspace(-1, 1, count, device=place))
        self.register_buffer("spread", torch.ones(space))
        self.register_buffer("shares", torch.full((count, *space), 1 / count))
        self.register_buffer("shifts", torch.zeros(read, count, *space, dtype=torch.bfloat16))

    def measure(self, pictures: Tensor, text_features: Tensor | None) -> None:
        """Count values of pictures (B, channels, *sides), regressed on text features (B, read)."""
        last = len(self.values) - 1
        kinds = ((pictures.float() + 1) / 2 * last).round().long().clamp(0, last)
        self.spread.copy_(pictures.float().var(0).clamp_min(LEAST))
        solved = None
        if text_features is not None and text_features.shape[1]:
            square = text_features.T @ text_features
            unit = torch.eye(len(square), device=square.device)
            ridge = RIDGE * square.diagonal().mean() / len(text_features)
            solved = torch.linalg.solve(square + ridge * unit, text_features.T)
        for kind in range(last + 1):
            there = (kinds == kind).float()
            mean = there.mean(0)
            whole = mean.flatten(1).mean(1).reshape(-1, *[1] * (mean.ndim - 1))
            self.shares[kind] = near(mean[None])[0] + FLOOR * whole + LEAST
            if solved is not None:
                moved = (solved @ (there - mean).flatten(1)).reshape(-1, *mean.shape)
                self.shifts[:, kind] = near(moved).to(self.shifts.dtype)
        self.shares /= self.shares.sum(0)

    def forward(self, estimate: Tensor, variance: Tensor, text_features: Tensor) -> Tensor:
        """Return (B, *space) the estimate, drawn towards the values that are likely.

        Args:
            estimate: (B, *space), linear.
            variance: (B, *space), of its error.
            text_features: (B, read), zeros for no text.
        """
        shares = self.shares
        if text_features.shape[1] and self.shifts.shape[0]:
            moved = text_features.to(self.shifts.dtype) @ self.shifts.flatten(1)
            shares = (shares + moved.float().reshape(-1, *shares.shape)).clamp_min(LEAST)
        # An estimate that knows nothing of the place is its mean, which is right as it is.
        width = ((self.values[1] - self.values[0]) / 2) ** 2
        known = (variance * (1 - variance / self.spread).clamp(0, 1))[:, None]
        values = self.values.reshape(1, -1, *[1] * (estimate.ndim - 1))
        off = estimate[:, None] - values
        likely = torch.addcmul(shares.log(), off.square(), -0.5 / (width + known)).softmax(1)
        # Each value's own mean is drawn from the estimate as far as values are told apart.
        drawn = torch.tensordot(likely, self.values.to(likely), ([1], [0]))
        share = (width / (width + known))[:, 0]
        return drawn + share * (estimate - drawn)


def near(shares: Tensor) -> Tensor:
    """Return (n, *space) mixed with the means of neighborhoods: few cases say little of a place."""
    once = smoothed(shares)
    return 0.45 * shares + 0.4 * once + 0.15 * smoothed(smoothed(once))
