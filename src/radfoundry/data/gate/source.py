"""What the read gate hands on, how it refuses, and how it opens a file of unknown content."""

import hashlib
import os
import re
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from radfoundry.config import spelling
from radfoundry.volume import Volume

MAX_FILE_BYTES = 2**30
MAX_PIXELS = 64_000_000  # three times the largest flat-panel detector
MAX_VOXEL_BYTES = 2**31  # a whole-body CT of 2000 slices is 1 GB
HEAD_BYTES = 65_536

PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
GZIP = b"\x1f\x8b"
NIFTI_HEADERS = (348, 540)
DICOM_GROUPS = (0x0002, 0x0008)
NRRD = b"NRRD000"
MISSING = "no file is there (or its link leads nowhere)"
META_KEYS = re.compile(rb"(ObjectType|NDims|Comment)[ \t]*=")  # one opens a MetaImage header
VALUE_REPRESENTATIONS = (b"UL", b"OB", b"UI", b"SH", b"CS", b"AE", b"DA", b"TM", b"LO")


class GateError(ValueError):
    """A file or image is refused.

    The message names no file and nothing of a patient's tags but allow-listed facts: it ends in
    tables and reports.

    Attributes:
        code: Stable short code, `family.reason`, such as "io.truncated".
        message: What was found and what is allowed.
    """

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Raw:
    """One image as its source meant it, and nothing that tells whose it is.

    Attributes:
        image: float32 intensities in the source's own units (linear, MONOCHROME2 sense), RAS+.
        sha256: Of the source file.
        spacing_known: False where the file does not state a pixel's size; spacing is 1.0 then.
        warnings: Codes of what was mended on the way, such as "rgba_to_gray".
        facts: Allow-listed technical tags: view, view_code, orientation, body_part, region_code,
            modality (of another body part), intent, photometric, laterality, sex, age.
        outside: Of a radiograph, which pixels hold no exposure (padding, shutters), boolean on the
            grid of the image; None where none is known to.
    """

    image: Volume
    sha256: str
    spacing_known: bool
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    outside: np.ndarray | None = None


@dataclass(frozen=True)
class Source:
    """The bytes of one file, read once, and what kind of file they are."""

    kind: str
    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Return the sha256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def opened(path: str | Path, root: str | Path | None = None) -> Source:
    """Return a file's bytes once its place, size and first bytes are known to be sound.

    Raises:
        GateError: path.escape, io.missing, io.perm, io.empty, io.too_large, io.format, io.short,
            dcm.preamble.
    """
    path = contained(path, root)
    size = _on_disk(path.stat).st_size
    if size == 0:
        raise GateError("io.empty", "the file has no bytes")
    if size > MAX_FILE_BYTES:
        raise GateError("io.too_large", f"{size} bytes; at most {MAX_FILE_BYTES} are read")
    with _on_disk(lambda: path.open("rb")) as file:
        head = file.read(HEAD_BYTES)
        kind = _kind(head, path.name.lower())
        return Source(kind, path.name.lower(), head + file.read(MAX_FILE_BYTES - len(head)))


def guarded(decode: Callable, source: Any, *arguments: Any) -> Any:
    """Return what a decoder makes of a source; whatever it throws leaves as a `GateError`.

    Args:
        decode: Takes the source and the arguments.
        source: A `Source`, or anything of a `kind`.
        arguments: What else the decoder needs.
    """
    family = "dcm" if source.kind == "dicom" else "io"
    try:
        return decode(source, *arguments)
    except GateError:
        raise
    except RecursionError:
        raise GateError(f"{family}.nesting", "elements are nested too deeply to read") from None
    except MemoryError:
        raise GateError("io.too_large", "the image does not fit into memory") from None
    except Exception as error:  # decoders answer hostile bytes with any exception there is
        raise GateError(f"{family}.format", f"undecodable ({type(error).__name__})") from None


def contained(path: str | Path, root: str | Path | None) -> Path:
    """Return the real place of a regular file, which must lie under `root` if one is given."""
    real = within(path, root)
    if not _on_disk(real.exists):
        raise GateError("io.missing", MISSING + _nearest(path, root))
    mode = _on_disk(real.stat).st_mode
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise GateError("io.perm", f"{what} stands where a file should be")
    return real


def within(path: str | Path, root: str | Path | None) -> Path:
    """Return the real place of a file or folder, which must lie under `root` if one is given."""
    real = Path(os.path.realpath(path))
    if root is not None and not real.is_relative_to(os.path.realpath(root)):
        raise GateError("path.escape", "the file lies outside the folder of its cohort")
    return real


def _on_disk(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except PermissionError:
        raise GateError("io.perm", "the file may not be read by this user") from None
    except (OSError, ValueError):
        raise GateError("io.missing", MISSING) from None


def _nearest(path: str | Path, root: str | Path | None) -> str:
    """Say in what way a name that is there differs; the name itself stays out of messages."""
    start = root or Path(path).anchor
    return spelling.finder(start)(os.path.relpath(path, start)).hint(named=False)


def _kind(head: bytes, name: str) -> str:
    """Return which decoder the first bytes ask for; the name is only used for hints."""
    if head[128:132] == b"DICM":
        _check_preamble(head)
        return "dicom"
    if head.startswith(PICTURES):
        return "raster"
    if head.startswith(GZIP) or _is_nifti(head):
        _check_suffix(head, name)
        return "nifti"
    if head.startswith(NRRD):
        return "nrrd"
    if META_KEYS.match(head):
        return "metaimage"
    if _is_dicom_without_preamble(head):
        return "dicom"
    if name.endswith(".nii") and len(head) < NIFTI_HEADERS[0]:
        raise GateError("io.short", f"{len(head)} bytes are less than a NIfTI header")
    raise GateError(
        "io.format", "the bytes are none of PNG, JPEG, TIFF, NIfTI, NRRD, MetaImage, DICOM"
    )


def _check_preamble(head: bytes) -> None:
    """Refuse a DICOM file that is also a program (CVE-2019-11687)."""
    programs = (b"\x7fELF", b"MZ", b"#!", b"PK", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
    if head.startswith(programs):
        raise GateError("dcm.preamble", "the preamble is that of a program, not of an image")


def _check_suffix(head: bytes, name: str) -> None:
    zipped = head.startswith(GZIP)
    if zipped != name.endswith(".gz"):
        hint = "is gzip: name it .nii.gz" if zipped else "is not gzip: name it .nii"
        raise GateError("io.format", f"the name and the bytes disagree; the content {hint}")


def _is_nifti(head: bytes) -> bool:
    if len(head) < NIFTI_HEADERS[0]:
        return False
    sizes = (struct.unpack_from("<i", head)[0], struct.unpack_from(">i", head)[0])
    return any(size in NIFTI_HEADERS for size in sizes)


def _is_dicom_without_preamble(head: bytes) -> bool:
    if len(head) < 8:
        return False
    group, _, representation = struct.unpack_from("<HH2s", head)
    length = struct.unpack_from("<I", head, 4)[0]
    return group in DICOM_GROUPS and (representation in VALUE_REPRESENTATIONS or length < 256)
