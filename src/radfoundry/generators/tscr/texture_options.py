"""Options of a texture network's training: a table per kind and size, overrides checked.

Of a size: `network`, see `networks.texture_unet`; `margin`, voxels around a lesion that are drawn
too; `healthy`, the share of a batch that are healthy places; `dropping`, the chance that some of a
tumour's values are left out; `patch`, the sides of the part of a crop that is seen in training;
`calls` of the network for a drawing; the rest is a batch and `training.settings.Settings`.
"""

from collections.abc import Mapping
from typing import Any

from radfoundry.networks.build import named
from radfoundry.training.settings import refuse_unknown

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "phantom": {"dims": 3, "haar": 2, "widths": [48], "blocks": 1, "side": 16, "tokens": 32},
    "workstation": {
        "dims": 3, "haar": 1, "widths": [64, 128, 256], "blocks": 2, "side": 32, "tokens": 64,
    },
    "paper": {
        "dims": 3, "haar": 1, "widths": [128, 512, 1024], "blocks": 2, "side": 64, "tokens": 128,
    },
}  # fmt: skip
INPAINTING: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "network": "phantom", "margin": 1, "healthy": 0.25, "dropping": 0.8, "calls": 16,
        "patch": 16, "steps": 700, "batch": 8, "learning_rate": 5e-3, "weight_decay": 0.01,
        "warmup": 20, "schedule": "cosine", "clip": 1.0, "ema": 0.98, "precision": "float32",
    },
    "workstation": {
        "network": "workstation", "margin": 1, "healthy": 0.25, "dropping": 0.8, "calls": 32,
        "patch": 64, "steps": 60000, "batch": 16, "learning_rate": 3e-4, "weight_decay": 0.01,
        "warmup": 500, "schedule": "cosine", "clip": 1.0, "ema": 0.999, "precision": "bfloat16",
    },
    "paper": {
        "network": "paper", "margin": 2, "healthy": 0.5, "dropping": 0.8, "calls": 64,
        "patch": 128, "steps": 300000, "batch": 4, "accumulate": 4, "learning_rate": 1e-4,
        "weight_decay": 0.01, "warmup": 1000, "schedule": "cosine", "clip": 1.0, "ema": 0.9999,
        "precision": "bfloat16",
    },
}  # fmt: skip
# The published bridge; `variance` is s of `diffusion.bridge`, `outside` how much a place outside
# the lesion and its margin counts in the loss (published: as much as any).
BRIDGE: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        **INPAINTING["phantom"], "network": {"size": "phantom", "haar": 0}, "variance": 1.0,
        "outside": 0.05,
    },
    "workstation": {
        **INPAINTING["workstation"], "network": {"size": "workstation", "haar": 0},
        "variance": 1.0, "outside": 0.2,
    },
    "paper": {
        **INPAINTING["paper"], "network": {"size": "paper", "haar": 0}, "variance": 1.0,
        "outside": 1.0, "calls": 200,
    },
}  # fmt: skip
TRAINING: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "inpainting": INPAINTING,
    "bridge": BRIDGE,
}
# What `train:` takes below the network's name.
KEYS = (
    "network", "margin", "healthy", "dropping", "calls", "steps", "batch", "accumulate",
    "learning_rate", "betas", "weight_decay", "warmup", "schedule", "clip", "ema", "precision",
    "patch", "variance", "outside",
)  # fmt: skip
# What the bridge's autoencoder is, see `networks.autoencoder.build`: half as fine as the crops.
AUTOENCODERS: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "design": "haar", "dims": 3, "channels": 1, "latent": 4, "range": [-1, 1],
        "factors": [[2, 2, 2]], "widths": [24], "blocks": [1],
    },
    "workstation": {
        "design": "haar", "dims": 3, "channels": 1, "latent": 4, "range": [-1, 1],
        "factors": [[2, 2, 2]], "widths": [64], "blocks": [2],
    },
    "paper": {
        "design": "haar", "dims": 3, "channels": 1, "latent": 4, "range": [-1, 1],
        "factors": [[2, 2, 2]], "widths": [256], "blocks": [2],
    },
}  # fmt: skip
AUTOENCODER_TRAINING: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "size": "phantom", "steps": 200, "batch": 4, "learning_rate": 2e-3, "weight_decay": 0.01,
        "warmup": 15, "schedule": "cosine", "clip": 1.0, "ema": 0.98, "precision": "float32",
        "patch": 16, "kl": 1e-4, "region": 10.0,
    },
    "workstation": {
        "size": "workstation", "steps": 40000, "batch": 8, "learning_rate": 2e-4,
        "weight_decay": 0.01, "warmup": 500, "schedule": "constant", "clip": 1.0, "ema": 0.999,
        "precision": "bfloat16", "patch": 64, "kl": 1e-6, "region": 10.0,
    },
    "paper": {
        "size": "paper", "steps": 80000, "batch": 8, "learning_rate": 1e-4, "weight_decay": 0.01,
        "warmup": 500, "schedule": "constant", "clip": 1.0, "ema": 0.999,
        "precision": "bfloat16", "patch": 128, "kl": 1e-6, "region": 10.0,
    },
}  # fmt: skip
AUTOENCODER_KEYS = (
    "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
    "schedule", "clip", "ema", "precision", "patch", "kl", "region",
)  # fmt: skip


def chosen(kind: str, size: str, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the options of a kind and size with a recipe's overrides, the network's as a table.

    Args:
        kind: A name of `TRAINING`.
        size: Of the recipe.
        own: What `train:` says below the network's name. A network's own table changes that of
            the size, unless it names another.

    Raises:
        ValueError: A kind, a size or a key does not exist; it says which do.
    """
    refuse_unknown("texture", [kind], tuple(TRAINING))
    refuse_unknown("size", [size], tuple(TRAINING[kind]))
    refuse_unknown("train: texture", own or {}, KEYS)
    standard = TRAINING[kind][size]
    out = {"kind": kind, **standard, **(own or {})}
    changes = [_as_table(part) for part in (standard["network"], out["network"])]
    return out | {"network": named(NETWORKS, {**changes[0], **changes[1]})}


def _as_table(size: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return {"size": size} if isinstance(size, str) else size


def autoencoder(size: str, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the options of the bridge's autoencoder, its size as a table.

    Args:
        size: Of the recipe.
        own: What `train:` says below the network's name.

    Raises:
        ValueError: A size or a key does not exist; it says which do.
    """
    refuse_unknown("size", [size], tuple(AUTOENCODER_TRAINING))
    refuse_unknown("train: autoencoder", own or {}, AUTOENCODER_KEYS)
    out = {**AUTOENCODER_TRAINING[size], **(own or {})}
    return out | {"size": named(AUTOENCODERS, out["size"])}
