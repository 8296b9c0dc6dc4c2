"""What networks are shown of a chest CT: the window of its HU, and shifted copies in training."""

import torch
from torch import Tensor
from torch.nn import functional

WINDOW_HU = (-1024.0, 600.0)  # becomes [-1, 1]; beyond it the image is cut


def shifted(pictures: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Return pictures (B, C, X, Y, Z), each shifted by up to `reach` voxels along each axis.

    What lies beyond a border repeats it. Never mirrored: right is right.
    """
    sides, count, device = pictures.shape[2:], len(pictures), generator.device
    drawn = torch.randint(2 * reach + 1, (count, 3), generator=generator, device=device)
    wide = functional.pad(pictures, [reach] * 6, mode="replicate")
    out = []
    for picture, corner in zip(wide, drawn.tolist(), strict=True):
        cut = (slice(start, start + side) for start, side in zip(corner, sides, strict=True))
        out.append(picture[(slice(None), *cut)])
    return torch.stack(out)
