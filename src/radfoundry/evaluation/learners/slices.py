"""U-Nets of slices: what volumes teach them, and what they mark in whole volumes."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from radfoundry.evaluation.learners import segmenting
from radfoundry.evaluation.learners.classifier import Pool
from radfoundry.evaluation.learners.plateau import Taught


def taught(pool: Pool, place: int) -> Taught:
    """Return slices (m, 1, side, side) of a pool, and the masks of a lesion.

    Of each volume they are all slices with the lesion, and as many of the others, evenly spread. By
    those of the tune split networks are judged, too: by the Dice of slices with the lesion.
    """
    chosen = [volume[:, _chosen(volume[1 + place].numpy().any((1, 2)))] for volume in pool.images]
    planes = torch.cat(chosen, 1) if chosen else pool.images.new_zeros(pool.images[:, :, 0].shape)
    planes = planes.movedim(1, 0) if chosen else planes
    return planes[:, :1], planes[:, 1 + place].numpy()


def _chosen(shown: np.ndarray) -> np.ndarray:
    """Return the places of slices that teach, from (planes,) booleans: where the lesion is."""
    own, rest = np.flatnonzero(shown), np.flatnonzero(~shown)
    count = min(len(own), len(rest))
    spread = rest[np.linspace(0, len(rest) - 1, count).round().astype(int)] if count else rest[:0]
    return np.sort(np.concatenate([own, spread]))


def predicted(tested: Pool, place: int, network: nn.Module | None, device: str) -> pd.DataFrame:
    """Return how many voxels are marked rightly, wrongly and not; NaN where there is no network.

    The score of a case is the largest probability of its voxels; `voxels` are those of the lesion.
    """
    marked = [
        segmenting.counted(network, volume[0][:, None], volume[1 + place].numpy() > 0, device)
        for volume in tested.images
    ]
    voxels = tested.images[:, 1 + place].flatten(1).sum(1).numpy()
    return segmenting.told(tested, place, marked).assign(voxels=voxels)
