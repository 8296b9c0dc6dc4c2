"""Whether a file says, to a program, that it is synthetic: none is shipped that does not.

Where a reader of the format looks: the text of a PNG, the header of NIfTI and DICOM, a key of JSON
and of the YAML before a Markdown text, a column of a table, a comment of a list of checksums.
"""

import json
import zlib
from collections.abc import Callable, Mapping

import yaml

from radfoundry.release.radiographs import marks_of

MARK = "synthetic"
TRUE = "true"
FRONT = f"---\n{MARK}: {TRUE}\n---\n"  # of a Markdown text
COMMENT = f"# {MARK}: {TRUE}\n"  # which `sha256sum --check` passes over
HEAD = 4096  # bytes of a NIfTI file that hold its header and its extension
SYNTHETIC_DATA = (  # (0008,001C) in little endian, its type told or not
    b"\x08\x00\x1c\x00CS\x04\x00YES ",
    b"\x08\x00\x1c\x00\x04\x00\x00\x00YES ",
)


def check(files: Mapping[str, bytes]) -> None:
    """Refuse files that do not say that they are synthetic.

    Raises:
        ValueError: It names the first of them.
    """
    if bare := sorted(name for name, content in files.items() if not marked(name, content)):
        raise ValueError(f"not marked as synthetic, so not shipped: {', '.join(bare[:5])}")


def marked(name: str, content: bytes) -> bool:
    """Return whether a file says that it is synthetic; False for a format not known here."""
    readers: dict[str, Callable[[bytes], bool]] = {
        ".png": lambda png: marks_of(png).get("Synthetic") == TRUE,
        ".nii.gz": _nifti,
        ".dcm": lambda dicom: any(element in dicom for element in SYNTHETIC_DATA),
        ".json": _json,
        ".tsv": _table,
        ".md": _markdown,
        "SHA256SUMS": lambda sums: sums.startswith(COMMENT.encode()),
    }
    return any(read(content) for ending, read in readers.items() if name.endswith(ending))


def _nifti(content: bytes) -> bool:
    head = zlib.decompressobj(wbits=31).decompress(content, HEAD)
    return f'"{MARK}": "{TRUE}"'.encode() in head and b"SYNTHETIC" in head


def _json(content: bytes) -> bool:
    said = json.loads(content)
    places = (said, said.get("info", {}))
    return any(place.get(MARK) is True for place in places) or MARK in said.get("keywords", ())


def _table(content: bytes) -> bool:
    head, *rows = (line.split("\t") for line in content.decode().splitlines())
    return MARK in head and all(row[head.index(MARK)] == TRUE for row in rows)


def _markdown(content: bytes) -> bool:
    parts = content.decode().split("---\n", 2)
    front = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else {}
    return isinstance(front, dict) and front.get(MARK) is True
