"""Our own features of an image: a ResNet that learned to recognize findings, pooled.

It measures realism, so it learns from the tune split, which no generator trains on. It is of 3D for
volumes and of 2D for radiographs, whichever it learns from. The same network holds weights of
others (`adopted`): Med3D's, which published distances of chest CT are made with, or those of a
ResNet of pictures.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.data.augmentation import WINDOW_HU, shifted
from radfoundry.evaluation.realism.feature_sizes import SIZES, build, features_of, size_of, sized
from radfoundry.networks.layers import seeded
from radfoundry.networks.wavelets import haar
from radfoundry.text import labeler
from radfoundry.training.loop import Callbacks, train
from radfoundry.volume import Volume
from radfoundry.weights import Weights, WeightsError

SHIFT = 1 / 16  # of the side: the farthest a picture is moved in training
NOISE = 0.02  # of [-1, 1], about 16 HU; more would teach the network not to see noise
HEADS = ("fc.", "conv_seg.")
CENTER, SPREAD = "features.center", "features.spread"
LEAST_SPREAD = 0.1  # of the median one: a feature that never moved must not outweigh all others


def fit(
    cases: Iterable[Case],
    options: Mapping[str, Any],
    rng: np.random.Generator,
    device: str = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:
    """Return a network that recognizes findings, with a card that says how it learned.

    Binary cross entropy on each finding that occurs, as `labeler.labels_of` has them; what a report
    leaves open counts for nothing. Where none occurs there is nothing to learn: the weights are
    then those it began with, whose features still separate sets, and the card says `trained:
    false`.

    Args:
        cases: CT in HU, or radiographs in [0, 1], of the tune split; read once, kept at the
            network's size alone.
        options: `size`, a name of `SIZES`; what differs from that size, from `Settings`, or both.
        rng: Source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: There is no case, or an option is unknown.
    """
    walk = iter(cases)
    if (first := next(walk, None)) is None:
        raise ValueError("a feature network needs a case of the tune split to learn from")
    size, settings = sized(options, 2 if first.image.is_radiograph else 3)
    every = sorted(label.name for label in regions.vocabulary().findings)
    kept = [
        (
            picture(case.image, size["side"]).half(),
            torch.tensor(labeler.labels_of(case.facts, every)),
        )
        for case in chain([first], walk)
    ]
    pool, labels = (torch.stack(parts) for parts in zip(*kept, strict=True))
    shown = (labels == 1).any(0)
    names = [name for name, occurs in zip(every, shown.tolist(), strict=True) if occurs]
    target = labels[:, shown]
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    with seeded(generator):
        network = build(size, len(names)).to(device)
    card = {"network": "feature_network", "size": size, "cases": len(kept), "findings": names}
    card |= {"positive": [int(n) for n in (target == 1).sum(0)], "trained": bool(names)}

    def draw(own: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(pool), (size["batch"],), generator=own, device=own.device).cpu()
        pictures = altered(pool[rows].to(device).float(), own)
        return haar(pictures, size["haar"]), target[rows].to(device)

    if names:
        done = train(network, draw, loss, settings, generator, callbacks)
        card |= {"steps": settings.steps, "losses": done.loss_curve()["findings"]}
        network.load_state_dict(done.state)
    return Weights(network.state_dict() | _scales(network, pool, size), card)


def loss(network: Any, batch: tuple[Tensor, Tensor], generator: Any) -> dict[str, Tensor]:
    """Return the cross entropy of a batch of pictures and targets (B, names) of 1, 0 or NaN."""
    del generator  # nothing is drawn here
    pictures, target = batch
    entropy = functional.binary_cross_entropy_with_logits
    known = (~target.isnan()).float()
    return {"findings": entropy(network(pictures), target.nan_to_num(), weight=known)}


def _scales(network: nn.Module, pool: Tensor, size: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return mean and spread of every feature over the pictures it learned from."""
    found = torch.cat([pooled(network.eval(), some, size) for some in pool.split(size["batch"])])
    spread = found.std(0, correction=0)
    least = LEAST_SPREAD * spread.median()
    spread = spread.clamp(min=least) if least > 0 else torch.ones_like(spread)
    return {CENTER: found.mean(0), SPREAD: spread}


def picture(image: Volume, side: int) -> Tensor:
    """Return an image in [-1, 1], averaged down.

    A CT is (1, side, side, side), window -1024 to 600 HU; a radiograph (1, side, side) as it is
    viewed. The whole grid goes in, whatever its spacing; a smaller one is interpolated.
    """
    flat = image.is_radiograph
    low, high = (0.0, 1.0) if flat else WINDOW_HU
    shown = volume.picture(image.voxels) if flat else image.voxels
    values = torch.from_numpy(np.ascontiguousarray(shown, np.float32))
    scaled = (2 * (values.clamp(low, high) - low) / (high - low) - 1)[None, None]
    if min(scaled.shape[2:]) >= side:  # averages keep noise and edges as a thicker scan has them
        pool = functional.adaptive_avg_pool2d if flat else functional.adaptive_avg_pool3d
        return pool(scaled, side)[0]
    mode, sides = ("bilinear", (side,) * 2) if flat else ("trilinear", (side,) * 3)
    return functional.interpolate(scaled, sides, mode=mode, align_corners=False)[0]


def altered(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures each moved by up to 1/16 along each axis, with faint noise.

    What lies beyond the edge repeats it. All chance comes from the generator.

    Args:
        pictures: (B, 1, s, s, s), or (B, 1, s, s) of radiographs.
        generator: On any device.
    """
    reach, flat = round(SHIFT * pictures.shape[-1]), pictures.ndim == 4
    solid = pictures.unsqueeze(-1) if flat else pictures  # an axis of one voxel moves nowhere
    moved = shifted(solid, reach, generator)
    moved = moved.squeeze(-1) if flat else moved
    noise = torch.randn(moved.shape, generator=generator, device=generator.device)
    return moved + NOISE * noise.to(moved.device)


def prepare(weights: Weights, device: str = "cpu") -> Callable[[Iterable[Volume]], np.ndarray]:
    """Return a function from images to their features (n, d), float64: see `picture`.

    Images are taken one batch at a time; how they are batched changes nothing but rounding.

    Args:
        weights: From `fit` or `adopted`, or a folder's (`weights.read`).
        device: Where to run.

    Raises:
        WeightsError: The card has no size, or the tensors are not those of a network of that size.
            The function raises ValueError where an image is no volume, or no radiograph, as the
            network is of 3D or of 2D.
    """
    size, state = _checked(weights)
    network = build(size, 0).eval().to(device)
    network.load_state_dict(state)
    center, spread = weights.state.get(CENTER), weights.state.get(SPREAD)

    def features(volumes: Iterable[Volume]) -> np.ndarray:
        found = [torch.zeros(0, features_of(size))]
        small = (_seen(one, size) for one in volumes)  # no batch of whole volumes
        while some := list(islice(small, size["batch"])):
            found.append(pooled(network, torch.stack(some), size))
        values = torch.cat(found)
        if center is not None and spread is not None:
            values = (values - center.cpu()) / spread.cpu()
        return values.double().numpy()

    return features


def _seen(image: Volume, size: Mapping[str, Any]) -> Tensor:
    """Return an image as a network of a size sees it, or say that it cannot."""
    dims, own = size.get("dims", 3), 2 if image.is_radiograph else 3
    if dims != own:
        raise ValueError(f"a feature network of {dims}D was given an image of {own}D")
    return picture(image, size["side"])


@torch.inference_mode()
def pooled(network: Any, pictures: Tensor, size: Mapping[str, Any]) -> Tensor:
    """Return the means over space of the stages that a size names, (B, d), on the CPU."""
    device = next(network.parameters()).device
    seen = pictures.to(device).float().repeat_interleave(size.get("channels", 1), 1)
    maps = haar(seen, size["haar"])
    maps = network.act(network.bn1(network.conv1(maps)))
    maps = network.maxpool(maps) if size["pool"] else maps
    means = []
    for stage in range(1, 5):
        maps = getattr(network, f"layer{stage}")(maps)
        if stage in size["stages"]:
            means.append(maps.mean(tuple(range(2, maps.ndim))))
    return torch.cat(means, 1).cpu()


def adopted(state: Mapping[str, Tensor], size: Mapping[str, Any], origin: str) -> Weights:
    """Return a trained ResNet of others as weights that `prepare` takes and `write` stores.

    MONAI's ResNet strides where Med3D's script dilates: features are not those of its script.

    Args:
        state: Tensors under the names of MONAI's ResNet, with or without `module.` in front; heads
            are left out.
        size: As in `SIZES`.
        origin: Whose they are, for the card.

    Raises:
        WeightsError: The tensors are not those of a network of that size.
    """
    size = {key: value for key, value in size.items() if key != "settings"}
    weights = Weights(_bare(state), {"network": "feature_network", "size": size, "origin": origin})
    _checked(weights)
    return weights


def taken(found: Weights, side: int | None = None) -> Weights:
    """Return weights of a user's path (`weights.adopt`) as a feature network's, with their origin.

    Args:
        found: A network of ours, which stays as it is; or tensors of others, such as Med3D's
            resnet_50.pth, whose size is read off them.
        side: Voxels along each axis of the picture that a network of others sees; if None, 256 in
            3D and 224 in 2D.

    Raises:
        WeightsError: They are not those of a ResNet that `prepare` can run.
    """
    origin = found.card["origin"]
    try:
        if "size" in found.card:
            _checked(found)
            return found
        bare = _bare(found.state)
        size = size_of(bare, side)
        return Weights(bare, {**adopted(bare, size, origin).card, **found.card})
    except ValueError as error:
        raise WeightsError(f"{origin} cannot be the feature network: {error}") from None


def _bare(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's tensors without its heads, under the names it has by itself."""
    bare = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    return {key: tensor for key, tensor in bare.items() if not key.startswith(HEADS)}


def _checked(weights: Weights) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    """Return size and the network's tensors without its head, or say what does not fit."""
    size: Mapping[str, Any] = weights.card.get("size") or {}
    if lacking := set(SIZES["phantom"]) - {"settings"} - set(size):
        raise WeightsError(f"the card's size lacks {', '.join(sorted(lacking))}")
    with torch.device("meta"):
        wanted = build(size, 0).state_dict()
    counters = {n: torch.tensor(0) for n in wanted if n.endswith("tracked")}  # old files lack them
    ours = (*HEADS, CENTER, SPREAD)
    state = counters | {k: v for k, v in weights.state.items() if not k.startswith(ours)}
    lost = [n for n in wanted if n not in state or wanted[n].shape != state[n].shape]
    if wrong := lost + sorted(set(state) - set(wanted)):
        named = f"{', '.join(wrong[:3])}{' ...' if len(wrong) > 3 else ''}"
        raise WeightsError(f"not the tensors of a feature network of this size: {named}")
    return size, state
