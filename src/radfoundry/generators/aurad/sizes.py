"""Sizes of the network that draws masks, as tables; those of the others are `_radiographs.sizes`.

Masks are simpler than radiographs, and what is small must not be lost: a phantom's are drawn on its
pixels, through two Haar transforms; those of 256 pixels in cells of 4 x 4. `FACTORS` are the pixels
of a cell along each axis.
"""

from collections.abc import Mapping
from typing import Any

from radfoundry.generators._radiographs import sizes

FACTORS: Mapping[str, int] = {"phantom": 1, "workstation": 4, "paper": 4}
_MONAI: Mapping[str, Any] = {
    **sizes.DIFFUSION["workstation"], "attention": (False, True, True),
}  # fmt: skip
MASKS: Mapping[str, Mapping[str, Any]] = {
    "phantom": {**sizes.DIFFUSION["phantom"], "haar": 2, "widths": (64, 128)},
    "workstation": {**_MONAI, "widths": (64, 128, 256)},
    "paper": {**_MONAI, "widths": (128, 256, 512)},
}
