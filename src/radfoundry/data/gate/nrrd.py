"""Decode NRRD: limits from the text header, every checksum, then numpy.

Only the fields named here are read: comments, `content` and key:=value pairs may hold a name.
Source: the format's definition, teem.sourceforge.net/nrrd/format.html.
"""

import math
import re
from functools import partial

import numpy as np

from radfoundry.data.gate.geometry import lps, one_image
from radfoundry.data.gate.packed import Head, Layout, integers, unpacked, unpacked_bzip2
from radfoundry.data.gate.source import GateError

Fields = dict[str, str]

MAX_HEADER_BYTES = 2**20
TYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}  # signs that turn its axes into left, posterior, superior
UNIT_MM = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 0.001, "µm": 0.001, "micron": 0.001}
ENDS = {"little": "<", "big": ">"}
SPATIAL = ("domain", "space", "???", "none")
KNOWN = (
    *("type", "dimension", "sizes", "endian", "encoding", "space", "space dimension", "kinds"),
    *("space directions", "space origin", "space units", "spacings", "axis mins"),
    *("line skip", "lineskip", "byte skip", "byteskip", "data file", "datafile"),
)


def head(content: bytes) -> Head:
    """Return what the header of a file says.

    Raises:
        GateError: io.header, io.format, io.too_large, io.short, geo.ndim, geo.spacing.
    """
    fields, start = _fields(content)
    layout = _layout(fields)
    axes = _spatial_axes(fields, layout.sizes)
    affine, warnings = _affine(fields, axes)
    shape = one_image(tuple(layout.sizes[axis] for axis in axes))
    unpack = partial(_unpacked, fields["encoding"], layout.size_bytes)
    return Head(start, layout, shape, affine, warnings, unpack)


def _fields(content: bytes) -> tuple[Fields, int]:
    """Return the fields of the header, and where the voxels begin."""
    blank = re.compile(rb"\r?\n\r?\n").search(content, 0, MAX_HEADER_BYTES)
    head = content[: blank.start()] if blank else content[:MAX_HEADER_BYTES]
    fields: Fields = {}
    for line in head.decode("utf-8", "replace").splitlines()[1:]:
        named = re.match(r"([^:#]+):(?!=)\s*(.*)$", line)
        if named and named[1].strip().lower() in KNOWN:
            fields[named[1].strip().lower()] = named[2].strip()
    if {"data file", "datafile"} & set(fields):
        raise GateError(
            "io.format", "the voxels lie in another file: save header and voxels as one .nrrd"
        )
    if blank is None:
        raise GateError("io.short", "no blank line ends the header: there are no voxels")
    return fields, blank.end()


def _layout(fields: Fields) -> Layout:
    missing = [name for name in ("type", "dimension", "sizes", "encoding") if name not in fields]
    if missing:
        raise GateError("io.header", f"{', '.join(missing)} missing")
    kind = next((k for k, names in TYPES.items() if fields["type"] in names.split("|")), None)
    if kind is None:
        raise GateError("io.header", "the voxel type is none of the real numbers of NRRD")
    if kind[1] != "1" and fields.get("endian") not in ENDS:
        raise GateError("io.header", "the order of bytes is not stated: endian is little or big")
    sizes = integers(fields["sizes"])
    if str(len(sizes)) != fields["dimension"]:
        raise GateError("io.header", f"{len(sizes)} sizes do not make the dimension announced")
    if any(fields.get(name, "0") != "0" for name in ("line skip", "lineskip")):
        raise GateError("io.header", "voxels after skipped lines are not read")
    return Layout(np.dtype(ENDS.get(fields.get("endian", ""), "<") + kind), sizes).checked()


def _numbers(text: str, name: str) -> list[float]:
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise GateError("io.header", f"{name} are not numbers") from None


def _unpacked(encoding: str, expected: int, body: bytes) -> bytes:
    if encoding in ("gzip", "gz"):
        return unpacked(body, expected)
    if encoding in ("bzip2", "bz2"):
        return unpacked_bzip2(body, expected)
    if encoding == "raw":
        return body
    raise GateError("io.header", "only raw, gzip and bzip2 encodings are read")


def _vectors(fields: Fields) -> list[list[float] | None] | None:
    """Return the direction of each axis, None for an axis outside space; None if none is stated."""
    if "space directions" not in fields:
        return None
    words = re.findall(r"none|\([^)]*\)", fields["space directions"].lower())
    return [None if w == "none" else _numbers(w.strip("()"), "directions") for w in words]


def _spatial_axes(fields: Fields, sizes: tuple[int, ...]) -> list[int]:
    """Return which axes lie in space; the others must be one long, or it is several images."""
    vectors = _vectors(fields)
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * len(sizes)
    if len(vectors or sizes) != len(sizes) or len(kinds) != len(sizes):
        raise GateError("io.header", "directions or kinds are not one for each axis")
    inside = [v is not None for v in vectors] if vectors else [kind in SPATIAL for kind in kinds]
    axes = [axis for axis, spatial in enumerate(inside) if spatial]
    others = [size for axis, size in enumerate(sizes) if axis not in axes[:3]]
    if math.prod(others) > 1:
        raise GateError(
            "geo.ndim", f"the file holds {math.prod(others)} volumes or channels: give one by one"
        )
    return axes[:3]


def _affine(fields: Fields, axes: list[int]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the affine in RAS+; a space that is not named counts as LPS, as ITK reads it."""
    space = fields.get("space", "").lower()
    signs = np.array(SPACES.get(space, (1, 1, 1)), float)
    warnings = () if space in SPACES else ("geo.no_codes",)
    vectors = _vectors(fields)
    directions = np.eye(3)
    if vectors:
        for column, axis in enumerate(axes):
            directions[:, column] = _three(vectors[axis] or [])
        if len(axes) == 2:
            directions[:, 2] = np.cross(directions[:, 0], directions[:, 1])
    elif "spacings" in fields:
        spacings = _numbers(fields["spacings"], "spacings")
        directions = np.diag(_three([spacings[axis] for axis in axes], fill=1.0))
    else:
        raise GateError("geo.spacing", "the header tells no voxel size")
    origin = _three(_numbers(fields.get("space origin", "0 0 0").strip("()"), "origin"))
    units = fields.get("space units", "").replace('"', " ").lower().split()
    scale = signs * UNIT_MM.get(units[0] if units else "mm", 1.0)
    return lps(directions * scale[:, None], np.array(origin) * scale), warnings


def _three(numbers: list[float], fill: float = 0.0) -> list[float]:
    if len(numbers) > 3:
        raise GateError("geo.ndim", f"the space has {len(numbers)} axes: give single volumes")
    return [*numbers, *[fill] * (3 - len(numbers))]
