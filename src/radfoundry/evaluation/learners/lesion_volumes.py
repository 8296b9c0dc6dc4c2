"""Volumes as few-shot networks of slices take them, with the masks of their lesions and the organ.

A volume is shrunk to a cube; a slice (a volume of one plane) to a square, which is a cube's plane.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation.learners import classifier, radiographs
from radfoundry.evaluation.learners.classifier import Pool, Size

# U-Nets as those of radiographs; 48 is the side of the phantoms.
SIZES: Mapping[str, Size] = {
    name: radiographs.SIZES[name]._replace(side=side)
    for name, side in (("phantom", 48), ("workstation", 128), ("paper", 224))
}
AXIAL = 2  # of a volume (X, Y, Z)
COVERED = 0.25  # of a voxel at the smaller size: from here on it belongs to the mask


def pooled(cases: Iterable[Case], options: Mapping, real: bool) -> Pool:
    """Return volumes shrunk, with labels (n, lesions) and facts.

    Images are (n, 2 + lesions, planes, side, side): the image in [-1, 1], masks of the lesions, and
    the organ, 1 or 0. A label is 1, or NaN where a case has no outlined lesion: it neither teaches
    nor is tested.

    Args:
        cases: CT or MR.
        options: findings, regions of `labels.yaml` that are lesions; organ, the region that they
            are pasted into; window, intensities that become -1 and 1; windows, those of single
            cohorts; cohort, whose patients teach; size, a value of `SIZES`.
        real: As `classifier.pooled` takes it.

    Raises:
        ValueError: For a window that shows nothing of a case, or a slice beside volumes; it names
            the case.
    """
    names, size, planes = tuple(options["findings"]), options["size"], set[int]()
    window = options["windows"].get(options["cohort"], options["window"])

    def see(case: Case, side: int) -> Tensor:
        found = seen(case, side, names, options["organ"], tuple(window))
        planes.add(found.shape[1])
        if len(planes) > 1:
            raise ValueError(
                f"case {case.name!r} has {case.image.voxels.shape} voxels: slices cannot stand "
                "beside volumes"
            )
        return found

    pool = classifier.pooled(cases, size, lambda _: [np.nan] * len(names), real, see)
    if not len(pool.images):
        return pool._replace(images=torch.zeros((0, 2 + len(names), 1, size.side, size.side)))
    shown = pool.images[:, 1:-1].numpy().any((2, 3, 4))
    return pool._replace(labels=np.where(shown, 1.0, np.nan))


def seen(
    case: Case, side: int, lesions: tuple[str, ...], organ: str, window: tuple[float, float]
) -> Tensor:
    """Return (2 + lesions, planes, side, side): see `pooled`.

    Columns are right and left, of a sagittal slice front and back. A lesion that is too small for
    the grid keeps the voxel that it covers most.
    """
    voxels, (low, high) = case.image.voxels.astype(np.float32), window
    if (voxels <= low).all() or (voxels >= high).all():
        raise ValueError(
            f"case {case.name!r} has intensities {voxels.min():g} to {voxels.max():g}, none within "
            f"the window {low:g} to {high:g}: state another `window`"
        )
    scaled = (np.clip(voxels, low, high) - low) * (2 / (high - low)) - 1
    masks = [regions.mask(case.findings, name) for name in lesions]
    layers = np.stack([scaled, *masks, regions.mask(case.anatomy, organ)]).astype(np.float32)
    through = voxels.shape.index(1) if 1 in voxels.shape else AXIAL
    planes = torch.from_numpy(layers.swapaxes(1, 3) if through == AXIAL else
                              np.moveaxis(layers, 1 + through, 1).swapaxes(2, 3))  # fmt: skip
    shape = (1 if planes.shape[1] == 1 else side, side, side)
    small = functional.interpolate(planes[None], shape, mode="area")[0]
    most = small[1:].amax((1, 2, 3), keepdim=True)
    shown = (small[1:] >= COVERED) | ((small[1:] == most) & (most > 0) & (most < COVERED))
    small[1:] = shown.float()
    return small
