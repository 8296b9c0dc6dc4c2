"""Where encoded cases lie, and how a script writes and reads them."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from radfoundry import volume
from radfoundry.case import Case
from radfoundry.data import encoded

CARD = "card.json"  # written last: a folder without it is not whole


def write(case: Case, folder: Path, factors: Sequence[int]) -> dict:
    """Write the arrays of a case into a folder; return what the card says of it."""
    parts, card = encoded.arrays(case, factors)
    for name, array in parts.items():
        volume.write_array(array, folder / f"{case.name}.{name}.npy")
    shas = {key: case.facts[key] for key in case.facts if key.endswith("sha256")}
    return card | {"of": shas}


def write_card(cases: Mapping[str, dict], folder: Path) -> None:
    """Write the card of a batch: the version of the encoding, and its cases in order."""
    card = {"version": encoded.VERSION, "cases": cases}
    volume.write_bytes(json.dumps(card, indent=1).encode(), folder / CARD)


def read(folders: Sequence[str], known: pd.DataFrame, images: pd.DataFrame) -> encoded.EncodedCases:
    """Return the accepted ones of the known cases, in order; no voxel is read.

    Args:
        folders: Encoded batches.
        known: Facts of cases, with the column `case`.
        images: Rows of preprocess.

    Raises:
        ValueError: A batch is of another version of the encoding, or a case was never encoded.
    """
    accepted = set(images.loc[images["status"] == "ok", "case"])
    facts = {row["case"]: row for row in known.to_dict("records") if row["case"] in accepted}
    found = {}
    for folder in map(Path, folders):
        card = json.loads((folder / CARD).read_text())
        if card["version"] != encoded.VERSION:
            wanted = f"version {card['version']}, not {encoded.VERSION}"
            raise ValueError(f"{folder} is of {wanted}: rerun encode_cases")
        own = {name: card["cases"][name] for name in card["cases"] if name in facts}
        found |= {name: _entry(name, one, folder, facts[name]) for name, one in own.items()}
    if lost := sorted(set(facts) - set(found)):
        raise ValueError(f"{len(lost)} cases were never encoded, the first {lost[0]}")
    return encoded.EncodedCases(found.values())


def _entry(name: str, card: Mapping, folder: Path, facts: Mapping) -> encoded.Encoded:
    paths = {part: str(folder / f"{name}.{part}.npy") for part in card["parts"]}
    parts = {part: partial(volume.mapped, path) for part, path in paths.items()}
    affine, scale = np.array(card["affine"]), card["scale"]
    scale = None if scale is None else tuple(scale)
    return encoded.Encoded(name, tuple(card["grid"]), affine, scale, parts, facts)
