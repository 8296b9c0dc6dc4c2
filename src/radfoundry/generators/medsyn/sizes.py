"""Sizes of MedSyn's two networks as tables; what the words mean says `radfoundry.networks.build`.

`paper` is MedSyn's (Xu et al. 2024). `workstation` is the same design for one GPU of 24 GB.
`phantom` is for volumes of 64 voxels along an axis on two CPU cores: it draws them on a grid of 32.
`gaussian_prior` is a baseline, for bodies that lie alike and few of them: mean and principal
components of the training volumes, a ridge regression of them on the text, and a network that
corrects what these say; it draws nearly as well before its network is trained. `narrow` is
the paper's design for a grid of 32.
"""

from collections.abc import Mapping
from typing import Any

LOW_RESOLUTION: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "design": "shift", "haar": 1, "widths": (64, 160), "blocks": (2, 4), "side": 32,
        "mixing": 128, "text_places": 16, "tokens": 192, "checkpoint": False,
    },
    "gaussian_prior": {
        "design": "wavelet", "haar": 1, "widths": (48, 192), "blocks": (1, 0), "depth": 4,
        "side": 32, "places": 8, "mixing": 256, "rank": 64, "value_levels": 16,
        "tokens": 192, "checkpoint": False,
    },
    "narrow": {
        "design": "pseudo3d", "width": 16, "multipliers": (1, 2, 4, 8), "heads": 4, "side": 32,
        "bottleneck": 2, "tokens": 192, "checkpoint": False,
    },
    "latent": {  # of 16^3 latents
        "design": "shift", "haar": 0, "widths": (64, 160), "blocks": (2, 4), "side": 32,
        "mixing": 128, "text_places": 16, "tokens": 192, "checkpoint": False,
    },
    "workstation": {
        "design": "pseudo3d", "width": 96, "multipliers": (1, 2, 4, 8), "heads": 8, "side": 32,
        "bottleneck": 2, "tokens": 192, "checkpoint": True,
    },
    "paper": {
        "design": "pseudo3d", "width": 160, "multipliers": (1, 2, 4, 8), "heads": 8, "side": 32,
        "bottleneck": 4, "tokens": 192, "checkpoint": False,
    },
}  # fmt: skip


SUPER_RESOLUTION: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "design": "wavelet", "haar": 1, "widths": (48, 64), "blocks": (1, 1), "depth": 0,
        "side": 32, "places": 0, "mixing": 0, "rank": 0, "value_levels": 0,
        "tokens": 0, "checkpoint": False,
    },
    "workstation": {
        "design": "pseudo3d", "width": 32, "multipliers": (1, 2, 4, 8), "heads": 4, "side": 32,
        "bottleneck": 1, "tokens": 0, "checkpoint": True,
    },
    "paper": {
        "design": "pseudo3d", "width": 56, "multipliers": (1, 2, 4, 8), "heads": 4, "side": 32,
        "bottleneck": 1, "tokens": 0, "checkpoint": False,
    },
}  # fmt: skip
