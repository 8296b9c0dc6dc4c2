"""Random batches of picture pairs, altered so that a network learns disease and not the scanner.

Whatever is altered is altered in the normal picture, the anomalous one and the mask alike. All
chance comes from one generator on the CPU, so that a batch is the same on every device.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def resized(pictures: Sequence[np.ndarray], side: int | tuple[int, ...]) -> Tensor:
    """Return pictures of one shape as (n, 1, rows, columns), averaged or interpolated to a size.

    Args:
        pictures: (rows, columns) each, at least one.
        side: Of the square to return, or its rows and columns.
    """
    stack = torch.from_numpy(np.stack(pictures)[:, None].astype(np.float32))
    shape = (side, side) if isinstance(side, int) else (side[0], side[1])
    if stack.shape[2:] == shape:
        return stack
    if stack.shape[2] % shape[0] == 0 and stack.shape[3] % shape[1] == 0:
        return functional.adaptive_avg_pool2d(stack, shape)
    return functional.interpolate(stack, shape, mode="bilinear", antialias=True)


def altered_batch(
    pool: Sequence[Tensor], options: Mapping, generator: torch.Generator
) -> list[Tensor]:
    """Return normal pictures, inputs and masks of a random batch.

    Args:
        pool: Normal pictures, anomalous ones and masks, (n, 1, rows, columns) each.
        options: `batch` (pictures), `normal_fraction` (inputs without their anomaly) and
            `augment`, the extent of each alteration: see the functions below.
        generator: On the CPU.

    Returns:
        Three tensors (batch, 1, rows, columns).
    """
    n, device, augment = options["batch"], pool[0].device, options["augment"]
    chosen = torch.randint(len(pool[0]), (n,), generator=generator).to(device)
    normal, given, mask = (part[chosen] for part in pool)
    change = (given - normal) * (1 + _symmetric(n, generator, device) * augment["strength"])
    healthy = _uniform(n, generator, device) < options["normal_fraction"]
    change, mask = torch.where(healthy, 0, change), torch.where(healthy, 0, mask)
    # An anomaly is also seen on another's picture: so that few pictures make many pairs.
    swap = _uniform(n, generator, device) < augment["exchange"]
    change = torch.where(swap, change.roll(1, 0), change)
    mask = torch.where(swap, mask.roll(1, 0), mask)
    given = (normal + change).clamp(0, 1)
    normal, given, mask = moved([normal, given, mask], augment, generator)
    normal, given = developed([normal, given], augment, generator)
    return [normal, given, (mask > 0.5).float()]


def moved(pictures: Sequence[Tensor], augment: Mapping, generator: torch.Generator) -> list[Tensor]:
    """Return pictures mirrored, turned, zoomed and shifted at random, all of one item alike.

    Args:
        pictures: (n, 1, rows, columns) each; 0 comes in at the border.
        augment: `flip` (chance); `turn_deg`, `zoom` and `shift` (fractions of the picture): the
            largest either way.
        generator: On the CPU.
    """
    n, device = len(pictures[0]), pictures[0].device
    angle = _symmetric(n, generator, device).flatten() * math.radians(augment["turn_deg"])
    zoom = torch.exp(_symmetric(n, generator, device).flatten() * augment["zoom"])
    mirror = 1 - 2 * (_uniform(n, generator, device).flatten() < augment["flip"]).float()
    shift = 2 * augment["shift"] * (2 * torch.rand((n, 2), generator=generator).to(device) - 1)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = [torch.stack([cos * mirror, -sin, shift[:, 0]], 1)]
    rows += [torch.stack([sin * mirror, cos, shift[:, 1]], 1)]
    joined = torch.cat(list(pictures), 1)
    grid = functional.affine_grid(torch.stack(rows, 1), list(joined.shape), align_corners=False)
    turned = functional.grid_sample(joined, grid, align_corners=False)
    return list(turned.split(1, 1))


def developed(
    pictures: Sequence[Tensor], augment: Mapping, generator: torch.Generator
) -> list[Tensor]:
    """Return pictures as other scanners might show them, all of one item alike.

    Args:
        pictures: (n, 1, rows, columns) each, in [0, 1].
        augment: `gamma` (the logarithm of the exponent), `contrast` and `brightness`: the largest
            either way; `noise`, the largest standard deviation. It is the scanner's: the same
            noise is in all pictures of an item.
        generator: On the CPU.
    """
    n, device = len(pictures[0]), pictures[0].device
    power = torch.exp(_symmetric(n, generator, device) * augment["gamma"])
    gain = torch.exp(_symmetric(n, generator, device) * augment["contrast"])
    offset = _symmetric(n, generator, device) * augment["brightness"]
    # Low noise is as common as high noise: the square of the draw, not the draw.
    grain = torch.randn(pictures[0].shape, generator=generator).to(device)
    grain = grain * augment["noise"] * _uniform(n, generator, device) ** 2
    return [0.5 + gain * (image.clamp(0, 1) ** power - 0.5) + offset + grain for image in pictures]


def _uniform(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.rand((n, 1, 1, 1), generator=generator).to(device)


def _symmetric(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    return 2 * _uniform(n, generator, device) - 1
