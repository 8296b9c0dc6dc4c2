"""Join a MetaImage header (.mhd) with the file that holds its voxels (.raw, .zraw)."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from radfoundry.data.gate import metaimage
from radfoundry.data.gate.source import MAX_FILE_BYTES, GateError, Source, contained, opened


def opened_whole(path: str | Path, root: str | Path | None = None) -> Source:
    """Return what `opened` does, of a pair of header and voxels as if they were one .mha file.

    Raises:
        GateError: The codes of `opened`; io.format for voxels in several files; path.escape for a
            voxels' file outside the header's folder; io.missing, io.too_large.
    """
    source = opened(path, root)
    if source.kind != "metaimage":
        return source
    header, name = metaimage.elsewhere(source.content)
    if not name:
        return source
    voxels = _beside(path, name, root)
    size = voxels.stat().st_size
    if size > MAX_FILE_BYTES:
        raise GateError("io.too_large", f"{size} bytes of voxels; at most {MAX_FILE_BYTES}")
    return replace(source, content=header + voxels.read_bytes())


def _beside(path: str | Path, name: str, root: str | Path | None) -> Path:
    """Return the real place of the voxels' file, which lies in the folder of its header."""
    if name != PurePosixPath(name.replace("\\", "/")).name:
        raise GateError("path.escape", "the header names voxels outside of its own folder")
    try:
        return contained(Path(path).parent / name, root or Path(path).parent)
    except GateError as error:
        if error.code != "io.missing":
            raise
        told = "the file that the header names for its voxels (ElementDataFile) is not beside it"
        raise GateError("io.missing", told) from None
