"""Read findings off radiographs: which, on which side, and where.

It judges what generators draw, so it learns from real films of the tune split, which no generator
trains on; what it makes of real test films is the ceiling of all that is measured with it. How many
films it learned from decides how good it is: the card says how many showed each finding.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray import contrast
from radfoundry.case import Case
from radfoundry.data.augmentation import shifted
from radfoundry.evaluation.readers import stated
from radfoundry.evaluation.readers.network import SIZES, FindingReaderNetwork, anywhere
from radfoundry.networks.layers import seeded
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.training.losses import soft_dice_loss
from radfoundry.training.settings import sized as chosen_size
from radfoundry.volume import Volume
from radfoundry.weights import Weights, WeightsError

READER = "finding_reader"  # on the card
TRAINING: Mapping[str, Any] = {"schedule": "cosine", "weight_decay": 0.01}
SHIFT = 1 / 16  # of the side: the farthest a film is moved in training
MIRRORED = 0.5  # of the films: right is then left, in picture, masks and sides alike
GAMMA, NOISE = 0.3, 0.02  # largest change of the logarithm of gamma; noise in [0, 1]


class Reading(NamedTuple):
    """What a film shows, for k findings.

    Attributes:
        present: (k,) probabilities that it shows them.
        sides: (k, 2) probabilities that its right and its left half do.
        maps: (k, rows, columns) probabilities of pixels, as the film is viewed.
    """

    present: np.ndarray
    sides: np.ndarray
    maps: np.ndarray


class Reader(NamedTuple):
    """A trained reader: the findings that it knows, and what reads a film."""

    findings: tuple[str, ...]
    read: Callable[[Volume], Reading]


class Films(NamedTuple):
    """Films as the network learns from them; NaN, or not mapped, where nothing is known.

    Attributes:
        pictures: (n, 1, s, s) in [0, 1], float16.
        present: (n, k).
        sides: (n, k, 2).
        masks: (n, k, s, s), uint8.
        mapped: (n, k), 1 or 0.
    """

    pictures: Tensor
    present: Tensor
    sides: Tensor
    masks: Tensor
    mapped: Tensor


def sized(options: Mapping[str, Any]) -> tuple[dict[str, Any], Settings]:
    """Return a size with its overrides, and how to train it.

    Args:
        options: `size`, a name of `SIZES`, and what differs from it or from `Settings`.

    Raises:
        ValueError: The size or an option is unknown; it says which there are.
    """
    return chosen_size("the finding reader", options, SIZES, TRAINING)


def fit(
    films: Iterable[Case],
    options: Mapping[str, Any],
    rng: np.random.Generator,
    device: str = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:
    """Return a reader of every finding that occurs, with a card that says what taught it.

    Binary cross entropy on the film and its halves, and with soft Dice on the pixels; what is not
    known of a film counts for nothing. All findings, and films without any, are drawn equally
    often. Where no finding occurs there is nothing to read: the card then names none.

    Args:
        films: Radiographs in [0, 1] of the tune split, with the facts that `stated.of_film` takes;
            read once, kept at the network's size alone.
        options: See `sized`.
        rng: Source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: There is no film, or an option is unknown.
    """
    size, settings = sized(options)
    names, pool = gathered(films, int(size["side"]))
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    with seeded(generator):
        network = FindingReaderNetwork(size, max(1, len(names))).to(device)
    counts = {"positive": (pool.present == 1).sum(0), "mapped": pool.masks.flatten(2).any(2).sum(0)}
    card = {"network": READER, "size": size, "cases": len(pool.pictures), "findings": list(names)}
    card |= {name: [int(n) for n in found] for name, found in counts.items()}
    if names:
        drawing = partial(draw, pool, weights_of(pool.present), size["batch"], device)
        done = train(network, drawing, loss, settings, generator, callbacks)
        card |= {"steps": settings.steps, "losses": done.loss_curve()}
        network.load_state_dict(done.state)
    return Weights(network.state_dict(), card)


def gathered(films: Iterable[Case], side: int) -> tuple[tuple[str, ...], Films]:
    """Return the findings that occur in some films, and these as the network learns from them.

    Raises:
        ValueError: There is no film.
    """
    every = sorted(label.name for label in regions.vocabulary().findings)
    rows = [_seen(film, every, side) for film in films]
    if not rows:
        raise ValueError("a finding reader needs a film of the tune split to learn from")
    shown = np.asarray(np.stack([known.present == 1 for _, known in rows]).any(axis=0))
    names = tuple(name for name, occurs in zip(every, shown.tolist(), strict=True) if occurs)
    parts = ([known.present[shown], known.sides[shown], known.mapped[shown]] for _, known in rows)
    present, sides, mapped = (torch.tensor(np.array(p)).float() for p in zip(*parts, strict=True))
    stack = torch.from_numpy(np.array([known.masks[shown] for _, known in rows], np.uint8))
    pictures = torch.stack([picture for picture, _ in rows]).half()
    return names, Films(pictures, present, sides, stack, mapped)


def _seen(film: Case, names: Sequence[str], side: int) -> tuple[Tensor, stated.Stated]:
    """Return what is kept of a film: its picture and its masks, (k, side, side), are small."""
    known = stated.of_film(film, names)
    masks = np.array([_small(mask, side) for mask in known.masks], bool)
    return _picture(film.image, side), known._replace(masks=masks.reshape(-1, side, side))


def weights_of(present: Tensor) -> Tensor:
    """Return how often each film is drawn, (n,): each finding, and none, as often as the others.

    Args:
        present: (n, k) 1, 0 or NaN.
    """
    shows = present == 1
    kinds = torch.cat([shows, ~shows.any(1, keepdim=True)], 1).float()
    return (kinds / kinds.sum(0).clamp_min(1)).sum(1)


def draw(
    pool: Films, weights: Tensor, batch: int, device: str, generator: torch.Generator
) -> Films:
    """Return a batch of films, each mirrored or not, moved and developed in its own way."""
    own = generator.device
    rows = torch.multinomial(weights.to(own), batch, True, generator=generator).cpu()
    chosen = Films(*(part[rows].to(device) for part in pool))
    return altered(chosen._replace(pictures=chosen.pictures.float()), generator)


def altered(films: Films, generator: torch.Generator) -> Films:
    """Return films changed as patients and exposures differ; what is known moves with them."""
    count, where, own = len(films.pictures), films.pictures.device, generator.device
    draws = torch.rand((2, count), generator=generator, device=own).to(where)
    turned = draws[0] < MIRRORED
    layers = torch.cat([films.pictures, films.masks.float()], 1)
    layers = torch.where(turned[:, None, None, None], layers.flip(3), layers)
    sides = torch.where(turned[:, None, None], films.sides.flip(2), films.sides)
    reach = round(SHIFT * layers.shape[-1])
    layers = shifted(layers.unsqueeze(-1), reach, generator).squeeze(-1)
    gamma = ((2 * draws[1] - 1) * GAMMA).exp()[:, None, None, None]
    noise = torch.randn(films.pictures.shape, generator=generator, device=own).to(where)
    pictures = layers[:, :1].clamp(0, 1) ** gamma + NOISE * noise
    return films._replace(pictures=pictures, masks=layers[:, 1:], sides=sides)


def loss(network: Any, batch: Films, generator: Any) -> dict[str, Tensor]:
    """Return the terms of a batch of `altered` films, each 0 where nothing is known of them."""
    del generator  # nothing is drawn here
    halves, maps = network(2 * batch.pictures - 1)
    known = batch.mapped[:, :, None, None].expand_as(maps)
    entropy = functional.binary_cross_entropy_with_logits
    marks = torch.sigmoid(maps).flatten(0, 1)
    shown = (batch.masks * batch.mapped[:, :, None, None]).flatten(0, 1)
    return {
        "film": _entropy(anywhere(halves), batch.present),
        "halves": _entropy(halves, batch.sides),
        "pixels": entropy(maps, batch.masks, weight=known),
        "dice": soft_dice_loss(marks, shown),
    }


def _entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross entropy of what is known; targets are 1, 0 or NaN."""
    known = (~target.isnan()).float()
    entropy = functional.binary_cross_entropy_with_logits
    each = entropy(logits, target.nan_to_num(), weight=known, reduction="sum")
    return each / known.sum().clamp_min(1)


def prepare(weights: Weights, device: str = "cpu") -> Reader:
    """Return a reader of radiographs in [0, 1] from the weights of `fit`.

    Raises:
        WeightsError: They are not those of a finding reader.
    """
    card = weights.card
    if card.get("network") != READER or "size" not in card:
        raise WeightsError(f"weights of {card.get('network', 'no network')!r}, not of a {READER}")
    count = len(card["findings"])
    network = FindingReaderNetwork(card["size"], max(1, count))
    network.load_state_dict(dict(weights.state))
    network = network.eval().to(device)

    @torch.inference_mode()
    def read(image: Volume) -> Reading:
        seen = 2 * _picture(image, card["size"]["side"])[None].to(device) - 1
        halves, maps = network(seen)
        shape = volume.picture(image.voxels).shape
        longest, place = (max(shape), max(shape)), _place(shape)
        wide = functional.interpolate(maps, longest, mode="bilinear", align_corners=False)
        found = (anywhere(halves)[0], halves[0], wide[0][:, *place])
        return Reading(*(part[:count].float().sigmoid().cpu().numpy() for part in found))

    return Reader(tuple(card["findings"]), read)


def _picture(image: Volume, side: int) -> Tensor:
    """Return a radiograph as (1, side, side) in [0, 1], in the middle of a square."""
    whole = _squared(np.clip(volume.picture(image.voxels), 0, 1).astype(np.float32))
    return torch.from_numpy(contrast.resized(whole, (side, side)).copy())[None]


def _small(mask: np.ndarray, side: int) -> np.ndarray:
    """Return a mask at another size; what covers a quarter of a pixel is kept."""
    return contrast.resized(_squared(mask).astype(np.float32), (side, side)) >= 0.25


def _squared(picture: np.ndarray) -> np.ndarray:
    """Return a picture padded with 0 to a square, on both sides: its halves are the square's."""
    whole = np.zeros((max(picture.shape), max(picture.shape)), picture.dtype)
    whole[_place(picture.shape)] = picture
    return whole


def _place(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return where a picture of a shape lies in its square."""
    starts = [(max(shape) - length) // 2 for length in shape]
    return tuple(slice(start, start + n) for start, n in zip(starts, shape, strict=True))
