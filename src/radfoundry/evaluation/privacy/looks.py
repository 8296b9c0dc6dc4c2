"""The nearest of all training pictures to each picture: all are looked at, the nearest closely.

A first look compares a picture with every training picture: by the learned embedding, and by the
coarse picture itself, as it is, mirrored, turned, zoomed and shifted. The nearest by either are
then laid onto it (`search`); they are of several owners, or the copies of one film would fill all
places. Patients are recognized by the embedding of patients alone.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radfoundry.evaluation.privacy.search import Search, detail, moved, taper
from radfoundry.evaluation.privacy.views import Seen

COARSE = 8  # blocks along a side of the coarse picture
# How it is moved, (mirrored, degrees, zoom, along columns, along rows; of half the side): what lies
# between is near enough. A search that never looks closely at the original cannot find its copy.
STEPS = (-0.2, -0.1, 0.0, 0.1, 0.2)
WAYS = (
    *((*way, 0.0, 0.0) for way in product((0.0, 1.0), (-7.5, 0.0, 7.5), (0.92, 1.0, 1.08))),
    *((f, 0.0, 1.0, *s) for f in (0.0, 1.0) for s in product(STEPS, STEPS) if any(s)),
)
SMALL = 32  # pixels of the side before it is moved
CANDIDATES = 8  # of each first look, that are looked at closely
OWNERS = 4  # whose nearest pictures are among them: one film many times crowds out no other
AT_ONCE = 64  # pictures whose first looks are kept
Embed = Callable[[np.ndarray], np.ndarray]
One = tuple[float, int, float]  # similarity, row and second of `Nearest`


class Nearest(NamedTuple):
    """What was found for n pictures; NaN and -1 where there is nothing to compare with.

    Attributes:
        similarity: (n,) of the nearest one; the higher, the more alike, at most 1.
        row: (n,) which one.
        second: (n,) similarity of the nearest one of another owner.
    """

    similarity: np.ndarray
    row: np.ndarray
    second: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """Distance (1 less similarity) of the nearest over that of the second, (n,)."""
        away = np.maximum(1 - self.second, 1e-9)
        return np.maximum(1 - self.similarity, 0) / away


def none(count: int) -> Nearest:
    """Return what is found where there is nothing to compare with."""
    nothing = np.full(count, np.nan)
    return Nearest(nothing, np.full(count, -1), nothing.copy())


class CloseLook:
    """Looks among known pictures by a first look and then closely; see the module."""

    def __init__(self, known: Seen, embed: Embed | None = None, device: str = "cpu") -> None:
        """Keep what is known.

        Args:
            known: What is looked among.
            embed: Of whole images; without it pictures are those of lesions or masks, which are
                compared as they are.
            device: Where pictures are laid onto each other.
        """
        self.known, self.embed = known, embed
        side = known.pictures.shape[-1]
        window = np.ones((side, side)) if embed is None else taper(side)
        whole = embed is not None
        ready = self._prepared(known.pictures)
        self.search = Search(ready, window, device=device, best_view=whole)
        every = torch.from_numpy(known.pictures).split(AT_ONCE)
        self.coarse = torch.cat([coarse(self._small(part)) for part in every])
        self.vectors = embed(known.pictures) if embed else None
        self.owners = np.unique(np.asarray(known.owners, str), return_inverse=True)[1]

    def __call__(self, seen: Seen) -> Nearest:
        """Return the nearest known picture of another owner to each picture."""
        if not self.known.names:
            return none(len(seen.names))
        return stacked([row for part in parts(seen) for row in self._of(part)])

    def _of(self, seen: Seen) -> Iterator[One]:
        allowed = apart(seen, self.known)
        looks = [self._firsts(seen.pictures)]
        if self.embed is not None and self.vectors is not None:
            looks.append(self.embed(seen.pictures) @ self.vectors.T)
        for at, picture in enumerate(seen.pictures):
            found = [candidates(look[at], allowed[at], self.owners) for look in looks]
            near = np.unique(np.concatenate(found))
            alike = self.search(self._prepared(picture), near) if len(near) else np.zeros(0)
            yield chosen(alike, near, self.known.owners)

    def _prepared(self, pictures: np.ndarray) -> np.ndarray:
        ready = pictures if self.embed is None else detail(pictures)
        return np.asarray(ready, np.float16)

    def _firsts(self, pictures: np.ndarray) -> np.ndarray:
        """Return the likeness of coarse pictures, (n, m): of each view at its best over `WAYS`."""
        given = self._small(torch.from_numpy(pictures))
        views = given.shape[1], len(given), len(self.coarse)
        found = torch.full(views, -1.0, device=given.device)
        for way in torch.tensor(WAYS, device=given.device):
            every = way.expand(len(given), -1)
            seen = coarse(moved(given, every[:, :3], every[:, 3:], outside="border"))
            likeness = torch.einsum("ncd,mcd->cnm", seen, self.coarse)
            torch.maximum(found, likeness, out=found)
        return found.mean(0).cpu().numpy()

    def _small(self, pictures: Tensor) -> Tensor:
        return averaged(pictures.to(self.search.device).float(), SMALL)


class PatientLook:
    """Looks among known patients by an embedding that knows them by other exams."""

    def __init__(self, known: Seen, embed: Embed) -> None:
        self.known, self.embed = known, embed
        self.vectors = embed(known.pictures)

    def __call__(self, seen: Seen) -> Nearest:
        """Return the nearest known picture of another owner to each picture."""
        if not self.known.names:
            return none(len(seen.names))
        return stacked([row for part in parts(seen) for row in self._of(part)])

    def _of(self, seen: Seen) -> Iterator[One]:
        cosines, allowed = self.embed(seen.pictures) @ self.vectors.T, apart(seen, self.known)
        for own, may in zip(cosines, allowed, strict=True):
            rows = np.flatnonzero(may)
            yield chosen(own[rows], rows, self.known.owners)


def parts(seen: Seen) -> Iterator[Seen]:
    """Yield pictures some at a time: of 20,000 by 100,000 the first looks would fill gigabytes."""
    for start in range(0, len(seen.names), AT_ONCE):
        yield seen.rows(range(start, min(start + AT_ONCE, len(seen.names))))


def averaged(pictures: Tensor, side: int) -> Tensor:
    """Return pictures (n, c, s, s) averaged to a side of so many pixels, or a few more."""
    return functional.avg_pool2d(pictures, max(1, pictures.shape[-1] // side))


def coarse(pictures: Tensor) -> Tensor:
    """Return each view's block means as a vector of mean 0 and length 1, (n, c, blocks)."""
    flat = averaged(pictures, COARSE).flatten(2)
    return functional.normalize(flat - flat.mean(2, keepdim=True), dim=2)


def apart(seen: Seen, known: Seen) -> np.ndarray:
    """Return which pairs are compared, (n, m) booleans: all but those of one owner."""
    mine, theirs = np.asarray(seen.owners, str), np.asarray(known.owners, str)
    return (mine[:, None] != theirs[None]) | (mine == "")[:, None]


def chosen(alike: np.ndarray, rows: np.ndarray, owners: Sequence[str]) -> One:
    """Return the highest similarity, its row, and the highest of another owner (NaN of none)."""
    if not len(rows):
        return float("nan"), -1, float("nan")
    best = int(alike.argmax())
    whose = [owners[int(row)] for row in rows]
    others = [value for value, own in zip(alike, whose, strict=True) if own != whose[best]]
    return float(alike[best]), int(rows[best]), float(max(others, default=np.nan))


def stacked(rows: Sequence[One]) -> Nearest:
    """Return what was found for each picture as one."""
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    similarity, row, second = (np.array(column) for column in columns)
    return Nearest(similarity.astype(float), row.astype(int), second.astype(float))


def candidates(values: np.ndarray, allowed: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Return the rows of the highest values, and the highest of each of the first few owners.

    >>> owners = np.array([0] * 20 + [1, 2])
    >>> candidates(np.linspace(1, 0, 22), np.ones(22, bool), owners).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 20, 21]

    Args:
        values: (n,) how alike each is at a first look.
        allowed: (n,) booleans: which may be compared.
        owners: (n,) whole numbers that stand for whose each is.
    """
    rows = np.flatnonzero(allowed)
    if len(rows) <= CANDIDATES:
        return rows
    near = rows[np.argpartition(-values[rows], CANDIDATES)[:CANDIDATES]]
    if len(np.unique(owners[near])) >= OWNERS:
        return near
    order = rows[np.argsort(-values[rows], kind="stable")]
    first = np.sort(np.unique(owners[order], return_index=True)[1])[:OWNERS]
    return np.union1d(near, order[first])
