"""Unpack voxels with every checksum verified, and shape them as the header says."""

import bz2
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from radfoundry.data.gate.source import MAX_VOXEL_BYTES, GateError

TAIL_BYTES = 4096  # what writers may append to the voxels
GZIP_BITS = 31  # zlib's number for gzip with its checksum
ANY_BITS = 47  # gzip or zlib, whichever the first bytes say


@dataclass(frozen=True)
class Layout:
    """How voxels lie in a file: their type, and sizes with the fastest axis first."""

    kind: np.dtype
    sizes: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """Return how many bytes the voxels take unpacked."""
        total = self.kind.itemsize
        for size in self.sizes:
            total *= size
        return total

    def checked(self) -> "Layout":
        """Return itself, or refuse sizes that cannot be believed, before anything is unpacked.

        Raises:
            GateError: io.header, io.too_large.
        """
        if not self.sizes or min(self.sizes) < 1:
            raise GateError("io.header", f"dimensions {self.sizes} are not sizes")
        if self.size_bytes > MAX_VOXEL_BYTES:
            raise GateError("io.too_large", f"the header announces {self.size_bytes} bytes")
        return self

    def shaped(self, body: bytes) -> np.ndarray:
        """Return the voxels of unpacked bytes, axes in the file's order.

        Raises:
            GateError: io.short, io.too_large: the bytes are not those the header announces.
        """
        if len(body) < self.size_bytes:
            raise GateError("io.short", f"the header announces {self.size_bytes} bytes of voxels,"
                            f" {len(body)} are there")  # fmt: skip
        if len(body) > self.size_bytes + TAIL_BYTES:
            raise GateError("io.too_large", f"{len(body)} bytes of voxels are there, the header"
                            f" announces {self.size_bytes}")  # fmt: skip
        count = self.size_bytes // self.kind.itemsize
        voxels = np.frombuffer(body, self.kind, count).reshape(self.sizes, order="F")
        return voxels.astype(self.kind.newbyteorder("="), copy=False)


@dataclass(frozen=True)
class Head:
    """What a text header says of the voxels behind it.

    Attributes:
        start: Bytes before the voxels.
        layout: How the voxels lie once they are unpacked.
        shape: Sizes as one image of three axes.
        affine: 4 x 4, voxel indices to mm in RAS+.
        warnings: What was mended.
        unpack: Turns the bytes after `start` into voxels' bytes, every checksum verified.
    """

    start: int
    layout: Layout
    shape: tuple[int, ...]
    affine: np.ndarray
    warnings: tuple[str, ...]
    unpack: Callable[[bytes], bytes]

    def voxels(self, content: bytes) -> np.ndarray:
        """Return the voxels of a file with this header, three axes as stored.

        Raises:
            GateError: io.header, io.crc, io.short, io.too_large, io.truncated.
        """
        body = self.unpack(content[self.start :])
        return self.layout.shaped(body).reshape(self.shape, order="F")


def integers(text: str) -> tuple[int, ...]:
    """Return the whole numbers of a header's line.

    Raises:
        GateError: io.header.
    """
    try:
        return tuple(int(word) for word in text.split())
    except ValueError:
        raise GateError("io.header", "sizes or counts are not whole numbers") from None


def unpacked(content: bytes, expected: int, bits: int = GZIP_BITS) -> bytes:
    """Return the unpacked bytes, every checksum verified, never more than the header announces.

    Args:
        content: One or more gzip (or zlib) streams.
        expected: How many bytes the header announces.
        bits: Which streams zlib may accept.

    Raises:
        GateError: io.crc, io.too_large, io.truncated.
    """
    body, rest = bytearray(), content
    while rest.strip(b"\0"):
        stream = zlib.decompressobj(wbits=bits)
        try:
            body += stream.decompress(rest, max(1, expected + TAIL_BYTES - len(body)))
        except zlib.error:
            raise GateError("io.crc", "the packed bytes were altered: checksum fails") from None
        if stream.unconsumed_tail:
            raise GateError("io.too_large", f"more is packed than the {expected} bytes announced")
        if not stream.eof:
            raise GateError("io.truncated", "the packed bytes end before the file does")
        rest = stream.unused_data
    return bytes(body)


def unpacked_bzip2(content: bytes, expected: int) -> bytes:
    """Return the unpacked bytes of one bzip2 stream, as `unpacked` does for gzip."""
    stream = bz2.BZ2Decompressor()
    try:
        body = stream.decompress(content, expected + TAIL_BYTES)
    except OSError:
        raise GateError("io.crc", "the packed bytes were altered: checksum fails") from None
    if not stream.eof and not stream.needs_input:
        raise GateError("io.too_large", f"more is packed than the {expected} bytes announced")
    if not stream.eof:
        raise GateError("io.truncated", "the packed bytes end before the file does")
    return body
