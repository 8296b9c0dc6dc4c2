"""Give patients to train, tune and test, and prove that nothing leaks between them.

A split belongs to a patient, never to an image. A synthetic case inherits its source's split.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

SPLITS = ("train", "tune", "test")
FRACTIONS: Mapping[str, float] = {"train": 0.7, "tune": 0.15, "test": 0.15}


class SplitError(ValueError):
    """A division is impossible or leaks; `code` is of the families leak, split and gate."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def person(patient: str) -> str:
    """Return one spelling for a patient's id, so that "P1 " and "p1" are the same person."""
    return unicodedata.normalize("NFKC", str(patient)).strip().casefold()


def assign(
    cases: pd.DataFrame,
    fractions: Mapping[str, float] = FRACTIONS,
    seed: int = 0,
    linked: Iterable[tuple[str, str]] = (),
) -> pd.Series:
    """Return each case's split, by patient, the findings spread evenly.

    Patients are ordered by a hash of seed and id, so the order of rows changes nothing. A split
    that the table gives is kept, and goes for all exams of its patient.

    Args:
        cases: Columns patient; optional findings ("" is healthy) and split ("" is to be assigned).
        fractions: Part of the patients for each split; they add up to 1.
        seed: Another seed, another division.
        linked: Pairs of patients who share an image; they go the same way.

    Returns:
        Series of split names on the index of `cases`.

    Raises:
        SplitError: leak.patient when given splits tear a patient apart; split.empty when a split
            with a fraction above 0 gets nobody.
        ValueError: Unknown split names, or fractions that do not add up to 1.
    """
    _check_fractions(fractions)
    group = _groups(cases["patient"].map(person), linked)
    given = _given(cases, group)
    ill = cases.get("findings", pd.Series("", cases.index)).fillna("").ne("")
    stratum = {str(name): bool(part.any()) for name, part in ill.groupby(group)}
    order = sorted(stratum, key=lambda name: _draw(seed, name))
    waiting = [name for name in order if name not in given]
    chosen = _dealt(waiting, stratum, given, fractions)
    assigned = group.map(chosen)
    for name, part in fractions.items():
        if part > 0 and not assigned.eq(name).any():
            raise SplitError("split.empty", f"{len(stratum)} patients leave nobody for {name!r}")
    return assigned.rename("split")


def leaks(cases: pd.DataFrame, duplicates: pd.DataFrame | None = None) -> list[str]:
    """Return every leak between splits in words, one line each; an empty list is a proof.

    Args:
        cases: Columns case, patient, split; optional source (for a synthetic case the case, or
            cases joined by "|", that it was made from).
        duplicates: Pairs as `radfoundry.data.duplicates.find` returns them.
    """
    return [f"{code}: {text}" for code, text in _leaks(cases, duplicates)]


def check(
    cases: pd.DataFrame,
    duplicates: pd.DataFrame | None = None,
    needed: Sequence[str] = SPLITS,
) -> None:
    """Refuse cases that leak between splits, or leave a needed split empty.

    Raises:
        SplitError: With the first leak's code, and every leak in its message.
    """
    found = list(_leaks(cases, duplicates))
    if found:
        raise SplitError(found[0][0], "\n".join(text for _, text in found))
    missing = [name for name in needed if not cases["split"].eq(name).any()]
    if missing:
        raise SplitError("split.empty", f"no case in {', '.join(missing)}")


def _check_fractions(fractions: Mapping[str, float]) -> None:
    unknown = sorted(set(fractions) - set(SPLITS))
    if unknown:
        raise ValueError(f"no splits {unknown}: choose from {', '.join(SPLITS)}")
    if min(fractions.values()) < 0 or abs(sum(fractions.values()) - 1) > 1e-6:
        raise ValueError(f"fractions {dict(fractions)} must be parts that add up to 1")


def _groups(people: pd.Series, linked: Iterable[tuple[str, str]]) -> pd.Series:
    """Return for each case the name of its group: a patient, or patients who share an image."""
    root = {name: name for name in people}

    def leader(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for first, second in linked:
        low, high = sorted((leader(person(first)), leader(person(second))))
        root[high] = low
    return people.map(leader)


def _given(cases: pd.DataFrame, group: pd.Series) -> dict[str, str]:
    """Return the groups whose split the table states."""
    if "split" not in cases:
        return {}
    stated = cases["split"].fillna("")
    unknown = sorted(set(stated) - {"", *SPLITS})
    if unknown:
        raise ValueError(f"no splits {unknown}: choose from {', '.join(SPLITS)}")
    given: dict[str, str] = {}
    for name, values in stated[stated != ""].groupby(group):
        if values.nunique() > 1:
            places = ", ".join(sorted(values.unique()))
            raise SplitError("leak.patient", f"patient {name!r} is given to {places}")
        given[str(name)] = values.iloc[0]
    return given


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/splits/{name}".encode()).hexdigest()


def _dealt(
    order: Sequence[str],
    stratum: Mapping[str, bool],
    given: Mapping[str, str],
    fractions: Mapping[str, float],
) -> dict[str, str]:
    """Deal groups one by one to the split that lacks most, in its stratum and over all."""
    sizes = Counter(stratum.values())
    lacking = {
        (kind, name): part * sizes[kind] for kind in sizes for name, part in fractions.items()
    }
    chosen = dict(given)
    for group, name in given.items():
        key = (stratum[group], name)
        lacking[key] = lacking.get(key, 0.0) - 1
    for group in order:
        kind = stratum[group]
        total = {n: sum(v for (_, m), v in lacking.items() if m == n) for n in fractions}
        name = max(fractions, key=lambda n: lacking[kind, n] + total[n])
        chosen[group] = name
        lacking[kind, name] -= 1
    return chosen


def _leaks(cases: pd.DataFrame, duplicates: pd.DataFrame | None) -> Iterator[tuple[str, str]]:
    for name, values in cases["split"].groupby(cases["patient"].map(person)):
        if values.nunique() > 1:
            places = ", ".join(sorted(values.unique()))
            yield "leak.patient", f"patient {name!r} is in {places}"
    where = dict(zip(cases["case"], cases["split"], strict=True))
    if duplicates is not None:
        for first, second in zip(duplicates["case"], duplicates["other"], strict=True):
            if first in where and second in where and where[first] != where[second]:
                text = f"cases {first!r} ({where[first]}) and {second!r} ({where[second]})"
                yield "leak.duplicate", f"{text} show the same exposure"
    if "source" in cases:
        yield from _source_leaks(cases, where)


def _source_leaks(cases: pd.DataFrame, where: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Tell synthetic cases that lie elsewhere than their sources, or whose source is unknown."""
    for case, split, sources in zip(
        cases["case"], cases["split"], cases["source"].fillna(""), strict=True
    ):
        for source in filter(None, str(sources).split("|")):
            if where.get(source) != split:
                place = where.get(source, "no split")
                yield (
                    "leak.source",
                    f"case {case!r} is in {split}, its source {source!r} in {place}",
                )
