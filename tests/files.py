"""Small image files for tests of the read gate, sound and broken."""

import gzip
import io
import struct
import zlib

import nibabel
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

AFFINE = np.diag([-0.5, 1.0, 0.7, 1.0])


def ramp(rows=48, columns=40, top=255, dtype=np.uint8):
    """Return a picture with a different value in every corner."""
    return np.linspace(0, top, rows * columns).reshape(rows, columns).astype(dtype)


def encoded(picture, form="PNG", **options):
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, form, **options)
    return buffer.getvalue()


def nifti(voxels, affine=AFFINE, **fields):
    """Return the bytes of a plain NIfTI file, its header altered after it was written."""
    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    content = image.to_bytes()
    header = nibabel.Nifti1Header(content[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + content[348:]


def plane(dtype=np.int16):
    """Return the voxels of a small radiograph, (X, 1, Z)."""
    return np.arange(40 * 48, dtype=dtype).reshape(40, 1, 48)


def zipped(content):
    return gzip.compress(content, mtime=0)


def dicom(picture=None, preamble=bytes(128), keep_preamble=True, **tags):
    """Return the bytes of a DICOM radiograph; a tag of None is left out."""
    picture = ramp(top=4000, dtype=np.uint16) if picture is None else picture
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    known = {"Modality": "CR", "Rows": picture.shape[0], "Columns": picture.shape[1]}
    known |= {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}
    known |= {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"}
    for name, value in (known | tags).items():
        if value is not None:
            setattr(dataset, name, value)
    dataset.PixelData = picture.tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    content = preamble + buffer.getvalue()[128:]
    return content if keep_preamble else content[132:]


def nested(depth):
    """Return a DICOM file with sequences of undefined length within one another."""
    content = dicom()
    opened = struct.pack("<HH2sHI", 0x40, 0xA730, b"SQ", 0, 0xFFFFFFFF)
    opened += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closed = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    place = content.index(b"\xe0\x7f\x10\x00")
    return content[:place] + opened * depth + closed * depth + content[place:]


def png_claiming(width, height):
    """Return a PNG whose header announces any size, with sound checksums."""
    content = bytearray(encoded(ramp()))
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)
