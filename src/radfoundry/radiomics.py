"""Measure a lesion as a named, ordered vector: the adapter to pyradiomics.

One engine computes every feature, so that a column means the same thing in every table; nothing is
redefined here. What pyradiomics would drop, invent or die of is refused first, with a code:
`rad.empty`, `rad.one_voxel`, `rad.too_small`, `rad.too_large`, `rad.nonfinite`, `rad.bins`.
"""

import logging
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.volume import Volume

# Name and unit of every feature of pyradiomics 3.0.1, in the order of its documentation. Texture
# is computed on discretised gray levels, so all of it is dimensionless.
TEXTURE = {
    "glcm": "Autocorrelation JointAverage ClusterProminence ClusterShade ClusterTendency Contrast "
    "Correlation DifferenceAverage DifferenceEntropy DifferenceVariance JointEnergy JointEntropy "
    "Imc1 Imc2 Idm Idmn Id Idn InverseVariance MaximumProbability MCC SumAverage SumEntropy "
    "SumSquares",
    "glrlm": "ShortRunEmphasis LongRunEmphasis GrayLevelNonUniformity "
    "GrayLevelNonUniformityNormalized RunLengthNonUniformity RunLengthNonUniformityNormalized "
    "RunPercentage GrayLevelVariance RunVariance RunEntropy LowGrayLevelRunEmphasis "
    "HighGrayLevelRunEmphasis ShortRunLowGrayLevelEmphasis ShortRunHighGrayLevelEmphasis "
    "LongRunLowGrayLevelEmphasis LongRunHighGrayLevelEmphasis",
    "glszm": "SmallAreaEmphasis LargeAreaEmphasis GrayLevelNonUniformity "
    "GrayLevelNonUniformityNormalized SizeZoneNonUniformity SizeZoneNonUniformityNormalized "
    "ZonePercentage GrayLevelVariance ZoneVariance ZoneEntropy LowGrayLevelZoneEmphasis "
    "HighGrayLevelZoneEmphasis SmallAreaLowGrayLevelEmphasis SmallAreaHighGrayLevelEmphasis "
    "LargeAreaLowGrayLevelEmphasis LargeAreaHighGrayLevelEmphasis",
    "gldm": "SmallDependenceEmphasis LargeDependenceEmphasis GrayLevelNonUniformity "
    "DependenceNonUniformity DependenceNonUniformityNormalized GrayLevelVariance "
    "DependenceVariance DependenceEntropy LowGrayLevelEmphasis HighGrayLevelEmphasis "
    "SmallDependenceLowGrayLevelEmphasis SmallDependenceHighGrayLevelEmphasis "
    "LargeDependenceLowGrayLevelEmphasis LargeDependenceHighGrayLevelEmphasis",
    "ngtdm": "Coarseness Contrast Busyness Complexity Strength",
}
SHAPE = {
    "MeshVolume": "mm3", "VoxelVolume": "mm3", "SurfaceArea": "mm2", "SurfaceVolumeRatio": "1/mm",
    "Sphericity": "1", "Maximum3DDiameter": "mm", "Maximum2DDiameterSlice": "mm",
    "Maximum2DDiameterColumn": "mm", "Maximum2DDiameterRow": "mm", "MajorAxisLength": "mm",
    "MinorAxisLength": "mm", "LeastAxisLength": "mm", "Elongation": "1", "Flatness": "1",
}  # fmt: skip
SHAPE_2D = {
    "MeshSurface": "mm2", "PixelSurface": "mm2", "Perimeter": "mm", "PerimeterSurfaceRatio": "1/mm",
    "Sphericity": "1", "MaximumDiameter": "mm", "MajorAxisLength": "mm", "MinorAxisLength": "mm",
    "Elongation": "1",
}  # fmt: skip
FIRST_ORDER = {
    "Energy": "intensity2", "TotalEnergy": "intensity2 mm3", "Entropy": "bit",
    "Minimum": "intensity", "10Percentile": "intensity", "90Percentile": "intensity",
    "Maximum": "intensity", "Mean": "intensity", "Median": "intensity",
    "InterquartileRange": "intensity", "Range": "intensity", "MeanAbsoluteDeviation": "intensity",
    "RobustMeanAbsoluteDeviation": "intensity", "RootMeanSquared": "intensity", "Skewness": "1",
    "Kurtosis": "1", "Variance": "intensity2", "Uniformity": "1",
}  # fmt: skip
UNITS: Mapping[str, str] = {
    f"original_{kind}_{feature}": unit
    for kind, features in (
        ("shape", SHAPE),
        ("shape2D", SHAPE_2D),
        ("firstorder", FIRST_ORDER),
        *((kind, dict.fromkeys(names.split(), "1")) for kind, names in TEXTURE.items()),
    )
    for feature, unit in features.items()
}
# 0/0 by their definitions where the lesion has one gray level; pyradiomics returns 0, 1 or 1e6.
UNDEFINED_WHEN_FLAT = (
    "glcm_Correlation", "glcm_Imc1", "glcm_MCC", "ngtdm_Coarseness", "ngtdm_Contrast",
    "ngtdm_Busyness", "ngtdm_Strength",
)  # fmt: skip
UNDEFINED_WHEN_CONSTANT = ("firstorder_Skewness", "firstorder_Kurtosis")

# Every setting that changes a value, under pyradiomics' own names so that a published parameter
# file can be compared line by line. The last three are our guards.
SETTINGS: Mapping[str, Any] = {
    "binWidth": 25.0, "binCount": None,  # one of the two is None; the width in HU
    "normalize": False, "normalizeScale": 1, "removeOutliers": None,
    "resampledPixelSpacing": None, "interpolator": "sitkBSpline", "padDistance": 5,
    "resegmentRange": None, "resegmentMode": "absolute", "resegmentShape": False,
    "distances": [1], "weightingNorm": None, "symmetricalGLCM": True, "gldm_a": 0,
    "voxelArrayShift": 0, "force2D": False, "force2Ddimension": 0, "minimumROIDimensions": 2,
    "minimumROISize": 4, "maximumROISize": 2_000_000, "maximumBins": 512,
}  # fmt: skip
# Radiographs are in [0, 1] on no physical scale, so they get a fixed number of bins.
SETTINGS_2D = {"binWidth": None, "binCount": 32, "force2D": True}
WORDS = {"bin_width": "binWidth", "bin_count": "binCount"}  # of the config
_OURS = ("minimumROISize", "maximumROISize", "maximumBins")


class RadiomicsError(ValueError):
    """A lesion that has no meaningful vector; `code` says why, for the case's row."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def vector_names(dimensions: int) -> tuple[str, ...]:
    """Return the names of a vector in order: 102 in two dimensions, 107 in three.

    >>> len(vector_names(2)), len(vector_names(3)), vector_names(3)[0]
    (102, 107, 'original_shape_MeshVolume')
    """
    other = {2: "original_shape_", 3: "original_shape2D_"}[dimensions]
    return tuple(name for name in UNITS if not name.startswith(other))


def units(name: str) -> str:
    """Return the unit of a feature: mm, mm2, mm3, 1/mm, intensity, intensity2, bit or 1.

    >>> units("original_shape_MeshVolume")
    'mm3'
    """
    if name not in UNITS:
        raise ValueError(f"no feature {name!r}; names look like original_glcm_Contrast")
    return UNITS[name]


def settings(options: Mapping[str, Any], dimensions: int = 2) -> dict[str, Any]:
    """Return every setting that decides the values, to be written beside the table as JSON.

    Args:
        options: What differs from `SETTINGS`: pyradiomics' names, or the config's `bin_width` and
            `bin_count`. Naming one of the two unsets the other. `regions` is not ours and ignored.
        dimensions: 2 for radiographs, 3 for volumes.

    Raises:
        ValueError: Naming unknown settings, or if the bins are given twice or not at all.
    """
    asked = {WORDS.get(key, key): value for key, value in options.items() if key != "regions"}
    if unknown := sorted(set(asked) - set(SETTINGS)):
        raise ValueError(f"unknown radiomics settings {unknown}: choose from {', '.join(SETTINGS)}")
    rivals = {"binWidth": "binCount", "binCount": "binWidth"}
    unset = {rivals[key]: None for key in rivals if asked.get(key) is not None}
    merged = {**SETTINGS, **(SETTINGS_2D if dimensions == 2 else {}), **unset, **asked}
    given = [merged[key] for key in rivals if merged[key] is not None]
    if len(given) != 1 or not given[0] > 0:
        raise ValueError(f"give either a positive binWidth or a positive binCount, not {given}")
    return {"engine": f"pyradiomics {version('pyradiomics')}", "dimensions": dimensions, **merged}


def extract(volume: Volume, mask: np.ndarray, options: Mapping[str, Any]) -> pd.Series:
    """Return the radiomics vector of one lesion, indexed by `vector_names`.

    Args:
        volume: A radiograph (X, 1, Z) gives 102 features of its plane, any other volume 107.
        mask: Booleans on the volume's grid.
        options: What differs from `SETTINGS`, as in `settings`; an empty mapping for nothing.

    Returns:
        float64 values; NaN where the definition is 0/0, as texture of one gray level. Features of
        the mesh (surface, volume, sphericity) move by up to 0.2 % when axes are flipped.

    Raises:
        RadiomicsError: With one of this module's codes.
        ValueError: If mask and volume do not share a grid, or a setting is unknown.
    """
    used = settings(options, 2 if volume.is_radiograph else 3)
    _check_mask(volume, mask, used)
    # Normalisation and resampling look beyond the lesion; everything else sees only its box.
    whole = used["normalize"] or used["resampledPixelSpacing"] is not None
    box = (slice(None),) * 3 if whole else _box(mask, used["padDistance"])
    voxels, lesion = volume.voxels[box], mask[box]
    bins = _check_intensities(voxels, lesion, used, whole)
    values = _measured(voxels, lesion, volume.spacing_mm, used)
    vector = pd.Series({name: float(values[name]) for name in vector_names(used["dimensions"])})
    undefined = list(UNDEFINED_WHEN_FLAT) if bins == 1 else []
    if vector["original_firstorder_Range"] == 0:
        undefined += UNDEFINED_WHEN_CONSTANT
    vector[[f"original_{name}" for name in undefined]] = np.nan
    return vector


def _check_mask(volume: Volume, mask: np.ndarray, options: Mapping[str, Any]) -> None:
    grid = volume.voxels.shape
    if mask.shape != grid or mask.dtype != bool:
        raise ValueError(f"the mask must be bool on {grid}, not {mask.dtype} on {mask.shape}")
    count = int(np.count_nonzero(mask))
    if count == 0:
        raise RadiomicsError("rad.empty", "the mask has no voxel")
    if count == 1:
        raise RadiomicsError("rad.one_voxel", "the mask has a single voxel")
    spans = sum(part.stop - part.start > 1 for part in _box(mask, 0))
    if count < options["minimumROISize"] or spans < options["minimumROIDimensions"]:
        raise RadiomicsError("rad.too_small", f"{count} voxels along {spans} axes are too few")
    if count > (allowed := options["maximumROISize"]):
        raise RadiomicsError("rad.too_large", f"{count} voxels exceed maximumROISize {allowed}")


def _check_intensities(
    voxels: np.ndarray, lesion: np.ndarray, options: Mapping[str, Any], whole: bool
) -> int:
    """Return the number of gray levels that the lesion will be discretised to."""
    seen = (voxels if whole else voxels[lesion]).astype(np.float64)
    if not np.isfinite(seen).all():
        bad = np.count_nonzero(~np.isfinite(seen))
        raise RadiomicsError("rad.nonfinite", f"{bad} voxels are not finite")
    low, high = (float(edge(voxels[lesion])) for edge in (np.min, np.max))
    if options["normalize"] and (deviation := seen.std()) > 0:
        low, high = (edge * options["normalizeScale"] / deviation for edge in (low, high))
    # pyradiomics would allocate a matrix of this size squared, for every direction
    wanted = options["binCount"] or high // options["binWidth"] - low // options["binWidth"] + 1
    if wanted > options["maximumBins"]:
        text = f"{wanted:.0f} gray levels over {low:g} to {high:g} exceed {options['maximumBins']}"
        raise RadiomicsError("rad.bins", text)
    return 1 if low == high else int(wanted)


def _box(mask: np.ndarray, padding: int) -> tuple[slice, ...]:
    """Return the bounding box of a mask, padded but inside the grid."""
    corners = []
    for axis, size in enumerate(mask.shape):
        others = tuple(n for n in range(mask.ndim) if n != axis)
        where = np.flatnonzero(mask.any(axis=others))
        corners.append(slice(max(where[0] - padding, 0), min(where[-1] + 1 + padding, size)))
    return tuple(corners)


def _measured(
    voxels: np.ndarray, lesion: np.ndarray, spacing_mm: tuple, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what pyradiomics computes, keyed by its names."""
    import SimpleITK
    from radiomics import featureextractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)  # it writes to stderr on its own
    x, y, z = spacing_mm
    if options["dimensions"] == 2:
        # 3.0.1 finds 2D shape in axial planes alone; a projection has no thickness but 1
        voxels, lesion = np.moveaxis(voxels, 1, 2), np.moveaxis(lesion, 1, 2)
        y, z = z, 1.0
    if np.issubdtype(voxels.dtype, np.floating):
        voxels = voxels.astype(np.float64)
    arrays = (voxels.T, lesion.T.astype(np.uint8))
    images = [SimpleITK.GetImageFromArray(np.ascontiguousarray(array)) for array in arrays]
    for image in images:
        image.SetSpacing((x, y, z))
    given = {k: options[k] for k in SETTINGS if k not in _OURS and options[k] is not None}
    extractor = featureextractor.RadiomicsFeatureExtractor(**given, additionalInfo=False)
    extractor.disableAllFeatures()
    for kind in {name.split("_")[1] for name in vector_names(options["dimensions"])}:
        extractor.enableFeatureClassByName(kind)
    return extractor.execute(*images, label=1)
