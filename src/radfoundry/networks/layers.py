"""The networks that recipes and tasks train, as classes whose sizes are data.

A network maps tensors to tensors: it knows nothing of images on disk, losses or devices. 2D and 3D
share every class; `spatial_dims` says which. What MONAI has is taken from there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

GROUPS = 8  # of group normalization, where the channels allow it


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Let layers that ask for no generator (initial weights, dropout) draw from this one.

    PyTorch's own random state is put back afterwards, so nothing outside notices.
    """
    with torch.random.fork_rng():
        reseed(generator)
        yield


def reseed(generator: torch.Generator) -> None:
    """Set PyTorch's own random state, on every device, to a number drawn from the generator."""
    number = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    torch.set_rng_state(torch.Generator().manual_seed(number).get_state())
    if torch.cuda.is_initialized():
        state = torch.Generator("cuda").manual_seed(number).get_state()
        torch.cuda.set_rng_state_all([state] * torch.cuda.device_count())


class _Conv3d(nn.Conv3d):
    """A 3D convolution, padded with zeros, that is no slower for one volume than for two.

    On a CPU, PyTorch (2.13, `use_mkldnn`) gives a single small volume to a kernel of its own, which
    takes three to four times as long as oneDNN's (64 channels of 16^3: 51 ms, 14 ms).
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's name for it
        """Map (B, given, *space) to (B, made, *space)."""
        pads, lone = self.padding, input.ndim == 5 and len(input) == 1
        if isinstance(pads, str) or not lone or not _one_dnn_takes(input, self.weight):
            return super().forward(input)
        return torch.mkldnn_convolution(
            input, self.weight, self.bias, pads, self.stride, self.dilation, self.groups
        )


def _one_dnn_takes(*tensors: Tensor) -> bool:
    """Return whether oneDNN takes them as they are, and may be called by its name."""
    plain = all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
    watched = torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu")
    return plain and not watched and torch.backends.mkldnn.is_available()


def convolution(
    dims: int, given: int, made: int, side: int | Sequence[int] = 3, stride: int = 1
) -> nn.Module:
    """Return a convolution of 2 or 3 dimensions that divides the size by the stride.

    Args:
        dims: 2 or 3.
        given: Channels.
        made: Channels.
        side: Of the kernel, odd; one for all axes, or one for each.
        stride: Of every axis.
    """
    sides = (side,) * dims if isinstance(side, int) else tuple(side)
    kind: Any = nn.Conv2d if dims == 2 else _Conv3d
    return kind(given, made, sides, stride=stride, padding=tuple(n // 2 for n in sides))


def normalization(channels: int) -> nn.GroupNorm:
    """Return a group normalization with at most `GROUPS` groups."""
    groups = next(n for n in range(min(GROUPS, channels), 0, -1) if channels % n == 0)
    return nn.GroupNorm(groups, channels)


def zeroed(module: nn.Module) -> nn.Module:
    """Return the module with all its parameters 0, so that a residual branch starts silent."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class ResidualBlock(nn.Module):
    """Guided diffusion's residual block without its timestep: norm, SiLU, convolution, twice."""

    def __init__(self, spatial_dims: int, channels: tuple[int, int], dropout: float = 0.0) -> None:
        super().__init__()
        given, made = channels
        self.first = nn.Sequential(
            normalization(given),
            nn.SiLU(),
            convolution(spatial_dims, given, made),
        )
        self.second = nn.Sequential(
            normalization(made),
            nn.SiLU(),
            nn.Dropout(dropout),
            zeroed(convolution(spatial_dims, made, made)),
        )
        same = given == made
        self.past = nn.Identity() if same else convolution(spatial_dims, given, made, side=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, given, *space) to (B, made, *space)."""
        return self.past(features) + self.second(self.first(features))


def attention(spatial_dims: int, channels: int) -> nn.Module:
    """Return MONAI's spatial self-attention block."""
    # MONAI costs three seconds to import, and the smallest size does without attention.
    from monai.networks.blocks.spatialattention import SpatialAttentionBlock  # noqa: PLC0415

    groups = normalization(channels).num_groups
    return SpatialAttentionBlock(spatial_dims, channels, channels, norm_num_groups=groups)
