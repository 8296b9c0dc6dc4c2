"""Features by name: `volume` for a person, `whole_shape_MeshVolume` for the networks."""

from collections.abc import Sequence

from radfoundry.radiomics.names import UNITS

REGIONS = ("whole", "core", "rim")
# Short names; of several the one that there is: a picture has an area where a volume has a volume.
SHAPES = {
    "volume": ("shape_MeshVolume", "shape2D_MeshSurface"),
    "area": ("shape2D_MeshSurface", "shape_SurfaceArea"),
    "sphericity": ("shape_Sphericity", "shape2D_Sphericity"),
    "elongation": ("shape_Elongation", "shape2D_Elongation"),
    "flatness": ("shape_Flatness",),
    "diameter": ("shape_Maximum3DDiameter", "shape2D_MaximumDiameter"),
}
TEXTURES = {
    "mean": ("firstorder_Mean",),
    "variance": ("firstorder_Variance",),
    "entropy": ("firstorder_Entropy",),
    "contrast": ("glcm_Contrast",),
    "correlation": ("glcm_Correlation",),
}
SIZES = ("whole_shape_MeshVolume", "whole_shape2D_MeshSurface")  # what a diameter in mm stands for


def candidates(name: str) -> list[str]:
    """Return the full names that a name may stand for; none if it is none.

    Args:
        name: Of `SHAPES` (of the whole) or of `TEXTURES` (of the rim, which is all of a lesion that
            is outlined as one region), with a region and "_" before it for another region; or
            a region and a feature of pyradiomics, such as `core_glcm_Contrast`.

    >>> candidates("core_mean"), candidates("mean")
    (['core_firstorder_Mean'], ['rim_firstorder_Mean'])
    """
    region, _, rest = name.partition("_")
    if region in REGIONS and f"original_{rest}" in UNITS:
        return [name]
    if region not in REGIONS:
        region, rest = "whole" if name in SHAPES else "rim", name
    return [f"{region}_{feature}" for feature in {**SHAPES, **TEXTURES}.get(rest, ())]


def checked_name(name: str) -> str:
    """Return a name that a feature may have.

    Raises:
        ValueError: With the short names that there are.
    """
    if not candidates(name):
        short = ", ".join([*SHAPES, *TEXTURES])
        more = "a region (whole, core, rim) may stand before it; or such as core_glcm_Contrast"
        raise ValueError(f"no feature {name!r}: choose from {short}; {more}")
    return name


def full_name(name: str, known: Sequence[str]) -> str:
    """Return the feature that a name stands for, among those of a table.

    Args:
        name: See `candidates`.
        known: The full names of the table.

    Raises:
        ValueError: The table has none of them.
    """
    for one in candidates(checked_name(name)):
        if one in known:
            return one
    listed = ", ".join([*SHAPES, *TEXTURES])
    raise ValueError(
        f"{name!r} is none of the {len(known)} features of real lesions here; short names: {listed}"
    )
