"""Make gray values of stored words: the bits that belong to the image, white as dense.

The bits above may hold overlays (letters, even names), and compressed files keep them.
"""

from typing import Any

import numpy as np

from radfoundry import volume
from radfoundry.data.gate.geometry import check_spacing
from radfoundry.data.gate.source import GateError
from radfoundry.data.gate.tags import RAW_DETECTOR
from radfoundry.volume import Volume

Dataset = Any  # with the keywords of the standard as attributes

OVERSHOOT = 1 / 16  # of the range: how far a lossy codec may step over white, seen as no overlay
UNUSED_BITS = "dcm.unused_bits"


def limits(bits: int, signed: bool) -> tuple[int, int]:
    """Return the least number of so many bits, and the first that is too large."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)


def bits_stored(dataset: Dataset) -> int:
    """Return how many bits of a stored word belong to the image."""
    return int(dataset.get("BitsStored") or dataset.BitsAllocated)


def used(dataset: Dataset, decoded: np.ndarray, lossy: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return pixels of BitsStored bits, the sign extended, and a warning if other bits were set.

    Args:
        dataset: Of the file.
        decoded: Integers as the codec gave them, whatever bits they use.
        lossy: Whether the codec may have changed values a little.
    """
    bits = bits_stored(dataset)
    if bits >= 8 * decoded.dtype.itemsize or decoded.dtype.kind not in "iu":
        return decoded, ()
    signed = bool(dataset.get("PixelRepresentation"))
    low, high = limits(bits, signed)
    wide = decoded.astype(np.int64)
    if wide.min() >= low and wide.max() < high:
        return decoded, ()
    margin = int(OVERSHOOT * 2**bits)
    if lossy and wide.min() >= low - margin and wide.max() < high + margin:
        return np.clip(wide, low, high - 1), ()
    plain = signed and wide.min() >= 0 and wide.max() < 2**bits  # negatives without their sign
    return (wide - low) % 2**bits + low, () if plain else (UNUSED_BITS,)


def gray(dataset: Dataset, stored: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return stored values with white as dense, and what was mended."""
    if stored.ndim == 3:
        return stored.astype(np.float64) @ [0.299, 0.587, 0.114], ("rgb_to_gray",)  # ITU-R BT.601
    inverted, warnings = _inverted(dataset)
    if not inverted:
        return stored.astype(np.float64), ()
    low, high = limits(bits_stored(dataset), bool(dataset.get("PixelRepresentation")))
    mirror = low + high - 1  # lowest and highest storable value change places
    return mirror - stored.astype(np.float64), warnings


def rescaled(dataset: Dataset, gray: np.ndarray, modality: str) -> np.ndarray:
    """Return float32 values in the units of the file.

    Raises:
        GateError: dcm.rescale for a CT without slope and intercept, or a slope that maps nothing.
    """
    if modality == "CT" and not ("RescaleSlope" in dataset and "RescaleIntercept" in dataset):
        raise GateError("dcm.rescale", "a CT without rescale slope and intercept has no HU")
    slope = float(dataset.get("RescaleSlope", 1))
    intercept = float(dataset.get("RescaleIntercept", 0))
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise GateError("dcm.rescale", f"slope {slope:g} and intercept {intercept:g} map nothing")
    return (slope * gray + intercept).astype(np.float32)


def _inverted(dataset: Dataset) -> tuple[bool, tuple[str, ...]]:
    """Return whether high values are dark, and the warning for it.

    Raw values of a detector tell it by the sign of their relation to the exposure: their
    photometric interpretation is of no presentation.
    """
    sign = dataset.get("PixelIntensityRelationshipSign")
    if str(dataset.get("PresentationIntentType") or "").strip() == RAW_DETECTOR and sign in (1, -1):
        return sign == 1, ("inverted_by_sign",)
    return dataset.PhotometricInterpretation == "MONOCHROME1", ("monochrome1_inverted",)


def frontal(dataset: Dataset, picture: np.ndarray) -> tuple[Volume, bool, tuple[str, ...]]:
    """Return the picture as a frontal volume, turned as its patient orientation says."""
    spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    known = spacing is not None and len(spacing) == 2
    height, width = (float(size) for size in spacing) if known else (1.0, 1.0)
    if known:
        check_spacing((height, width), picture.shape)
    across, down = (
        str(way)[:1] for way in [*(dataset.get("PatientOrientation") or ()), "", ""][:2]
    )
    turned: tuple[str, ...] = ()
    if across in ("H", "F") and down in ("L", "R"):
        picture, turned = picture.T, ("turned_by_orientation",)
        across, down, height, width = down, across, width, height
    if across == "R":
        picture, turned = picture[:, ::-1], (*turned, "mirrored_by_orientation")
    if down == "H":
        picture, turned = picture[::-1], (*turned, "upended_by_orientation")
    return Volume(volume.plane(picture), np.diag([width, 1.0, height, 1.0])), known, turned
