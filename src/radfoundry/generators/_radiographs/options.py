"""Options of training what draws radiographs: a table per size, a recipe's overrides checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from radfoundry.generators._latent import options as shared
from radfoundry.generators._radiographs import sizes, words
from radfoundry.networks.autoencoder.build import factors
from radfoundry.networks.build import named
from radfoundry.training.settings import refuse_unknown

OBJECTIVES = ("flow", "published")
NAMES = ("phantom", "workstation", "paper")
_ADAMW: Mapping[str, Any] = {
    "learning_rate": 1e-4, "betas": [0.9, 0.999], "weight_decay": 0.01, "warmup": 500,
    "schedule": "constant", "clip": 1.0, "ema": 0.9999, "precision": "bfloat16",
}  # fmt: skip
# Of the denoising network. `drop_text`: chance that a prompt is left out, beside "no finding",
# which has none; `drop_maps`: chance that a class of the maps is, each by itself (Konz et al.
# 2024); `logit_mean` of the times of `flow`; `log_snr_range` of its sampler.
DIFFUSION: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "size": "phantom", "steps": 3000, "batch": 16, "learning_rate": 2e-3,
        "betas": [0.9, 0.95], "weight_decay": 0.01, "warmup": 50, "schedule": "cosine",
        "clip": 1.0, "ema": 0.998, "precision": "bfloat16", "text": True, "drop_text": 0.1,
        "drop_maps": 0.5, "logit_mean": 0.5, "log_snr_range": [-7.0, 7.0],
    },
    "workstation": {
        **_ADAMW, "size": "workstation", "steps": 60000, "batch": 32, "text": True,
        "drop_text": 0.1, "drop_maps": 0.5, "logit_mean": 0.0, "log_snr_range": None,
    },
    "paper": {
        **_ADAMW, "size": "paper", "steps": 200000, "batch": 64, "text": True,
        "drop_text": 0.1, "drop_maps": 0.5, "logit_mean": 0.0, "log_snr_range": None,
    },
}  # fmt: skip
# Of the autoencoder, in place of what stands in `_latent.options`, which is for volumes.
AUTOENCODER: Mapping[str, Mapping[str, Any]] = {
    "phantom": {"batch": 8, "crop": [32, 32], "steps": 600},
    "workstation": {"batch": 8, "crop": [256, 256], "accumulate": 1},
    "paper": {
        "batch": 8, "crop": [256, 256], "accumulate": 2, "learning_rate": 4.5e-6,
        "adversarial": 0.5,
    },
}  # fmt: skip
READING = {"phantom": True, "workstation": True, "paper": False}
DIFFUSION_KEYS = (
    "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
    "schedule", "clip", "ema", "precision", "text", "drop_text", "drop_maps", "logit_mean",
    "log_snr_range", "gradient_checkpointing", "compile",
)  # fmt: skip
TEXT_KEYS = ("size", "steps", "learning_rate", "warmup", "reading", "folder", "reports")


def size_of(options: Mapping[str, Any]) -> str:
    """Return the size of a recipe's networks.

    Raises:
        ValueError: There is no such size, with those that there are.
    """
    size = str(options.get("size", "phantom"))
    refuse_unknown("size", [size], NAMES)
    return size


def objective(options: Mapping[str, Any]) -> str:
    """Return a recipe's objective: "flow", or latent diffusion's as "published"."""
    name = str(options.get("objective", "flow"))
    refuse_unknown("objective", [name], OBJECTIVES)
    return name


def of_text(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the text encoder's options; `defaults` names the settings it is trained with."""
    size, own = size_of(options), dict(options.get("text") or {})
    refuse_unknown("train: text", own, TEXT_KEYS)
    return {"size": sizes.TEXT[size], "reading": READING[size], "defaults": size, **own}


def of_autoencoder(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the autoencoder's options.

    Raises:
        ValueError: A side of the crop is no multiple of the factor.
    """
    size, own = size_of(options), dict(options.get("autoencoder") or {})
    first = dict(AUTOENCODER[size])
    if {"weights", "folder"} & set(own):  # of others: taken as they are, unless steps are stated
        first.pop("steps", None)
    out = shared.chosen(size, {"size": sizes.AUTOENCODER[size], **first, **own})
    step = max(factors(out["size"]))
    if any(side % step for side in out["crop"]):
        raise ValueError(f"train: autoencoder: crop {out['crop']}: allowed: multiples of {step}")
    return out | {"network": "autoencoder", "channels": 1}


def of_diffusion(options: Mapping[str, Any], concat: bool, brought: Mapping) -> dict[str, Any]:
    """Return the options of the network that draws latents.

    Args:
        options: Of the recipe.
        concat: Whether it is shown maps.
        brought: What the generator has otherwise than `DIFFUSION`.

    Raises:
        ValueError: As `of_network`.
    """
    first = {**DIFFUSION[size_of(options)], **brought, "maps": concat}
    return of_network("diffusion", options, first, sizes.DIFFUSION, DIFFUSION_KEYS)


def of_network(
    network: str,
    options: Mapping[str, Any],
    first: Mapping[str, Any],
    table: Mapping[str, Mapping[str, Any]],
    keys: Sequence[str],
) -> dict[str, Any]:
    """Return a denoising network's options, `objective` among them.

    Args:
        network: Its name, below which the recipe overrides what stands in the tables.
        options: Of the recipe.
        first: What stands there.
        table: Of sizes by name.
        keys: What the recipe may override.

    Raises:
        ValueError: A key or size that does not exist; a chance that is none.
    """
    own = dict(options.get(network) or {})
    refuse_unknown(f"train: {network}", own, keys)
    out = {**first, **own}
    for key in ("drop_text", "drop_maps"):
        if not isinstance(out[key], int | float) or not 0 <= out[key] <= 1:
            raise ValueError(f"train: {network}: {key} is {out[key]!r}; allowed: 0 to 1")
    out["size"] = named(table, out["size"])
    return out | {"network": network, "objective": objective(options)}


def wording(options: Mapping[str, Any]) -> str:
    """Return how a recipe words findings: "findings", or "reports".

    Raises:
        ValueError: There is no such wording.
    """
    name = str(options.get("wording", "findings"))
    refuse_unknown("wording", [name], words.WORDINGS)
    return name
