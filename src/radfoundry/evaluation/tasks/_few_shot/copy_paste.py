"""Lesions of the k patients in films of others of them: what anyone can paint without a generator.

Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method" (CVPR 2021), section 3: the
pasted picture is a x donor + (1 - a) x host, a the donor's mask with its border smoothed. Here the
donor is first brought to the gray that the host has around the mask: films differ in exposure.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from radfoundry.evaluation.learners import targets
from radfoundry.evaluation.learners.classifier import Pool

SMOOTH = 0.01  # of the side: standard deviation of the border's Gaussian
REACH = 1 / 16  # of the side: the farthest a lesion is moved
RING = 0.04  # of the side: width of what the gray around a mask is taken from


def pasted(
    kinds: Sequence[Pool], asked: tuple[int, str], count: int, rng: np.random.Generator
) -> tuple[Pool | None, str]:
    """Return films with pasted lesions and as many without, and a note on them.

    Args:
        kinds: The k patients with, and those without a finding: images (n, 1 + masks, side, side)
            in [-1, 1], the mask of the target at a place in channel 1 + place.
        asked: The target's place and name.
        count: How many of each kind.
        rng: Chooses donors, hosts and places.

    Returns:
        The films, and how many patients lent a lesion; None and why there are none.
    """
    place, target = asked
    ill, well = kinds
    if targets.against(target):
        return None, "no lesions are pasted for a side or a severity"
    masked = np.flatnonzero(ill.images[:, 1 + place].numpy().any((1, 2)))
    if not len(masked):
        return None, "no masks of it among the k patients: nothing to paste"
    donors, hosts = rng.choice(masked, count), rng.integers(len(well.images), size=count)
    films = well.images[torch.from_numpy(hosts)].clone()
    for film, donor in zip(films, donors, strict=True):
        lent = ill.images[int(donor)].numpy()
        drawn = joined(film[0].numpy(), *moved((lent[0], lent[1 + place] > 0), rng))
        film[0], film[1 + place] = (torch.from_numpy(part) for part in drawn)
    plain = well.images[torch.from_numpy(rng.integers(len(well.images), size=count))]
    labels = np.full((2 * count, ill.labels.shape[1]), np.nan)
    labels[:, place] = np.repeat([1.0, 0.0], count)
    facts = ill.facts.iloc[[0] * 2 * count].assign(case="")
    note = f"{count} films with lesions of {len(masked)} of the k patients"
    return Pool(torch.cat([films, plain]), labels, facts), note


def moved(
    lesion: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return a film and the mask of its lesion, both moved a little; never mirrored."""
    reach = round(REACH * len(lesion[0]))
    by = rng.integers(-reach, reach + 1, size=2)
    places = np.argwhere(lesion[1])
    by = np.clip(by, -places.min(0), np.array(lesion[1].shape) - 1 - places.max(0))
    film, mask = (ndimage.shift(part, by, order=0, mode="nearest") for part in lesion)
    return film, mask


def joined(host: np.ndarray, donor: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the host with what the donor shows in the mask, and that mask.

    Args:
        host: (side, side) in [-1, 1]; or planes of that size.
        donor: The same.
        mask: Booleans of the same shape.
    """
    side = host.shape[-1]
    ring = ndimage.binary_dilation(mask, iterations=max(1, round(RING * side))) & ~mask
    change = np.median(host[ring]) - np.median(donor[ring]) if ring.any() else 0.0
    share = ndimage.gaussian_filter(mask.astype(np.float32), SMOOTH * side)
    film = share * np.clip(donor + change, -1, 1) + (1 - share) * host
    return film.astype(np.float32), mask.astype(np.float32)
