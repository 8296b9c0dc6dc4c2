"""Options of TSCR's training, and what else the workflow asks without importing it."""

from collections.abc import Mapping, Sequence
from typing import Any

from radfoundry.anatomy import regions
from radfoundry.training.settings import refuse_unknown

SIZES = ("phantom", "workstation", "paper")
# Of a size: voxels along each axis of what the networks see.
CROPS: Mapping[str, int] = {"phantom": 32, "workstation": 64, "paper": 96}
# Of all networks: `window`, intensities that they see as -1 and 1 (MR leaves preprocessing in
# [0, 1]); `crop`, voxels along each axis; `lesion`, "tumour" or a finding of one region; `organ`,
# where healthy tissue is learned; `radiomics`, what differs from the engine's settings.
COMMON: Mapping[str, Any] = {
    "window": [0.0, 1.0], "crop": None, "lesion": "tumour", "organ": "organ", "radiomics": {},
}  # fmt: skip
# Networks that not every recipe has: what draws masks and voxels is an option of drawing. Donors,
# whom `masks: warped` and `texture: copy_paste` take from, are there if `train:` names them.
USED: Mapping[str, Mapping[str, list | bool]] = {
    "donors": {"train/donors": True},
    "mask_gan": {"sample/masks": ["gan"]},
    "mask_diffusion": {"sample/masks": [None, "diffusion"]},
    "autoencoder": {"sample/texture": ["bridge"]},
    "bridge": {"sample/texture": ["bridge"]},
    "inpainting": {"sample/texture": [None, "inpainting", "clusters"]},
}
# What its samples are judged by first, and which part of `evaluate` measures it.
HEADLINES: Mapping[str, str] = {
    "requested_measured_spearman": "control", "removal_residual_fraction": "control",
    "outside_identical_fraction": "control", "few_shot_dice_gain": "few_shot_lesions",
    "memorised_fraction": "memorisation",
}  # fmt: skip
# What `train:` takes: each key, and the keys below it. Read without importing, to check a config.
TRAIN: Mapping[str, Sequence[str]] = {
    "window": (), "crop": (), "lesion": (), "organ": (), "radiomics": (),
    "donors": (),
    "mask_gan": (  # these as the tables of `mask_gan` and `mask_diffusion` have them
        "network", "factor", "deformed", "penalty", "matching", "radiomics", "measured", "unknown",
        "partial", "batch", "steps", "learning_rate", "betas", "warmup", "schedule", "ema", "clip",
    ),
    "mask_diffusion": (
        "network", "factor", "deformed", "radiomics", "measured", "unknown", "partial", "calls",
        "batch", "steps",
        "learning_rate", "warmup", "schedule", "ema", "clip",
    ),
    "autoencoder": (  # these as `texture_options` has them
        "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "patch", "kl", "region",
    ),
    "bridge": (
        "network", "margin", "healthy", "dropping", "calls", "steps", "batch", "accumulate",
        "learning_rate", "betas", "weight_decay", "warmup", "schedule", "clip", "ema", "precision",
        "patch", "variance", "outside",
    ),
    "inpainting": (
        "network", "margin", "healthy", "dropping", "calls", "steps", "batch", "accumulate",
        "learning_rate", "betas", "weight_decay", "warmup", "schedule", "clip", "ema", "precision",
        "patch",
    ),
}  # fmt: skip


def common(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all networks of a recipe share: `size` and the keys of `COMMON`.

    Raises:
        ValueError: A key, size or lesion that does not exist; a window or a crop that is none.
    """
    refuse_unknown("train", options, ("size", *TRAIN))
    size = options.get("size", "phantom")
    if size not in SIZES:
        raise ValueError(f"no size {size!r}: choose from {', '.join(SIZES)}")
    out = {**COMMON, **{key: options[key] for key in COMMON if key in options}, "size": size}
    out["crop"] = out["crop"] or CROPS[size]
    window = out["window"]
    if len(window) != 2 or not window[0] < window[1]:
        raise ValueError(f"train: window is {window!r}; allowed: a lower and a higher intensity")
    if not isinstance(out["crop"], int) or out["crop"] < 8:
        raise ValueError(f"train: crop is {out['crop']!r}; allowed: 8 voxels or more")
    for name in ("lesion", "organ"):
        regions.ids(out[name])
    return out
