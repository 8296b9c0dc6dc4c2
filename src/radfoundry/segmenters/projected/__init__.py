"""A network that labels real radiographs after seeing nothing but projected phantoms.

It is trained on phantoms with all that differs between films drawn at random
(`domain_randomization`), sees local contrast instead of gray levels, and is asked several times,
mirrored and zoomed. Its answer is averaged with drawn lungs laid on the same film (`lung_fit`):
they may miss a border, but always have the shape of lungs. No real image and no human mask takes
part.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.networks.nets import UNet
from torch import Tensor, nn
from torch.nn import functional

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray import contrast, lung_fit
from radfoundry.case import Case
from radfoundry.networks.layers import seeded
from radfoundry.segmenters import _phantom_training
from radfoundry.segmenters.projected import domain_randomization
from radfoundry.training import loop
from radfoundry.training.losses import soft_dice_loss
from radfoundry.volume import Volume
from radfoundry.weights import Weights

STRUCTURES = ("lung_right", "lung_left", "heart", "mediastinum")
MODALITIES = ("CXR",)
NEEDS_WEIGHTS = True
PHANTOM = "chest_xray"  # what `fit` learns from
NETWORKS: dict[str, dict[str, Any]] = {
    "phantom": {
        "cases": 600, "side": 128, "channels": [16, 32, 64, 96], "steps": 1200, "batch": 12,
    },
    "workstation": {
        "cases": 4000, "side": 256, "channels": [32, 64, 128, 192, 256],
        "steps": 12000, "batch": 32,
    },
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "size": "phantom",  # of NETWORKS
    "steps": 0,  # 0: those of the size
    "learning_rate": 3e-3,
    "zooms": [0.85, 1.0, 1.15],  # at which a film is looked at; mirrored too
    "shape": 0.5,  # weight of the drawn lungs beside the network's 1 - shape; 0: network alone
    "least_area": 0.01,  # of the canvas: less than that is no lung
}
FINDINGS = {"opacity": 0.15, "consolidation": 0.1, "pleural_effusion": 0.05, "cardiomegaly": 0.2}
SPINE = 0.45  # half width of the spine, in widths of the mediastinum above the heart
FLIPPED = [1, 0, 2, 3]  # a mirrored right lung is a left one


def structures(options: Mapping) -> tuple[str, ...]:
    """Return what is labeled, which no option changes."""
    return STRUCTURES


def phantoms(options: Mapping) -> dict[str, Any]:
    """Return the options of `phantoms.chest_xray.plan` for the cases that `fit` is to be given."""
    size = NETWORKS[_chosen(options)["size"]]
    return {
        "patients": size["cases"],
        "exams": [1, 1],
        "size": size["side"],
        "variety": "wide",
        "findings": FINDINGS,
    }


def fit(
    options: Mapping,
    rng: np.random.Generator,
    device: str = "cpu",
    cases: Sequence[Case] = (),
    progress: _phantom_training.Progress | None = None,
) -> Weights:
    """Return weights trained on phantoms: some hundreds of radiographs, of wide variety.

    Arguments and errors are those that `radfoundry.segmenters` states.
    """
    chosen = _chosen(options)
    size = NETWORKS[chosen["size"]]
    _phantom_training.check_cases("projected", cases)
    schedule = _phantom_training.schedule(chosen, size, precision="float32", ema=0.99)
    generator = _phantom_training.chance(rng, device)
    with seeded(generator):
        network = layers(size).to(device)
    pictures, masks = (part.to(device) for part in stacked(cases, size["side"]))
    drawing, callbacks = partial(draw, pictures, masks, schedule.batch), loop.Callbacks(progress)
    trained = loop.train(network, drawing, loss, schedule.settings, generator, callbacks)
    card = {"segmenter": "projected", "size": chosen["size"], "steps": schedule.steps}
    return Weights(trained.state, card | {"cases": len(cases), "structures": list(STRUCTURES)})


def prepare(
    options: Mapping, weights: Weights | None = None, device: str = "cpu"
) -> Callable[[Volume], np.ndarray]:
    """Return the segmenter: a radiograph goes in, its anatomy map (uint8, same grid) comes out.

    Args:
        options: `OPTIONS`; `size` is that of the weights, whatever is asked for here.
        weights: As `fit` returned them.
        device: Where to run.

    Raises:
        ValueError: No weights, weights of another segmenter, or an option that does not exist.
    """
    chosen = _chosen(options)
    if weights is None or weights.card.get("segmenter") != "projected":
        raise ValueError("projected needs the weights that its own fit returned")
    size = NETWORKS[weights.card["size"]]
    network = layers(size)
    network.load_state_dict(dict(weights.state))
    return partial(label, network.to(device).eval(), size["side"], chosen)


def _chosen(options: Mapping) -> dict[str, Any]:
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise ValueError(f"projected has no options {sorted(unknown)}: there are {sorted(OPTIONS)}")
    chosen = OPTIONS | dict(options)
    if chosen["size"] not in NETWORKS:
        raise ValueError(f"no size {chosen['size']!r}: choose from {', '.join(NETWORKS)}")
    return chosen


def layers(size: Mapping) -> nn.Module:
    """Return the untrained network: 2 channels in, a logit per structure out; half resolution."""
    channels = size["channels"]
    inside = UNet(
        spatial_dims=2,
        in_channels=8,
        out_channels=4 * len(STRUCTURES),
        channels=channels,
        strides=[2] * (len(channels) - 1),
        num_res_units=1,
        norm=("group", {"num_groups": 8}),
    )
    return nn.Sequential(nn.PixelUnshuffle(2), inside, nn.PixelShuffle(2))


def stacked(cases: Sequence[Case], side: int) -> tuple[Tensor, Tensor]:
    """Return all pictures (N, 1, side, side) and masks (N, structures, side, side)."""
    pictures, masks = [], []
    for case in cases:
        picture = contrast.square(volume.picture(case.image.voxels))
        labels = contrast.square(volume.picture(case.anatomy))
        pictures.append(contrast.resized(picture, (side, side)))
        masks.append(targets(contrast.resized(labels, (side, side), nearest=True)))
    return torch.from_numpy(np.stack(pictures)[:, None]), torch.from_numpy(np.stack(masks))


def targets(labels: np.ndarray) -> np.ndarray:
    """Return a phantom's masks (structures, rows, columns) as float32, lungs cut beside the spine.

    A projected lung reaches behind the spine as far as there is any lung along the ray; readers
    stop beside it. The mediastinum above the heart is as wide as the spine, and says where it runs.
    """
    masks = {name: regions.mask(labels, name) for name in STRUCTURES}
    rows, columns = np.nonzero(masks["mediastinum"])
    for name in ("lung_right", "lung_left"):
        masks[name] = contrast.tidy(masks[name])
    if len(rows) > 0:
        long = np.ptp(rows) > 0.15 * len(labels)  # a short one says nothing of the direction
        slope, start = np.polyfit(rows, columns, 1) if long else (0.0, np.median(columns))
        width = np.median(np.bincount(rows)[np.unique(rows)])
        row, column = np.mgrid[: labels.shape[0], : labels.shape[1]]
        spine = np.abs(column - (start + slope * row)) < SPINE * width
        for name in ("lung_right", "lung_left"):
            masks[name] = masks[name] & ~spine
    return np.stack([masks[name] for name in STRUCTURES]).astype(np.float32)


def draw(
    pictures: Tensor, masks: Tensor, batch: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return a batch of randomized phantoms as the network sees them, and their masks."""
    chosen = torch.randint(len(pictures), (batch,), generator=generator, device=generator.device)
    these = masks[chosen]
    lungs = these[:, :2].amax(1, keepdim=True)
    shown, wanted = domain_randomization.randomized(pictures[chosen], these, lungs, generator)
    return domain_randomization.locally_normalized(shown), by_side(wanted)


def by_side(masks: Tensor) -> Tensor:
    """Return masks with the lungs named by where they lie: after mirroring, left is right."""
    at = torch.arange(masks.shape[-1], device=masks.device, dtype=masks.dtype)
    middle = (masks[:, :2] * at).sum((2, 3)) / masks[:, :2].sum((2, 3)).clamp_min(1)
    swap = (middle[:, 0] > middle[:, 1])[:, None, None, None]
    return torch.where(swap, masks[:, FLIPPED], masks)


def loss(
    network: nn.Module, batch: tuple[Tensor, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """Return the loss: cross-entropy and 1 - soft Dice, both over all structures."""
    seen, wanted = batch
    logits = network(seen)
    dice = soft_dice_loss(torch.sigmoid(logits).flatten(0, 1), wanted.flatten(0, 1))
    return {"entropy": functional.binary_cross_entropy_with_logits(logits, wanted), "dice": dice}


def probabilities(network: nn.Module, picture: Tensor, zooms: Sequence[float]) -> Tensor:
    """Return (structures, S, S) averaged over zooms and mirroring of one picture (S, S)."""
    total = torch.zeros(len(STRUCTURES), *picture.shape, device=picture.device)
    for zoom in zooms:
        views = domain_randomization.zoomed(picture[None, None], 1 / zoom)
        both = torch.cat([views, views.flip(-1)])
        plain, mirrored = torch.sigmoid(network(domain_randomization.locally_normalized(both)))
        mean = (plain + mirrored[FLIPPED].flip(-1)) / 2
        total += domain_randomization.zoomed(mean[None], zoom)[0]
    return total / len(zooms)


@torch.inference_mode()
def label(network: nn.Module, side: int, options: Mapping, image: Volume) -> np.ndarray:
    """Return a radiograph's anatomy map: each structure's largest part, holes filled."""
    picture = volume.picture(image.voxels)
    canvas = contrast.square(picture).astype(np.float32)
    if not (canvas > contrast.PADDING).any():
        return np.zeros(image.voxels.shape, np.uint8)
    device = next(network.parameters()).device
    small = torch.from_numpy(contrast.resized(canvas, (side, side)).copy()).to(device)
    coarse = probabilities(network, small, options["zooms"])[None]
    fine = functional.interpolate(coarse, size=canvas.shape, mode="bilinear", align_corners=False)
    likely = dict(zip(STRUCTURES, fine[0].cpu().numpy(), strict=True))
    masks = {}
    for name, odds in lung_fit.in_shape(likely, canvas, float(options["shape"])).items():
        least = options["least_area"] if name.startswith("lung") else 0.0
        masks[name] = contrast.tidy(odds > 0, least)
    return contrast.label_map(masks, *picture.shape)
