"""Domain randomization of radiographs: phantoms randomized so that real films look like one more.

Pictures are tensors (B, 1, S, S) in [0, 1], masks (B, K, S, S) of 0 and 1; all chance comes from a
`torch.Generator` on their device. Nothing is changed in place.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

PADDING = 2 / 255
NORMALIZATION_REACH = 0.14  # of local normalization, as a fraction of the canvas


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Return numbers evenly spread over an interval."""
    draws = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * draws


def one_in(shape: tuple[int, ...], share: float, generator: torch.Generator) -> Tensor:
    """Return ones for a share of the entries, zeros for the others."""
    return (uniform(shape, 0, 1, generator) < share).float()


def clouds(count: int, size: int, coarse: int, generator: torch.Generator) -> Tensor:
    """Return smooth random fields (count, 1, size, size), standard normal at coarse nodes."""
    nodes = torch.randn(count, 1, coarse, coarse, generator=generator, device=generator.device)
    return functional.interpolate(nodes, size=(size, size), mode="bicubic", align_corners=True)


def film(pictures: Tensor) -> Tensor:
    """Return the exposed box of each picture as ones (B, 1, S, S)."""
    exposed = pictures > PADDING
    rows, columns = exposed.any(3, keepdim=True), exposed.any(2, keepdim=True)
    return (_filled(rows, 2) & _filled(columns, 3)).float()


def _filled(marks: Tensor, dim: int) -> Tensor:
    ahead = marks.int().cummax(dim).values
    behind = marks.flip(dim).int().cummax(dim).values.flip(dim)
    return (ahead & behind).bool()


def locally_normalized(pictures: Tensor) -> Tensor:
    """Return what the network sees (B, 2, S, S): local contrast, and where there is film.

    Mean and deviation are taken over a Gaussian neighborhood within the film, at a quarter of the
    resolution; contrast is clipped to 2.5 deviations.
    """
    shown, side = film(pictures), pictures.shape[-1]
    coarse = [
        functional.avg_pool2d(layer, 4) for layer in (shown, pictures * shown, pictures**2 * shown)
    ]
    share, mean, square = (blurred(layer, NORMALIZATION_REACH * side / 4) for layer in coarse)
    mean, square = mean / (share + 1e-3), square / (share + 1e-3)
    spread = (square - mean**2).clamp_min(0).sqrt()
    mean, spread = (
        functional.interpolate(layer, size=(side, side), mode="bilinear", align_corners=False)
        for layer in (mean, spread)
    )
    local_contrast = ((pictures - mean) / (spread + 0.02)).clamp(-2.5, 2.5) * shown
    return torch.cat([local_contrast, shown], 1)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Return pictures under a Gaussian (pixels), zero beyond the canvas."""
    reach = math.ceil(2.5 * sigma)
    at = torch.arange(-reach, reach + 1, device=pictures.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum()).to(pictures.dtype)
    channels = pictures.shape[1]
    down = kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    across = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    smooth = functional.conv2d(pictures, down, padding=(reach, 0), groups=channels)
    return functional.conv2d(smooth, across, padding=(0, reach), groups=channels)


def randomized(
    pictures: Tensor, masks: Tensor, lungs: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return pictures and masks as another patient, posture, detector and hand would give them.

    Args:
        pictures: (B, 1, S, S).
        masks: (B, K, S, S), what the network is to find; cut to the film like the pictures.
        lungs: (B, 1, S, S), where opacities may be laid.
        generator: The source of all chance.
    """
    layers = moved(torch.cat([pictures, lungs, masks], 1), generator)
    pictures, lungs, masks = layers[:, :1], layers[:, 1:2], layers[:, 2:]
    pictures = developed(clouded(pictures, lungs, generator), generator)
    pictures = covered(pictures, generator)
    shown = collimated(lungs, generator)
    return pictures.clamp(0, 1) * shown, (masks > 0.5).float() * shown


def moved(layers: Tensor, generator: torch.Generator) -> Tensor:
    """Return layers turned, sheared, scaled, shifted, mirrored and bent, all alike in one case."""
    count, size = layers.shape[0], layers.shape[-1]
    turn = uniform((count,), -0.2, 0.2, generator)
    zoom = uniform((count, 2), 0.0, 1.0, generator)
    scale = torch.exp(math.log(0.65) + zoom[:, :1] * math.log(1.45 / 0.65)) * (
        0.9 + 0.2 * zoom[:, 1:] * torch.tensor([1.0, -1.0], device=layers.device)
    )
    mirror = 1 - 2 * one_in((count,), 0.5, generator)
    shift = uniform((count, 2), -0.12, 0.12, generator)
    shear = uniform((count,), -0.12, 0.12, generator)
    cosine, sine = torch.cos(turn), torch.sin(turn)
    first = torch.stack([cosine * mirror, (shear - sine), shift[:, 0]], 1) * scale[:, :1]
    second = torch.stack([sine * mirror, cosine, shift[:, 1]], 1) * scale[:, 1:]
    grid = functional.affine_grid(
        torch.stack([first, second], 1), [count, 1, size, size], align_corners=False
    )
    bend = torch.cat([clouds(count, size, 6, generator), clouds(count, size, 6, generator)], 1)
    grid = grid + uniform((count, 1, 1, 1), 0, 0.035, generator) * bend.permute(0, 2, 3, 1)
    return functional.grid_sample(layers, grid, align_corners=False)


def clouded(pictures: Tensor, lungs: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures with dense patches in some lungs, and gas and fat in some abdomens."""
    count, size = pictures.shape[0], pictures.shape[-1]
    each = (count, 1, 1, 1)
    cloud = clouds(count, size, 5, generator) + 0.4 * clouds(count, size, 16, generator)
    patch = torch.sigmoid(
        (cloud - uniform(each, 0.2, 1.6, generator)) * uniform(each, 2, 12, generator)
    )
    strength = uniform(each, 0.1, 0.75, generator) * one_in(each, 0.45, generator)
    bright = torch.amax(pictures, (2, 3), keepdim=True) * 0.85
    pictures = pictures + patch * lungs * strength * (bright - pictures).clamp_min(0)
    at = (torch.arange(size, device=pictures.device) + 0.5).view(1, 1, -1, 1)
    low = torch.where(lungs > 0.5, at, 0).amax((2, 3), keepdim=True)
    belly = (at > low - 0.12 * size).float() * (lungs < 0.5)
    gas = clouds(count, size, 12, generator) + 0.5 * clouds(count, size, 28, generator)
    gas = torch.sigmoid((gas - uniform(each, 0.3, 2, generator)) * 6) * belly
    depth = uniform(each, -0.2, 0.7, generator) * one_in(each, 0.6, generator)
    return pictures * (1 - gas * depth)


def developed(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures with another gain across the film, contrast curve, sharpness and noise."""
    count, size = pictures.shape[0], pictures.shape[-1]
    each = (count, 1, 1, 1)
    gain = torch.exp(uniform(each, 0, 0.35, generator) * clouds(count, size, 4, generator))
    curve = torch.exp(uniform(each, -0.8, 0.8, generator))
    pictures = (pictures.clamp(1e-4, 1) * gain).clamp(1e-4, 1.5) ** curve
    texture = clouds(count, size, 24, generator) * uniform(each, 0, 0.08, generator)
    pictures = pictures * (1 + texture)
    soft = blurred(pictures, float(uniform((1,), 0.5, 2.0, generator)))
    pictures = torch.lerp(soft, pictures, uniform(each, 0, 1.8, generator))
    grain = torch.randn(pictures.shape, generator=generator, device=pictures.device)
    veil = uniform(each, 0, 0.3, generator) * one_in(each, 0.5, generator)
    return veil + (1 - veil) * pictures + uniform(each, 0, 0.05, generator) * grain


def covered(pictures: Tensor, generator: torch.Generator, count: int = 3) -> Tensor:
    """Return pictures with tubes, wires, plates and letters over them."""
    batch, size = pictures.shape[0], pictures.shape[-1]
    each = (batch, 1, 1, 1)
    at = (torch.arange(size, device=pictures.device) + 0.5) / size
    row, column = at.view(1, 1, -1, 1), at.view(1, 1, 1, -1)
    for _ in range(count):
        x, y, angle, bow = (
            uniform(each, low, high, generator)
            for low, high in ((0, 1), (0, 1), (0, math.pi), (-2, 2))
        )
        along = (column - x) * torch.cos(angle) + (row - y) * torch.sin(angle)
        off = (row - y) * torch.cos(angle) - (column - x) * torch.sin(angle) + bow * along**2
        wire = torch.exp(-0.5 * (off * size / uniform(each, 0.4, 1.2, generator)) ** 2)
        shade = uniform(each, 0.05, 0.5, generator) * one_in(each, 0.35, generator)
        pictures = pictures + wire * shade
        wide, high = uniform(each, 0.01, 0.09, generator), uniform(each, 0.01, 0.06, generator)
        plate = ((column - y).abs() < wide) & ((row - x).abs() < high)
        gray = uniform(each, 0, 1, generator)
        pictures = torch.where(plate & (one_in(each, 0.25, generator) > 0), gray, pictures)
    return pictures


def collimated(lungs: Tensor, generator: torch.Generator) -> Tensor:
    """Return the exposed rectangle of each picture as ones: around the lungs, often tightly."""
    batch, size = lungs.shape[0], lungs.shape[-1]
    at = torch.arange(size, device=lungs.device)
    shown = torch.ones(batch, 1, size, size, device=lungs.device)
    for dim in (2, 3):
        held = lungs.amax(5 - dim, keepdim=True) > 0.5
        index = at.view([1, 1, size, 1] if dim == 2 else [1, 1, 1, size])
        first = torch.where(held, index, size).amin(dim, keepdim=True)
        last = torch.where(held, index, -1).amax(dim, keepdim=True)
        for edge, sign in ((first, -1), (last, 1)):
            margin = uniform((batch, 1, 1, 1), -0.03, 0.35, generator) * size
            margin = margin + size * one_in((batch, 1, 1, 1), 0.3, generator)
            shown = shown * (sign * (index - edge) <= margin)
    return shown


def zoomed(pictures: Tensor, scale: float) -> Tensor:
    """Return pictures (B, K, S, S) shrunk (scale above 1) or enlarged about their middle."""
    if scale == 1:
        return pictures
    turn = torch.tensor([[[scale, 0, 0], [0, scale, 0]]], device=pictures.device)
    grid = functional.affine_grid(
        turn.to(pictures.dtype), [1, 1, *pictures.shape[-2:]], align_corners=False
    )
    return functional.grid_sample(pictures, grid, align_corners=False)
