"""Options of AURAD's training, and what else the workflow asks without importing it."""

from collections.abc import Mapping, Sequence
from typing import Any

from radfoundry.generators._radiographs import options as shared
from radfoundry.generators.aurad import sizes
from radfoundry.training.settings import refuse_unknown

# Of the network of masks, in place of what stands in `_radiographs.options`: `factor`, pixels of a
# cell along each axis; organs are always shown.
MASKS: Mapping[str, Any] = {"drop_maps": 0.0, "logit_mean": 0.0}
MASK_KEYS = (*shared.DIFFUSION_KEYS, "factor")
BANK: Mapping[str, int] = {"most": 512}  # ill cases whose masks and pixels are kept
# Networks that not every recipe has: baselines take masks from elsewhere.
USED: Mapping[str, Mapping[str, list]] = {
    "text": {"sample/masks": [None, "drawn", "random", "transformed"]},
    "autoencoder": {"sample/masks": [None, "drawn", "random", "transformed"]},
    "masks": {"sample/masks": [None, "drawn"]},
    "diffusion": {"sample/masks": [None, "drawn", "random", "transformed"]},
    "bank": {"sample/masks": ["transformed", "copy_paste"]},
}
# Memory of a GPU that one sample takes, bytes per pixel: that of masks or that of the radiograph,
# whichever is more. `networks.costs` counts 1159, 33459 and 2848, see `xreal.options`.
DRAWING_BYTES: Mapping[str, int] = {"phantom": 1200, "workstation": 34000, "paper": 3000}
# What `sample:` is where the recipe does not say.
SAMPLED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "train/objective": {
        "published": {
            "steps": 100,
            "mask_steps": 100,
            "timestep_spacing": "time",
            "method": "ddim",
        },
    },
    "sample/masks": {"copy_paste": {"warp": 0.0}},
}
# What `train:` takes: each key, and the keys below it. Read without importing, to check a config.
TRAIN: Mapping[str, Sequence[str]] = {
    "objective": (), "wording": (),
    "text": ("size", "steps", "learning_rate", "warmup", "reading", "folder", "reports"),
    "autoencoder": (  # as `generators._latent.options.KEYS` has them
        "size", "steps", "batch", "accumulate", "crop", "learning_rate", "betas", "weight_decay",
        "warmup", "schedule", "clip", "ema", "precision", "kl", "adversarial", "feature_matching",
        "critic", "weights", "sha256", "folder",
    ),
    "masks": (
        "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "text", "drop_text", "drop_maps", "logit_mean",
        "log_snr_range", "gradient_checkpointing", "compile", "factor",
    ),
    "diffusion": (  # as `generators._radiographs.options.DIFFUSION_KEYS` has them
        "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "text", "drop_text", "drop_maps", "logit_mean",
        "log_snr_range", "gradient_checkpointing", "compile",
    ),
    "bank": ("most",),
}  # fmt: skip
VALUES: Mapping[str, Mapping[str, Any]] = {
    "factor": {"type": "integer", "minimum": 1},
    "most": {"type": "integer", "minimum": 1},
}


def checked(options: Mapping[str, Any]) -> str:
    """Return how findings are worded, after a look at what concerns all networks.

    Raises:
        ValueError: A key, size or word that does not exist, with those that do.
    """
    refuse_unknown("train", options, ("size", *TRAIN))
    shared.size_of(options)
    shared.objective(options)
    return shared.wording(options)


def of_diffusion(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the network that draws radiographs; it is shown maps."""
    return shared.of_diffusion(options, True, {}) | {"wording": checked(options)}


def of_masks(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the network that draws masks.

    Raises:
        ValueError: A key or size that does not exist; a chance or a factor that is none.
    """
    size = shared.size_of(options)
    first = {**shared.DIFFUSION[size], **MASKS, "factor": sizes.FACTORS[size], "maps": True}
    out = shared.of_network("masks", options, first, sizes.MASKS, MASK_KEYS)
    if not isinstance(out["factor"], int) or out["factor"] < 1:
        raise ValueError(f"train: masks: factor is {out['factor']!r}; allowed: 1 or more")
    return out | {"wording": checked(options)}


def of_bank(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the bank of real masks.

    Raises:
        ValueError: A key that does not exist; a number of cases that is none.
    """
    checked(options)
    own = dict(options.get("bank") or {})
    refuse_unknown("train: bank", own, tuple(BANK))
    out = {**BANK, **own, "network": "bank"}
    if not isinstance(out["most"], int) or out["most"] < 1:
        raise ValueError(f"train: bank: most is {out['most']!r}; allowed: 1 or more")
    return out
