"""Options of an autoencoder's training: a table per size, and a recipe's overrides checked."""

from collections.abc import Mapping
from typing import Any

from radfoundry.generators._latent.sizes import AUTOENCODERS
from radfoundry.networks.build import named
from radfoundry.training.settings import refuse_unknown

# Per size: `size` names the network's; `crop`, voxels of what is seen at once; weights of the
# loss, see `networks.autoencoder.losses`: `kl`, `adversarial`, `feature_matching`; `critic`, width
# and layers of the critic that the last two need. `weights` is a file of another's autoencoder
# with its `sha256`, `folder` a MONAI bundle whose configs say the size and whose models hold the
# file, unless `weights` names it. `steps` is 0 then unless stated: it is taken as it is.
TRAINING: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "size": "phantom", "steps": 400, "batch": 2, "crop": [32, 32, 32], "learning_rate": 2e-3,
        "weight_decay": 0.01, "warmup": 15, "schedule": "cosine", "clip": 1.0, "ema": 0.98,
        "precision": "float32", "kl": 1e-4, "adversarial": 0.0, "feature_matching": 0.0,
        "critic": [16, 2],
    },
    "workstation": {
        "size": "workstation", "steps": 40000, "batch": 2, "accumulate": 4,
        "crop": [128, 128, 128], "learning_rate": 2e-4, "betas": [0.9, 0.999],
        "weight_decay": 0.01, "warmup": 500, "schedule": "constant", "clip": 1.0, "ema": 0.999,
        "precision": "bfloat16", "kl": 1e-6, "adversarial": 0.05, "feature_matching": 0.3,
        "critic": [32, 3],
    },
    "paper": {
        "size": "paper", "steps": 80000, "batch": 2, "accumulate": 8, "crop": [128, 128, 128],
        "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 500,
        "schedule": "constant", "clip": 1.0, "ema": 0.999, "precision": "bfloat16", "kl": 1e-6,
        "adversarial": 0.05, "feature_matching": 0.3, "critic": [64, 3],
    },
}  # fmt: skip
# What `train:` takes below the network's name; a generator states them in its own `TRAIN`.
KEYS = (
    "size", "steps", "batch", "accumulate", "crop", "learning_rate", "betas", "weight_decay",
    "warmup", "schedule", "clip", "ema", "precision", "kl", "adversarial", "feature_matching",
    "critic", "weights", "sha256", "folder",
)  # fmt: skip


def chosen(size: str, own: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of an autoencoder: `TRAINING` of a size with a recipe's overrides.

    Args:
        size: Of the recipe.
        own: What `train:` says below the network's name.

    Raises:
        ValueError: A key or size that does not exist, with those that do; a weight below 0;
            weights of others without their sha256.
    """
    refuse_unknown("size", [size], tuple(TRAINING))
    stated = dict(own or {})
    refuse_unknown("train: autoencoder", stated, KEYS)
    brought = "weights" in stated or "folder" in stated
    if brought and not stated.get("sha256"):
        raise ValueError("train: autoencoder: weights of others need their `sha256`")
    out = {**TRAINING[size], **({"steps": 0} if brought else {}), **stated}
    for key in ("kl", "adversarial", "feature_matching"):
        if not isinstance(out[key], int | float) or not 0 <= out[key] < float("inf"):
            raise ValueError(f"train: autoencoder: {key} is {out[key]!r}; allowed: 0 or more")
    return out | {"size": named(AUTOENCODERS, out["size"])}
