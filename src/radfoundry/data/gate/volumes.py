"""Decode the volume formats alike: voxels and affine from each, then one canonical image."""

from collections.abc import Callable
from functools import partial

import numpy as np

from radfoundry.data.gate import metaimage, nifti, nrrd
from radfoundry.data.gate.geometry import canonical, coronal, solid
from radfoundry.data.gate.packed import Head
from radfoundry.data.gate.source import Raw, Source
from radfoundry.volume import reordered

Grid = tuple[np.ndarray, np.ndarray, tuple[str, ...]]


def _behind(head: Callable[[bytes], Head], source: Source) -> Grid:
    """Return what `grid` does, of a format whose voxels lie behind a text header."""
    found = head(source.content)
    return found.voxels(source.content), found.affine, found.warnings


GRIDS: dict[str, Callable[[Source], Grid]] = {
    "nifti": nifti.grid,
    "nrrd": partial(_behind, nrrd.head),
    "metaimage": partial(_behind, metaimage.head),
}


def grid(source: Source) -> Grid:
    """Return voxels of three axes as stored, their affine in mm, and what was mended.

    Raises:
        GateError: io.header, io.too_large, io.short, io.truncated, io.crc, io.format, geo.*.
    """
    return GRIDS[source.kind](source)


def decode(source: Source, modality: str) -> Raw:
    """Return the image of a volume file, canonical and float32.

    Raises:
        GateError: The codes of `grid`; geo.ndim for a plane where a volume is asked for. A
            plane of an MR is read: whether the cohort is one of slices, preprocessing knows.
    """
    voxels, affine, warnings = grid(source)
    image, mended = canonical(voxels, affine)
    image = coronal(image) if modality == "CXR" else solid(image, slices=modality == "MR")
    floats = image.holding(reordered(image.voxels, "C", np.float32))
    return Raw(floats, source.sha256, True, (*warnings, *mended))
