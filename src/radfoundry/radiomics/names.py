"""Names and units of every feature, in the order in which a vector holds them."""

from collections.abc import Mapping

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
# Functions of volume and surface alone, which pyradiomics leaves out unless each is asked for.
DEPRECATED_SHAPE = {"Compactness1": "1", "Compactness2": "1", "SphericalDisproportion": "1"}
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
        ("shape", {**SHAPE, **DEPRECATED_SHAPE}),
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


def vector_names(dimensions: int, deprecated_shapes: bool = False) -> tuple[str, ...]:
    """Return the names of a vector in order: 102 in two dimensions, 107 in three.

    With `deprecated_shapes` a vector in three dimensions has 110: three more after its shapes.

    >>> len(vector_names(2)), len(vector_names(3)), vector_names(3)[0]
    (102, 107, 'original_shape_MeshVolume')
    >>> vector_names(3, deprecated_shapes=True)[14:17]  # doctest: +NORMALIZE_WHITESPACE
    ('original_shape_Compactness1',
     'original_shape_Compactness2',
     'original_shape_SphericalDisproportion')
    """
    other = {2: "original_shape_", 3: "original_shape2D_"}[dimensions]
    hidden = () if deprecated_shapes else [f"original_shape_{name}" for name in DEPRECATED_SHAPE]
    return tuple(n for n in UNITS if not n.startswith(other) and n not in hidden)


def units(name: str) -> str:
    """Return the unit of a feature: mm, mm2, mm3, 1/mm, intensity, intensity2, bit or 1.

    >>> units("original_shape_MeshVolume")
    'mm3'
    """
    if name not in UNITS:
        raise ValueError(f"no feature {name!r}; names look like original_glcm_Contrast")
    return UNITS[name]
