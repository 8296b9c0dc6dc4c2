"""Who teaches a few-shot model: k patients of each kind, and who is added to them.

Everything here is chosen by one seed for each draw and target, and by no arm: all arms of a draw
know the same k patients, and those of a smaller k are among them. What is added, real or
synthetic, is of one number in all arms, so that patients and samples are compared one for one.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

ALL = "all"
# Sources of cases: the k patients, further ones, samples that experts kept, all that were drawn,
# those of the recipe's null arm, and lesions of the k patients pasted into others of them.
REAL, EXTRA, SAMPLES = "real", "extra", "samples"
UNFILTERED, UNTRAINED, PASTED = "unfiltered", "untrained", "pasted"
BOTH, WITH = "of both kinds", "with it"
NONE = {
    EXTRA: f"no further patients {BOTH} in the train split",
    SAMPLES: f"no kept samples {BOTH}",
    UNFILTERED: f"no samples {BOTH}",
    UNTRAINED: f"no samples {BOTH} from the null arm",
}


class Regime(NamedTuple):
    """One k: places of cases (kinds, n) in their pools, kind 0 with and kind 1 without the target.

    Where those without teach nothing there is one kind alone.

    Attributes:
        cases: By source. `REAL` are the k patients of each kind, one case each; of `all` they
            differ in number. `EXTRA` are as many further patients as are added; the others are as
            many samples, or fewer of each kind where there are not so many.
        added: How many of each kind are added.
        reasons: By source, why it has none.
    """

    cases: Mapping[str, list[np.ndarray]]
    added: int
    reasons: Mapping[str, str]

    def count(self, source: str) -> int:
        """Return how many of each kind a source has."""
        return min(map(len, self.cases[source]))


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
    patients: Sequence[np.ndarray],
    drawn: Mapping[str, Sequence[np.ndarray]],
    shots: int | str,
    most: int,
) -> Regime:
    """Return who teaches at one k.

    As many are added as the scarcer of further patients and kept samples has, of those that there
    are: an arm with other samples changes no other arm.

    Args:
        patients: Places by kind, of `by_kind`: the first k are taken, the next ones are extra.
        drawn: The same of samples, by source.
        shots: k, or `ALL` patients.
        most: How many of each kind are added at most.
    """
    k = max(map(len, patients)) if shots == ALL else int(shots)
    pools = {EXTRA: [kind[k:] for kind in patients], **drawn}
    found = {source: min(map(len, kinds)) for source, kinds in pools.items()}
    added = min([most, *(found[s] for s in (EXTRA, SAMPLES) if found.get(s))])
    cases = {s: [kind[: min(added, found[s])] for kind in kinds] for s, kinds in pools.items()}
    reasons = {source: "" if count else NONE[source] for source, count in found.items()}
    if len(patients) == 1:
        reasons = {source: why.replace(BOTH, WITH) for source, why in reasons.items()}
    return Regime(
        {REAL: [kind[:k] for kind in patients], **cases},
        added if any(found.values()) else 0,
        {REAL: _lacking(patients, shots), **reasons},
    )


def _lacking(patients: Sequence[np.ndarray], shots: int | str) -> str:
    least, wanted = min(map(len, patients)), 1 if shots == ALL else int(shots)
    if least >= wanted:
        return ""
    words = ("with", "without")[: len(patients)]
    counts = [f"{len(kind)} {word}" for kind, word in zip(patients, words, strict=True)]
    return f"{' and '.join(counts)} it to be taught by, k = {wanted}"
