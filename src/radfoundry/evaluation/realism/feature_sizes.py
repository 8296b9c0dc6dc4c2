"""The feature network as data: its sizes, and what a size means."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from radfoundry.training.loop import Settings
from radfoundry.training.settings import sized as chosen_size

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
# The same of radiographs. `paper` sees pictures as ImageNet's and RadImageNet's ResNet-50 do.
RADIOGRAPHS: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "dims": 2, "channels": 1,
        "side": 128, "haar": 1, "block": "basic", "layers": [1, 1, 1, 1], "stages": [1, 2, 3, 4],
        "widths": [8, 16, 32, 64], "first": 3, "stride": 2, "pool": False, "shortcut": "B",
        "batch": 8, "settings": {"steps": 120, "learning_rate": 3e-3, "warmup": 10, "ema": 0.0},
    },
    "workstation": {
        "dims": 2, "channels": 1,
        "side": 256, "haar": 1, "block": "basic", "layers": [2, 2, 2, 2], "stages": [1, 2, 3, 4],
        "widths": [64, 128, 256, 512], "first": 3, "stride": 2, "pool": False, "shortcut": "B",
        "batch": 32, "settings": {"steps": 5000, "learning_rate": 1e-3, "warmup": 200},
    },
    "paper": {
        "dims": 2, "channels": 1,
        "side": 224, "haar": 0, "block": "bottleneck", "layers": [3, 4, 6, 3], "stages": [4],
        "widths": [64, 128, 256, 512], "first": 7, "stride": 2, "pool": True, "shortcut": "B",
        "batch": 32, "settings": {"steps": 20000, "learning_rate": 1e-3, "warmup": 500},
    },
}  # fmt: skip
BY_DIMS: Mapping[int, Mapping[str, Mapping[str, Any]]] = {2: RADIOGRAPHS, 3: SIZES}
CHANNELS = {2: (1, 3), 3: (1,)}  # that a network of others may see; a gray picture is in each
TRAINING: Mapping[str, Any] = {"schedule": "cosine", "weight_decay": 0.01}


def sized(options: Mapping[str, Any], dims: int = 3) -> tuple[dict[str, Any], Settings]:
    """Return a size with its overrides, and how to train it.

    Args:
        options: `size`, and what differs from it or from `TRAINING`.
        dims: 2 for radiographs, 3 for volumes.

    Raises:
        ValueError: The size or an option is unknown; it says which there are.
    """
    return chosen_size("the feature network", options, BY_DIMS[dims], TRAINING)


def size_of(state: Mapping[str, Tensor], side: int | None = None) -> dict[str, Any]:
    """Return the size of a ResNet, read off the shapes of its tensors, with its last stage.

    What shapes do not show is as in Med3D: the first convolution has a stride of 2, and is pooled.
    One of 2D may see three channels, as torchvision's do: each is then the gray picture.

    Args:
        state: Tensors under the names of torchvision's and MONAI's ResNet; others are passed over.
        side: Voxels along each axis of the picture that it is to see; that of the paper if None.

    Raises:
        ValueError: It is no ResNet of 2D or 3D of gray images.
    """
    first = state.get("conv1.weight")
    blocks = [[n for n in state if n.startswith(f"layer{k}.")] for k in (1, 2, 3, 4)]
    outer = [state.get(f"layer{k}.0.conv1.weight") for k in (1, 2, 3, 4)]
    if first is None or any(one is None for one in outer):
        raise ValueError("no ResNet: it lacks conv1 or one of layer1 to layer4")
    if {first.ndim} != {one.ndim for one in outer if one is not None} or first.ndim not in (4, 5):
        raise ValueError("no 3D ResNet, nor one of 2D: its convolutions are of neither")
    dims, channels = first.ndim - 2, first.shape[1]
    if channels not in CHANNELS[dims]:
        raise ValueError(f"a {dims}D ResNet of images with {channels} channels; a CT has one")
    flat = {"dims": dims, "channels": channels} if dims == 2 else {}
    return flat | {
        "side": side or BY_DIMS[dims]["paper"]["side"], "haar": 0, "stages": [4],
        "first": first.shape[-1], "stride": 2, "pool": True,
        "block": "bottleneck" if "layer1.0.conv3.weight" in state else "basic",
        "layers": [len({name.split(".")[1] for name in names}) for names in blocks],
        "widths": [one.shape[0] for one in outer if one is not None],
        "shortcut": "B" if any(".downsample." in name for name in state) else "A",
        "batch": BY_DIMS[dims]["paper"]["batch"],
    }  # fmt: skip


def build(size: Mapping[str, Any], heads: int) -> nn.Module:
    """Return MONAI's ResNet of a size, with one output per finding; none without heads."""
    from monai.networks.nets import ResNet  # noqa: PLC0415 - seconds to import

    dims = size.get("dims", 3)
    return ResNet(
        size["block"], list(size["layers"]), list(size["widths"]), spatial_dims=dims,
        n_input_channels=size.get("channels", 1) * 2 ** (dims * size["haar"]),
        conv1_t_size=size["first"], conv1_t_stride=size["stride"], no_max_pool=not size["pool"],
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
