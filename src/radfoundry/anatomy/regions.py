"""The vocabulary of label maps: what each integer means, in every stage alike.

The words come from `labels.yaml` beside this file and from nowhere else; the catalogue reads it,
for a config's words are checked before there are arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from radfoundry.config import catalogue

LOBES = {  # what makes up a lung
    "lung_right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
    "lung_left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
}
TREES = {"lung_vessel": "vessel", "airway": "airway"}  # what fills lobes: name, ending inside them


@dataclass(frozen=True)
class Label:
    """One entry of the vocabulary: a structure of the body, or a finding."""

    id: int
    name: str
    colour: str
    within: str | None = None


@dataclass(frozen=True)
class Vocabulary:
    """All labels, and the regions they make up."""

    structures: tuple[Label, ...]
    findings: tuple[Label, ...]
    regions: Mapping[str, tuple[int, ...]]
    ignore: int


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of `labels.yaml`."""
    raw = catalogue.vocabulary()
    structures = tuple(Label(**entry) for entry in raw["structures"])
    findings = tuple(Label(**entry) for entry in raw["findings"])
    own = {label.name: (label.id,) for label in (*structures, *findings)}
    unions = {name: tuple(ids) for name, ids in raw["regions"].items()}
    return Vocabulary(structures, findings, own | unions, raw["ignore"])


def ids(region: str) -> tuple[int, ...]:
    """Return the ids that make up a region, or say which regions there are."""
    regions = vocabulary().regions
    if region not in regions:
        raise ValueError(f"no region {region!r}: choose from {', '.join(sorted(regions))}")
    return regions[region]


def label_id(name: str) -> int:
    """Return the one id that a structure or finding is written with.

    >>> label_id("heart")
    9
    """
    for label in (*vocabulary().structures, *vocabulary().findings):
        if label.name == name:
            return label.id
    raise ValueError(f"no structure or finding {name!r} in labels.yaml")


def within(finding: str) -> str:
    """Return the region where a finding may lie.

    >>> within("cardiomegaly")
    'heart'
    """
    for label in vocabulary().findings:
        if label.name == finding and label.within:
            return label.within
    raise ValueError(f"no finding {finding!r} with a region in labels.yaml")


def mask(labels: np.ndarray, region: str) -> np.ndarray:
    """Return where a label map shows a region, as booleans of the same shape."""
    if labels.dtype != np.uint8:
        return np.isin(labels, ids(region))
    return _member(region)[labels]  # a fifth of the time of np.isin


@cache
def _member(region: str) -> np.ndarray:
    table = np.zeros(256, bool)
    table[list(ids(region))] = True
    return table


def check(labels: np.ndarray, kind: str = "structures") -> None:
    """Refuse a map with a value that the vocabulary does not have.

    Args:
        labels: Any integer array.
        kind: "structures" for an anatomy map, "findings" for a findings map.

    Raises:
        ValueError: Naming the values and what is allowed.
    """
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are {labels.dtype}, they must be integers")
    allowed = {0, vocabulary().ignore, *(label.id for label in getattr(vocabulary(), kind))}
    unknown = sorted(set(np.unique(labels).tolist()) - allowed)
    if unknown:
        raise ValueError(f"label values {unknown} are not {kind} of labels.yaml")


def compose(masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return one anatomy map (uint8) of masks that may overlap: lung behind the heart in a
    radiograph, vessels and bronchi inside a lobe in a CT.

    Args:
        masks: Name of a structure to boolean mask, all of one shape. Lobes are painted over lungs,
            lungs over anything else; `lung_vessel` and `airway` are painted last, the airway above
            the vessel, and leave each voxel in its lobe or lung.
    """
    labels = np.zeros(next(iter(masks.values())).shape, np.uint8)
    lungs, fronts = ("lung", "lung_right", "lung_left"), ("mediastinum", "heart")
    lobes = [label.name for label in vocabulary().structures if "_lobe_" in label.name]
    last = (*lungs, *lobes, *fronts, *TREES)
    for name in (*(name for name in masks if name not in last), *lungs, *lobes, *fronts):
        if name in masks:
            labels[masks[name]] = label_id(name)
    for front in fronts:
        for side in ("lung_right", "lung_left"):
            if side in masks and front in masks:
                labels[masks[side] & masks[front]] = label_id(f"{side}_behind_{front}")
    for tree in TREES:
        if tree in masks:
            labels[masks[tree]] = _inside(tree)[labels[masks[tree]]]
    return labels


@cache
def _inside(tree: str) -> np.ndarray:
    """Return the id that a voxel of a tree gets, by the id that was there (256 entries)."""
    table = np.full(256, label_id(tree), np.uint8)
    names = {label.name: label.id for label in vocabulary().structures}
    own, other = (TREES[tree], *(word for word in TREES.values() if word != TREES[tree]))
    for name, number in names.items():
        lung = name.removesuffix(f"_{own}").removesuffix(f"_{other}")
        if f"{lung}_{own}" in names:
            table[number] = names[f"{lung}_{own}"]
    return table
