"""What a request asks for in numbers: values by full name, of words, scores and other cases."""

from collections.abc import Mapping
from math import pi
from typing import Any

import numpy as np

from radfoundry.generators.tscr import features, going_along
from radfoundry.generators.tscr.features import Table
from radfoundry.generators.tscr.lesion_bank import Bank
from radfoundry.generators.tscr.naming import SIZES, full_name


def values(asked: Mapping[str, Any], bank: Bank) -> dict[str, float]:
    """Return the features that a request asks for, by full name, in the units of radiomics.

    Args:
        asked: `features`, see `requests`; `size_mm`, the diameter of a ball of equal volume (or of
            a disc of equal area), which is the same as to ask for that volume.
        bank: What real lesions measure. A z-score asks for no more and no less than one of them
            has: an elongation of 1.1 there is none.

    Raises:
        ValueError: A feature that real lesions here do not have, or a value that none can have; a
            case that is none of theirs.
    """
    found = {}
    for name, value in asked["features"].items():
        full = full_name(name, bank.names)
        found[full] = _value(full, value, bank)
        if features.is_logarithmic(full) and not found[full] > 0:
            raise ValueError(f"{full}: {found[full]:g} is asked for; allowed: above 0")
    if asked.get("size_mm") is not None:
        size = full_name("volume", bank.names)
        diameter = float(asked["size_mm"])
        found[size] = pi / 6 * diameter**3 if size == SIZES[0] else pi / 4 * diameter**2
    return found


def _value(name: str, value: object, bank: Bank) -> float:
    if not isinstance(value, Mapping):
        return float(value)  # type: ignore[arg-type]
    ((how, what),) = value.items()
    if how == "as":
        found = bank.of_case(str(what))[name]
        if not np.isfinite(found):
            raise ValueError(f"{name}: the lesion of the training case {what!r} has none")
        return float(found)
    table = bank.shape if name in bank.shape.names else bank.texture
    at = table.names.index(name)
    scores, known = np.zeros(len(table.names)), np.zeros(len(table.names), bool)
    scores[at], known[at] = float(what), True
    value = features.decode(scores, known, table)[name]
    real = [values[name] for values in bank.values if np.isfinite(values[name])]
    return float(np.clip(value, min(real), max(real)))


def told(
    wanted: Mapping[str, float], table: Table, least: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores (n,) and which are known (n,) of those values that a table knows.

    Args:
        wanted: By full name; of NaN nothing is known.
        table: Of a network.
        least: How many must be known: of none, the mean of real lesions is asked for, since a
            network of textures takes nothing at all for healthy tissue.
    """
    own = {name: value for name, value in wanted.items() if name in table.names}
    scores, known = features.encode(own, table)
    if known.sum() < least:
        usual = np.array([name.endswith("firstorder_Mean") for name in table.names])
        scores, known = np.where(usual, 0, scores).astype(np.float32), known | usual
    return scores, known


def edited(was: Mapping[str, float], wanted: Mapping[str, float], bank: Bank) -> dict[str, float]:
    """Return what a lesion is to measure after an edit, by full name.

    That is what is asked for, and the rest as it was, but for what goes along among real lesions.

    Args:
        was: What it measures; of NaN nothing is known.
        wanted: What is asked for; of what the lesion did not have, nothing goes along.
        bank: What real lesions measure.
    """
    parts = [(*bank.shape.card()[key], *bank.texture.card()[key]) for key in bank.shape.card()]
    table = Table(*parts)
    (asked, is_asked), (scores, known) = told(wanted, table), told(was, table)
    real = [told(values, table) for values in bank.values]
    rows, there = (np.stack(part) for part in zip(*real, strict=True))
    every = going_along.shifted(scores, asked - scores, is_asked & known, rows, there)
    return features.decode(every, known & ~is_asked, table) | dict(wanted)
