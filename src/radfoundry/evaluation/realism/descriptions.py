"""Turn images into the rows that `distances` compares: features, and radiomics of lungs."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from radfoundry import radiomics
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.evaluation.realism.corruption import corrupted
from radfoundry.evaluation.realism.distances import Rows
from radfoundry.evaluation.synthesis import labels_of
from radfoundry.radiomics import vector_names
from radfoundry.seeds import seed
from radfoundry.volume import Volume
from radfoundry.weights import Weights

Features = Callable[[Iterable[Volume]], np.ndarray]
Segment = Callable[[Volume], np.ndarray]
RngOf = Callable[[str], np.random.Generator]
Described = tuple[Rows, Rows]  # features of all volumes, radiomics of the lungs of some
KINDS = ("feature", "radiomics")
KEYS = ("set", "kind", "volume", "owner")
REAL_SETS = ("real", "real_floor", "corrupted_real")


def described(
    cases: Iterable[Case],
    features: Features,
    segment: Segment,
    measured: Collection[str],
    spoil: RngOf | None = None,
) -> Described:
    """Return the features of images, and the radiomics of the lungs of some.

    One volume is in memory at a time; `features` makes batches of its small pictures. Lungs are
    those that one segmenter finds in the image, the same for all volumes; where it finds none, or
    they cannot be measured, the radiomics are NaN. A spoiled image keeps the lungs that were found
    before, moved with its slices: noise must be seen in the texture, not in a segmenter that fails.

    Args:
        cases: CT in HU, or radiographs in [0, 1]; real ones are owned by the fact `patient`, drawn
            ones (fact `sample`) by themselves.
        features: As `feature_network.prepare` returns it.
        segment: Returns the anatomy map (uint8) of an image on its grid.
        measured: Names of those that are segmented and measured, which costs most.
        spoil: The chance of each case's name, to corrupt it with; None to leave cases as they are.
    """
    texture, owners, their = [], list[str](), list[str]()

    def images() -> Iterator[Volume]:
        for case in cases:
            wanted = case.name in measured
            labels = segment(case.image) if wanted else np.zeros_like(case.anatomy)
            seen = Case(case.name, case.image, labels, case.findings, case.facts)
            seen = seen if spoil is None else corrupted(seen, spoil(case.name))
            owners.append(case.name if "sample" in case.facts else str(case.facts["patient"]))
            if wanted:
                texture.append(lungs_of(seen))
                their.append(owners[-1])
            yield seen.image

    found = features(images())
    names = list(texture[0].index if texture else vector_names(3, False))
    table = pd.DataFrame(texture, columns=names, dtype=float)
    return Rows(found, owners), Rows(table, their)


def lungs_of(case: Case) -> pd.Series:
    """Return the radiomics of an image's lungs; NaN, all of them, where they cannot be measured.

    They are those of 2D for a radiograph, of 3D for a CT.
    """
    rows = radiomics.extract_many(case.image, {"lungs": regions.mask(case.anatomy, "lungs")}, {})
    names = vector_names(2 if case.image.is_radiograph else 3, False)
    return rows.iloc[0][list(names)].astype(float)


def lungs_finder(
    segmenter: str, options: Mapping, weights: Weights | None = None, device: str = "cpu"
) -> Segment:
    """Return the segmenter that finds the lungs of all images, real and drawn.

    Args:
        segmenter: Its name in the catalogue.
        options: Of the segmenter.
        weights: Of the segmenter, if it has any.
        device: Where it runs.
    """
    segment = load("segmenters", segmenter).prepare(options, weights, device)
    return lambda image: labels_of(image, segment)


def shuffled(names: Iterable[str], number: int, most: int) -> list[str]:
    """Return at most so many names in an order that does not follow them.

    Args:
        names: In any order.
        number: The seed of that order.
        most: How many are wanted.
    """
    return sorted(names, key=lambda name: seed(number, "realism", name))[:most]


def tabled(sets: Mapping[str, Described]) -> pd.DataFrame:
    """Return described sets as a table of `descriptions`.

    One row per volume's features, then one per volume whose lungs were measured.
    """
    parts = []
    for name, (seen, texture) in sets.items():
        features = pd.DataFrame(seen.values).rename(columns=lambda at: f"{KINDS[0]}_{at}")
        for kind, values, rows in ((KINDS[0], features, seen), (KINDS[1], texture.values, texture)):
            owners = list(rows.owners)
            columns = {"set": name, "kind": kind, "volume": range(len(owners)), "owner": owners}
            parts.append(
                pd.concat(
                    [pd.DataFrame(columns), pd.DataFrame(values).reset_index(drop=True)], axis=1
                )
            )
    return pd.concat(parts, ignore_index=True)


def untabled(table: pd.DataFrame) -> dict[str, Described]:
    """Return the described sets of a table that `tabled` made; a set without volumes is empty."""
    features = [name for name in table if str(name).startswith(f"{KINDS[0]}_")]
    others = [name for name in table if name not in {*features, *KEYS}]
    names = others or list(vector_names(3, False))
    out = {}
    for name in REAL_SETS:
        own = table[table["set"] == name]
        seen, texture = (own[own["kind"] == kind].reset_index(drop=True) for kind in KINDS)
        measured = texture.reindex(columns=names).astype(float)
        found = Rows(seen[features].to_numpy(), seen["owner"].tolist())
        out[name] = found, Rows(measured, texture["owner"].tolist())
    return out


def joined(parts: Sequence[Mapping[str, Described]]) -> dict[str, Described]:
    """Return the described sets of several parts of a cohort as one, in the order of the parts."""
    out = {}
    for name in REAL_SETS:
        seen, texture = zip(*(part[name] for part in parts), strict=True)
        values = np.concatenate([rows.values for rows in seen])
        measured = [rows.values for rows in texture if len(rows.values)]  # others know no names
        tables = pd.concat(measured or [texture[0].values], ignore_index=True)
        owners = [[own for rows in kind for own in rows.owners] for kind in (seen, texture)]
        out[name] = Rows(values, owners[0]), Rows(tables, owners[1])
    return out
