"""Sizes of autoencoders as a table; what the words mean says `radfoundry.networks.autoencoder`.

All take one channel at once. `phantom` is for 64 voxels along an axis on two CPU cores;
`radiograph` its like in 2D. `workstation` and `paper` bring 256^3 to 32^3. `kl` is MONAI's
AutoencoderKL and `maisi` NVIDIA's autoencoder of CT (Guo et al. 2024, MAISI) as it was published,
for weights of that kind; `kl_2d` is for those of radiographs.
"""

from collections.abc import Mapping
from typing import Any

AUTOENCODERS: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "design": "haar", "dims": 3, "channels": 1, "latent": 4, "range": [-1, 1],
        "factors": [[4, 4, 4]], "widths": [64], "blocks": [2],
    },
    "radiograph": {
        "design": "haar", "dims": 2, "channels": 1, "latent": 4, "range": [-1, 1],
        "factors": [[4, 4]], "widths": [64], "blocks": [2],
    },
    "workstation": {
        "design": "haar", "dims": 3, "channels": 1, "latent": 16, "range": [-1, 1],
        "factors": [[2, 2, 2], [2, 2, 2], [2, 2, 2]], "widths": [32, 96, 256],
        "blocks": [1, 2, 2],
    },
    "paper": {
        "design": "haar", "dims": 3, "channels": 1, "latent": 16, "range": [-1, 1],
        "factors": [[2, 2, 2], [2, 2, 2], [2, 2, 2]], "widths": [64, 128, 384],
        "blocks": [1, 2, 3],
    },
    "kl": {
        "design": "kl", "dims": 3, "channels": 1, "latent": 4, "range": [-1, 1],
        "widths": [64, 128, 256], "blocks": [2, 2, 2], "attention": [False, False, False],
        "nonlocal": [False, False], "groups": 32, "checkpoint": True,
    },
    "kl_2d": {
        "design": "kl", "dims": 2, "channels": 1, "latent": 4, "range": [-1, 1],
        "widths": [128, 256, 512, 512], "blocks": [2, 2, 2, 2],
        "attention": [False, False, False, False], "nonlocal": [False, False], "groups": 32,
        "checkpoint": False,
    },
    "maisi": {
        "design": "maisi", "dims": 3, "channels": 1, "latent": 4, "range": [0, 1],
        "widths": [64, 128, 256], "blocks": [2, 2, 2], "attention": [False, False, False],
        "nonlocal": [False, False], "groups": 32, "checkpoint": False,
    },
}  # fmt: skip
