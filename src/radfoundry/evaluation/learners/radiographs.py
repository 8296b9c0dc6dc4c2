"""Films as few-shot networks take them: shrunk to a square, with masks where they are known."""

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from radfoundry import volume
from radfoundry.anatomy.chest_xray import contrast
from radfoundry.case import Case
from radfoundry.evaluation.learners import classifier, targets
from radfoundry.evaluation.learners.classifier import Pool, Size
from radfoundry.evaluation.readers import stated

# ResNets of one and of two blocks a level; `paper` is a ResNet-18.
SIZES: Mapping[str, Size] = {
    "phantom": Size(64, (5, 2), (1, 1, 1, 1), (16, 32, 64, 64), 200, dims=2),
    "workstation": Size(128, (7, 2), (2, 2, 2, 2), (32, 64, 128, 256), 2000, dims=2),
    "paper": Size(224, (7, 2), (2, 2, 2, 2), (64, 128, 256, 512), 10000, dims=2),
}
COVERED = 0.25  # of a pixel at the smaller size: from here on it belongs to the mask


def pooled(cases: Iterable[Case], options: Mapping, real: bool) -> Pool:
    """Return films shrunk: images (n, 1 + targets, side, side), labels (n, targets) and facts.

    Channel 0 is the film in [-1, 1]; those behind it are masks, 1 or 0, of each target's finding; 0
    where no mask is known.

    Args:
        cases: Radiographs in [0, 1].
        options: findings, sides, severities; size, a value of `SIZES`.
        real: As `classifier.pooled` takes it.
    """
    read = partial(targets.labels_of, options=options)
    see = partial(seen, findings=targets.findings(options))
    return classifier.pooled(cases, options["size"], read, real, see)


def masked(cases: Iterable[Case], options: Mapping, real: bool) -> Pool:
    """Return the same, the label NaN where a finding is there and its mask is not known."""
    pool = pooled(cases, options, real)
    if not len(pool.images):
        planes = 1 + len(targets.findings(options))
        return pool._replace(images=pool.images.new_zeros(0, planes, *pool.images.shape[2:]))
    shown = pool.images[:, 1:].numpy().any((2, 3))
    return pool._replace(labels=np.where((pool.labels == 1) & ~shown, np.nan, pool.labels))


def seen(case: Case, side: int, findings: tuple[str, ...]) -> Tensor:
    """Return (1 + findings, side, side): a film, and the known masks of what it shows."""
    known = stated.of_film(case, findings)
    film = _square(np.clip(volume.picture(case.image.voxels), 0, 1), side)
    shown = known.mapped & (known.present == 1)
    masks = [_square(m & one, side) >= COVERED for m, one in zip(known.masks, shown, strict=True)]
    return torch.from_numpy(np.stack([2 * film - 1, *masks]).astype(np.float32))


def _square(picture: np.ndarray, side: int) -> np.ndarray:
    return contrast.resized(contrast.square(picture.astype(np.float32)), (side, side))
