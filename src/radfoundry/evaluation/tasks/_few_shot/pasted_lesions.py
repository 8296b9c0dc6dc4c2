"""Lesions of the k patients in the organs of others of them: no generator is needed.

Yang et al., "TumorCP: A Simple but Effective Object-Level Data Augmentation for Tumor Segmentation"
(MICCAI 2021): a tumour is pasted into another patient's organ at a random place. The border is
blended and the tumour's gray moved by what surrounds it, as `copy_paste` does in radiographs.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.tasks._few_shot import copy_paste

ATTEMPTS = 4  # donors and hosts that are tried for each volume that is asked for
INSIDE = 0.8  # of a lesion: at least so much of it lies in the host's organ
TRIES = 30  # places that are looked at


def pasted(
    kinds: Sequence[Pool], asked: tuple[int, str], count: int, rng: np.random.Generator
) -> tuple[Pool | None, str]:
    """Return volumes with one more lesion, and a note on them.

    Args:
        kinds: The k patients: images (n, 2 + lesions, planes, side, side) of
            `lesion_volumes.pooled`.
        asked: The lesion's place and name.
        count: How many.
        rng: Chooses donors, hosts and places.

    Returns:
        The volumes, fewer where lesions fit nowhere; None and why there are none.
    """
    ill, layer, found = kinds[0], 1 + asked[0], list[np.ndarray]()
    for _ in range(ATTEMPTS * count):
        host, donor = rng.permutation(len(ill.images))[[0, -1]]  # one patient alone has himself
        drawn = _joined(ill.images[int(host)].numpy(), ill.images[int(donor)].numpy(), layer, rng)
        found += [drawn] if drawn is not None and len(found) < count else []
    if not found:
        return None, "no lesion of the k patients fits into an organ of theirs: nothing to paste"
    labels = np.full((len(found), ill.labels.shape[1]), np.nan)
    labels[:, asked[0]] = 1.0
    facts = ill.facts.iloc[[0] * len(found)].assign(case="")
    note = f"{len(found)} volumes with lesions of the k patients"
    note += f", of {count} asked for" * (len(found) < count)
    return Pool(torch.from_numpy(np.stack(found)), labels, facts), note


def _joined(
    host: np.ndarray, donor: np.ndarray, layer: int, rng: np.random.Generator
) -> np.ndarray | None:
    """Return the host with a lesion of the donor beside its own; None where it fits nowhere."""
    parts, count = ndimage.label(donor[layer], np.ones((3, 3, 3)))
    mask, own = parts == 1 + rng.integers(count), host[layer] > 0
    free = (host[-1] > 0) & ~own
    targets, places = np.argwhere(free), np.argwhere(mask)
    if not len(targets):
        return None
    center, ends = places.mean(0).round().astype(int), (places.min(0), places.max(0))
    for target in targets[rng.integers(len(targets), size=TRIES)]:
        by = np.clip(target - center, -ends[0], np.array(mask.shape) - 1 - ends[1])
        moved = np.zeros_like(mask)
        moved[tuple((places + by).T)] = True
        if (moved & free).sum() >= INSIDE * moved.sum() and not (moved & own).any():
            return _blended(
                host, ndimage.shift(donor[0], by, order=0, mode="nearest"), layer, moved
            )
    return None


def _blended(host: np.ndarray, lent: np.ndarray, layer: int, mask: np.ndarray) -> np.ndarray:
    image, _ = copy_paste.joined(host[0], lent, mask)
    out = host.copy()
    out[0], out[layer] = image, np.maximum(host[layer], mask)
    return out
