"""The one image type every stage shares, and how it is stored.

A radiograph is a volume one voxel thick along y: axes (X, 1, Z), so that 2D and 3D share code and
a projection of a CT keeps the affine of its body. Files written here are the factory's own; files
from outside enter through `radfoundry.data.gate` alone.
"""

import hashlib
import io
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import nibabel
import numpy as np
from isal import igzip
from isal.igzip_lib import IsalError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from PIL import Image

COMPRESSION = 2  # of igzip's 0 to 3: no larger than zlib's fastest, in a quarter of its time
# What bytes that are no whole NIfTI file are told by; isal does not state its error's base.
BROKEN: tuple[type[Exception], ...] = (
    OSError, EOFError, HeaderDataError, WrapStructError, cast("type[Exception]", IsalError)
)  # fmt: skip
GZIP = b"\x1f\x8b"
BLOCK = (64, 16)  # voxels along X and Z that are moved at once: they fit into a core's cache


@dataclass(frozen=True)
class Volume:
    """Voxels and where they lie in the patient.

    Attributes:
        voxels: Array (X, Y, Z), axes in RAS+ order; intensities, or integer labels.
        affine: 4 x 4 matrix from voxel indices to millimetres, RAS+.
    """

    voxels: np.ndarray
    affine: np.ndarray

    def holding(self, voxels: np.ndarray) -> "Volume":
        """Return the same grid filled with other voxels."""
        if voxels.shape != self.voxels.shape:
            raise ValueError(f"voxels are {voxels.shape}, the grid is {self.voxels.shape}")
        return replace(self, voxels=voxels)

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Length of a voxel along each axis, from the columns of the affine."""
        return tuple(float(n) for n in np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def is_radiograph(self) -> bool:
        """Whether the volume is one coronal plane."""
        return self.voxels.shape[1] == 1


def picture(voxels: np.ndarray) -> np.ndarray:
    """Return a radiograph's plane as rows and columns, as a radiologist views it.

    Row 0 is the top of the patient, column 0 the patient's right. The inverse is `plane`.

    >>> picture(np.arange(6).reshape(2, 1, 3))
    array([[5, 2],
           [4, 1],
           [3, 0]])
    """
    if voxels.ndim != 3 or voxels.shape[1] != 1:
        raise ValueError(f"a radiograph is (X, 1, Z), these voxels are {voxels.shape}")
    return voxels[::-1, 0, ::-1].T


def projection(volume: Volume) -> np.ndarray:
    """Return a volume as rows and columns seen from the front: its mean along y.

    >>> projection(Volume(np.arange(4.0).reshape(1, 2, 2), np.eye(4)))
    array([[2.],
           [1.]])
    """
    return picture(volume.voxels.mean(axis=1, keepdims=True))


def plane(rows_by_columns: np.ndarray) -> np.ndarray:
    """Return a viewed picture (rows, columns) as the voxels (X, 1, Z) of a radiograph."""
    return np.ascontiguousarray(rows_by_columns.T[::-1, None, ::-1])


def radiograph(rows_by_columns: np.ndarray, spacing_mm: float = 1.0) -> Volume:
    """Return a viewed picture as a volume with square pixels of the given size."""
    return Volume(plane(rows_by_columns), np.diag([spacing_mm, 1.0, spacing_mm, 1.0]))


def to_int16(intensities: np.ndarray) -> np.ndarray:
    """Return intensities as int16, as scanners store them; HU of metal beyond its range is cut.

    >>> to_int16(np.array([-1024.4, 40000.0]))
    array([-1024, 32767], dtype=int16)
    """
    kind = np.iinfo(np.int16)
    return np.clip(np.rint(intensities), kind.min, kind.max).astype(np.int16)


def reordered(voxels: np.ndarray, order: Literal["C", "F"], kind: Any = None) -> np.ndarray:
    """Return an array of three axes in another memory order, and type; itself if it is so already.

    Block by block: moved at once, a volume misses the cache at every voxel (four times the time).

    Args:
        voxels: (X, Y, Z).
        order: "C", where Z runs fastest, or "F", as NIfTI and SimpleITK have it, where X does.
        kind: Type to convert to; None keeps it.
    """
    kind = voxels.dtype if kind is None else np.dtype(kind)
    if voxels.flags.c_contiguous if order == "C" else voxels.flags.f_contiguous:
        return voxels.astype(kind, copy=False)
    moved = np.empty(voxels.shape, kind, order)
    for x in range(0, voxels.shape[0], BLOCK[0]):
        for z in range(0, voxels.shape[2], BLOCK[1]):
            part = slice(x, x + BLOCK[0]), slice(None), slice(z, z + BLOCK[1])
            moved[part] = voxels[part]
    return moved


def read(path: str | Path) -> Volume:
    """Return a volume that this module wrote."""
    return unpacked(Path(path).read_bytes(), path)


def unpacked(content: bytes, name: str | Path) -> Volume:
    """Return the volume of the bytes that `packed` returns.

    Args:
        content: Of a .nii.gz, or of a .nii.
        name: Of what is read, for the message.

    Raises:
        ValueError: They are none of NIfTI.
    """
    try:
        plain = igzip.decompress(content) if content.startswith(GZIP) else content
        image = nibabel.Nifti1Image.from_bytes(plain)
    except BROKEN as error:
        raise ValueError(f"{name} is not a NIfTI file of the factory: {error}") from error
    return Volume(np.asanyarray(image.dataobj), image.affine)


def write(volume: Volume, path: str | Path) -> str:
    """Store a volume as .nii.gz and return the sha256 of the file: see `packed`.

    It appears under its name only once it is complete.
    """
    content = packed(volume)
    write_bytes(content, path)
    return hashlib.sha256(content).hexdigest()


def packed(volume: Volume) -> bytes:
    """Return a volume as the bytes of a .nii.gz; the same voxels give the same bytes.

    Floats are stored as float32, integers as they are.
    """
    voxels = volume.voxels
    if voxels.dtype == bool:
        voxels = voxels.astype(np.uint8)
    if np.issubdtype(voxels.dtype, np.floating):
        voxels = voxels.astype(np.float32)
    image = nibabel.Nifti1Image(reordered(voxels, "F"), volume.affine)
    image.header.set_xyzt_units("mm")
    return igzip.compress(image.to_bytes(), COMPRESSION, mtime=0)


def write_picture(rows_by_columns: np.ndarray, path: str | Path) -> None:
    """Store a viewed picture as PNG: floats in [0, 1] with 16 bits, integers up to 255 with 8."""
    if np.issubdtype(rows_by_columns.dtype, np.floating):
        levels = np.round(np.clip(rows_by_columns, 0, 1) * 65535).astype(np.uint16)
    else:
        levels = rows_by_columns.astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="PNG")
    write_bytes(buffer.getvalue(), path)


def write_bytes(content: bytes, path: str | Path) -> None:
    """Put a file in place whole or not at all: temporary file beside it, fsync, rename."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_array(array: np.ndarray, path: str | Path) -> None:
    """Store an array as .npy, whole or not at all, so that `mapped` can read pieces of it."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    write_bytes(buffer.getvalue(), path)


def mapped(path: str | Path) -> np.ndarray:
    """Return an array that `write_array` stored; what is not looked at stays on disk."""
    found: np.ndarray = np.load(path, mmap_mode="r")
    return found


def clear(folder: str | Path) -> None:
    """Remove a folder that an interrupted job left behind, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def sha256(path: str | Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
