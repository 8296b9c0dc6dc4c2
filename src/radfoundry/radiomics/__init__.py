"""Measure a lesion as a named, ordered vector: the adapter to pyradiomics.

One engine computes every feature, so that a column means the same thing in every table; nothing is
redefined here. What pyradiomics would drop, invent or die of is refused first, with a code:
`rad.empty`, `rad.one_voxel`, `rad.too_small`, `rad.too_large`, `rad.nonfinite`, `rad.bins`; what it
still refuses is `rad.refused`, and `rad.engine` says that it cannot be loaded.
"""

from radfoundry.radiomics.extraction import (
    extract,
    extract_cases,
    extract_many,
    lesions,
    masks_of,
    rows_of_case,
)
from radfoundry.radiomics.guards import RadiomicsError
from radfoundry.radiomics.names import (
    DEPRECATED_SHAPE,
    FIRST_ORDER,
    SHAPE,
    SHAPE_2D,
    TEXTURE,
    UNDEFINED_WHEN_CONSTANT,
    UNDEFINED_WHEN_FLAT,
    UNITS,
    units,
    vector_names,
)
from radfoundry.radiomics.options import SETTINGS, SETTINGS_2D, settings

__all__ = [
    "DEPRECATED_SHAPE",
    "FIRST_ORDER",
    "SETTINGS",
    "SETTINGS_2D",
    "SHAPE",
    "SHAPE_2D",
    "TEXTURE",
    "UNDEFINED_WHEN_CONSTANT",
    "UNDEFINED_WHEN_FLAT",
    "UNITS",
    "RadiomicsError",
    "extract",
    "extract_cases",
    "extract_many",
    "lesions",
    "masks_of",
    "rows_of_case",
    "settings",
    "units",
    "vector_names",
]
