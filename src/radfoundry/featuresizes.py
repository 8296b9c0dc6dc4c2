"""The feature network as data: its sizes, and what a size means."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from torch import nn

from radfoundry.training import Settings

# `side` voxels along each axis go in, after `haar` levels of a lossless transform instead of a
# costly first layer. Features are the means of the `stages` named, in units of their spread in the
# tune split: the last stage alone, trained on ten cases, does not see blur or noise (phantoms, ten
# against ten: MMD 0.06 where real against real is 0.03; with all four stages 0.4 against 0.05).
# `paper` is the ResNet-50 of Med3D with its last stage: 2048 features.
SIZES: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "side": 64, "haar": 1, "block": "basic", "layers": [1, 1, 1, 1], "stages": [1, 2, 3, 4],
        "widths": [8, 8, 16, 32], "first": 3, "stride": 2, "pool": False, "shortcut": "B",
        "batch": 4, "settings": {"steps": 120, "learning_rate": 3e-3, "warmup": 10, "ema": 0.0},
    },
    "workstation": {
        "side": 128, "haar": 1, "block": "basic", "layers": [2, 2, 2, 2], "stages": [1, 2, 3, 4],
        "widths": [32, 64, 128, 256], "first": 3, "stride": 2, "pool": False, "shortcut": "B",
        "batch": 16, "settings": {"steps": 5000, "learning_rate": 1e-3, "warmup": 200},
    },
    "paper": {
        "side": 256, "haar": 0, "block": "bottleneck", "layers": [3, 4, 6, 3], "stages": [4],
        "widths": [64, 128, 256, 512], "first": 7, "stride": 2, "pool": True, "shortcut": "B",
        "batch": 8, "settings": {"steps": 20000, "learning_rate": 1e-3, "warmup": 500},
    },
}  # fmt: skip
TRAINING: Mapping[str, Any] = {"schedule": "cosine", "weight_decay": 0.01}


def sized(options: Mapping[str, Any]) -> tuple[dict[str, Any], Settings]:
    """Return a size with its overrides, and how to train it.

    Raises:
        ValueError: The size or an option is unknown; it says which there are.
    """
    name = options.get("size", "phantom")
    if name not in SIZES:
        raise ValueError(f"no size {name!r}: choose from {', '.join(SIZES)}")
    size = {key: value for key, value in SIZES[name].items() if key != "settings"}
    known = {field.name for field in fields(Settings)}
    given = {key: value for key, value in options.items() if key != "size"}
    if unknown := sorted(set(given) - known - set(size)):
        told = ", ".join(sorted(known | set(size)))
        raise ValueError(f"unknown options {unknown} of the feature network: choose from {told}")
    how = {**TRAINING, **SIZES[name]["settings"], **{k: given[k] for k in given if k in known}}
    return size | {k: given[k] for k in given if k in size}, Settings(**how)


def build(size: Mapping[str, Any], heads: int) -> nn.Module:
    """Return MONAI's ResNet of a size, with one output per finding; none without heads."""
    from monai.networks.nets import ResNet  # noqa: PLC0415 - seconds to import

    return ResNet(
        size["block"], list(size["layers"]), list(size["widths"]),
        n_input_channels=8 ** size["haar"], conv1_t_size=size["first"],
        conv1_t_stride=size["stride"], no_max_pool=not size["pool"],
        shortcut_type=size["shortcut"], num_classes=max(1, heads), feed_forward=heads > 0,
        bias_downsample=False,
    )  # fmt: skip


def features_of(size: Mapping[str, Any]) -> int:
    """Return how many features a size gives.

    >>> features_of(SIZES["phantom"]), features_of(SIZES["paper"])
    (64, 2048)
    """
    widths = [size["widths"][stage - 1] for stage in size["stages"]]
    return sum(widths) * (4 if size["block"] == "bottleneck" else 1)
