"""What values an image may hold: finite, not constant, and Hounsfield units for a CT."""

from dataclasses import replace

import numpy as np

from radfoundry.data.gate import hounsfield
from radfoundry.data.gate.hounsfield import PADDING_HU
from radfoundry.data.gate.source import GateError, Raw

AIR_HU = -1024.0  # the lowest value of 12-bit CT
TISSUE_HU = -500.0
TISSUE_FRACTION = 1e-4  # of voxels; with less there is nothing but air


def checked(raw: Raw, modality: str) -> Raw:
    """Return an image whose values can be believed; a CT with nothing below -1024 HU.

    Warnings name what was raised to -1024: `int.padding` what scanners write outside their field of
    view, `int.below_air` undershoot of filters and resampling.

    Raises:
        GateError: int.nonfinite, int.constant, int.hu_range.
    """
    voxels = raw.image.voxels
    low, high = float(voxels.min()), float(voxels.max())
    if not np.isfinite([low, high]).all():
        broken = voxels.size - int(np.isfinite(voxels).sum())
        raise GateError("int.nonfinite", f"{broken} of {voxels.size} values are NaN or infinite")
    exposed = voxels if raw.outside is None else voxels[~raw.outside]
    if not exposed.size:
        raise GateError("int.constant", "every pixel is padding or hidden: there is no image")
    if np.ptp(exposed) == 0:
        raise GateError("int.constant", f"every value is {exposed.flat[0]:g}: there is no image")
    return _hounsfield(raw, low, high) if modality == "CT" else raw


def _hounsfield(raw: Raw, low: float, high: float) -> Raw:
    voxels = raw.image.voxels
    inside = float(voxels[voxels > PADDING_HU].min(initial=np.inf)) if low <= PADDING_HU else low
    hounsfield.check(voxels, inside, high)
    if np.count_nonzero(voxels > TISSUE_HU) < TISSUE_FRACTION * voxels.size:
        raise GateError("int.constant", f"all is air: hardly a value lies above {TISSUE_HU:g} HU")
    if low >= AIR_HU:
        return raw
    codes = [("int.padding", low <= PADDING_HU), ("int.below_air", PADDING_HU < inside < AIR_HU)]
    raised = tuple(code for code, seen in codes if seen and code not in raw.warnings)
    image = raw.image.holding(np.maximum(voxels, np.float32(AIR_HU)))
    return replace(raw, image=image, warnings=(*raw.warnings, *raised))
