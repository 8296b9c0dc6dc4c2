"""How far drawn volumes are from real ones, between a floor and a ceiling.

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
from scipy import ndimage

from radfoundry.case import Case
from radfoundry.evaluation.metrics import frechet
from radfoundry.evaluation.metrics.statistics import Interval, interval

OPTIONS: Mapping[str, Any] = {
    "least": 8, "count": 1024, "draws": 200, "repeats": 20, "most": 1024,
}  # fmt: skip
COLUMNS = ("metric", "arm", "value", "low", "high", "n", "note")
NEVER_BELOW_0 = ("fid",)
REAL = "real"
BLUR = 1 / 64  # of the grid's length; what spoils must be seen at any resolution
NOISE_HU = 100.0
SHIFT = 1 / 32  # of the grid's width, at most
DOUBLED = 0.2  # share of slices that repeat the one below

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
    return _table(sets, measures, rng, options, more)


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
    tables, dropped = frechet.standardized([pd.DataFrame(r.values) for r in sets.values()])
    scaled = {
        name: replace(rows, values=table)
        for (name, rows), table in zip(sets.items(), tables, strict=True)
    }
    more = f"; {dropped} features constant or undefined"
    more += f"; {lost} volumes not measured" if lost else ""
    return _table(scaled, {"frd": frechet.log_frechet}, rng, options, more)


def _finite(rows: Rows) -> Rows:
    return _of(rows, np.isfinite(np.asarray(rows.values, float)).all(1))


def _measured(rows: Rows) -> Rows:
    return _of(rows, np.isfinite(np.asarray(rows.values, float)).any(1))


def _of(rows: Rows, wanted: np.ndarray) -> Rows:
    owners = [owner for owner, keep in zip(rows.owners, wanted, strict=True) if keep]
    return Rows(rows.values[wanted], owners)


def _table(
    sets: Mapping[str, Rows],
    measures: Mapping[str, Distance],
    rng: np.random.Generator,
    options: Mapping | None,
    more: str,
) -> pd.DataFrame:
    """Return the rows of all measures and arms; the real cases are the set `real`."""
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


def corrupted(case: Case, rng: np.random.Generator) -> Case:
    """Return a CT case spoiled as bad generators spoil: blurred, noisy, slices out of place.

    Blur of 1/64 of each side, noise of 100 HU, every axial slice moved in its plane by up to 1/32
    of its width, and a fifth of the slices replaced by the one below. Maps move with their slices.
    """
    x, y, z = (case.image.voxels.shape[axis] for axis in range(3))
    moves = [rng.integers(-round(n * SHIFT), round(n * SHIFT) + 1, size=z) for n in (x, y)]
    source = np.maximum(np.arange(z) - (rng.random(z) < DOUBLED), 0)
    rows = np.clip(np.arange(x)[:, None] + moves[0], 0, x - 1)[:, None, :]
    columns = np.clip(np.arange(y)[:, None] + moves[1], 0, y - 1)[None, :, :]
    place = rows, columns, source
    widths = [BLUR * n for n in (x, y, z)]
    image = ndimage.gaussian_filter(case.image.voxels.astype(np.float32), widths)
    image = image[place] + rng.normal(0, NOISE_HU, (x, y, z)).astype(np.float32)
    maps = case.anatomy[place], case.findings[place]
    return Case(case.name, case.image.holding(image), *maps, case.facts)
