"""Options of the networks that a recipe may have beside the one that draws latents.

None of them is there unless the recipe names it under `train:`, with values or with `true`.
"""

from collections.abc import Mapping
from typing import Any

from radfoundry.diffusion.preconditioning import LOGIT_MEAN
from radfoundry.generators._radiographs import options as shared
from radfoundry.generators._radiographs import sizes
from radfoundry.networks.power_averages import gamma_of
from radfoundry.training.settings import PRECISIONS, refuse_unknown

# `traces`: relative widths of averages that are kept along the training, for `averaged`.
EDM_KEYS = (*(key for key in shared.DIFFUSION_KEYS if key != "text"), "traces")
GUIDE_KEYS = tuple(key for key in shared.DIFFUSION_KEYS if key != "text")
CONTROLNET_KEYS = (
    "steps", "batch", "accumulate", "learning_rate", "betas", "weight_decay", "warmup", "schedule",
    "clip", "ema", "precision", "drop_text", "drop_maps", "gradient_checkpointing", "compile",
)  # fmt: skip
# XReal trains its ControlNet with 1e-5. A copy of a base of few steps may learn faster.
CONTROLNET: Mapping[str, Mapping[str, Any]] = {
    "phantom": {"learning_rate": 1e-3},
    "workstation": {"learning_rate": 1e-5},
    "paper": {"learning_rate": 1e-5},
}
# A guide is smaller than what it guides, and learns a quarter as long (Karras et al. 2024: a
# sixteenth, of a network of half the width).
GUIDE_STEPS = 4
GUIDES: Mapping[str, Mapping[str, Any]] = {
    "phantom": {**sizes.DIFFUSION["phantom"], "widths": (32, 96), "blocks": (1, 2)},
    "workstation": {**sizes.DIFFUSION["workstation"], "widths": (64, 128, 192, 256)},
    "paper": {**sizes.DIFFUSION["paper"], "widths": (96, 192, 384, 384)},
}
WIDTH = 0.1  # of an average, where none is stated


def of_edm(options: Mapping[str, Any], concat: bool, brought: Mapping) -> dict[str, Any]:
    """Return the options of the network that is taught as EDM is.

    Args:
        options: Of the recipe.
        concat: Whether it is shown maps.
        brought: What the generator has otherwise than `options.DIFFUSION`.

    Raises:
        ValueError: As `options.of_network`; another objective than "flow"; a width that no average
            has.
    """
    usual = {**shared.DIFFUSION[shared.size_of(options)], **brought, "maps": concat}
    first = {**usual, "logit_mean": LOGIT_MEAN, "traces": []}
    out = shared.of_network("edm", options, first, sizes.DIFFUSION, EDM_KEYS)
    if out["objective"] != "flow":
        raise ValueError(f"train: edm: the objective is {out['objective']!r}; allowed: flow")
    for width in out["traces"]:
        gamma_of(width)
    return out


def of_guide(options: Mapping[str, Any], concat: bool, brought: Mapping) -> dict[str, Any]:
    """Return the options of the weaker network that guidance leads away from; see `of_edm`."""
    usual = {**shared.DIFFUSION[shared.size_of(options)], **brought, "maps": concat}
    first = {**usual, "steps": usual["steps"] // GUIDE_STEPS}
    return shared.of_network("guide", options, first, GUIDES, GUIDE_KEYS)


def of_controlnet(options: Mapping[str, Any], brought: Mapping) -> dict[str, Any]:
    """Return the options of the copy that sees maps; what it is a copy of says the rest.

    Raises:
        ValueError: A key that does not exist; a chance that is none.
    """
    size = shared.size_of(options)
    usual = {**shared.DIFFUSION[size], **brought, **CONTROLNET[size], "maps": True}
    return shared.of_network("controlnet", options, usual, sizes.DIFFUSION, CONTROLNET_KEYS)


def of_averaged(options: Mapping[str, Any]) -> float:
    """Return the relative width over which weights are averaged.

    Raises:
        ValueError: A key that does not exist; no average is as wide.
    """
    own = dict(options.get("averaged") or {})
    refuse_unknown("train: averaged", own, ("width", "steps"))
    width = own.get("width", WIDTH)
    gamma_of(width)
    return float(width)


def of_pretrained(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the folder of a latent text-to-image model, its sha256, and in what it computes.

    Raises:
        ValueError: A key that does not exist; no folder, or no sha256 of it; a precision that is
            none.
    """
    own = dict(options.get("pretrained") or {})
    refuse_unknown("train: pretrained", own, ("folder", "sha256", "precision"))
    for key in ("folder", "sha256"):
        if not isinstance(own.get(key), str):
            raise ValueError(f"train: pretrained: {key} is {own.get(key)!r}; allowed: a text")
    out = {"precision": "float32", **own}
    refuse_unknown("train: pretrained: precision", [out["precision"]], PRECISIONS)
    return out
