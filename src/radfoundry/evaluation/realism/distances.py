"""How far drawn images are from real ones, between a floor and a ceiling.

A distance alone says little: it depends on the features and on how many volumes are compared. So
three arms are compared with the same real test cases, n against n with the same n: the samples,
other real patients (the floor: no generator can be expected below it), and these with their images
spoiled (the ceiling: what the distance must be able to see).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import effects, frechet, manifold
from radfoundry.evaluation.metrics.statistics import Interval, interval

OPTIONS: Mapping[str, Any] = {
    "least": 8, "count": 1024, "draws": 200, "repeats": 20, "most": 1024,
}  # fmt: skip
COLUMNS = ("metric", "arm", "value", "low", "high", "n", "note")
NEVER_BELOW_0 = ("fid",)
REAL = "real"

Distance = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Rows:
    """A set of volumes as numbers.

    Attributes:
        values: (n, d) features, or a table of radiomics with n rows.
        owners: (n,) the patient of each real case, the sample itself for drawn ones: what is drawn
            again as a whole.
    """

    values: np.ndarray | pd.DataFrame
    owners: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.values) != len(self.owners):
            raise ValueError(f"{len(self.values)} rows have {len(self.owners)} owners")


def compare(
    sets: Mapping[str, tuple[Rows, Rows]], rng: np.random.Generator, options: Mapping | None = None
) -> pd.DataFrame:
    """Return all distances of all arms from the set `real`, as `distances` does.

    Args:
        sets: Name -> features and radiomics of a set; `real` and the arms.
        rng: Source of chance.
        options: What differs from `OPTIONS`.
    """
    parts = []
    for which, measure in enumerate((distances, radiomic_distances)):
        arms = {name: pair[which] for name, pair in sets.items() if name != REAL}
        parts.append(measure(sets[REAL][which], arms, rng, options))
    arms = {name: pair[0] for name, pair in sets.items() if name != REAL}
    parts.append(overlaps(sets[REAL][0], arms, rng, options))
    return pd.concat(parts, ignore_index=True)


def distances(
    real: Rows, arms: Mapping[str, Rows], rng: np.random.Generator, options: Mapping | None = None
) -> pd.DataFrame:
    """Return fid, mmd and kid of every arm from the real cases, on features of the feature network.

    Every comparison is of n real cases with n of the arm: n is `count`, which makes figures of
    several generators comparable, or the size of the smallest set, which the note then states.
    The value is the mean over `repeats` random subsets (by patient), so that none is picked. The
    interval comes from drawing patients, or samples, again with replacement until there are n.
    Repeated rows make every such distance too large; so the draws are brought to have the value as
    their median (fid by a factor, the others by a shift) and give the width alone. It is the width
    of one comparison of n with n; on normal sets of 10 to 120 rows with 6 and 64 columns the 95 %
    interval held what such a comparison is expected to give in 89 to 98 %.

    Args:
        real: The test cases.
        arms: Name -> set: `synthetic`, `real_floor` (other patients), `corrupted_real`.
        rng: Source of chance.
        options: What differs from `OPTIONS`: least (fewer are not compared), count, draws and
            repeats. (`most` is for the caller: how many volumes of a set are looked at.)

    Returns:
        `COLUMNS`; NaN, and the reason in the note, where a set is too small.
    """
    sets = {name: _finite(rows) for name, rows in {REAL: real, **arms}.items()}
    width = frechet.bandwidth(np.asarray(sets[REAL].values))
    measures: dict[str, Distance] = {
        "fid": frechet.frechet_distance,
        "mmd": lambda a, b: frechet.mmd(a, b, width),
        "kid": frechet.kid,
    }
    lost = sum(len(r.owners) for r in (real, *arms.values()))
    lost -= sum(len(r.owners) for r in sets.values())
    more = f"; {lost} left out, features not finite" if lost else ""
    return of_measures(sets, measures, rng, options, more)


def radiomic_distances(
    real: Rows, arms: Mapping[str, Rows], rng: np.random.Generator, options: Mapping | None = None
) -> pd.DataFrame:
    """Return the frd of every arm from the real cases, on radiomics of the lungs.

    As `distances`; features are brought to the mean and spread of all real test cases once, and
    those that are left out are left out for all arms.
    """
    sets = {name: _measured(rows) for name, rows in {REAL: real, **arms}.items()}
    lost = sum(len(r.owners) for r in (real, *arms.values()))
    lost -= sum(len(r.owners) for r in sets.values())
    frames = [pd.DataFrame(r.values) for r in sets.values()]
    names = next((list(frame) for frame in frames if len(frame)), list(frames[0]))
    frames = [frame if len(frame) else frame.reindex(columns=names) for frame in frames]
    tables, dropped = frechet.standardized(frames)
    scaled = {
        name: replace(rows, values=table)
        for (name, rows), table in zip(sets.items(), tables, strict=True)
    }
    more = f"; {dropped} features constant or undefined"
    more += f"; {lost} volumes not measured" if lost else ""
    return of_measures(scaled, {"frd": frechet.log_frechet}, rng, options, more)


def overlaps(
    real: Rows, arms: Mapping[str, Rows], rng: np.random.Generator, options: Mapping | None = None
) -> pd.DataFrame:
    """Return precision and recall of every arm, on features of the feature network.

    `manifold_precision` is the share of the arm that lies among the real cases,
    `manifold_recall` the share of the real cases that lies among the arm: see `metrics.manifold`.
    The value is that of n against n, mean over `repeats` subsets. Rows drawn again would be their
    own neighbors, so the interval keeps the neighborhoods and draws again, by owner, which rows
    are counted.

    Args, columns and what is NaN are those of `distances`.
    """
    used = {**OPTIONS, **(options or {})}
    sets = {name: _finite(rows) for name, rows in {REAL: real, **arms}.items()}
    n, table = min(used["count"], *(len(rows.owners) for rows in sets.values())), []
    for arm in arms:
        pair, note = (sets[REAL], sets[arm]), f"fewer than {used['least']} volumes in a set"
        shares = [np.full((1, len(rows.owners)), np.nan) for rows in pair]
        if n >= used["least"]:
            shares = _lying_within(pair, (n, used["repeats"]), rng)
            note = f"{_note(pair, n, used)}; {manifold.NEIGHBORS} neighbors"
        for metric, rows, inside in (
            ("manifold_precision", pair[1], shares[1]),
            ("manifold_recall", pair[0], shares[0]),
        ):
            found = _share(rows, inside, used["draws"], rng)
            row = {"metric": metric, "arm": arm, "n": n, "note": note}
            table.append(row | found._asdict())
    return pd.DataFrame(table, columns=list(COLUMNS))


def _lying_within(
    pair: tuple[Rows, Rows], size: tuple[int, int], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return whether rows of either set lie among the other's, (repeats, rows); NaN if left out."""
    n, times = size
    found = [np.full((times, len(rows.owners)), np.nan) for rows in pair]
    for turn in range(times):
        picks = [chosen_rows(rows.owners, n, rng) for rows in pair]
        one, other = (
            np.asarray(r.values, float)[pick] for r, pick in zip(pair, picks, strict=True)
        )
        found[0][turn, picks[0]] = manifold.within(one, other)
        found[1][turn, picks[1]] = manifold.within(other, one)
    return found


def _share(rows: Rows, inside: np.ndarray, draws: int, rng: np.random.Generator) -> Interval:
    """Return the mean of what `_lying_within` returned for a set, with its interval."""
    asked = np.isfinite(inside)
    if not asked.any():
        return Interval(*[float("nan")] * 3)
    value = float(np.nanmean(inside))
    counted = asked.any(0)
    each = np.nanmean(inside[:, counted], 0)
    owners = [owner for owner, keep in zip(rows.owners, counted, strict=True) if keep]
    spread = effects.mean(each, owners, draws, rng)
    low, high = (end - spread.value + value for end in (spread.low, spread.high))
    # NaN, where owners are too few, stays NaN
    ends = np.minimum(low, value), np.maximum(high, value)
    return Interval(value, *(float(np.clip(end, 0, 1)) for end in ends))


def _finite(rows: Rows) -> Rows:
    return _of(rows, np.isfinite(np.asarray(rows.values, float)).all(1))


def _measured(rows: Rows) -> Rows:
    return _of(rows, np.isfinite(np.asarray(rows.values, float)).any(1))


def _of(rows: Rows, wanted: np.ndarray) -> Rows:
    owners = [owner for owner, keep in zip(rows.owners, wanted, strict=True) if keep]
    return Rows(rows.values[wanted], owners)


def of_measures(
    sets: Mapping[str, Rows],
    measures: Mapping[str, Distance],
    rng: np.random.Generator,
    options: Mapping | None = None,
    more: str = "",
) -> pd.DataFrame:
    """Return all measures of every arm from the real cases, as `distances` does its own.

    Args:
        sets: The set `real`, and the arms by name.
        measures: By the name of the metric.
        rng: Source of chance.
        options: What differs from `OPTIONS`.
        more: What else the notes say.
    """
    used = {**OPTIONS, **(options or {})}
    n = min(used["count"], *(len(rows.owners) for rows in sets.values()))
    number, table = int(rng.integers(2**62)), []
    for arm in [name for name in sets if name != REAL]:
        pair, found = (
            (sets[REAL], sets[arm]),
            dict.fromkeys(measures, Interval(*[float("nan")] * 3)),
        )
        note = f"fewer than {used['least']} volumes in a set{more}"
        if n >= used["least"]:
            # Every arm meets the same real rows, so that arms differ by what they are alone.
            streams = np.random.default_rng(number), rng
            whole = _compared(pair, measures, (n, used["repeats"]), streams, False)
            drawn = _compared(pair, measures, (n, used["draws"]), streams, True)
            found = {name: _interval(name, whole[name], drawn[name]) for name in measures}
            note = _note(pair, n, used) + more
        rows = {"arm": arm, "n": n, "note": note}
        table += [{"metric": name, **rows, **found[name]._asdict()} for name in measures]
    return pd.DataFrame(table, columns=list(COLUMNS))


def _compared(
    pair: tuple[Rows, Rows],
    measures: Mapping[str, Distance],
    size: tuple[int, int],
    streams: tuple[np.random.Generator, np.random.Generator],
    again: bool,
) -> dict[str, np.ndarray]:
    """Return every measure of n rows against n, so many times, chosen by owner."""
    (n, times), values = size, [np.asarray(rows.values, float) for rows in pair]
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(times):
        picks = [chosen_rows(r.owners, n, g, again) for r, g in zip(pair, streams, strict=True)]
        chosen = [rows[pick] for rows, pick in zip(values, picks, strict=True)]
        for name, measure in measures.items():
            found[name].append(measure(*chosen))
    return {name: np.array(each) for name, each in found.items()}


def chosen_rows(
    owners: Sequence[str], n: int, rng: np.random.Generator, again: bool = False
) -> np.ndarray:
    """Return n rows: those of one owner after the other, in random order.

    Args:
        owners: (rows,) whose each row is.
        n: How many; at most as many as there are.
        rng: Source of chance.
        again: Draw owners with replacement.
    """
    names, owner = np.unique(np.asarray(owners, str), return_inverse=True)
    order = rng.integers(len(names), size=n) if again else rng.permutation(len(names))
    return np.concatenate([np.flatnonzero(owner == one) for one in order])[:n]


def _interval(metric: str, whole: np.ndarray, spread: np.ndarray) -> Interval:
    value = float(np.mean(whole))
    known = spread[np.isfinite(spread)]
    middle = float(np.median(known)) if known.size else float("nan")
    if metric in NEVER_BELOW_0:
        return interval(value, spread * value / middle if middle > 0 else spread)
    return interval(value, spread - middle + value)


def _note(pair: tuple[Rows, Rows], n: int, used: Mapping) -> str:
    real, other = pair
    note = f"{n} against {n} of {len(real.owners)} real ({len(set(real.owners))} patients) "
    note += f"and {len(other.owners)}, mean of {used['repeats']} subsets"
    if n < used["count"]:
        note += f"; fewer than the {used['count']} asked for: compare with none of another n"
    if n <= np.shape(other.values)[1]:
        note += "; n is not above the number of features: compare arms only"
    return note
