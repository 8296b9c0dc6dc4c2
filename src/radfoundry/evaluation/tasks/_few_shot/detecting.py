"""Few-shot detection: networks that box a finding, taught by its masks' parts.

Zhou et al., "Objects as Points" (2019): a network maps a film to a map of how likely a lesion's
center is at each pixel, and to where in the pixel the center and how large the lesion is. Peaks of
the map are detections; there are no anchors and nothing to suppress.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from monai.networks.nets.unet import UNet
from torch import Tensor, nn
from torch.nn import functional

from radfoundry.evaluation.learners import segmenting
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.learners.plateau import Learner
from radfoundry.evaluation.metrics import boxes, lesions
from radfoundry.training.loop import Callbacks

CHANNELS = 5  # center, offset along rows and columns, height and width
PRIOR = -2.19  # logit of the center before anything is learned: a probability of 0.1, as there
SIZE_WEIGHT = 12.8  # of sizes in parts of the side: 0.1 of pixels on the paper's map of 128
SPREAD = 0.54 / 6  # of the size: the Gaussian around a center, as in TTFNet (Liu, AAAI 2020)
THRESHOLD = 0.5


def build(options: Mapping, generator: torch.Generator) -> UNet:
    """Return a new U-Net that maps films (B, 1, s, s) to (B, 5, s, s)."""
    return segmenting.build(options, generator, CHANNELS)


def fit(
    images: Tensor,
    masks: np.ndarray,
    options: Mapping,
    generator: torch.Generator,
    device: str,
    callbacks: Callbacks,
) -> None:
    """Train a detector by masks (n, s, s) 1 or 0, whose parts are lesions."""
    pool = segmenting.joined(images, masks)

    def draw(own: torch.Generator) -> list[Tensor]:
        films, moved = segmenting.batch(pool, options, own)
        return [part.to(device) for part in (films, *maps(moved[:, 0].numpy()))]

    network = build(options, generator).to(device)
    segmenting.train_from(network, draw, loss, options, generator, callbacks)


def maps(masks: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a perfect network says of films.

    Args:
        masks: (n, s, s), not 0 where a lesion is.

    Returns:
        heat: (n, 1, s, s) 1 at centers, falling off as a Gaussian around them.
        shape: (n, 4, s, s) at centers: where in its pixel the center lies, in [0, 1), along rows
            and columns; height and width in parts of the side.
        at: (n, 1, s, s) 1 at centers, else 0.
    """
    count, side = masks.shape[:2]
    heat, at = np.zeros((2, count, 1, side, side), np.float32)
    shape = np.zeros((count, 4, side, side), np.float32)
    grid = np.arange(side)
    for film, mask in enumerate(masks):
        for box in boxes.of_mask(mask > 0):
            center, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
            cell = np.floor(center).astype(int)
            falls = [np.exp(-((grid - c) ** 2) / (2 * (SPREAD * s) ** 2))
                     for c, s in zip(cell, size, strict=True)]  # fmt: skip
            heat[film, 0] = np.maximum(heat[film, 0], np.outer(*falls))
            shape[film, :, cell[0], cell[1]] = [*(center - cell), *(size / side)]
            at[film, 0, cell[0], cell[1]] = 1
    return torch.from_numpy(heat), torch.from_numpy(shape), torch.from_numpy(at)


def loss(network: nn.Module, batch: Sequence[Tensor], _: torch.Generator) -> dict[str, Tensor]:
    """Return what `terms` says of a batch: films, then what `maps` returns."""
    films, *truth = batch
    return terms(network(films).float(), truth)


def terms(found: Tensor, truth: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return the focal loss of centers (Zhou 2019, eq. 1), and L1 of offsets and sizes at centers.

    Each is a sum over pixels divided by how many lesions there are, or by 1 where there is none.
    """
    heat, shape, at = truth
    logits, count = found[:, :1] + PRIOR, at.sum().clamp(min=1)
    likely = logits.sigmoid()
    right = at * (1 - likely) ** 2 * functional.logsigmoid(logits)
    wrong = (1 - at) * (1 - heat) ** 4 * likely**2 * functional.logsigmoid(-logits)
    off = at * (found[:, 1:] - shape).abs()
    return {
        "center": -(right + wrong).sum() / count,
        "offset": off[:, :2].sum() / count,
        "size": SIZE_WEIGHT * off[:, 2:].sum() / count,
    }


def decoded(found: Tensor) -> list[np.ndarray]:
    """Return for each film (k, 5) boxes in pixels and scores, strongest first.

    Centers are pixels that no neighbor exceeds; there are at most `boxes.MOST`, and boxes are at
    least a pixel and at most the film large.

    Args:
        found: (n, 5, s, s) of a network.
    """
    side = found.shape[-1]
    likely = (found[:, :1] + PRIOR).sigmoid()
    peaks = torch.where(functional.max_pool2d(likely, 3, 1, 1) == likely, likely, 0.0)
    scores, places = peaks.flatten(1).topk(min(boxes.MOST, side**2))
    parts = found[:, 1:].flatten(2).gather(2, places[:, None].expand(-1, 4, -1))
    cells = torch.stack([places // side, places % side], 1)
    centers, sizes = cells + parts[:, :2], (parts[:, 2:] * side).clamp(1, side)
    rows = torch.cat([centers - sizes / 2, centers + sizes / 2, scores[:, None]], 1)
    return [own.T[own[4] > 0].double().cpu().numpy() for own in rows]


def judge(found: Tensor, masks: np.ndarray) -> tuple[float, float]:
    """Return the average precision at the looser overlap, and minus the loss."""
    each, truths = decoded(found), [boxes.of_mask(mask > 0) for mask in masks]
    hits = np.concatenate(boxes.matched(truths, each, boxes.LOOSE)) >= 0
    scores, there = np.concatenate(each)[:, 4], np.array([sum(map(len, truths))])
    reached = boxes.average_precision(scores, hits, np.ones((1, len(scores)), int), there)
    return float(reached[0]), -float(sum(terms(found, maps(masks)).values()))


LEARNER = Learner(build, fit, judge, segmenting.judges)


def predicted(tested: Pool, place: int, network: nn.Module | None, device: str) -> pd.DataFrame:
    """Return which lesions were found; NaN and "" where there is no network.

    The score of a film is that of its strongest detection.
    """
    masks = tested.images[:, 1 + place].numpy() > 0
    found = [np.zeros((0, 5)) for _ in masks] if network is None else [
        _found(network, layers[:1], device) for layers in tested.images
    ]  # fmt: skip
    said = lesions.columns([boxes.of_mask(mask) for mask in masks], found, masks.shape[-1])
    nothing = 0.0 if network is not None else np.nan
    scores = [own[:, 4].max(initial=0) if len(own) else nothing for own in found]
    facts = tested.facts.assign(truth=tested.labels[:, place], threshold=THRESHOLD)
    return facts.assign(score=np.array(scores, float), **said)


@torch.inference_mode()
def _found(network: nn.Module, film: Tensor, device: str) -> np.ndarray:
    return decoded(network(film[None].to(device)).float().cpu())[0]
