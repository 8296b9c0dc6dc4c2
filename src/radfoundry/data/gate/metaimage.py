"""Decode MetaImage (.mha, or .mhd and voxels): text header, every checksum, then numpy.

Only the keys named here are read: comments and names never become values. A file without
compression carries no checksum; its length is all that can be verified.
Source: the format's definition, itk.org/Wiki/MetaIO/Documentation.
"""

import re
from functools import partial

import numpy as np

from radfoundry.data.gate.geometry import lps, one_image
from radfoundry.data.gate.packed import ANY_BITS, Head, Layout, integers, unpacked
from radfoundry.data.gate.source import GateError

Keys = dict[str, str]

MAX_HEADER_BYTES = 2**16
TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
ALSO_CALLED = {
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
    "Position": "Offset",
    "Origin": "Offset",
}
KNOWN = (
    *("NDims", "DimSize", "ElementType", "ElementSpacing", "ElementSize", "TransformMatrix"),
    *("Offset", "BinaryData", "BinaryDataByteOrderMSB", "CompressedData", "CompressedDataSize"),
    *("ElementNumberOfChannels", "HeaderSize"),
)


def head(content: bytes) -> Head:
    """Return what the header of a file says.

    Raises:
        GateError: io.header, io.format, io.too_large, io.short, geo.ndim, geo.spacing.
    """
    keys, start = _keys(content)
    layout = _layout(keys)
    shape = one_image(layout.sizes)
    affine, warnings = _affine(keys, len(layout.sizes))
    return Head(start, layout, shape, affine, warnings, partial(_unpacked, keys, layout.size_bytes))


def _unpacked(keys: Keys, expected: int, body: bytes) -> bytes:
    if not _true(keys, "CompressedData"):
        return body
    if len(body) < max(integers(keys.get("CompressedDataSize", "0")), default=0):
        raise GateError("io.truncated", "fewer packed bytes are there than announced")
    return unpacked(body, expected, ANY_BITS)


LAST = re.compile(rb"^\s*ElementDataFile\s*=[ \t]*(.*?)[ \t]*\r?(?:\n|\Z)", re.M)
SEVERAL = ("LIST", "%")  # what names a file for each slice


def elsewhere(content: bytes) -> tuple[bytes, str]:
    """Return the header as one with its voxels behind it has it, and where they lie instead.

    Raises:
        GateError: io.format for voxels in several files.
    """
    found = LAST.search(content, 0, MAX_HEADER_BYTES)
    name = found[1].decode("utf-8", "replace") if found else "LOCAL"
    if found is None or name.upper() == "LOCAL":
        return content, ""
    if name.upper().startswith(SEVERAL[0]) or SEVERAL[1] in name:
        told = "the voxels lie in a file for each slice (ElementDataFile = LIST)"
        raise GateError("io.format", f"{told}: save the volume as one .mha")
    return content[: found.start()].rstrip() + b"\nElementDataFile = LOCAL\n", name


def _keys(content: bytes) -> tuple[Keys, int]:
    """Return the known keys of the header, and where the voxels begin."""
    found = LAST.search(content, 0, MAX_HEADER_BYTES)
    if found is None:
        raise GateError("io.short", "ElementDataFile does not end the header: there are no voxels")
    if found[1].upper() != b"LOCAL":
        raise GateError(
            "io.format", "the voxels lie in another file: save header and voxels as one .mha"
        )
    keys: Keys = {}
    for line in content[: found.start()].decode("utf-8", "replace").splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        name = ALSO_CALLED.get(name, name)
        if name in KNOWN:
            keys[name] = value
    return keys, found.end()


def _layout(keys: Keys) -> Layout:
    missing = [name for name in ("NDims", "DimSize", "ElementType") if name not in keys]
    if missing:
        raise GateError("io.header", f"{', '.join(missing)} missing")
    if keys["ElementType"] not in TYPES:
        raise GateError("io.header", "the voxel type is none of the real numbers of MetaImage")
    if keys.get("BinaryData", "True").lower() != "true":
        raise GateError("io.header", "voxels written as text are not read: save them binary")
    if keys.get("HeaderSize", "0") != "0":
        raise GateError("io.header", "voxels after a second header are not read")
    channels = sum(integers(keys.get("ElementNumberOfChannels", "1")))
    if channels != 1:
        raise GateError("geo.ndim", f"the file holds {channels} channels: give one by one")
    sizes = integers(keys["DimSize"])
    if str(len(sizes)) != keys["NDims"]:
        raise GateError("io.header", f"{len(sizes)} sizes do not make the dimension announced")
    order = ">" if _true(keys, "BinaryDataByteOrderMSB") else "<"
    return Layout(np.dtype(order + TYPES[keys["ElementType"]]), sizes).checked()


def _true(keys: Keys, name: str) -> bool:
    return keys.get(name, "False").lower() == "true"


def _numbers(keys: Keys, name: str, default: str = "") -> list[float]:
    try:
        return [float(word) for word in keys.get(name, default).split()]
    except ValueError:
        raise GateError("io.header", f"{name} are not numbers") from None


def _affine(keys: Keys, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the affine in RAS+ of up to three axes; the file counts in LPS, an axis per row."""
    name = "ElementSpacing" if "ElementSpacing" in keys else "ElementSize"
    if name not in keys:
        raise GateError("geo.spacing", "the header tells no voxel size")
    identity = " ".join(f"{n:g}" for n in np.eye(count).ravel())
    rows = _numbers(keys, "TransformMatrix", identity)
    offset = _numbers(keys, "Offset", " ".join(["0"] * count))
    spacing = _numbers(keys, name)
    if (len(rows), len(offset), len(spacing)) != (count**2, count, count):
        raise GateError("io.header", "matrix, offset or spacing do not fit the dimension")
    kept = min(count, 3)
    directions, origin = np.eye(3), np.zeros(3)
    axes = np.array(rows).reshape(count, count)[:kept, :kept].T
    directions[:kept, :kept] = axes * np.array(spacing[:kept])
    origin[:kept] = offset[:kept]
    placed = {"TransformMatrix", "Offset"} & set(keys)
    return lps(directions, origin), () if placed else ("geo.no_codes",)
