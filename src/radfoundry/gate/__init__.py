"""The read gate: the only way for outside data into the factory.

A file is judged by its bytes, never by its name. Header limits come before decoding, decoding
before intensities; what fails is refused with a code, and whatever a third-party decoder throws at
hostile bytes leaves here as a `GateError`. No tag that tells who the patient is goes through.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from radfoundry.gate import nifti, raster
from radfoundry.gate.labels import read_labels
from radfoundry.gate.source import GateError, Raw, Source, guarded, opened

__all__ = ["MODALITIES", "GateError", "Raw", "read", "read_labels"]

MODALITIES = ("CXR", "CT", "MR")
LARGEST_HU = 100_000  # metal reaches 30,000 in extended-scale CT


def read(path: str | Path, root: str | Path | None = None, modality: str = "CXR") -> Raw:
    """Return an image in canonical orientation and linear intensities.

    A radiograph comes back as (X, 1, Z), a CT or MR as (X, Y, Z), both RAS+ and float32.

    Args:
        path: A PNG, JPEG, TIFF, NIfTI or DICOM file.
        root: Where given, the file's real place must lie under it.
        modality: "CXR", "CT" or "MR": what the image must be.

    Raises:
        GateError: With a code of the families path, io, dcm, geo, int.
    """
    if modality not in MODALITIES:
        raise ValueError(f"no modality {modality!r}: choose from {', '.join(MODALITIES)}")
    source = opened(path, root)
    raw = guarded(_decoder(source.kind), source, modality)
    _check_intensities(raw.image.voxels, modality)
    return raw


def _decoder(kind: str) -> Callable[[Source, str], Raw]:
    if kind == "dicom":
        from radfoundry.gate import dicom  # costs every other job 0.3 s

        return dicom.decode
    return {"raster": raster.decode, "nifti": nifti.decode}[kind]


def _check_intensities(voxels: np.ndarray, modality: str) -> None:
    broken = voxels.size - int(np.isfinite(voxels).sum())
    if broken:
        raise GateError("int.nonfinite", f"{broken} of {voxels.size} values are NaN or infinite")
    low, high = float(voxels.min()), float(voxels.max())
    if low == high:
        raise GateError("int.constant", f"every value is {low:g}: there is no image")
    if modality == "CT" and not (low < 0 and high - low > 2 and max(-low, high) < LARGEST_HU):
        raise GateError(
            "int.hu_range",
            f"values lie in [{low:g}, {high:g}]; a CT is in Hounsfield units, with air near -1000"
            " (was it rescaled to [0, 1], or stored without its intercept of -1024?)",
        )
