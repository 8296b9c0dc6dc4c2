"""Find pictures that show the same exposure: copied, re-encoded, resized, cropped or mirrored.

All chest radiographs look alike, so a perceptual hash alone says too much. Here it only nominates:
each picture carries the hashes of windows of itself, and a pair whose hashes come near is decided
by the correlation of fine detail (ribs, vessels) once the window that matched is laid exactly.
Hash: pHash, by the ImageHash library. Two exposures of one patient are no duplicates.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import imagehash
import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage

NEAR_BITS = (12, 10)  # of 64, between hashes that nominate a pair: of the whole, of a window
ALIKE = 0.45  # correlation of fine detail that makes a closer look worth while
REACHABLE = 0.8  # the most that moving the window's edges a little can make of it, or no copy
SAME = 0.9  # afterwards: copies reach 0.99; no two patients of 3,733 real films 0.85
PASSES, SETTLED = 4, 0.02  # at most, and until the correlation gains less
NUDGE = 0.01  # of a side, for the slope
FURTHEST = 0.03  # of a side, in one pass
LEAST = 0.6  # of a side that a window keeps
THUMBNAIL, DETAIL = 64, 56  # pixels along a side
FINEST, COARSEST = 0.7, 2.0  # pixels: between them lies the detail that two patients never share
WORKING = 256  # pixels along the side from which windows are hashed
DARK, LETTERS = 15, 95  # of 255; percentile along a line
CHUNK_ROWS = 256
COLUMNS = ("first", "second", "correlation", "mirrored")

Window = Sequence[float] | np.ndarray  # top, left, bottom, right, as parts of a side


def _windows() -> list[Window]:
    """Return the windows that crops are sought in, the whole picture first."""
    ends = (0.0, 0.5, 1.0)
    sizes = [(size, size, y, x) for size in (0.95, 0.9) for y, x in product(ends, ends)]
    sizes += [(0.93, 1.0, y, 0.0) for y in ends] + [(1.0, 0.93, 0.0, x) for x in ends]
    places = [(y * (1 - tall), x * (1 - wide), tall, wide) for tall, wide, y, x in sizes]
    return [(0.0, 0.0, 1.0, 1.0), *((y, x, y + tall, x + wide) for y, x, tall, wide in places)]


WINDOWS = _windows()


@dataclass(frozen=True)
class Prints:
    """The fingerprints of many pictures.

    Attributes:
        windows: (n, len(WINDOWS) + 1) uint64 hashes: of the whole picture first, of what a dark
            border leaves last.
        mirrored: (n,) uint64 hash of the whole picture seen in a mirror.
        lit: (n, 4) float32, the window that a dark border leaves.
        thumbnails: (n, THUMBNAIL, THUMBNAIL) uint8.
    """

    windows: np.ndarray
    mirrored: np.ndarray
    lit: np.ndarray
    thumbnails: np.ndarray


def fingerprint(picture: np.ndarray) -> str:
    """Return what is needed to recognise a picture (rows, columns) again, as text for a table.

    Brightness and contrast do not matter: hashes and detail are those of the pixels' ranks, which
    windows, gamma and equalization leave alone. Polarity matters, so mend it first.
    """
    padding = picture == picture.min()
    inner = picture[_without(padding, 1)][:, _without(padding, 0)]
    low, high = np.percentile(inner, (0.5, 99.5))
    gray = np.clip((inner - low) / max(float(high - low), 1e-12), 0, 1)
    image = Image.fromarray((255 * gray).astype(np.uint8))
    working = image.resize((WORKING, WORKING), Image.Resampling.BOX)
    lit = _lit(np.asarray(working))
    working = _ranked(np.asarray(working))
    hashes = [_hash(working, window) for window in (*WINDOWS, lit)]
    hashes.append(_hash(working.transpose(Image.Transpose.FLIP_LEFT_RIGHT), WINDOWS[0]))
    thumbnail = np.asarray(working.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))
    parts = (np.array(hashes, "<u8"), np.array(lit, "<f4"), thumbnail)
    return base64.b64encode(b"".join(part.tobytes() for part in parts)).decode()


def _ranked(gray: np.ndarray) -> Image.Image:
    """Return a picture whose values are ranks, 0 to 255; equal values share one."""
    count = np.bincount(gray.ravel(), minlength=256)
    ranks = (np.cumsum(count) - count / 2) * 255 / gray.size
    return Image.fromarray(np.rint(ranks).astype(np.uint8)[gray])


def _without(padding: np.ndarray, axis: int) -> slice:
    """Return the lines from the first to the last that hold more than padding."""
    lines = np.flatnonzero(~padding.all(axis=axis))
    return slice(int(lines[0]), int(lines[-1]) + 1) if lines.size else slice(None)


def _lit(gray: np.ndarray) -> Window:
    """Return the window that is more than a dark border with letters in it."""
    ends = []
    for axis in (1, 0):
        lines = np.flatnonzero(np.percentile(gray, LETTERS, axis=axis) > DARK)
        first, last = (lines[0], lines[-1] + 1) if lines.size > WORKING // 2 else (0, WORKING)
        ends.append((float(first) / WORKING, float(last) / WORKING))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def find(
    fingerprints: Sequence[str],
    cases: Sequence[str],
    patients: Sequence[str],
    splits: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the pairs of cases of different patients that show one exposure.

    Args:
        fingerprints: Of each case, by `fingerprint`.
        cases: Their names.
        patients: Whose they are; pairs within a patient are left out.
        splits: Where given, the table says which pairs lie across two splits.

    Returns:
        One row a pair: case, other, patient, other_patient, correlation, mirrored, and across
        (whether their splits differ) if splits are given.
    """
    pairs = pd.DataFrame(_pairs(unpacked(fingerprints), np.asarray(patients)), columns=COLUMNS)
    first, second = (pairs.pop(name).to_numpy(int) for name in COLUMNS[:2])
    names, whose = np.asarray(cases, object), np.asarray(patients, object)
    table = {"case": names[first], "other": names[second]}
    table |= {"patient": whose[first], "other_patient": whose[second]}
    found = pd.concat([pd.DataFrame(table), pairs], axis=1)
    if splits is not None:
        where = np.asarray(splits, object)
        found["across"] = where[first] != where[second]
    return found


def unpacked(fingerprints: Sequence[str]) -> Prints:
    """Return fingerprints as arrays.

    Raises:
        ValueError: Naming the first text that is no fingerprint.
    """
    hashed = 8 * (len(WINDOWS) + 2)
    placed = hashed + 4 * 4
    content = [base64.b64decode(text) for text in fingerprints]
    for index, item in enumerate(content):
        if len(item) != placed + THUMBNAIL**2:
            raise ValueError(f"fingerprint {index} has {len(item)} bytes: not of this version")
    table = np.frombuffer(b"".join(content), np.uint8).reshape(-1, placed + THUMBNAIL**2)
    hashes = np.ascontiguousarray(table[:, :hashed]).view("<u8").reshape(-1, hashed // 8)
    lit = np.ascontiguousarray(table[:, hashed:placed]).view("<f4").reshape(-1, 4)
    thumbnails = table[:, placed:].reshape(-1, THUMBNAIL, THUMBNAIL)
    return Prints(hashes[:, :-1], hashes[:, -1], lit, thumbnails)


def _hash(image: Image.Image, window: Window) -> int:
    top, left, bottom, right = (WORKING * part for part in window)
    box = (left, top, right, bottom)
    small = image.resize((32, 32), Image.Resampling.LANCZOS, box=box)
    return int(str(imagehash.phash(small, hash_size=8, highfreq_factor=4)), 16)


def _pairs(prints: Prints, patients: np.ndarray) -> list[tuple[int, int, float, bool]]:
    """Return index pairs, first below second, with their best correlation."""
    _, whose = np.unique(patients, return_inverse=True)
    best: dict[tuple[int, int], tuple[float, bool]] = {}
    for mirrored, own in ((False, prints.windows[:, 0]), (True, prints.mirrored)):
        details = _details(prints.thumbnails[:, :, ::-1] if mirrored else prints.thumbnails)
        for index, window, others in _nominated(prints.windows, own, whose):
            place = WINDOWS[window] if window < len(WINDOWS) else prints.lit[index].tolist()
            for other, score in _laid(prints.thumbnails[index], place, details, others):
                pair = (min(index, other), max(index, other))
                if score >= SAME and score > best.get(pair, (0.0, False))[0]:
                    best[pair] = (score, mirrored)
    return [(*pair, *best[pair]) for pair in sorted(best)]


def _laid(
    thumbnail: np.ndarray, window: Window, details: np.ndarray, others: np.ndarray
) -> Iterator[tuple[int, float]]:
    """Yield others that a window may match, each with its correlation once the window is laid.

    To first order the moved windows span five dimensions; the part of a target that lies in them
    bounds the correlation that any window reaches, and who cannot reach it is left out.
    """
    edges = np.array(window, float)
    detail = _detail(thumbnail, edges)
    others = others[details[others] @ detail > ALIKE]
    if not others.size:
        return
    slopes = _slopes(thumbnail, edges, detail)  # where all of them begin
    basis, _ = np.linalg.qr(np.stack([detail, *slopes], axis=1))
    for other in others[np.linalg.norm(details[others] @ basis, axis=1) > REACHABLE].tolist():
        yield other, _fitted(thumbnail, (edges, detail, slopes), details[other])


def _fitted(
    thumbnail: np.ndarray, begin: tuple[np.ndarray, np.ndarray, np.ndarray], target: np.ndarray
) -> float:
    """Return the correlation with a target once the window's four edges are moved to fit it.

    Least squares on the slope of the detail by each edge (Lucas and Kanade 1981). `begin` is the
    window, its detail and the slopes there.
    """
    edges, detail, slopes = begin
    best = float(detail @ target)
    for turn in range(PASSES):
        slopes = _slopes(thumbnail, edges, detail) if turn else slopes
        square = slopes @ slopes.T
        damped = square + 1e-3 * np.trace(square) / 4 * np.eye(4)
        step = np.linalg.solve(damped, slopes @ (target - detail))
        edges = np.clip(edges + np.clip(step, -FURTHEST, FURTHEST), 0, 1)
        if min(edges[2] - edges[0], edges[3] - edges[1]) < LEAST:
            break
        detail = _detail(thumbnail, edges)
        score = float(detail @ target)
        gained, best = score - best, max(best, score)
        if gained < SETTLED:
            break
    return best


def _slopes(thumbnail: np.ndarray, edges: np.ndarray, detail: np.ndarray) -> np.ndarray:
    """Return how the detail of a window changes with each of its edges, (4, DETAIL^2)."""
    steps = np.where(edges + NUDGE <= 1, NUDGE, -NUDGE)
    moved = _fine(np.stack([_cut(thumbnail, edges + step) for step in np.diag(steps)]))
    return (moved - detail) / steps.astype(np.float32)[:, None]


def _nominated(
    windows: np.ndarray, own: np.ndarray, whose: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield a picture, one of its windows, and the pictures of others whose hash is near it."""
    for start in range(0, len(own), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        foreign = whose[rows, None] != whose[None, :]
        for window in range(windows.shape[1]):
            apart = np.bitwise_count(windows[rows, window, None] ^ own[None, :])
            near, others = np.nonzero((apart <= NEAR_BITS[window > 0]) & foreign)
            for row in np.unique(near):
                yield start + int(row), window, others[near == row]


def _details(thumbnails: np.ndarray) -> np.ndarray:
    small = [_cut(thumbnail, WINDOWS[0]) for thumbnail in thumbnails]
    return _fine(np.array(small, np.float32).reshape(-1, DETAIL, DETAIL))


def _detail(thumbnail: np.ndarray, window: Window) -> np.ndarray:
    return _fine(_cut(thumbnail, window)[None])[0]


def _cut(thumbnail: np.ndarray, window: Window) -> np.ndarray:
    """Return a window of a thumbnail, DETAIL pixels along a side."""
    top, left, bottom, right = (THUMBNAIL * float(part) for part in window)
    image = Image.fromarray(np.ascontiguousarray(thumbnail)).convert("F")
    box = (left, top, right, bottom)
    return np.asarray(image.resize((DETAIL, DETAIL), Image.Resampling.BILINEAR, box=box))


def _fine(small: np.ndarray) -> np.ndarray:
    """Return the fine structure of pictures (n, y, x), contrast made even: norm 1, (n, y * x)."""
    plane = {"axes": (1, 2)}
    smooth = ndimage.gaussian_filter(small, FINEST, **plane)
    band = smooth - ndimage.gaussian_filter(smooth, COARSEST, **plane)
    contrast = np.sqrt(ndimage.gaussian_filter(band**2, 1.5 * COARSEST, **plane))
    spread = band.std(axis=(1, 2), keepdims=True)
    even = (band / (contrast + 0.05 * spread + 1e-6)).reshape(-1, DETAIL**2)
    even -= even.mean(axis=1, keepdims=True)
    return (even / (np.linalg.norm(even, axis=1, keepdims=True) + 1e-9)).astype(np.float32)
