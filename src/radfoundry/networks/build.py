"""How a denoising network is made from a table of sizes; the tables stand in the generators.

Of the design `pseudo3d`: `width` of the first level, `multipliers` of it per level, `heads` of
`side` channels, `bottleneck` blocks with attention. Of the design `wavelet`: `haar` levels in
front, `widths` of the levels, convolution `blocks` of each, `depth` of the bottleneck in blocks,
`side` of their heads, `places` along an axis there (0 for a network that sees crops from anywhere),
`mixing` layer over all places (0: attention), `rank` of the Gaussian that it starts from (0:
coefficients by themselves), `value_levels` that the value prior tells apart (0: no value prior). Of
both: `tokens` of the null text, `checkpoint` to save memory.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from radfoundry.diffusion.objectives import OBJECTIVES
from radfoundry.networks.layers import seeded
from radfoundry.networks.pseudo3d_unet import Pseudo3DUNet
from radfoundry.networks.shift_unet.unet import ShiftUNet
from radfoundry.networks.wavelet_unet.unet import WaveletUNet

DESIGNS = ("pseudo3d", "shift", "wavelet")
TOLD_GEOMETRY = ("pseudo3d",)  # those that can be told voxel sizes and field of view


def named(sizes: Mapping[str, Mapping[str, Any]], size: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a size by name, or by values of which `size` names the table's entry to start from.

    >>> named({"phantom": {"depth": 4, "side": 32}}, {"size": "phantom", "depth": 1})
    {'depth': 1, 'side': 32}
    """
    changed = {"size": size} if isinstance(size, str) else dict(size)
    name = changed.pop("size", "phantom")
    if name not in sizes:
        raise ValueError(f"no size {name!r}: choose from {', '.join(sizes)}")
    unknown = sorted(set(changed) - set(sizes[name]))
    if unknown:
        raise ValueError(f"size {name} has no {', '.join(unknown)}: {', '.join(sizes[name])}")
    return {**sizes[name], **changed}


def build(
    size: Mapping[str, Any], objective: str = "flow", **options: Any
) -> WaveletUNet | ShiftUNet | Pseudo3DUNet:
    """Return an untrained network; on the `meta` device nothing is computed.

    Args:
        size: As `named` returns it.
        objective: A name of `OBJECTIVES`; the wavelet design knows its noise levels.
        options: `channels`, `concat`, `text_width`; but for the pseudo-3D design also `read`,
            `space`; for those of `TOLD_GEOMETRY` also `geometry`, whether it is told.
    """
    if size["design"] not in DESIGNS:
        raise ValueError(f"no design {size['design']!r}: choose from {', '.join(DESIGNS)}")
    if size["design"] == "pseudo3d":
        options = {key: v for key, v in options.items() if key not in ("read", "space")}
        return Pseudo3DUNet(size, **options)
    text = (options.pop("text_width", 0), options.pop("read", 0))
    options.pop("geometry", None)
    made: Any = ShiftUNet if size["design"] == "shift" else WaveletUNet
    return made(size, OBJECTIVES[objective].schedule, text=text, **options)


def initial(generator: torch.Generator, *given: Any, **options: Any) -> nn.Module:
    """Return a network as `build` does, with initial weights from the generator."""
    with seeded(generator):
        return build(*given, **options)
