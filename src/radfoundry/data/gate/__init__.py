"""The read gate: the only way for outside data into the factory.

A file is judged by its bytes, never by its name. Header limits come before decoding, decoding
before intensities; what fails is refused with a code, and whatever a third-party decoder throws at
hostile bytes leaves here as a `GateError`. No tag that tells who the patient is goes through.
"""

from collections.abc import Callable
from pathlib import Path

from radfoundry.data.gate import raster, volumes
from radfoundry.data.gate.intensities import checked
from radfoundry.data.gate.labels import Masks, read_labels, read_masks
from radfoundry.data.gate.pairs import opened_whole
from radfoundry.data.gate.source import GateError, Raw, Source, guarded

__all__ = ["MODALITIES", "GateError", "Masks", "Raw", "read", "read_labels", "read_masks"]

MODALITIES = ("CXR", "CT", "MR")


def read(path: str | Path, root: str | Path | None = None, modality: str = "CXR") -> Raw:
    """Return an image in canonical orientation and linear intensities.

    A radiograph comes back as (X, 1, Z), a CT or MR as (X, Y, Z), both RAS+ and float32. No CT
    holds values below -1024 HU.

    Args:
        path: A PNG, JPEG, TIFF, NIfTI, NRRD, MetaImage (.mha, or .mhd beside its voxels) or DICOM
            file; for a CT or MR also a folder with the DICOM files of one series.
        root: Where given, the file's real place must lie under it.
        modality: "CXR", "CT" or "MR": what the image must be.

    Raises:
        GateError: With a code of the families path, io, dcm, geo, int.
    """
    if modality not in MODALITIES:
        raise ValueError(f"no modality {modality!r}: choose from {', '.join(MODALITIES)}")
    if modality != "CXR" and Path(path).is_dir():
        from radfoundry.data.gate import series

        return checked(series.read(path, root, modality), modality)
    source = opened_whole(path, root)
    return checked(guarded(_decoder(source, modality), source, modality), modality)


def _decoder(source: Source, modality: str) -> Callable[[Source, str], Raw]:
    if source.kind == "dicom":
        from radfoundry.data.gate import dicom, enhanced

        many = modality != "CXR" and enhanced.has_frames(source)
        return enhanced.decode if many else dicom.decode
    return raster.decode if source.kind == "raster" else volumes.decode
