"""Sizes of the network that draws masks, as tables; those of the others are `_radiographs.sizes`.

Masks are simpler than radiographs and are drawn on a finer grid: `FACTORS` says how many pixels a
cell has along each axis, 2 of the 64 that a phantom has, 4 of 256.
"""

from collections.abc import Mapping
from typing import Any

from radfoundry.generators._radiographs import sizes

FACTORS: Mapping[str, int] = {"phantom": 2, "workstation": 4, "paper": 4}
_MONAI: Mapping[str, Any] = {
    **sizes.DIFFUSION["workstation"], "attention": (False, True, True),
}  # fmt: skip
MASKS: Mapping[str, Mapping[str, Any]] = {
    "phantom": {**sizes.DIFFUSION["phantom"], "haar": 1, "widths": (64, 128)},
    "workstation": {**_MONAI, "widths": (64, 128, 256)},
    "paper": {**_MONAI, "widths": (128, 256, 512)},
}
