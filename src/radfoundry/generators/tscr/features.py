"""The measurements that TSCR draws from: which ones, of a lesion, and as numbers around 0.

A measurement is named by its region and by what pyradiomics calls it: `whole_shape_Sphericity`,
`rim_firstorder_Mean`, `core_glcm_Contrast`. Regions are `whole`, `core` and `rim`, of which the
whole is the other two; a lesion outlined as one region is all rim. Only what a lesion has is known
of it: a lesion without a core has no measurement of one, and says so by NaN.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radfoundry import radiomics
from radfoundry.generators.tscr.crops import CORE, RIM
from radfoundry.radiomics.names import TEXTURE
from radfoundry.volume import Volume

REGIONS = ("whole", "core", "rim")
SHAPE_REGIONS = ("whole", "core")  # what is drawn as a mask: of each the 17 of the paper
TEXTURE_REGIONS = ("core", "rim")  # the two tissues: of each the 74 of the paper
TEXTURE_KINDS = ("firstorder", "glcm", "glrlm", "glszm")
# Of these twice as much is as far from any value, see `Table`: by unit, and what has none by name.
LOG_UNITS = ("mm", "mm2", "mm3", "1/mm", "intensity2", "intensity2 mm3")
LOG_ENDINGS = (
    "Emphasis", "NonUniformity", "Variance", "Prominence", "Tendency", "SumSquares", "Contrast",
    "Autocorrelation", "Compactness1", "Compactness2",
)  # fmt: skip
LEAST_DEVIATION = 1e-6  # of what is the same in every lesion: its score is 0
LISTED = 6


def shape_names(dimensions: int, regions: Iterable[str] = SHAPE_REGIONS) -> tuple[str, ...]:
    """Return the names of what describes a mask: 17 of each region in 3D, 9 in 2D.

    >>> len(shape_names(3)), len(shape_names(2, ["whole"])), shape_names(3)[0]
    (34, 9, 'whole_shape_MeshVolume')
    """
    kinds: dict = {2: radiomics.SHAPE_2D, 3: {**radiomics.SHAPE, **radiomics.DEPRECATED_SHAPE}}
    kind = "shape2D" if dimensions == 2 else "shape"
    return tuple(f"{region}_{kind}_{name}" for region in regions for name in kinds[dimensions])


def texture_names(regions: Iterable[str] = TEXTURE_REGIONS) -> tuple[str, ...]:
    """Return the names of what describes the voxels inside a mask: 74 of each region.

    >>> len(texture_names()), texture_names()[0]
    (148, 'core_firstorder_Energy')
    """
    listed: dict[str, Iterable[str]] = {"firstorder": radiomics.FIRST_ORDER}
    listed |= {kind: words.split() for kind, words in TEXTURE.items()}
    return tuple(
        f"{region}_{kind}_{name}"
        for region in regions
        for kind in TEXTURE_KINDS
        for name in listed[kind]
    )


def unit(name: str) -> str:
    """Return the unit of a measurement, as `radiomics.units` does.

    >>> unit("core_shape_MeshVolume")
    'mm3'
    """
    return radiomics.units(_engine_name(name))


def region_masks(regions: np.ndarray) -> dict[str, np.ndarray]:
    """Return the booleans of each of `REGIONS` in a map: 0 none, 1 rim (or the whole), 2 core."""
    return {"whole": regions > 0, "core": regions == CORE, "rim": regions == RIM}


def measured(
    intensities: np.ndarray,
    regions: np.ndarray,
    spacing_mm: Sequence[float],
    names: Iterable[str],
    options: Mapping[str, Any],
) -> dict[str, float]:
    """Return measurements of a lesion, in the units of radiomics.

    Args:
        intensities: (X, Y, Z) or (X, Y), in the units that the options' bins are in.
        regions: uint8 on the same grid: 0 none, 1 rim or whole, 2 core.
        spacing_mm: Length of a voxel along each axis.
        names: What is to be measured, as `shape_names` and `texture_names` name it.
        options: Of the engine, see `radiomics.settings`.

    Returns:
        One value for each name, in their order; NaN where the region is not there or too small, or
        the definition is 0/0.
    """
    wanted, masks = list(names), region_masks(regions)
    for name in wanted:
        unit(name)
    volume, planar = _as_volume(intensities, spacing_mm), intensities.ndim == 2
    found: dict[str, float] = {}
    for region in {name.split("_")[0] for name in wanted}:
        mask = masks[region][:, None] if planar else masks[region]
        vector = _vector(volume, mask, {**options, "deprecatedShapes": not planar})
        found |= {name.replace("original", region, 1): value for name, value in vector.items()}
    return {name: found.get(name, float("nan")) for name in wanted}


def _engine_name(name: str) -> str:
    region, _, rest = name.partition("_")
    if region not in REGIONS or f"original_{rest}" not in radiomics.UNITS:
        raise ValueError(
            f"no measurement {name!r}: regions are {', '.join(REGIONS)}, names look like "
            "whole_shape_Sphericity or core_glcm_Contrast"
        )
    return f"original_{rest}"


def _as_volume(intensities: np.ndarray, spacing_mm: Sequence[float]) -> Volume:
    """Return voxels as the engine takes them: a plane of two axes has its third in the middle."""
    if intensities.ndim == 2:
        first, last = spacing_mm
        return Volume(intensities[:, None], np.diag([first, 1.0, last, 1.0]))
    return Volume(intensities, np.diag([*spacing_mm, 1.0]))


def _vector(volume: Volume, mask: np.ndarray, options: Mapping[str, Any]) -> dict[str, float]:
    try:
        vector = radiomics.extract(volume, mask, options)
    except radiomics.RadiomicsError:
        return {}
    return {str(name): float(value) for name, value in vector.items()}


@dataclass(frozen=True)
class Table:
    """Mean and spread of measurements over the lesions that a network was fitted to.

    Scores are how far a value lies from the mean, in deviations; of what `is_logarithmic` says, the
    logarithm's.

    Attributes:
        names: Of the measurements, in order.
        means: Of each.
        deviations: Of each, above 0.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def fitted(cls, rows: Sequence[Mapping[str, float]], names: Iterable[str]) -> "Table":
        """Return the table of lesions; what fewer than two of them have is left out of it.

        Raises:
            ValueError: Nothing is left.
        """
        means, deviations = {}, {}
        for name in names:
            column = np.array([scaled(name, row.get(name, float("nan"))) for row in rows])
            known = column[np.isfinite(column)]
            if len(known) > 1:
                means[name] = float(known.mean())
                deviations[name] = max(float(known.std()), LEAST_DEVIATION)
        if not means:
            raise ValueError(f"of {len(rows)} lesions no two have a measurement in common")
        return cls(tuple(means), tuple(means.values()), tuple(deviations.values()))

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> "Table":
        """Return the table that `card` was made of."""
        return cls(*(tuple(card[key]) for key in ("names", "means", "deviations")))

    def card(self) -> dict[str, list]:
        """Return the table as JSON holds it."""
        return {
            "names": list(self.names),
            "means": list(self.means),
            "deviations": list(self.deviations),
        }


def encode(values: Mapping[str, float], table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (n,) float32 of some measurements, and which are known (n,) bool.

    Args:
        values: Any of the table's; of NaN, and of what must be positive and is not, nothing is
            known.
        table: What the network was fitted with.

    Returns:
        Scores are 0 where nothing is known.

    Raises:
        ValueError: The table has no such measurement.
    """
    if unknown := [name for name in values if name not in table.names]:
        listed = ", ".join(table.names[:LISTED])
        raise ValueError(
            f"no measurement {', '.join(unknown)} among the {len(table.names)} that this network "
            f"knows: {listed}, ..."
        )
    given = np.array([scaled(name, values.get(name, float("nan"))) for name in table.names])
    known = np.isfinite(given)
    scores = (given - np.array(table.means)) / np.array(table.deviations)
    return np.where(known, scores, 0).astype(np.float32), known


def decode(scores: np.ndarray, known: np.ndarray, table: Table) -> dict[str, float]:
    """Return the measurements of scores (n,), those that are known."""
    found = {}
    for name, score, is_known, mean, deviation in zip(
        table.names, scores, known, table.means, table.deviations, strict=True
    ):
        if is_known:
            value = float(score) * deviation + mean
            found[name] = float(np.exp(value)) if is_logarithmic(name) else value
    return found


def is_logarithmic(name: str) -> bool:
    """Say whether a measurement is compared by its logarithm: sizes, energies, variances.

    >>> is_logarithmic("whole_shape_MeshVolume"), is_logarithmic("whole_shape_Elongation")
    (True, False)
    """
    return unit(name) in LOG_UNITS or name.endswith(LOG_ENDINGS)


def scaled(name: str, value: float) -> float:
    """Return a value as it is averaged: itself or its logarithm, NaN where there is none."""
    if not is_logarithmic(name):
        return float(value)
    return float(np.log(value)) if value > 0 else float("nan")
