"""Turn measurements of drawn radiographs into rows of the scorecard.

Beside each figure of a recipe stand that of real test films (`/real`), which is what the segmenter
(where it did not label them itself) and the reader can do at best, and that of its null arm
(`/untrained`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from radfoundry.config.untrained import ARM
from radfoundry.evaluation.metrics.statistics import Interval, interval
from radfoundry.report.scorecard import films, probes, untrained, volumes
from radfoundry.report.scorecard.card import Row
from radfoundry.report.scorecard.films import Figure
from radfoundry.report.scorecard.published import Published, figure

NAN = float("nan")
REAL = "real"
LEFT_OUT = ("segment",)  # probes that ask something else of a sample
CHANCE = ("laterality_accuracy", films.AUROC)  # half of which is reached by guessing
NO_PARTNER = "no real film of the test split has both kinds"


class Tables(NamedTuple):
    """Rows of the table `probes`: of a recipe, of real test films, of the recipe's null arm."""

    drawn: pd.DataFrame
    real: pd.DataFrame
    null: pd.DataFrame


def rows(
    tables: Tables,
    recipe: str,
    draws: int,
    rng: np.random.Generator,
    paper: Published = MappingProxyType({}),
) -> list[Row]:
    """Return every row that the drawn radiographs of a recipe give.

    Args:
        tables: What was measured; empty where there is no null arm.
        recipe: Whose samples they are.
        draws: Bootstrap samples of an interval.
        rng: Source of chance.
        paper: What the paper reports of the system that the recipe is.
    """
    bootstrap = probes.Bootstrap(draws, rng)
    compared = Tables(*(_compared(table) for table in tables))
    mine, theirs, _ = compared
    own, known, nothing = _figures(compared, bootstrap, films.bins_of(theirs))
    found = [_row(recipe, one, published=figure(paper, one.metric, one.arm)) for one in own]
    found += _ratios(own, known, recipe, paper)
    found += _together(mine, theirs, recipe, bootstrap)
    asked = {(row.metric, row.arm) for row in found}
    beside = [one for one in _plain(known) if (one.metric, one.arm) in asked]
    found += [replace(_row(recipe, one), arm=f"{one.arm}/{REAL}") for one in beside]
    rivals = [_row(recipe, one) for one in _plain(nothing)]
    rivals += untrained.beyond_chance(rivals, found, CHANCE)
    return found + [replace(row, arm=f"{row.arm}/{ARM}") for row in rivals]


def _figures(
    tables: Tables, bootstrap: probes.Bootstrap, bins: films.Bins
) -> tuple[list[Figure], list[Figure], list[Figure]]:
    """Return the figures of each set; means are over findings of samples and of real films."""
    own, known, nothing = (list(films.figures(table, bootstrap, bins)) for table in tables)
    defined = films.with_area(own)
    shared = defined & films.with_area(known) or defined
    for figures in (own, known, nothing):
        figures += films.together(figures, shared)
    return own, known, nothing


def untrained_distances(distances: pd.DataFrame, recipe: str) -> list[Row]:
    """Return the distances of a recipe's null arm from real films, from its table `distances`."""
    own = distances[distances["arm"] == "synthetic"]
    found = volumes.of_distances(own, recipe, {})
    return [replace(row, arm=f"{row.arm}/{ARM}") for row in found]


def _plain(known: Sequence[Figure]) -> list[Figure]:
    """Return figures without those of exchanged conditions, which the recipe's own stand for."""
    return [one for one in known if not one.arm.endswith("/shuffled")]


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    return probes.wide(table[~table["probe"].isin(LEFT_OUT)])


def _row(recipe: str, one: Figure, published: float = NAN) -> Row:
    found = one.found
    return Row(
        recipe,
        one.metric,
        found.value,
        one.arm,
        found.low,
        found.high,
        one.n,
        published=published,
        note=one.note,
    )


def _ratios(
    own: Sequence[Figure], known: Sequence[Figure], recipe: str, paper: Published
) -> Iterator[Row]:
    """Yield each finding's area on samples in parts of that on real test films."""
    partners: Mapping[str, Figure] = {one.arm: one for one in known if one.metric == films.AUROC}
    for one in [one for one in own if one.metric == films.AUROC]:
        found, note = Interval(NAN, NAN, NAN), f"{one.note}; {NO_PARTNER}"
        other = partners.get(one.arm)
        if one.drawn is None:
            note = f"not defined on samples: {one.note}"
        elif other is not None and other.drawn is not None and other.found.value > 0:
            below = np.where(other.drawn > 0, other.drawn, NAN)
            found = interval(one.found.value / other.found.value, one.drawn / below)
            note = f"{one.found.value:.3f} on samples, {other.found.value:.3f} on real test films"
            found = found if np.isfinite([one.found.low, other.found.low]).all() else _bare(found)
        published = figure(paper, "prompt_auroc_ratio", one.arm)
        yield _row(recipe, Figure("prompt_auroc_ratio", one.arm, found, one.n, note), published)


def _bare(found: Interval) -> Interval:
    return Interval(found.value, NAN, NAN)


def _together(
    mine: pd.DataFrame, theirs: pd.DataFrame, recipe: str, bootstrap: probes.Bootstrap
) -> Iterator[Row]:
    """Yield how the co-occurrence of findings differs from that in real films, and its floor.

    Samples and one half of the real patients are each compared with the other half: against all
    real films samples would have less chance in their error than the floor has.
    """
    drawn = mine[~mine["failed"] & (mine["probe"] == "dataset")]
    owners = sorted(set(theirs["patient"]))
    first = theirs["patient"].isin(owners[::2])
    floor, others = theirs[first], theirs[~first]
    for kind in ("masks", "read"):
        has = [films.shows(table, kind).any() for table in (drawn, theirs)]
        for arm, pair in (
            (kind, (drawn, others)),
            (f"{kind}/real", (floor, others)),
        ):
            found = films.cooccurrence(pair, kind, bootstrap)
            if np.isfinite(found.value) and all(has):
                note = f"{len(pair[0])} against {len(pair[1])} films"
                yield _row(recipe, Figure("cooccurrence_error", arm, found, len(pair[0]), note))
