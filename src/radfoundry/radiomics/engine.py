"""The one place that calls pyradiomics."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from radfoundry.radiomics.guards import RadiomicsError
from radfoundry.radiomics.mesh import LargeMeshes
from radfoundry.radiomics.names import vector_names
from radfoundry.radiomics.options import OURS, SETTINGS

PAIRED = (
    20_000  # voxel faces up to which the engine compares every pair of vertices: under a second
)


def measured(
    voxels: np.ndarray, lesion: np.ndarray, spacing_mm: tuple, options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what pyradiomics computes, keyed by its names.

    Args:
        voxels: Intensities (X, Y, Z), or (X, 1, Z) of a radiograph.
        lesion: Booleans on the same grid.
        spacing_mm: Length of a voxel along each axis.
        options: As `settings` gives them.

    Raises:
        RadiomicsError: `rad.engine` if pyradiomics or its C extension is missing; `rad.refused` if
            it refuses the lesion or runs out of memory.
    """
    sitk, featureextractor = _engine()
    x, y, z = spacing_mm
    if options["dimensions"] == 2:
        # 3.0.1 finds 2D shape in axial planes alone; a projection has no thickness but 1
        voxels, lesion = np.moveaxis(voxels, 1, 2), np.moveaxis(lesion, 1, 2)
        y, z = z, 1.0
    if np.issubdtype(voxels.dtype, np.floating):
        voxels = voxels.astype(np.float64)
    arrays = (voxels.T, lesion.T.astype(np.uint8))
    images = [sitk.GetImageFromArray(np.ascontiguousarray(array)) for array in arrays]
    for image in images:
        image.SetSpacing((x, y, z))
    try:
        return _extractor(featureextractor, options).execute(*images, label=1)
    except (ValueError, RuntimeError, MemoryError) as error:
        text = f"pyradiomics: {type(error).__name__} {error}"
        raise RadiomicsError("rad.refused", text) from error


def _extractor(featureextractor: Any, options: Mapping[str, Any]) -> Any:
    """Return pyradiomics set up with every setting that it knows."""
    given = {k: options[k] for k in SETTINGS if k not in OURS and options[k] is not None}
    extractor = featureextractor.RadiomicsFeatureExtractor(**given, additionalInfo=False)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(**_wanted(options))
    return extractor


def _wanted(options: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the features of each class, named one by one so that deprecated ones come too."""
    features: dict[str, list[str]] = {}
    for name in vector_names(options["dimensions"], options["deprecatedShapes"]):
        _, kind, feature = name.split("_")
        features.setdefault(kind, []).append(feature)
    return features


def _engine() -> tuple[Any, Any]:
    try:
        import SimpleITK
        from radiomics import featureextractor, shape
    except ImportError as error:
        text = f"pyradiomics or its C extension cannot be loaded: {error}"
        raise RadiomicsError("rad.engine", text) from error
    # it writes to stderr on its own, at a level that importing it sets
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    if not isinstance(shape.cShape, LargeMeshes):
        shape.cShape = LargeMeshes(shape.cShape, PAIRED)
    return SimpleITK, featureextractor


def mesh_of() -> Callable:
    """Return the engine's own mesh: area, volume and diameters of a mask (Z, Y, X) and a spacing.

    Raises:
        RadiomicsError: `rad.engine`, as for `measured`.
    """
    _engine()
    from radiomics import shape

    coefficients: Callable = shape.cShape.extension.calculate_coefficients
    return coefficients


def use_one_thread() -> None:
    """Keep ITK's filters on one core, for a worker process beside others."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
