"""How far a pseudo-label can be trusted: a status for each structure, and why.

Rules of anatomy judge it: those of `radiographs` a radiograph's, those of `volumes` a CT's or
an MR's. A structure that was not found has no measurements: they are NaN, never 0.
"""

from collections.abc import Sequence

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.anatomy.quality import radiographs, volumes
from radfoundry.anatomy.quality.status import Quality
from radfoundry.volume import Volume

__all__ = ["Quality", "assess"]


def assess(
    labels: np.ndarray,
    structures: Sequence[str],
    image: Volume | None = None,
    volume_scale: float = 1.0,
) -> dict[str, Quality]:
    """Return the quality of each structure of an anatomy map.

    Args:
        labels: Anatomy map: (X, 1, Z) of a radiograph, (X, Y, Z) of a volume.
        structures: Regions that the segmenter claims to label.
        image: What was labeled. A radiograph's black rim is then not counted as film; a volume's
            image is needed for the size of its voxels, and to know padding.
        volume_scale: Volume in the image over volume in the patient, as an affine registration
            leaves it. Volumes are assessed and stated in cm3 of the patient. Films have none.

    Raises:
        ValueError: Labels that are no structures, a region that does not exist, another grid, or a
            volume's labels without its image; a scale that is not positive.
    """
    regions.check(labels)
    if image is not None and image.voxels.shape != labels.shape:
        raise ValueError(f"labels are {labels.shape}, the image is {image.voxels.shape}")
    if labels.ndim == 3 and labels.shape[1] > 1:
        if image is None:
            raise ValueError(f"labels {labels.shape} of a volume are assessed with its image")
        return volumes.assess(labels, structures, image, volume_scale)
    return radiographs.assess(labels, structures, image)
