"""Options of XReal's training: what the recipe chooses, and its controller's table per size."""

from collections.abc import Mapping, Sequence
from typing import Any

from radfoundry.generators._latent import options as latent
from radfoundry.generators._radiographs import options as shared
from radfoundry.generators._radiographs import sizes
from radfoundry.training.settings import refuse_unknown

# XReal leaves no prompt out in training: "no finding" is the empty one, and the null.
BROUGHT: Mapping[str, Any] = {"drop_text": 0.0}
# Of the anatomy controller, in place of what stands in `_latent.options`. `organs`: chance that it
# is given the organs and not the image.
CONTROLLER: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "size": {"size": "radiograph", "blocks": [4]}, "batch": 8, "steps": 600, "organs": 0.5,
    },
    "workstation": {
        "size": sizes.AUTOENCODER["workstation"], "batch": 8, "accumulate": 1, "organs": 0.5,
        "adversarial": 0.0, "feature_matching": 0.0,
    },
    "paper": {
        "size": sizes.AUTOENCODER["paper"], "batch": 8, "accumulate": 2, "learning_rate": 4.5e-6,
        "organs": 0.5, "adversarial": 0.0, "feature_matching": 0.0,
    },
}  # fmt: skip
CONTROLLER_KEYS = (
    "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
    "schedule", "clip", "ema", "precision", "kl", "organs",
)  # fmt: skip
# What `sample:` is where the recipe does not say: the paper's 100 steps, twice, its share
# of the estimate outside organs, and its guidance.
SAMPLED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "train/objective": {
        "published": {
            "steps": 100,
            "anatomy_steps": 100,
            "led": 0.5,
            "outside": 0.2,
            "timestep_spacing": "time",
            "method": "ddim",
            "eta": 1.0,
            "guidance": 7.0,
        },
    },
}
# Networks that not every recipe has: the baselines have no controllers, and what is named for it
# under `train:`, with values or `true`, is there.
USED: Mapping[str, Mapping[str, bool | None]] = {
    "anatomy_controller": {
        "train/text_only": False, "train/concat": False, "train/controlnet": False,
    },
    "text": {"train/diffusion/text": None, "train/pretrained": False},
    "autoencoder": {"train/pretrained": False},
    "diffusion": {"train/edm": False, "train/pretrained": False},
    "pretrained": {"train/pretrained": True},
    "controlnet": {"train/controlnet": True},
    "edm": {"train/edm": True},
    "averaged": {"train/averaged": True},
    "guide": {"train/guide": True},
}  # fmt: skip
# Memory of a GPU that one sample with two findings takes, bytes per pixel: `networks.costs` counts
# 1080, 50136 and 4221. There attention is a whole matrix, as it need not be on a GPU.
DRAWING_BYTES: Mapping[str, int] = {"phantom": 1200, "workstation": 51000, "paper": 4500}
# What `train:` takes: each key, and the keys below it. Read without importing, to check a config.
TRAIN: Mapping[str, Sequence[str]] = {
    "objective": (), "wording": (), "text_only": (), "concat": (),
    "text": ("size", "steps", "learning_rate", "warmup", "reading", "folder", "reports"),
    "autoencoder": (  # as `generators._latent.options.KEYS` has them
        "size", "steps", "batch", "accumulate", "crop", "learning_rate", "betas", "weight_decay",
        "warmup", "schedule", "clip", "ema", "precision", "kl", "adversarial", "feature_matching",
        "critic", "weights", "sha256", "folder",
    ),
    "diffusion": (  # as `generators._radiographs.options.DIFFUSION_KEYS` has them
        "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "text", "drop_text", "drop_maps", "logit_mean",
        "log_snr_range", "gradient_checkpointing", "compile",
    ),
    "anatomy_controller": (
        "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "kl", "organs",
    ),
    "controlnet": (  # these and below as `generators._radiographs.variant_options` has them
        "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "drop_text", "drop_maps",
        "gradient_checkpointing", "compile",
    ),
    "edm": (
        "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "drop_text", "drop_maps", "logit_mean",
        "log_snr_range", "gradient_checkpointing", "compile", "traces",
    ),
    "averaged": ("width", "steps"),  # of 0 steps in a null arm, whose `edm` is untrained
    "pretrained": ("folder", "sha256", "precision"),
    "guide": (
        "size", "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup",
        "schedule", "clip", "ema", "precision", "drop_text", "drop_maps", "logit_mean",
        "log_snr_range", "gradient_checkpointing", "compile",
    ),
}  # fmt: skip


def checked(options: Mapping[str, Any]) -> str:
    """Return how findings are worded, after a look at what concerns all networks.

    Raises:
        ValueError: A key, size or word that does not exist, with those that do; both baselines.
    """
    refuse_unknown("train", options, ("size", *TRAIN))
    shared.size_of(options)
    shared.objective(options)
    for name in ("text_only", "concat"):
        if not isinstance(options.get(name, False), bool):
            raise ValueError(f"train: {name} is {options[name]!r}; allowed: true, false")
    if options.get("text_only") and options.get("concat"):
        raise ValueError("train: text_only and concat are both true; allowed: one of them")
    return shared.wording(options)


def of_diffusion(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base's options."""
    concat = bool(options.get("concat", False))
    return shared.of_diffusion(options, concat, BROUGHT) | {"wording": checked(options)}


def of_controller(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the anatomy controller's options: an autoencoder of organs and image.

    Raises:
        ValueError: A key or size that does not exist; a chance that is none.
    """
    size, own = shared.size_of(options), dict(options.get("anatomy_controller") or {})
    refuse_unknown("train: anatomy_controller", own, CONTROLLER_KEYS)
    first = {**CONTROLLER[size], **own}
    organs = first.pop("organs")
    if not isinstance(organs, int | float) or not 0 <= organs <= 1:
        raise ValueError(f"train: anatomy_controller: organs is {organs!r}; allowed: 0 to 1")
    out = latent.chosen(size, first)
    return out | {"network": "anatomy_controller", "organs": organs}
