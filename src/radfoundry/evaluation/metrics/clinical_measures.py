"""The clinical measurements by name: their units, their words, and the labels they rest on."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from radfoundry.anatomy import regions
from radfoundry.anatomy.quality.status import depends, spread

LOBES = {  # such as lung_upper_lobe_right: right upper lobe
    f"lung_{part}_lobe_{side}": f"{side} {part} lobe"
    for lobes in regions.LOBES.values()
    for _, part, _, side in (lobe.split("_") for lobe in lobes)
}


class Measure(NamedTuple):
    """What a measurement is counted in, how it is called, and the regions it is read off.

    `whole` says that it needs all of them in view, as a volume does and a density does not.
    """

    unit: str
    words: str
    regions: tuple[str, ...]
    whole: bool = True


MEASURES: Mapping[str, Measure] = {
    "lung_volume_l": Measure("L", "volume of both lungs", ("lungs",)),
    "lung_right_volume_l": Measure("L", "volume of the right lung", ("lung_right",)),
    "lung_left_volume_l": Measure("L", "volume of the left lung", ("lung_left",)),
    **{
        f"{lobe}_volume_l": Measure("L", f"volume of the {name}", (lobe,))
        for lobe, name in LOBES.items()
    },
    "laa_950": Measure("%", "lung below -950 HU", ("lungs",), whole=False),
    "laa_856": Measure("%", "lung below -856 HU", ("lungs",), whole=False),
    "percentile15_hu": Measure("HU", "15th percentile of lung density", ("lungs",), whole=False),
    "mean_lung_hu": Measure("HU", "mean lung density", ("lungs",), whole=False),
    "airway_volume_cm3": Measure("cm3", "volume of the airways", ("airway",)),
    "airway_largest_part": Measure(
        "fraction", "share of the airways in their largest piece", ("airway",)
    ),
    "airway_parts": Measure("1", "pieces of the airways", ("airway",)),
    "vessel_volume_cm3": Measure("cm3", "volume of the vessels in the lungs", ("lung_vessel",)),
    "effusion_volume_ml": Measure("mL", "pleural fluid", ("pleural_space",)),
    "effusion_right_volume_ml": Measure("mL", "pleural fluid on the right", ("pleural_space",)),
    "effusion_left_volume_ml": Measure("mL", "pleural fluid on the left", ("pleural_space",)),
    "emphysema_volume_ml": Measure("mL", "volume marked as emphysema", ("lungs",)),
    "cardiothoracic_ratio": Measure(
        "1", "width of the heart over that of the inner thorax", ("heart", "lungs")
    ),
}


def trusted(values: Mapping[str, float], failed: Collection[str]) -> dict[str, float]:
    """Return measurements of a volume, NaN where they rest on a label that failed.

    Args:
        values: Measurements by the names of `MEASURES`.
        failed: Structures and regions whose label cannot be trusted.

    Raises:
        ValueError: A measurement or a structure that does not exist.
    """
    unknown = sorted(set(values) - set(MEASURES))
    if unknown:
        raise ValueError(f"no measurements {unknown}: choose from {', '.join(MEASURES)}")
    bad = spread(failed)
    return {
        name: float("nan") if _rests(MEASURES[name], bad) else value
        for name, value in values.items()
    }


def cropped(name: str, cut: Collection[str]) -> bool:
    """Return whether a measurement needs more than is in view: its value is of a part.

    Args:
        name: A measurement of `MEASURES`.
        cut: Structures that run on beyond the image.
    """
    return MEASURES[name].whole and _rests(MEASURES[name], spread(cut))


def _rests(measure: Measure, failed: Collection[str]) -> bool:
    return any(depends(region, name, film=False) for region in measure.regions for name in failed)
