"""Options of MedSyn's training: a table per size, and a recipe's overrides checked against it."""

from collections.abc import Mapping, Sequence
from typing import Any

from radfoundry.data import channels
from radfoundry.diffusion import objectives
from radfoundry.generators.medsyn.sizes import LOW_RESOLUTION, SUPER_RESOLUTION
from radfoundry.networks.build import named
from radfoundry.training.settings import refuse_unknown

TABLES = {"low_resolution": LOW_RESOLUTION, "super_resolution": SUPER_RESOLUTION}
# Per size and network: `size` names the network's; `factor` between the grids; `given`: chance of
# training with channels given; `shift` voxels, `turn` radians and `zoom` are augmentation;
# `logit_mean` of the times of `flow`; `voxel_weight` of airways, see `batches.near_airways`;
# `log_snr_range` of the sampler; `conditioning_noise` on the coarse channels that the full grid is
# drawn from; `residual_scale` times the residual is drawn, 0 for the channels themselves;
# `sampling_steps`, 0 for the request's steps.
TRAINING: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "phantom": {
        "text": {"size": "phantom", "reading": True},
        "low_resolution": {
            "size": "phantom32", "factor": 2, "steps": 500, "batch": 2, "learning_rate": 1e-3,
            "weight_decay": 0.01, "warmup": 15, "schedule": "cosine", "clip": 1.0, "ema": 0.98,
            "precision": "bfloat16", "text": True, "drop_text": 0.1, "given": 0.5, "shift": 0,
            "logit_mean": -0.3, "voxel_weight": 10.0, "log_snr_range": [-7.0, 7.0],
        },
        "super_resolution": {
            "size": "phantom", "factor": 2, "steps": 700, "batch": 2, "learning_rate": 2e-3,
            "weight_decay": 0.01, "warmup": 15, "schedule": "cosine", "clip": 1.0, "ema": 0.98,
            "precision": "bfloat16", "crop": [32, 32, 32], "noise": 0.04, "turn": 0.0, "zoom": 0.0,
            "residual_scale": 4.0, "logit_mean": 0.0, "log_snr_range": [-7.0, 4.0],
            "conditioning_noise": 0.03, "sampling_steps": 2, "tile": [128, 128, 128],
        },
    },
    "workstation": {
        "text": {"size": "workstation", "reading": True},
        "low_resolution": {
            "size": "workstation", "factor": 4, "steps": 40000, "batch": 2, "accumulate": 32,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 500,
            "schedule": "constant", "clip": 1.0, "ema": 0.999, "precision": "bfloat16",
            "text": True, "drop_text": 0.1, "given": 0.5, "shift": 1, "logit_mean": 0.0,
            "voxel_weight": 0.0, "log_snr_range": None,
        },
        "super_resolution": {
            "size": "workstation", "factor": 4, "steps": 40000, "batch": 2, "accumulate": 16,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 500,
            "schedule": "constant", "clip": 1.0, "ema": 0.995, "precision": "bfloat16",
            "crop": [72, 72, 64], "noise": 0.4, "turn": 0.2, "zoom": 0.1, "residual_scale": 0.0,
            "logit_mean": 0.0, "log_snr_range": None, "conditioning_noise": 0.0,
            "sampling_steps": 0, "tile": [128, 128, 64],
        },
    },
    "paper": {
        "text": {"size": "paper", "reading": False},
        "low_resolution": {
            "size": "paper", "factor": 4, "steps": 40000, "batch": 2, "accumulate": 32,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 0,
            "schedule": "constant", "clip": 1.0, "ema": 0.999, "precision": "bfloat16",
            "text": True, "drop_text": 0.1, "given": 0.5, "shift": 1, "logit_mean": 0.0,
            "voxel_weight": 0.0, "log_snr_range": None,
        },
        "super_resolution": {
            "size": "paper", "factor": 4, "steps": 40000, "batch": 4, "accumulate": 8,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 0,
            "schedule": "constant", "clip": 1.0, "ema": 0.995, "precision": "bfloat16",
            "crop": [72, 72, 64], "noise": 0.4, "turn": 0.2, "zoom": 0.1, "residual_scale": 0.0,
            "logit_mean": 0.0, "log_snr_range": None, "conditioning_noise": 0.0,
            "sampling_steps": 0, "tile": [128, 128, 64],
        },
    },
}  # fmt: skip
# What `train:` takes: each key, and the keys below it. Read without importing, to check a config.
TRAIN: Mapping[str, Sequence[str]] = {
    "shapes": (), "objective": (),
    "text": ("size", "steps", "learning_rate", "warmup", "reading", "folder"),
    "low_resolution": (
        "size", "factor", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay",
        "warmup", "schedule", "clip", "ema", "precision", "text", "drop_text", "given", "shift",
        "logit_mean", "voxel_weight", "log_snr_range", "gradient_checkpointing", "compile",
    ),
    "super_resolution": (
        "size", "factor", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay",
        "warmup", "schedule", "clip", "ema", "precision", "crop", "noise", "turn", "zoom",
        "residual_scale", "logit_mean", "log_snr_range", "conditioning_noise", "sampling_steps",
        "tile", "gradient_checkpointing", "compile",
    ),
}  # fmt: skip
# Which option is the factor of the coarse grid, and its value by size: see `TRAINING`.
COARSE: Mapping[str, str | int] = {
    "option": "low_resolution/factor", "phantom": 2, "workstation": 4, "paper": 4,
}  # fmt: skip
# Keys of `train:` that had another name: a config with an old one is refused with the new one.
RENAMED: Mapping[str, str] = {
    "emphasis": "voxel_weight",
    "reach": "log_snr_range",
    "calls": "sampling_steps",
    "blur": "conditioning_noise",
    "center": "logit_mean",
    "detail": "residual_scale",
    "plateaus": "value_levels",
    "bottom": "bottleneck",
}


def stated(options: Mapping) -> dict[str, dict[str, Any]]:
    """Return `TRAINING` of a size with a recipe's overrides, by network.

    Raises:
        ValueError: A key that does not exist, with those that do.
    """
    refuse_unknown("train", options, ("size", *TRAIN))
    size, objective = str(options.get("size", "phantom")), str(options.get("objective", "flow"))
    refuse_unknown("size", [size], tuple(TRAINING))
    refuse_unknown("objective", [objective], objectives.NAMES)
    out: dict[str, dict[str, Any]] = {}
    for name, defaults in TRAINING[size].items():
        own = dict(options.get(name) or {})
        refuse_unknown(f"train: {name}", own, TRAIN[name], RENAMED)
        out[name] = {**defaults, **own}
    return out


def chosen(options: Mapping) -> dict[str, dict[str, Any]]:
    """Return the options of each network: `TRAINING` with a recipe's overrides.

    To each denoising network's are added `objective`, `design`, `channels` that it draws,
    `multiple`, of which the sides of a grid must be multiples, and `tones`, see `tones`. The
    published objective has no `voxel_weight` but the one that the recipe states.

    Raises:
        ValueError: A key that does not exist, with those that do; a voxel weight below 0.
    """
    out, objective = stated(options), str(options.get("objective", "flow"))
    drawn = len(channels.NAMES) if options.get("shapes", True) else 1
    designs = {name: named(table, out[name]["size"]) for name, table in TABLES.items()}
    low, high = (blocks(design) for design in designs.values())
    shared = {"objective": objective, "channels": drawn, "tones": tones()}
    shared["multiple"] = max(low * out["low_resolution"]["factor"], high)
    for name, design in designs.items():
        out[name] |= shared | {"design": design["design"]}
    low_options = options.get("low_resolution") or {}
    out["low_resolution"]["voxel_weight"] = _voxel_weight(out, "voxel_weight" in low_options)
    return out


def _voxel_weight(out: Mapping[str, Mapping[str, Any]], stated: bool) -> float:
    """Return the weight of airways in the loss of the low-resolution network."""
    found = out["low_resolution"]["voxel_weight"]
    if not isinstance(found, int | float) or not 0 <= found < float("inf"):
        message = f"train: low_resolution: voxel_weight is {found!r}"
        raise ValueError(f"{message}, it must be a number, 0 (all voxels alike) or more")
    return float(found) if stated or out["low_resolution"]["objective"] == "flow" else 0.0


def tones() -> list[list[float]]:
    """Return the curve that images are drawn on, [HU, value of the image channel] in order."""
    return [[hu, tone] for hu, tone in channels.TONES.items()]


def blocks(size: Mapping[str, Any]) -> int:
    """Return of what each side of a network's pictures must be a multiple (a power of two).

    >>> blocks(LOW_RESOLUTION["phantom32"]), blocks(LOW_RESOLUTION["paper"])
    (4, 8)
    """
    if size["design"] == "pseudo3d":
        return 2 ** (len(size["multipliers"]) - 1)
    return 2 ** (size["haar"] + len(size["widths"]) - 1)
