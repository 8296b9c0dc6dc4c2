"""The vectors that tumour synthesis is asked for: shape and texture of its regions, scaled.

A vector is a row of named numbers per case, made from rows of the radiomics table; nothing is
measured or filled in here. A region that could not be measured leaves NaN and its code, and a
network is never given such a row: `Scaling.apply` refuses it by the names of case and feature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.radiomics import vector_names
from radfoundry.tables import columns

REGIONS = ("tumour_core", "tumour_rim")
SHAPE_CLASSES = ("shape",)
TEXTURE_CLASSES = ("firstorder", "glcm", "glrlm", "glszm")
LISTS = ("names", "mean", "deviation", "dropped")  # of a scaling, as stored
FLAT = 1e-12  # of the largest value: a spread below it is rounding


def _features(classes: Sequence[str]) -> list[str]:
    names = vector_names(3, deprecated_shapes=True)
    return [name for name in names if name.split("_")[1] in classes]


def names(classes: Sequence[str], regions: Sequence[str] = REGIONS) -> tuple[str, ...]:
    """Return the columns of a vector, region by region, as `{region}_{feature}`.

    >>> len(names(SHAPE_CLASSES)), len(names(TEXTURE_CLASSES)), names(SHAPE_CLASSES)[0]
    (34, 148, 'tumour_core_original_shape_MeshVolume')
    """
    return tuple(f"{region}_{name}" for region in regions for name in _features(classes))


def shape(frame: pd.DataFrame, regions: Sequence[str] = REGIONS) -> pd.DataFrame:
    """Return the 17 shape features of each region, one row per case (34 for core and rim).

    Args:
        frame: The radiomics table, measured with `deprecated_shapes`: columns `case`, `region`,
            `code` and features; where it has `lesion`, the rows of whole regions (0) are taken.
        regions: Regions in the order of the vector.

    Returns:
        Indexed by case in order of appearance: `code`, then `names(SHAPE_CLASSES, regions)`. A case
        with a region that is absent or refused has NaN there, and `code` names it, as
        "tumour_rim rad.empty"; so does one whose feature is undefined, as texture of one gray level
        ("tumour_rim rad.undefined original_glcm_Imc1"). `code` is empty where all is finite.

    Raises:
        ValueError: If features or columns are missing, or a region is given twice for a case.
    """
    return _vectors(frame, SHAPE_CLASSES, regions)


def texture(frame: pd.DataFrame, regions: Sequence[str] = REGIONS) -> pd.DataFrame:
    """Return 18 first-order, 24 GLCM, 16 GLRLM and 16 GLSZM features of each region.

    That is 74 a region and 148 for core and rim; otherwise as `shape`.
    """
    return _vectors(frame, TEXTURE_CLASSES, regions)


def _vectors(frame: pd.DataFrame, classes: Sequence[str], regions: Sequence[str]) -> pd.DataFrame:
    features = _features(classes)
    needed = ["case", "region", "code", *features]
    if missing := [name for name in needed if name not in frame]:
        text = f"the table lacks {', '.join(missing[:3])} ({len(missing)} columns)"
        raise ValueError(f"{text}: measure volumes with deprecated_shapes: true")
    if "lesion" in frame:
        frame = frame[pd.to_numeric(frame["lesion"]).fillna(0) == 0]
    whole = frame[frame["region"].isin(list(regions))]
    if (twice := whole.duplicated(["case", "region"])).any():
        case, region = whole.loc[twice, ["case", "region"]].iloc[0]
        raise ValueError(f"case {case} has region {region} twice")
    cases = pd.Index(frame["case"].unique(), name="case")
    parts = {r: whole[whole["region"] == r].set_index("case").reindex(cases) for r in regions}
    codes = pd.DataFrame({region: _codes(part, features) for region, part in parts.items()})
    rows = (zip(regions, row, strict=True) for row in codes.to_numpy())
    said = ["; ".join(f"{region} {code}" for region, code in row if code) for row in rows]
    code = pd.Series(said, index=cases, name="code", dtype=str)
    values = [part[features].astype(float).add_prefix(f"{r}_") for r, part in parts.items()]
    return pd.concat([code, *values], axis=1)


def _codes(part: pd.DataFrame, features: Sequence[str]) -> pd.Series:
    """Return per case why a region gives no condition: its code, or its first undefined feature."""
    finite = np.isfinite(part[list(features)].astype(float).to_numpy())
    undefined = [f"rad.undefined {features[int(row.argmin())]}" for row in finite]
    given = part["code"].fillna("rad.absent")
    return given.mask((given == "") & ~finite.all(1), pd.Series(undefined, index=part.index))


@dataclass(frozen=True)
class Scaling:
    """How vectors become conditions: mean 0 and standard deviation 1 over the cases fitted.

    Attributes:
        names: The features kept, in order.
        mean: Of each kept feature, in its unit.
        deviation: Standard deviation of each kept feature (of the population), above 0.
        dropped: The features that did not vary, which say nothing about a case.
        cases: How many cases were fitted.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    dropped: tuple[str, ...]
    cases: int

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the kept features of each case, scaled.

        Raises:
            ValueError: Naming a case and a feature that is not finite, or missing features.
        """
        if missing := [name for name in self.names if name not in frame]:
            raise ValueError(f"{len(missing)} features are missing, among them {missing[0]}")
        return (_finite(frame, self.names) - self.mean) / self.deviation

    def invert(self, scaled: pd.DataFrame) -> pd.DataFrame:
        """Return scaled features in their units again; NaN, a feature not asked for, stays NaN."""
        if list(scaled.columns) != list(self.names):
            raise ValueError(f"columns must be the {len(self.names)} kept features, in order")
        return scaled * self.deviation + self.mean

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers; `from_json` brings the same scaling back exactly."""
        return {**{field: list(getattr(self, field)) for field in LISTS}, "cases": self.cases}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Scaling":
        """Return the scaling that `to_json` described."""
        names, mean, deviation, dropped = (tuple(stored[field]) for field in LISTS)
        return cls(names, mean, deviation, dropped, stored["cases"])


def fit(train: pd.DataFrame) -> Scaling:
    """Return the scaling of vectors over training cases; give it no others.

    Args:
        train: As `shape` or `texture` return it, of training cases alone. Cases with a `code` were
            not measured and are left out.

    Raises:
        ValueError: If a measured case has a value that is not finite, or fewer than two cases are
            left, or none of their features varies.
    """
    measured = train[train["code"] == ""] if "code" in train else train
    features = [str(name) for name in train if name != "code"]
    values = _finite(measured, features)
    if len(values) < 2:
        raise ValueError(f"{len(values)} measured cases are too few to scale by; at least 2")
    deviation, largest = values.std(ddof=0), values.abs().max()
    kept = [name for name in features if deviation[name] > FLAT * largest[name]]
    if not kept:
        raise ValueError(f"none of {len(features)} features varies over {len(values)} cases")
    return Scaling(
        names=tuple(kept),
        mean=tuple(map(float, values[kept].mean())),
        deviation=tuple(map(float, deviation[kept])),
        dropped=tuple(name for name in features if name not in kept),
        cases=len(values),
    )


def conditions(
    frame: pd.DataFrame, regions: Sequence[str], splits: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return each case's shape and texture, scaled as the train split says, and that scaling.

    Args:
        frame: The radiomics table, as `shape` takes it.
        regions: Regions in the order of the vector; none leave the table empty.
        splits: Split of each case.

    Returns:
        The `vectors` table: case, features, code and split, NaN where there is a code; and the
        scaling as `Scaling.to_json` gives it. Without a training case features stay in their units
        and the scaling is empty.

    Raises:
        ValueError: As `shape` and `fit` raise it.
    """
    if not regions:
        return pd.DataFrame(columns=list(columns("vectors"))), {}
    both = shape(frame, regions).join(texture(frame, regions).drop(columns="code"))
    split = [splits[name] for name in both.index]
    made, stored = both.drop(columns="code"), {}
    train = both[[one == "train" for one in split]]
    if len(train):
        scaling = fit(train)
        stored = scaling.to_json()
        made = scaling.apply(both[both["code"] == ""]).reindex(both.index)
    return made.assign(code=both["code"], split=split).reset_index(), stored


def _finite(frame: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Return the features as float64, or refuse the first that is not finite by its names."""
    values = frame[list(features)].astype(float)
    bad = np.argwhere(~np.isfinite(values.to_numpy()))
    if len(bad):
        row, column = bad[0]
        where = f"case {list(values.index)[row]}, feature {features[column]}"
        text = f"{where} is {values.to_numpy()[row, column]}; {len(bad)} such values"
        raise ValueError(f"conditions must be finite: {text}")
    return values
