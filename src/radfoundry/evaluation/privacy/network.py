"""Embeddings of what the audit sees, learned here from the train split: of copies and of patients.

One network learns that the cosine of two pictures is their structural similarity before either was
mirrored, turned, shifted, zoomed or developed otherwise (the idea of DeepSSIM: Scardace et al.
2025, arXiv 2509.16582). Another learns which pictures are of one patient, where patients have
several exams. No weights are downloaded.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.evaluation.privacy.search import moved
from radfoundry.evaluation.realism.feature_sizes import TRAINING, build
from radfoundry.networks.layers import seeded
from radfoundry.networks.wavelets import haar
from radfoundry.training.loop import Callbacks, Settings, train
from radfoundry.training.settings import sized as chosen_size
from radfoundry.weights import Weights, WeightsError

COPIES, PATIENTS = "copy_embedding", "patient_embedding"  # on the cards
SIZES: Mapping[str, Mapping[str, Any]] = {
    "phantom": {
        "side": 64, "haar": 1, "block": "basic", "layers": [1, 1, 1, 1], "widths": [12, 24, 48, 64],
        "first": 3, "stride": 1, "pool": False, "shortcut": "B", "dims": 2, "features": 64,
        "batch": 12, "settings": {"steps": 150, "learning_rate": 3e-3, "warmup": 10, "ema": 0.0},
    },
    "workstation": {
        "side": 64, "haar": 1, "block": "basic", "layers": [2, 2, 2, 2],
        "widths": [32, 64, 128, 256], "first": 3, "stride": 1, "pool": False, "shortcut": "B",
        "dims": 2, "features": 256, "batch": 32,
        "settings": {"steps": 6000, "learning_rate": 1e-3, "warmup": 200},
    },
}  # fmt: skip
DEGREES, LARGER, SHIFT, GAMMA, NOISE = 10.0, 0.10, 0.12, 0.693, 0.05  # the most, as in `planted`
WINDOW, SPREAD = 7, 1.5  # pixels of the window in which structure is compared
TEMPERATURE = 0.1  # of the contrast between patients
EACH = 64  # pictures that are embedded at once


class Pairs(NamedTuple):
    """A batch: two altered pictures of each of n cases or patients, and what their cosines are.

    Attributes:
        pictures: (2 n, c, s, s) in [0, 1]; the second n follow the first in their order.
        similar: (n, n) structural similarity of the unaltered ones; not used between patients.
    """

    pictures: Tensor
    similar: Tensor


def sized(options: Mapping[str, Any]) -> tuple[dict[str, Any], Settings]:
    """Return a size with its overrides, and how to train it.

    Args:
        options: `size`, a name of `SIZES`, and what differs from it or from `Settings`.

    Raises:
        ValueError: The size or an option is unknown; it says which there are.
    """
    return chosen_size("an embedding", options, SIZES, TRAINING)


def fit_copies(
    pictures: np.ndarray, options: Mapping[str, Any], rng: np.random.Generator,
    device: str = "cpu", callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:  # fmt: skip
    """Return a network whose cosine follows structural similarity, whatever was done to a picture.

    Args:
        pictures: (n, c, s, s) in [0, 1], of the train split.
        options: See `sized`.
        rng: Source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.

    Raises:
        ValueError: There are fewer than two pictures, or an option is unknown.
    """
    if len(pictures) < 2:
        raise ValueError(f"{len(pictures)} pictures of the train split: allowed: two or more")
    pool = torch.from_numpy(np.asarray(pictures, np.float16))

    def draw(generator: torch.Generator) -> Pairs:
        own = torch.rand(len(pool), generator=generator, device=generator.device)
        rows = own.argsort()[: sized(options)[0]["batch"]].cpu()
        chosen = pool[rows].to(device).float()
        both = altered(torch.cat([chosen, chosen]), generator, mirrored=True)
        return Pairs(both, structural(chosen))

    return _fitted(COPIES, pool, options, (draw, loss_of_copies), (rng, device, callbacks))


def fit_patients(
    pictures: np.ndarray, patients: Sequence[str], options: Mapping[str, Any],
    rng: np.random.Generator, device: str = "cpu",
    callbacks: Callbacks = Callbacks(),  # noqa: B008 - frozen and empty
) -> Weights:  # fmt: skip
    """Return a network that knows a patient by another exam.

    It is trained on the patients with several exams alone; of fewer than two nothing is learned,
    and the card says `trained: false`.

    Args:
        pictures: (n, c, s, s) in [0, 1], of the train split.
        patients: (n,) whose they are.
        options: See `sized`.
        rng: Source of all chance.
        device: Where to train.
        callbacks: Callbacks; a state to resume from.
    """
    pool = torch.from_numpy(np.asarray(pictures, np.float16))
    names, owner, counts = np.unique(
        np.asarray(patients, str), return_inverse=True, return_counts=True
    )
    exams = [torch.from_numpy(np.flatnonzero(owner == own)) for own in np.flatnonzero(counts > 1)]

    def draw(generator: torch.Generator) -> Pairs:
        order = torch.rand(len(exams), generator=generator, device=generator.device).argsort()
        chosen = [exams[int(own)] for own in order[: sized(options)[0]["batch"]]]
        pairs = [rows[_two(len(rows), generator)] for rows in chosen]
        rows = torch.stack(pairs, 1).flatten()  # first exams, then second ones
        both = altered(pool[rows].to(device).float(), generator, mirrored=False)
        return Pairs(both, torch.zeros((len(chosen),) * 2, device=device))

    ready = (draw, loss_of_patients) if len(exams) > 1 else None
    learned = _fitted(PATIENTS, pool, options, ready, (rng, device, callbacks))
    return Weights(learned.state, {**learned.card, "patients": len(exams)})


def _two(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator, device=generator.device).argsort()[:2].cpu()


def _fitted(name: str, pool: Tensor, options: Mapping[str, Any], task, place) -> Weights:
    """Return a network trained on a task (draw and loss), or as it began where there is none.

    Args:
        name: Of the network, for its card.
        pool: (n, c, s, s) pictures.
        options: See `sized`.
        task: What draws a batch, and the loss; or None.
        place: The source of chance, the device, callbacks.
    """
    (rng, device, callbacks), (size, settings) = place, sized(options)
    size["channels"] = int(pool.shape[1])
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    with seeded(generator):
        network = build(size, size["features"]).to(device)
    card = {"network": name, "size": size, "cases": len(pool), "trained": task is not None}
    if task is not None:
        draw, loss = task
        done = train(network, draw, partial(loss, size), settings, generator, callbacks)
        card |= {"steps": settings.steps, "losses": done.loss_curve()}
        network.load_state_dict(done.state)
    return Weights(network.state_dict(), card)


def altered(pictures: Tensor, generator: torch.Generator, mirrored: bool) -> Tensor:
    """Return pictures (n, c, s, s), each view moved, developed and made noisy in its own way."""
    count, where = pictures.shape[0] * pictures.shape[1], pictures.device
    draws = torch.rand((6, count), generator=generator, device=generator.device).to(where)
    ways = 2 * draws - 1
    flip = (draws[0] < 0.5).float() * mirrored
    transforms = torch.stack([flip, DEGREES * ways[1], 1 + LARGER * ways[2]], 1)
    single = pictures.reshape(count, 1, *pictures.shape[2:])
    seen = moved(single, transforms, 2 * SHIFT * ways[3:5].T, outside="border")
    seen = seen.clamp(0, 1) ** (GAMMA * ways[5]).exp()[:, None, None, None]
    noise = torch.randn(seen.shape, generator=generator, device=generator.device).to(where)
    return (seen + NOISE * noise).reshape(pictures.shape)


def structural(pictures: Tensor) -> Tensor:
    """Return the structural similarity of each picture with each, (n, n) (Wang et al. 2004).

    The mean over views; symmetric, 1 on the diagonal.

    Args:
        pictures: (n, c, s, s) in [0, 1].
    """
    from monai.metrics.regression import compute_ssim_and_cs  # noqa: PLC0415 - seconds to import

    count = len(pictures)
    first, second = torch.triu_indices(count, count, 1, device=pictures.device)
    window, spread = (WINDOW, WINDOW), (SPREAD, SPREAD)
    maps, _ = compute_ssim_and_cs(pictures[first], pictures[second], 2, window, spread)
    found = torch.eye(count, device=pictures.device)
    found[first, second] = found[second, first] = maps.flatten(1).mean(1)
    return found


def loss_of_copies(
    size: Mapping[str, Any], network: Any, batch: Pairs, generator: Any
) -> dict[str, Tensor]:
    """Return squared distances of cosines from structural similarity, of copies and of others.

    Copies are as many as others count: their mean is a term of its own.
    """
    del generator  # nothing is drawn here
    found = embedded(network, batch.pictures, size)
    cosines = found @ found.T
    count = len(batch.similar)
    off = (cosines - batch.similar.repeat(2, 2)) ** 2
    same = torch.eye(count, device=off.device).repeat(2, 2) > 0
    return {"copies": (cosines.diagonal(count) - 1).square().mean(), "others": off[~same].mean()}


def loss_of_patients(
    size: Mapping[str, Any], network: Any, batch: Pairs, generator: Any
) -> dict[str, Tensor]:
    """Return the cross entropy of finding a patient's other exam among a batch's (van den Oord)."""
    del generator  # nothing is drawn here
    first, second = embedded(network, batch.pictures, size).chunk(2)
    logits = first @ second.T / TEMPERATURE
    own = torch.arange(len(logits), device=logits.device)
    entropy = functional.cross_entropy
    return {"patients": (entropy(logits, own) + entropy(logits.T, own)) / 2}


def embedded(network: Any, pictures: Tensor, size: Mapping[str, Any]) -> Tensor:
    """Return embeddings of length 1, (n, d), of pictures (n, c, s, s) in [0, 1]."""
    return functional.normalize(network(haar(2 * pictures - 1, size["haar"])), dim=1)


def prepare(weights: Weights, device: str = "cpu") -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from pictures (n, c, s, s) in [0, 1] to embeddings (n, d) of length 1.

    Raises:
        WeightsError: They are not those of an embedding.
    """
    card = weights.card
    if card.get("network") not in (COPIES, PATIENTS) or "size" not in card:
        raise WeightsError(f"weights of {card.get('network', 'no network')!r}, not of an embedding")
    size = card["size"]
    network = build(size, size["features"])
    network.load_state_dict(dict(weights.state))
    network = network.eval().to(device)

    @torch.inference_mode()
    def embed(pictures: np.ndarray) -> np.ndarray:
        found = [np.zeros((0, size["features"]))]
        for start in range(0, len(pictures), EACH):
            some = torch.from_numpy(np.asarray(pictures[start : start + EACH], np.float32))
            found.append(embedded(network, some.to(device), size).double().cpu().numpy())
        return np.concatenate(found)

    return embed
