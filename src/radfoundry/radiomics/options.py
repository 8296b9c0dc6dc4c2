"""Every setting that decides a value, pinned."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

# Under pyradiomics' own names, so that a published parameter file can be compared line by line.
SETTINGS: Mapping[str, Any] = {
    "binWidth": 25.0, "binCount": None,  # one of the two is None; the width in HU
    "normalize": False, "normalizeScale": 1, "removeOutliers": None,
    "resampledPixelSpacing": None, "interpolator": "sitkBSpline", "padDistance": 5,
    "resegmentRange": None, "resegmentMode": "absolute", "resegmentShape": False,
    "distances": [1], "weightingNorm": None, "symmetricalGLCM": True, "gldm_a": 0,
    "voxelArrayShift": 0, "force2D": False, "force2Ddimension": 0, "minimumROIDimensions": 2,
    "minimumROISize": 4, "maximumROISize": 20_000_000,
    "maximumBins": 512, "maximumMatrix": 100_000_000, "deprecatedShapes": False,
    "resampling": "engine", "rounding": None,
}  # fmt: skip
# Ours: guards (voxels, gray levels, cells of the size-zone matrix; lungs at 0.7 mm pass), the three
# shapes that pyradiomics deprecated, who resamples (its grid starts at the image's first
# voxel; "centered" is the grid of IBSI), and to which step of intensity resampled voxels are
# rounded (IBSI: 1 HU).
OURS = (
    "minimumROISize", "maximumROISize", "maximumBins", "maximumMatrix", "deprecatedShapes",
    "resampling", "rounding",
)  # fmt: skip
RESAMPLING = ("engine", "centered")
# Radiographs are in [0, 1] on no physical scale, so they get a fixed number of bins.
SETTINGS_2D = {"binWidth": None, "binCount": 32, "force2D": True}
SETTINGS_MR = {"binWidth": 0.02}  # MR leaves preprocessing in [0, 1]
# Words of the config: some rename a setting, the rest say what is measured, not how.
WORDS = {"bin_width": "binWidth", "bin_count": "binCount", "deprecated_shapes": "deprecatedShapes"}
NOT_SETTINGS = ("regions", "lesions", "least_mm3", "vectors", "modality", "settings")
RIVALS = {"binWidth": "binCount", "binCount": "binWidth"}


def settings(options: Mapping[str, Any], dimensions: int = 2) -> dict[str, Any]:
    """Return every setting that decides the values, to be written beside the table as JSON.

    Args:
        options: What differs from `SETTINGS`: pyradiomics' names, or the config's `bin_width`,
            `bin_count`, `deprecated_shapes` and `settings` (pyradiomics' names). Naming one of the
            bins unsets the other. `modality` "MR" makes bins of 0.02 the default of a volume; other
            words of the config are ignored.
        dimensions: 2 for radiographs, 3 for volumes.

    Raises:
        ValueError: Naming unknown settings, or if the bins are given twice or not at all.
    """
    asked = {WORDS.get(key, key): v for key, v in options.items() if key not in NOT_SETTINGS}
    asked |= options.get("settings", {})
    if unknown := sorted(set(asked) - set(SETTINGS)):
        raise ValueError(f"unknown radiomics settings {unknown}: choose from {', '.join(SETTINGS)}")
    kind: Mapping[str, Any] = SETTINGS_2D if dimensions == 2 else {}
    if dimensions == 3 and options.get("modality") == "MR":
        kind = SETTINGS_MR
    unset = {RIVALS[key]: None for key in RIVALS if asked.get(key) is not None}
    merged = {**SETTINGS, **kind, **unset, **asked}
    given = [merged[key] for key in RIVALS if merged[key] is not None]
    if len(given) != 1 or not given[0] > 0:
        raise ValueError(f"give either a positive binWidth or a positive binCount, not {given}")
    if merged["resampling"] not in RESAMPLING:
        raise ValueError(f"resampling is {merged['resampling']!r}: choose from {RESAMPLING}")
    return {"engine": f"pyradiomics {version('pyradiomics')}", "dimensions": dimensions, **merged}
