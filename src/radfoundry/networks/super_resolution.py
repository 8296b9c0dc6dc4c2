"""Super-resolution: what can be computed of the full grid, and a network that draws the rest.

Each coarse voxel and its neighbors predict the fine voxels inside it by linear regression, in
closed form. A wavelet network draws the residual, times `residual_scale`, and sees the regression
beside it; a pseudo-3D one (`residual_scale` 0) draws the channels themselves and sees the coarse
ones enlarged.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

RIDGE = 1e-3  # of the neighbors' mean square, per voxel
SIDE = 3  # neighbors along an axis


class SuperResolution(nn.Module):
    """A super-resolution network: a denoising one, and the regression that it starts from."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self, network: nn.Module, channels: int, factor: int, residual_scale: float
    ) -> None:
        """Wrap a network; until `measure` is called, each coarse voxel is repeated.

        Args:
            network: Draws (B, channels, *fine) and sees as many channels beside.
            channels: Of the pictures.
            factor: Fine voxels along an axis of a coarse one.
            residual_scale: Of what is drawn; 0 for a network that draws the channels themselves.
        """
        super().__init__()
        self.network, self.factor, self.residual_scale = network, factor, residual_scale
        made = channels * factor**3
        weight = torch.zeros(made, channels, SIDE, SIDE, SIDE)
        middle = SIDE // 2
        for row in range(made):
            weight[row, row // factor**3, middle, middle, middle] = 1
        self.register_buffer("weight", weight)
        self.register_buffer("bias", torch.zeros(made))

    def measure(self, fine: Tensor, coarse: Tensor) -> None:
        """Regress fine pictures (B, C, *fine) on coarse ones (B, C, *coarse)."""
        if not self.residual_scale:
            return
        square, product = fine.new_zeros(()), fine.new_zeros(())
        for one, other in zip(fine.split(1), coarse.split(1), strict=True):
            seen = _neighbors(other)
            square = square + seen.T @ seen
            product = product + seen.T @ _blocks(one, self.factor)
        unit = square.diagonal().mean() * torch.eye(len(square), device=square.device)
        found = torch.linalg.solve(square.double() + RIDGE * unit, product.double()).float()
        self.weight.copy_(found[:-1].T.reshape(self.weight.shape))
        self.bias.copy_(found[-1])

    def expected(self, coarse: Tensor) -> Tensor:
        """Return (B, C, *fine) what coarse pictures (B, C, *coarse) predict."""
        wide = functional.pad(coarse, [SIDE // 2] * 6, mode="replicate")
        made = functional.conv3d(wide, self.weight, self.bias)
        count, _, *sides = made.shape
        f = self.factor
        split = made.reshape(count, -1, f, f, f, *sides).permute(0, 1, 5, 2, 6, 3, 7, 4)
        return split.reshape(count, -1, *(side * f for side in sides))

    def beyond(self, fine: Tensor, expected: Tensor) -> Tensor:
        """Return what the network draws of fine pictures."""
        return self.residual_scale * (fine - expected) if self.residual_scale else fine

    def whole(self, drawn: Tensor, expected: Tensor) -> Tensor:
        """Return fine pictures of what was drawn: the inverse of `beyond`."""
        return expected + drawn / self.residual_scale if self.residual_scale else drawn

    def agreeing(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Return fine pictures (B, C, *fine) moved until the means of their blocks are `coarse`.

        A pseudo-3D network (`residual_scale` 0) is not held to them, as in the paper.
        """
        if not self.residual_scale:
            return fine
        off = coarse - functional.avg_pool3d(fine, self.factor)
        return fine + functional.interpolate(off, scale_factor=self.factor, mode="nearest")

    def forward(self, noisy: Tensor, times: Tensor, **condition: Any) -> Tensor:
        """Return the network's estimate."""
        return self.network(noisy, times, **condition)


def _neighbors(coarse: Tensor) -> Tensor:
    """Return (voxels, C x 27 + 1) each voxel of (1, C, *coarse) with its neighbors, and a 1."""
    wide = functional.pad(coarse, [SIDE // 2] * 6, mode="replicate")
    cut = wide.unfold(2, SIDE, 1).unfold(3, SIDE, 1).unfold(4, SIDE, 1)
    rows = cut.permute(0, 2, 3, 4, 1, 5, 6, 7).reshape(-1, coarse.shape[1] * SIDE**3)
    return torch.cat([rows, rows.new_ones(len(rows), 1)], 1)


def _blocks(fine: Tensor, factor: int) -> Tensor:
    """Return (voxels, C x factor^3) the fine voxels of (1, C, *fine) inside each coarse one."""
    cut = fine.unfold(2, factor, factor).unfold(3, factor, factor).unfold(4, factor, factor)
    return cut.permute(0, 2, 3, 4, 1, 5, 6, 7).reshape(-1, fine.shape[1] * factor**3)
