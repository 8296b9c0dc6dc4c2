"""Decode NIfTI: limits from the header, the whole gzip checksum, then nibabel."""

import zlib

import nibabel
import numpy as np

from radfoundry.data.gate import tolerances
from radfoundry.data.gate.geometry import squeezed
from radfoundry.data.gate.packed import unpacked
from radfoundry.data.gate.source import GZIP, HEAD_BYTES, MAX_VOXEL_BYTES, GateError, Source

Header = nibabel.Nifti1Header  # the second format's header derives from the first's

NIFTI2_BYTES = 540
UNIT_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}


def grid(source: Source) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return voxels of three axes as stored, their affine in mm, and what was mended.

    Raises:
        GateError: io.header, io.too_large, io.short, io.truncated, io.crc, io.format, geo.*.
    """
    zipped = source.content.startswith(GZIP)
    head = _head(source.content) if zipped else source.content[:NIFTI2_BYTES]
    header = _header(head)
    end = int(header["vox_offset"]) + _voxel_bytes(header)
    body = unpacked(source.content, end) if zipped else source.content
    if len(body) < end:
        raise GateError("io.short", f"the header announces {end} bytes, {len(body)} are there")
    header, scaled = _usable_scale(header)
    affine, mended = _affine(header)
    image_class = nibabel.Nifti2Image if int(header.sizeof_hdr) == NIFTI2_BYTES else _FIRST
    image = image_class.from_bytes(header.binaryblock + body[int(header.sizeof_hdr) :])
    return squeezed(np.asanyarray(image.dataobj)), affine, (*scaled, *mended)


_FIRST = nibabel.Nifti1Image


def _head(content: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        head = stream.decompress(content[:HEAD_BYTES], NIFTI2_BYTES)
    except zlib.error:
        raise GateError("io.format", "the bytes begin like gzip but do not unpack") from None
    if len(head) < NIFTI2_BYTES and not stream.eof:
        raise GateError("io.truncated", "the packed bytes end within the header")
    return head


def _header(head: bytes) -> Header:
    """Return a header whose every size can be believed."""
    kinds = {348: nibabel.Nifti1Header, NIFTI2_BYTES: nibabel.Nifti2Header}
    sizes = [int.from_bytes(head[:4], order) for order in ("little", "big")]
    kind = next((kinds[size] for size in sizes if size in kinds), None)
    if kind is None:
        raise GateError("io.format", "what is packed is no NIfTI file")
    if len(head) < kind.sizeof_hdr:
        raise GateError("io.short", f"{len(head)} bytes are less than a NIfTI header")
    header = kind(head[: kind.sizeof_hdr], check=False)
    if not bytes(header["magic"]).startswith((b"n+1", b"n+2")):
        raise GateError("io.format", "only single-file NIfTI is read, no .hdr/.img pair")
    _check_sizes(header)
    return header


def _check_sizes(header: Header) -> None:
    count, sizes = int(header["dim"][0]), header["dim"][1:]
    if not 1 <= count <= 7 or (sizes[: max(count, 0)] < 1).any():
        raise GateError("io.header", f"dimensions {header['dim'].tolist()} are not sizes")
    try:
        kind = header.get_data_dtype()
    except (KeyError, nibabel.spatialimages.HeaderDataError):
        raise GateError("io.header", f"data type {int(header['datatype'])} is unknown") from None
    if kind.kind not in "iuf":
        raise GateError("io.header", f"voxels are {kind}, they must be real numbers")
    if int(header["bitpix"]) != 8 * kind.itemsize:
        raise GateError("io.header", f"{int(header['bitpix'])} bits per voxel is not {kind}")
    offset = float(header["vox_offset"])
    if not header.sizeof_hdr <= offset < MAX_VOXEL_BYTES:
        raise GateError("io.short", f"voxels begin at byte {offset:g}, outside the file")
    if _voxel_bytes(header) > MAX_VOXEL_BYTES:
        raise GateError("io.too_large", f"the header announces {_voxel_bytes(header)} bytes")


def _voxel_bytes(header: Header) -> int:
    total = header.get_data_dtype().itemsize
    for size in header["dim"][1 : int(header["dim"][0]) + 1].tolist():
        total *= int(size)
    return total


def _usable_scale(header: Header) -> tuple[Header, tuple[str, ...]]:
    """Return a header whose slope can be applied: 0, NaN and infinity mean a slope of 1."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isfinite([slope, inter]).all() and slope != 0:
        return header, ()
    mended = header.copy()
    mended["scl_slope"], mended["scl_inter"] = 1, 0
    unused = slope == 0 and inter == 0  # how the standard says that values are not scaled
    return mended, () if unused else ("int.scale_ignored",)


def _affine(header: Header) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return one affine in mm: sform, else qform, else voxel sizes along RAS."""
    scale = np.diag([UNIT_MM.get(header.get_xyzt_units()[0], 1.0)] * 3 + [1.0])
    coded = {}
    if int(header["sform_code"]) > 0:
        coded["sform"] = scale @ header.get_sform()
    if int(header["qform_code"]) > 0:
        coded["qform"] = scale @ _qform(header)
    if not coded:
        sizes = np.ones(3)
        sizes[: header["dim"][0]] = header["pixdim"][1:4][: header["dim"][0]]
        return scale @ np.diag([*sizes, 1.0]), ("geo.no_codes",)
    if len(coded) == 2:
        _check_agreement(coded["sform"], coded["qform"], header)
    return next(iter(coded.values())), ()


def _qform(header: Header) -> np.ndarray:
    try:
        return header.get_qform()
    except (ValueError, nibabel.spatialimages.HeaderDataError):
        raise GateError("geo.affine", "the quaternion of the header is no rotation") from None


def _check_agreement(sform: np.ndarray, qform: np.ndarray, header: Header) -> None:
    """Refuse a file whose two affines place any corner more than half a voxel apart."""
    shape = np.ones(3)
    shape[: header["dim"][0]] = header["dim"][1:4][: header["dim"][0]]
    corners = np.array([[*c, 1] for c in np.ndindex(2, 2, 2)]) * [*(shape - 1), 1]
    apart = np.linalg.norm((sform - qform) @ corners.T, axis=0).max()
    voxel = np.linalg.norm(sform[:3, :3], axis=0).min()
    if np.isfinite(apart) and voxel > 0 and apart > tolerances.AMBIGUOUS * voxel:
        raise GateError("geo.ambiguous", f"sform and qform disagree by {apart:.3g} mm")
