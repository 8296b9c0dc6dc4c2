"""Decode PNG, JPEG and TIFF radiographs of 8 or 16 bit, linear, as gray pictures."""

import io
import struct
import warnings as python_warnings
import zlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from radfoundry import volume
from radfoundry.data.gate.source import MAX_PIXELS, GateError, Raw, Source

FORMATS = ("PNG", "JPEG", "TIFF")
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
DEEP = ("I;16", "I;16L", "I;16B", "I", "F")
PHOTOMETRIC = 262  # TIFF tag; 0 says that white is zero
WHITE_IS_ZERO = 0


def decode(source: Source, modality: str) -> Raw:
    """Return the radiograph of a picture file; a pixel's size is not known from it.

    Raises:
        GateError: geo.ndim for any modality but CXR, io.too_large, io.frames, io.truncated, io.crc,
            io.format.
    """
    if modality != "CXR":
        raise GateError("geo.ndim", f"a picture file is no {modality}: give NIfTI or DICOM")
    image, white_is_zero = _loaded(source)
    gray, warnings = _gray(image, _bit_depth(source.content))
    if white_is_zero:
        gray, warnings = np.float32(np.iinfo(np.uint16).max) - gray, ("white_is_zero",)
    return Raw(volume.radiograph(gray), source.sha256, False, warnings)


def labels(source: Source) -> np.ndarray:
    """Return the stored integers of a mask (rows, columns): no colour is turned to gray.

    Raises:
        GateError: mask.noninteger for a lossy or real-valued file, mask.label for colours, and the
            codes of `decode`.
    """
    image, _ = _loaded(source)
    if source.content.startswith(b"\xff\xd8\xff") or image.mode == "F":
        raise GateError("mask.noninteger", "JPEG and real-valued TIFF do not keep labels exact")
    values = np.asarray(image)
    if image.mode == "LA":
        values = values[..., 0]
    if values.ndim == 3:
        if image.mode not in ("RGB", "RGBA") or np.ptp(values[..., :3], axis=2).any():
            raise GateError("mask.label", "the mask is coloured; its values must be label numbers")
        values = values[..., 0]
    return values.astype(np.int64)


def _loaded(source: Source) -> tuple[Image.Image, bool]:
    """Return decoded pixels, upright, once the file is known to be one whole frame.

    Also whether 0 stands for white: Pillow mends that for 8 bit alone.
    """
    content = source.content
    if content.startswith(PNG_MAGIC):
        _check_png(content)
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")  # what Pillow warns of is refused just below
        image = _identified(content)
        pixels = image.width * image.height
        if pixels > MAX_PIXELS:
            raise GateError("io.too_large", f"{pixels} pixels; at most {MAX_PIXELS} are decoded")
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise GateError("io.frames", f"{frames} frames; a radiograph is one")
        try:
            image.load()
            white_is_zero = _tiff_photometric(image) == WHITE_IS_ZERO
            upright = ImageOps.exif_transpose(image)
            return upright, white_is_zero and image.mode.startswith("I;16")
        except (OSError, SyntaxError, EOFError) as error:
            raise GateError("io.truncated", f"pixels end early or are damaged: {error}") from None


def _identified(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise GateError("io.too_large", "the header announces a decompression bomb") from None
    except UnidentifiedImageError:
        raise GateError("io.format", "the header of the picture is damaged") from None


def _check_png(content: bytes) -> None:
    """Walk the chunks before decoding: size, every checksum, one frame, an end (PNG 3, 5.3)."""
    place, kind = len(PNG_MAGIC), b""
    while kind != b"IEND":
        if place + 12 > len(content):
            raise GateError("io.truncated", "the picture ends in the middle of a chunk")
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise GateError("io.truncated", "the picture ends in the middle of a chunk")
        checksum = struct.unpack_from(">I", content, end - 4)[0]
        if zlib.crc32(content[place + 4 : end - 4]) != checksum:
            raise GateError("io.crc", "a chunk of the picture was altered: checksum fails")
        if kind == b"acTL":
            raise GateError("io.frames", "the picture is animated; a radiograph is one frame")
        place = end


def _bit_depth(content: bytes) -> int | None:
    """Return a PNG's bits per channel; Pillow forgets it for colour pictures."""
    return content[24] if content.startswith(PNG_MAGIC) else None


def _gray(image: Image.Image, depth: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return float32 intensities (rows, columns), brighter is denser, and what was mended."""
    if image.mode in ("L", *DEEP):
        return np.asarray(image).astype(np.float32), ()
    warnings: tuple[str, ...] = (f"{image.mode.lower()}_to_gray",)
    if depth == 16:
        warnings = (*warnings, "depth_16_to_8")
    colour = np.asarray(image.convert("RGB"))
    if not np.ptp(colour, axis=2).any():
        return colour[..., 0].astype(np.float32), warnings
    return np.asarray(image.convert("RGB").convert("L")).astype(np.float32), warnings


def _tiff_photometric(image: Image.Image) -> int | None:
    tags = getattr(image, "tag_v2", None)
    return None if tags is None else tags.get(PHOTOMETRIC)
