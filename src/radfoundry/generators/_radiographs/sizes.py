"""Sizes of the networks that draw radiographs, as tables.

`phantom` is for pictures of 64 or 128 pixels on two CPU cores. `paper` has XReal's sizes (Hashmi et
al. 2024): 256 x 256 pixels become 64 x 64 x 3 latents; a U-Net of width 224 x (1, 2, 4, 4), with
attention where the grid is 2, 4 and 8 times as coarse; a text encoder of 32 layers of width 1280.
`workstation` is the same design for one GPU of 24 GB.
"""

from collections.abc import Mapping
from typing import Any

# What the words of `shift` mean says `networks.build`, of `diffusion` `networks.diffusion_unet`.
DIFFUSION: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "design": "shift", "haar": 0, "widths": (64, 160), "blocks": (2, 4), "side": 32,
        "mixing": 128, "text_places": 16, "tokens": 192, "checkpoint": False,
    },
    "workstation": {
        "design": "diffusion", "dims": 2, "widths": (128, 256, 384, 512), "blocks": 2,
        "attention": (True, True, True, True), "heads": 8, "groups": 32, "tokens": 192,
    },
    "paper": {
        "design": "diffusion", "dims": 2, "widths": (224, 448, 896, 896), "blocks": 2,
        "attention": (False, True, True, True), "heads": 8, "groups": 32, "tokens": 150,
    },
}  # fmt: skip
# As `_latent.sizes` has them; XReal's autoencoder attends over all places at its coarsest grid.
_QUARTER: Mapping[str, Any] = {
    "size": "kl_2d", "blocks": [2, 2, 2], "attention": [False, False, False],
    "nonlocal": [True, True], "latent": 3,
}  # fmt: skip
AUTOENCODER: Mapping[str, str | Mapping[str, Any]] = {
    "phantom": "radiograph",
    "workstation": {**_QUARTER, "widths": [64, 128, 256], "latent": 4},
    "paper": {**_QUARTER, "widths": [128, 256, 512]},
}
TEXT: Mapping[str, str | Mapping[str, Any]] = {
    "phantom": "phantom",
    "workstation": "workstation",
    "paper": {
        "width": 1280, "layers": 32, "heads": 8, "inner": 5120, "positions": 512, "tokens": 150,
        "vocabulary": 30522, "dropout": 0.0, "spread": 0.02, "batch": 32,
    },
}  # fmt: skip


def blocks(size: Mapping[str, Any]) -> int:
    """Return of what each side of a network's latents must be a multiple.

    >>> blocks(DIFFUSION["phantom"]), blocks(DIFFUSION["paper"])
    (2, 8)
    """
    halvings = size["haar"] + 1 if size["design"] == "shift" else len(size["widths"]) - 1
    return 2**halvings
