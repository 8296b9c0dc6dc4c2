"""Small image files for tests of the read gate, sound and broken."""

import bz2
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
    storage = {"CT": 2, "MR": 4}.get(tags.get("Modality"), 1)
    dataset.file_meta.MediaStorageSOPClassUID = f"1.2.840.10008.5.1.4.1.1.{storage}"
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


def ct_series(count=6, changes=None, **tags):
    """Return the bytes of the slices of a small CT, 2.5 mm apart, some of their tags changed."""
    known = {"Modality": "CT", "SeriesInstanceUID": "1.2.9", "PixelSpacing": [0.7, 0.6]}
    known |= {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelRepresentation": 0}
    known |= {"RescaleSlope": 1, "RescaleIntercept": -1024, "ImageType": ["ORIGINAL", "AXIAL"]}
    for index in range(count):
        picture = ramp(12, 10, 3000, np.uint16) + np.uint16(100 * index)
        own = {"ImagePositionPatient": [-20, -30, 2.5 * index - 100]}
        own |= {"picture": picture, **(changes or {}).get(index, {})}
        yield dicom(**(known | tags | own))


def put_series(folder, slices):
    """Write slices into a new folder, their names in no order of place, and return it."""
    folder.mkdir(parents=True)
    for index, content in enumerate(slices):
        (folder / f"{(7 * index) % 101:03d}.dcm").write_bytes(content)
    return folder


def body(dtype=np.int16):
    """Return the voxels of a small CT, all different, in Hounsfield units."""
    return np.arange(-900, 6 * 7 * 8 * 2 - 900, 2).reshape(6, 7, 8).astype(dtype)


BODY_AFFINE = np.array([[-0.7, 0, 0, 20], [0, -0.8, 0, 30], [0, 0, 2, -100], [0, 0, 0, 1.0]])
WORDS = {"i1": "int8", "u1": "uint8", "i2": "short", "u2": "ushort", "i4": "int", "f4": "float"}
METAS = {"i1": "CHAR", "u1": "UCHAR", "i2": "SHORT", "u2": "USHORT", "i4": "INT", "f4": "FLOAT"}
LPS = np.diag([-1.0, -1, 1, 1])


def nrrd(voxels, affine=BODY_AFFINE, order="<", **fields):
    """Return the bytes of an NRRD file; a field of None is left out, `_` stands for a space."""
    columns = [f"({','.join(map(str, column))})" for column in (LPS @ affine)[:3].T.tolist()]
    known = {"type": WORDS[voxels.dtype.str[1:]], "dimension": voxels.ndim}
    known |= {"space": "left-posterior-superior", "sizes": " ".join(map(str, voxels.shape))}
    known |= {
        "space directions": " ".join(columns[:3]),
        "endian": {"<": "little", ">": "big"}[order],
    }
    known |= {"encoding": "gzip", "space origin": columns[3]}
    known |= {name.replace("_", " "): value for name, value in fields.items()}
    lines = ["NRRD0004", "# Jane Doe", *(f"{k}: {v}" for k, v in known.items() if v is not None)]
    stored = voxels.astype(voxels.dtype.newbyteorder(order)).tobytes("F")
    packed = {"gzip": zipped, "bzip2": bz2.compress}.get(known["encoding"], bytes)(stored)
    return "\n".join([*lines, "name:=Doe^Jane", "", ""]).encode() + packed


def metaimage(voxels, affine=BODY_AFFINE, order="<", packed=True, **keys):
    """Return the bytes of a MetaImage file; a key of None is left out."""
    axes = (LPS @ affine)[:3]
    spacing = np.linalg.norm(axes[:, :3], axis=0)
    joined = {"TransformMatrix": (axes[:, :3] / spacing).T.ravel(), "Offset": axes[:, 3]}
    joined |= {"ElementSpacing": spacing, "DimSize": voxels.shape}
    stored = voxels.astype(voxels.dtype.newbyteorder(order)).tobytes("F")
    stored = zlib.compress(stored) if packed else stored
    known = {"ObjectType": "Image", "NDims": voxels.ndim, "BinaryData": True, "Comment": "Jane Doe"}
    known |= {"BinaryDataByteOrderMSB": order == ">", "CompressedData": packed}
    known |= {name: " ".join(map(str, values)) for name, values in joined.items()}
    known |= {"ElementType": f"MET_{METAS[voxels.dtype.str[1:]]}", **keys}
    known |= {"ElementDataFile": keys.get("ElementDataFile", "LOCAL")}
    lines = [f"{name} = {value}" for name, value in known.items() if value is not None]
    return "\n".join([*lines, ""]).encode() + stored


def nested(depth, content=None):
    """Return a DICOM file with sequences of undefined length within one another."""
    content = content or dicom()
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
