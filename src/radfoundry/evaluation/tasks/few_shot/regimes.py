"""Who teaches a few-shot classifier: k patients of each kind, and who is added to them.

Everything here is chosen by one seed for each draw and target, and by no arm: all arms of a draw
know the same k patients, and those of a smaller k are among them. What is added, real or
synthetic, is of one number in all arms, so that patients and samples are compared one for one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

ALL = "all"
REAL, EXTRA, SAMPLES = "real", "extra", "samples"  # sources of cases


class Regime(NamedTuple):
    """One k: places of cases (kinds, n) in their pools, kind 0 with and kind 1 without the target.

    Attributes:
        real: The k patients of each kind, one case each; of `all` they differ in number.
        extra: As many further patients as are added.
        samples: As many samples.
        added: How many of each kind are added.
        reasons: By source, why it has none.
    """

    real: list[np.ndarray]
    extra: list[np.ndarray]
    samples: list[np.ndarray]
    added: int
    reasons: dict[str, str]


def name_of(shots: int | str) -> str:
    """Return how a regime is called in tables.

    >>> name_of(8), name_of("all")
    ('k8', 'all')
    """
    return shots if isinstance(shots, str) else f"k{shots}"


def by_kind(
    labels: np.ndarray, owners: Sequence[str], rng: np.random.Generator
) -> list[np.ndarray]:
    """Return places of cases with, and of those without, in random order, one case of each owner.

    Args:
        labels: (n,) 1, 0, or NaN: left out.
        owners: (n,) the patient of each case; a sample is its own.
        rng: Chooses the order, and the case of an owner who has several.
    """
    known = [place for place in rng.permutation(len(labels)) if np.isfinite(labels[place])]
    first: dict[str, int] = {}
    for place in known:
        first.setdefault(str(owners[place]), place)
    order = np.array(list(first.values()), int)
    return [order[labels[order] == value] for value in (1, 0)]


def regime(
    patients: Sequence[np.ndarray], samples: Sequence[np.ndarray], shots: int | str, most: int
) -> Regime:
    """Return who teaches at one k.

    Args:
        patients: Places by kind, of `by_kind`: the first k are taken, the next ones are extra.
        samples: The same of samples.
        shots: k, or `ALL` patients.
        most: How many of each kind are added at most.
    """
    k = max(map(len, patients)) if shots == ALL else int(shots)
    real = [kind[:k] for kind in patients]
    further = [kind[k:] for kind in patients]
    found = {EXTRA: min(map(len, further)), SAMPLES: min(map(len, samples))}
    added = min([most, *(count for count in found.values() if count)])
    reasons = {
        EXTRA: "" if found[EXTRA] else "no further patients of both kinds in the train split",
        SAMPLES: "" if found[SAMPLES] else "no kept samples of both kinds",
        REAL: _lacking(patients, shots),
    }
    extra, drawn = ([kind[:added] for kind in source] for source in (further, samples))
    return Regime(real, extra, drawn, added if any(found.values()) else 0, reasons)


def _lacking(patients: Sequence[np.ndarray], shots: int | str) -> str:
    least, wanted = min(map(len, patients)), 1 if shots == ALL else int(shots)
    if least >= wanted:
        return ""
    return (
        f"{len(patients[0])} with and {len(patients[1])} without it to be taught by, k = {wanted}"
    )
