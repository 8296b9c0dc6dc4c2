"""Options of MedSyn's training: a table per size, and a recipe's overrides checked against it."""

from collections.abc import Mapping, Sequence
from typing import Any

from radfoundry.data import channels
from radfoundry.diffusion import objectives
from radfoundry.generators.medsyn import latent
from radfoundry.generators.medsyn.sizes import LOW_RESOLUTION, SUPER_RESOLUTION
from radfoundry.networks.build import named
from radfoundry.training.settings import refuse_unknown

TABLES = {"low_resolution": LOW_RESOLUTION, "super_resolution": SUPER_RESOLUTION}
# Per size and network: `size` names the network's; `factor` between the grids; `given`: chance of
# training with channels given; `shift` voxels, `turn` radians and `zoom` are augmentation;
# `logit_mean` of the times of `flow`; `voxel_weight` of airways, see `batches.near_airways`;
# `log_snr_range` of the sampler; `conditioning_noise` on the coarse channels that the full grid is
# drawn from; `residual_scale` times the residual is drawn, 0 for the channels themselves;
# `sampling_steps`, 0 for the request's steps; `weights_dtype` is that of the stored weights.
TRAINING: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "phantom": {
        "text": {"size": "phantom", "reading": True},
        "low_resolution": {
            "size": "phantom", "factor": 2, "steps": 3000, "batch": 4, "learning_rate": 2e-3,
            "betas": [0.9, 0.95], "weight_decay": 0.01, "warmup": 50, "schedule": "cosine",
            "clip": 1.0, "ema": 0.998,
            "precision": "bfloat16", "text": True, "drop_text": 0.1, "given": 0.5, "shift": 0,
            "turn": 0.05, "zoom": 0.05, "weights_dtype": "float16", "logit_mean": 0.5,
            "voxel_weight": 10.0, "log_snr_range": [-7.0, 7.0],
        },
        "super_resolution": {
            "size": "phantom", "factor": 2, "steps": 700, "batch": 2, "learning_rate": 2e-3,
            "weight_decay": 0.01, "warmup": 15, "schedule": "cosine", "clip": 1.0, "ema": 0.98,
            "precision": "bfloat16", "crop": [32, 32, 32], "noise": 0.04, "turn": 0.0, "zoom": 0.0,
            "weights_dtype": "float16",
            "residual_scale": 4.0, "logit_mean": 0.0, "log_snr_range": [-7.0, 4.0],
            "conditioning_noise": 0.03, "sampling_steps": 6, "tile": [128, 128, 128],
        },
    },
    "workstation": {
        "text": {"size": "workstation", "reading": True},
        "low_resolution": {
            "size": "workstation", "factor": 4, "steps": 40000, "batch": 2, "accumulate": 32,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 500,
            "schedule": "constant", "clip": 1.0, "ema": 0.999, "precision": "bfloat16",
            "text": True, "drop_text": 0.1, "given": 0.5, "shift": 1, "turn": 0.0, "zoom": 0.0,
            "weights_dtype": "float32", "logit_mean": 0.0, "voxel_weight": 0.0,
            "log_snr_range": None,
        },
        "super_resolution": {
            "size": "workstation", "factor": 4, "steps": 40000, "batch": 2, "accumulate": 16,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 500,
            "schedule": "constant", "clip": 1.0, "ema": 0.995, "precision": "bfloat16",
            "crop": [72, 72, 64], "noise": 0.4, "turn": 0.2, "zoom": 0.1, "residual_scale": 0.0,
            "logit_mean": 0.0, "log_snr_range": None, "conditioning_noise": 0.0,
            "sampling_steps": 0, "tile": [128, 128, 64], "weights_dtype": "float32",
        },
    },
    "paper": {
        "text": {"size": "paper", "reading": False},
        "low_resolution": {
            "size": "paper", "factor": 4, "steps": 40000, "batch": 2, "accumulate": 32,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 0,
            "schedule": "constant", "clip": 1.0, "ema": 0.999, "precision": "bfloat16",
            "text": True, "drop_text": 0.1, "given": 0.5, "shift": 1, "turn": 0.0, "zoom": 0.0,
            "weights_dtype": "float32", "logit_mean": 0.0, "voxel_weight": 0.0,
            "log_snr_range": None,
        },
        "super_resolution": {
            "size": "paper", "factor": 4, "steps": 40000, "batch": 4, "accumulate": 8,
            "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 0,
            "schedule": "constant", "clip": 1.0, "ema": 0.995, "precision": "bfloat16",
            "crop": [72, 72, 64], "noise": 0.4, "turn": 0.2, "zoom": 0.1, "residual_scale": 0.0,
            "logit_mean": 0.0, "log_snr_range": None, "conditioning_noise": 0.0,
            "sampling_steps": 0, "tile": [128, 128, 64], "weights_dtype": "float32",
        },
    },
}  # fmt: skip
# What `objective: published` makes of them, at any size: the paper's recipe (Xu et al. 2024,
# sections 4.6 and 5.1). Grids, batches, steps and widths of networks are those of the size: `paper`
# has the paper's. Neither paper nor public code say from when weights are averaged (here from the
# first step, with a short memory at first: `training.loop`) or that coarse volumes are augmented.
# The decays of the average are the public code's.
_ADAMW: Mapping[str, Any] = {
    "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 0,
    "schedule": "constant", "clip": 1.0, "log_snr_range": None,
}  # fmt: skip
PUBLISHED_TRAINING: Mapping[str, Mapping[str, Any]] = {
    "text": {"reading": False},
    "low_resolution": {
        **_ADAMW, "ema": 0.999, "drop_text": 0.1, "given": 0.0, "voxel_weight": 0.0,
        "shift": 0, "turn": 0.0, "zoom": 0.0,
    },
    "super_resolution": {
        **_ADAMW, "ema": 0.995, "noise": 0.4, "turn": 0.2, "zoom": 0.1, "residual_scale": 0.0,
        "conditioning_noise": 0.0, "sampling_steps": 20,
    },
}  # fmt: skip
# How images are written as numbers, and how the coarse grid is taken of the full one.
PICTURES: Mapping[str, Mapping[str, str]] = {
    "flow": {"tones": "tissue", "downsampling": "mean"},
    "published": {"tones": "linear", "downsampling": "nearest"},
}
DOWNSAMPLING = ("mean", "nearest")
# What `sample:` is where the recipe does not say, by what `train:` says; read without importing.
# The paper states no scale of the guidance; its public code has 1, 2 and 3 in different places.
SAMPLED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "train/objective": {
        "published": {
            "method": "ddim",
            "steps": 50,
            "timestep_spacing": "time",
            "guidance": 2.0,
        },
    },
}
# What `train:` takes: each key, and the keys below it. Read without importing, to check a config.
TRAIN: Mapping[str, Sequence[str]] = {
    "shapes": (), "objective": (), "tones": (), "downsampling": (), "latent": (),
    "text": ("size", "steps", "learning_rate", "warmup", "reading", "folder", "reports"),
    "low_resolution": (
        "size", "factor", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay",
        "warmup", "schedule", "clip", "ema", "precision", "text", "drop_text", "given", "shift",
        "turn", "zoom", "weights_dtype", "logit_mean", "voxel_weight", "log_snr_range",
        "gradient_checkpointing", "compile",
    ),
    "super_resolution": (
        "size", "factor", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay",
        "warmup", "schedule", "clip", "ema", "precision", "crop", "noise", "turn", "zoom",
        "residual_scale", "logit_mean", "log_snr_range", "conditioning_noise", "sampling_steps",
        "tile", "weights_dtype", "gradient_checkpointing", "compile",
    ),
    "autoencoder": (  # as `generators._latent.options.KEYS` has them
        "size", "steps", "batch", "accumulate", "crop", "learning_rate", "betas", "weight_decay",
        "warmup", "schedule", "clip", "ema", "precision", "kl", "adversarial", "feature_matching",
        "critic", "weights", "sha256", "folder",
    ),
}  # fmt: skip
# What the numbers and words among them may be, as rules of JSON Schema; `Settings` has the rest.
VALUES: Mapping[str, Mapping[str, Any]] = {
    "steps": {"type": "integer", "minimum": 0},
    "batch": {"type": "integer", "minimum": 1},
    "accumulate": {"type": "integer", "minimum": 1},
    "factor": {"type": "integer", "minimum": 1},
    "learning_rate": {"type": "number", "exclusiveMinimum": 0},
    "weight_decay": {"type": "number", "minimum": 0},
    "warmup": {"type": "integer", "minimum": 0},
    "clip": {"type": "number", "exclusiveMinimum": 0},
    "ema": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    "text": {"type": "boolean"},
    "reading": {"type": "boolean"},
    "drop_text": {"type": "number", "minimum": 0, "maximum": 1},
    "given": {"type": "number", "minimum": 0, "maximum": 1},
    "shift": {"type": "integer", "minimum": 0},
    "turn": {"type": "number", "minimum": 0},
    "zoom": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    "noise": {"type": "number", "minimum": 0, "maximum": 1},
    "conditioning_noise": {"type": "number", "minimum": 0, "maximum": 1},
    "residual_scale": {"type": "number", "minimum": 0},
    "sampling_steps": {"type": "integer", "minimum": 0},
    "voxel_weight": {"type": "number", "minimum": 0},
    "logit_mean": {"type": "number"},
    "weights_dtype": {"enum": ["float32", "float16"]},
    "crop": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 3},
    "tile": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 3},
}
# Which option is the factor of the coarse grid, and its value by size: see `TRAINING`.
COARSE: Mapping[str, str | int] = {
    "option": "low_resolution/factor", "phantom": 2, "workstation": 4, "paper": 4,
}  # fmt: skip
# Bytes of a GPU's memory that one sample takes while it is drawn, per voxel of the full grid: what
# the sampler holds of it (270), and what a network adds in float32 (counted on meta tensors: the
# low-resolution one 107 and 175; at `phantom` the other one, which sees the whole grid at once).
DRAWING_BYTES: Mapping[str, int] = {"phantom": 600, "workstation": 380, "paper": 450}
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
    """Return `TRAINING` of a size with the objective's and then a recipe's overrides, by network.

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
        brought = PUBLISHED_TRAINING[name] if objective == "published" else {}
        out[name] = {**defaults, **brought, **own}
    if is_latent(options):
        own = options.get("low_resolution") or {}
        for name in ("shift", "turn", "zoom", "voxel_weight", "factor"):
            if own.get(name):
                what = "none, the autoencoder's is taken," if name == "factor" else "0"
                message = f"low_resolution: {name} {own[name]}: allowed: {what} with `latent`"
                raise ValueError(message)
        out["low_resolution"] |= {**latent.LOW_RESOLUTION[size], **own}
    return out


def is_latent(options: Mapping) -> bool:
    """Return whether latents are drawn in place of coarse channels.

    Raises:
        ValueError: `latent` is neither true nor false.
    """
    found = options.get("latent", False)
    if not isinstance(found, bool):
        raise ValueError(f"train: latent is {found!r}; allowed: true, false")
    return found


def chosen(options: Mapping) -> dict[str, dict[str, Any]]:
    """Return the options of each network: `TRAINING` with a recipe's overrides.

    To each denoising network's are added `objective`, `design`, `channels` that it draws,
    `multiple`, of which the sides of a grid must be multiples, `tones`, see `tones`, and
    `downsampling`.

    Raises:
        ValueError: A key or word that does not exist, with those that do; a voxel weight below 0; a
            residual beyond coarse voxels that are no means.
    """
    out, objective = stated(options), str(options.get("objective", "flow"))
    pictures = {name: str(options.get(name, v)) for name, v in PICTURES[objective].items()}
    refuse_unknown("downsampling", [pictures["downsampling"]], DOWNSAMPLING)
    drawn = len(channels.NAMES) if options.get("shapes", True) else 1
    designs = {name: named(table, out[name]["size"]) for name, table in TABLES.items()}
    low, high = (blocks(design) for design in designs.values())
    shared: dict[str, Any] = {"objective": objective, "channels": drawn, **pictures}
    shared["tones"] = tones(pictures["tones"])
    shared["multiple"] = max(low * out["low_resolution"]["factor"], high)
    for name, design in designs.items():
        out[name] |= shared | {"design": design["design"]}
    _check(out)
    if is_latent(options):
        out["autoencoder"] = latent.autoencoder(options, drawn, shared["tones"])
        out["low_resolution"]["blocks"] = low
    return out


def _check(out: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise if options are no numbers, or do not go together."""
    found = out["low_resolution"]["voxel_weight"]
    if not isinstance(found, int | float) or not 0 <= found < float("inf"):
        message = f"train: low_resolution: voxel_weight is {found!r}"
        raise ValueError(f"{message}, it must be a number, 0 (all voxels alike) or more")
    scale, by = (out["super_resolution"][name] for name in ("residual_scale", "downsampling"))
    if scale and by != "mean":
        message = f"train: super_resolution: residual_scale is {scale} with downsampling {by}"
        raise ValueError(f"{message}: a residual is what is beyond means; allowed: 0, or mean")


def tones(name: str) -> list[list[float]]:
    """Return a curve that images are drawn on, [HU, value of the image channel] in order.

    Raises:
        ValueError: There is no such curve, with those that there are.
    """
    refuse_unknown("tones", [name], tuple(channels.CURVES))
    return [[hu, tone] for hu, tone in channels.CURVES[name].items()]


def blocks(size: Mapping[str, Any]) -> int:
    """Return of what each side of a network's pictures must be a multiple (a power of two).

    >>> blocks(LOW_RESOLUTION["phantom"]), blocks(LOW_RESOLUTION["paper"])
    (4, 8)
    """
    if size["design"] == "pseudo3d":
        return 2 ** (len(size["multipliers"]) - 1)
    if size["design"] == "shift":
        return 2 ** (size["haar"] + 1)
    return 2 ** (size["haar"] + len(size["widths"]) - 1)
