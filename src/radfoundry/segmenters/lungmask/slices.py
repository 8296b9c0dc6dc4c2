"""Axial slices of a CT for two-dimensional networks, and such networks widened."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from radfoundry.segmenters import _phantom_training

NOISE = 0.01  # added to gray values in [0, 1]


def slices(voxels: np.ndarray) -> np.ndarray:
    """Return RAS+ voxels (X, Y, Z) as slices (Z, rows, columns) seen from the feet.

    Row 0 is the front of the patient, column 0 the patient's right: LPS, as lungmask wants them.
    """
    return np.ascontiguousarray(voxels[::-1, ::-1].transpose(2, 1, 0))


def voxels(slices: np.ndarray) -> np.ndarray:
    """Return slices (Z, rows, columns) as RAS+ voxels (X, Y, Z): the inverse of `slices`."""
    return np.ascontiguousarray(slices.transpose(2, 1, 0)[::-1, ::-1])


def draw(
    seen: Sequence[tuple[Tensor, Tensor]], batch: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return slices (B, 1, rows, columns) with noise, and labels (B, rows, columns).

    Slices have their channels last: narrow networks train in half the time.

    Args:
        seen: Of each case gray values in [0, 1] and labels, both (N, rows, columns).
        batch: How many to draw.
        generator: The source of all chance; the batch is on its device.
    """
    device = generator.device
    images, labels = [], []
    for _ in range(batch):
        gray, marks = seen[_phantom_training.below(len(seen), generator)]
        at = _phantom_training.below(len(gray), generator)
        images.append(gray[at].float())
        labels.append(marks[at].long())
    pictures = torch.stack(images)[:, None].to(device)
    noise = torch.randn(pictures.shape, generator=generator, device=device)
    seen_as = (pictures + NOISE * noise).contiguous(memory_format=torch.channels_last)
    return seen_as, torch.stack(labels).to(device)


@torch.no_grad()
def settle(network: nn.Module, images: Iterable[Tensor]) -> None:
    """Give a network's batch normalization the mean and variance of all these batches, in place.

    The averages kept while training lag behind weights that still change, or were averaged.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    network.train()
    for batch in images:
        network(batch)
    network.eval()


def widened(state: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a narrow U-Net's tensors in the shape of a wide one of its kind, to the same effect.

    Further channels are 0 everywhere: their weights and offsets are 0, and nobody listens to them.

    Args:
        state: Of the narrow network; after each way up, `conv_block` joins two stages.
        like: The wide network's state: names, their order and shapes.
    """
    out = {}
    for name, wide in like.items():
        narrow = state[name]
        fresh = torch.ones_like(wide) if name.endswith("running_var") else torch.zeros_like(wide)
        if narrow.ndim == 0:
            fresh = narrow.clone()
        elif narrow.ndim == 4 and ".conv_block.block.0." in name:  # sees two stages, one by one
            half, far = narrow.shape[1] // 2, wide.shape[1] // 2
            fresh[: narrow.shape[0], :half] = narrow[:, :half]
            fresh[: narrow.shape[0], far : far + half] = narrow[:, half:]
        else:
            fresh[tuple(slice(n) for n in narrow.shape)] = narrow
        out[name] = fresh
    return out
