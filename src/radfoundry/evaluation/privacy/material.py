"""Gather what an audit compares: each case is read when it is its turn, and small pictures stay."""

from collections.abc import Iterable, Sequence

import numpy as np

from radfoundry.case import Case
from radfoundry.evaluation.privacy import planted, views
from radfoundry.evaluation.privacy.audit import Material
from radfoundry.evaluation.privacy.names import KINDS
from radfoundry.evaluation.privacy.views import Seen


def gathered(
    train: Sequence[Case], held: Sequence[Case], samples: Iterable[Case],
    side: int, count: int, rng: np.random.Generator,
) -> Material:  # fmt: skip
    """Return what an audit compares.

    Args:
        train: All real cases of the training split, with the fact `patient`.
        held: Real cases of other splits.
        samples: Drawn ones, with the fact `owner`: the patient whose image one is meant to
            resemble, "" for none.
        side: Pixels of the picture of a whole image.
        count: Training images of which copies are planted, at most.
        rng: Source of chance: which are copied, and how.
    """
    known, unseen = views.gathered(train, side), views.gathered(held, side)
    return Material(
        known, unseen, views.gathered(samples, side, "owner"),
        copies(train, side, count, rng), lesions(train, held, (known, unseen), count, rng),
        exams(unseen["image"]),
    )  # fmt: skip


def copies(
    train: Sequence[Case], side: int, count: int, rng: np.random.Generator
) -> dict[str, Seen]:
    """Return planted copies of some training images by kind, under the originals' names."""
    chosen = rng.permutation(len(train))[:count]
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    names = []
    for at in chosen.tolist():
        image = views.reduced(train[at].image)
        names.append(train[at].name)
        for kind in KINDS:
            copy = image.holding(planted.copied(image.voxels, kind, rng))
            found[kind].append(views.whole(copy, side))
    if not names:
        return {}
    nobody = ("",) * len(names)
    return {
        kind: Seen(tuple(names), nobody, np.stack(own).astype(np.float16))
        for kind, own in found.items()
    }


def lesions(
    train: Sequence[Case], held: Sequence[Case],
    seen: tuple[dict[str, Seen], dict[str, Seen]], count: int, rng: np.random.Generator,
) -> Seen:  # fmt: skip
    """Return training patients' lesions pasted onto held-out patients' images, as they are seen.

    Args:
        train: Cases of the training split.
        held: Cases of other splits.
        seen: What is seen of both, by `WHATS`.
        count: Lesions, at most.
        rng: Source of chance: which, and onto whom.
    """
    ill = set(seen[0]["lesion"].names)
    donors = [at for at, name in enumerate(seen[0]["image"].names) if name in ill]
    hosts = rng.permutation(len(held))
    pictures, names = [], []
    for turn, at in enumerate(rng.permutation(donors)[: count if len(hosts) else 0]):
        case = planted.pasted(train[int(at)], held[int(hosts[turn % len(hosts)])])
        if case is not None and (own := views.lesions(case)):
            pictures.append(own[0])
            names.append(case.name)
    if not names:
        return seen[0]["lesion"].rows([])
    stack = np.stack(pictures).astype(np.float16)
    return Seen(tuple(names), ("",) * len(names), stack)


def exams(held: Seen) -> tuple[Seen, Seen]:
    """Return the first exam of each patient who has several, and their other exams."""
    owners, first, counts = np.unique(
        np.asarray(held.owners, str), return_index=True, return_counts=True
    )
    several = first[counts > 1]
    repeated = np.isin(np.asarray(held.owners, str), owners[counts > 1])
    others = np.setdiff1d(np.flatnonzero(repeated), several)
    return held.rows(several), held.rows(others)
