"""Whether a CT's values are Hounsfield units, decided from their range and their histogram.

Air lies near -1000 HU, fat and soft tissue between -150 and 120, and nothing that fills a tenth of
an image above 700. What contradicts this is refused, with what it looks like. Every test needs
evidence: a small crop, or one with hardly any tissue in it, contradicts nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from radfoundry.data.gate.source import GateError

PADDING_HU = -1500.0  # below it lies no noise but -2000, -2048 or -3024, written outside the scan
LARGEST_HU = 100_000  # metal reaches 30,000 in extended-scale CT
SAMPLE = 2**21  # voxels that are looked at, evenly spread
JUDGED = 4096  # fewer make no histogram
SCALED_SPAN = 100.0  # HU; noise alone spans more, z-scores and fractions span less
AIRLESS_HU = -700.0  # a scan whose lowest value lies above shows neither air nor lung
LEAST_TOP_HU = 300.0  # a window that ends below it cuts enhanced vessels and bone
PILE = 10.0  # times as many voxels have the last value as each of the next: they were cut there
NEXT = 20  # HU inwards
TISSUE_HU = (-150.0, 120.0)  # peaks of fat and soft tissue, with contrast or without
LEAST_TISSUE = 0.18  # of voxels between -700 and 700 HU; real scans have 0.6 and more
DENSE_HU = 700.0
DEEP_HU = -1080.0  # no peak lies below it, though noise does
PEAK = 0.08  # of all voxels, within 60 HU
BIN = 10.0  # HU
BOTTOM = 0.3  # of voxels, in the lowest twentieth of the range
STEPS = 0.02  # of the counts of neighboring whole numbers, their variance beyond chance
SPREAD = 0.05  # of voxels; padding has one value
PADDING_NOISE_HU = 130.0
DEMAND = "a CT is in Hounsfield units, with air near -1000 and soft tissue at 0 to 80"


@dataclass(frozen=True)
class _Peaks:
    """Where many voxels have nearly one value, and which share of all (within 60 HU)."""

    places: np.ndarray
    shares: np.ndarray

    def between(self, low: float, high: float, share: float = PEAK) -> list[float]:
        """Return the places of the larger peaks of a range, the largest first."""
        kept = (self.places > low) & (self.places < high) & (self.shares >= share)
        return self.places[kept][np.argsort(-self.shares[kept], kind="stable")].tolist()


def check(voxels: np.ndarray, low: float, high: float) -> None:
    """Refuse values that cannot be Hounsfield units, and say what they look like.

    Args:
        voxels: HU, any shape, finite.
        low: The lowest value above -1500, where padding ends.
        high: The highest value.

    Raises:
        GateError: int.hu_range.
    """
    every = voxels.ravel()[:: max(1, voxels.size // SAMPLE)]
    inside = every[every > PADDING_HU]
    looks = _by_range(inside, low, high)
    if not looks and inside.size >= JUDGED:
        peaks = _peaks(inside)
        looks = _cut(inside, low, high) or _misplaced(inside, peaks) or _stretched(inside, peaks)
    if not looks and every.size >= JUDGED:
        looks = _shifted(every)
    if looks:
        raise GateError("int.hu_range", f"values lie in [{low:g}, {high:g}]; {DEMAND}; {looks}")


def _by_range(inside: np.ndarray, low: float, high: float) -> str:
    """Return what values look like whose range is none of Hounsfield units, or ""."""
    if high - low <= 2:
        return "was it rescaled to [0, 1] or [-1, 1]? Give the scan before that"
    if low < 0 and high - low <= SCALED_SPAN and (inside != np.rint(inside)).any():
        return "was it z-scored, or divided by a number? Give the scan before that"
    if low < 0 and max(-low, high) < LARGEST_HU:
        return ""
    if high <= 255:
        return "was it saved as a windowed picture of 8 bit? Give the scan itself"
    return "was it stored without its intercept of -1024? Add it"


def _cut(inside: np.ndarray, low: float, high: float) -> str:
    """Return what a scan looks like whose values were clipped to a window, or ""."""
    if low > AIRLESS_HU and (_piled(inside, low, 1) or _bottomed(inside, low)):
        what = f"air and lung end at {low:g}"
    elif high < LEAST_TOP_HU and _piled(inside, high, -1):
        what = f"vessels and bone end at {high:g}"
    else:
        return ""
    return f"was it clipped to a window? {what}: give the scan before that"


def _piled(inside: np.ndarray, end: float, inward: int) -> bool:
    """Return whether far more voxels have the last value than have each of the next ones."""
    way = inward * (inside - np.float32(end))
    last, beside = np.count_nonzero(way == 0), np.count_nonzero((way > 0) & (way <= NEXT))
    return bool(last >= max(50, 5e-4 * inside.size) and last > PILE * beside / NEXT)


def _bottomed(inside: np.ndarray, low: float) -> bool:
    """Return whether a peak stands at the very bottom, where tissue has none."""
    span = float(np.percentile(inside, 99.5)) - low
    return bool(np.count_nonzero(inside < low + 0.05 * span) > BOTTOM * inside.size)


def _peaks(inside: np.ndarray) -> _Peaks:
    edges = np.arange(PADDING_HU, 3100 + BIN, BIN)
    counts = np.histogram(inside, edges)[0] / inside.size
    found, _ = signal.find_peaks(np.pad(ndimage.gaussian_filter1d(counts, 2), 1))
    found = found - 1
    shares = np.convolve(counts, np.ones(13), "same")[found]
    return _Peaks(edges[found] + BIN / 2, shares)


def _misplaced(inside: np.ndarray, peaks: _Peaks) -> str:
    """Return what a scan looks like whose tissue lies where none lies, or ""."""
    dense, deep = peaks.between(DENSE_HU, 3100), peaks.between(PADDING_HU, DEEP_HU)
    if dense:
        return f"much lies near {dense[0]:g}: was it stored without its intercept, or rescaled?"
    if deep:
        return f"much lies near {deep[0]:g}, below air: was an intercept applied twice?"
    low, high = TISSUE_HU
    body = inside[(inside > AIRLESS_HU) & (inside < -AIRLESS_HU)]
    share = np.count_nonzero((body > low) & (body < high)) / max(1, body.size)
    wrong = [at for at in peaks.between(-650, DENSE_HU) if not low <= at <= high]
    open_air = peaks.between(DEEP_HU, -900, PEAK / 2)  # without it, this may be a crop of one organ
    if not wrong or not open_air or share > LEAST_TISSUE:
        return ""
    return f"tissue seems to lie near {wrong[0]:g}: was it rescaled? Give the scan before that"


def _stretched(inside: np.ndarray, peaks: _Peaks) -> str:
    """Return what a scan looks like that was fitted between two round ends, or ""."""
    low, high = float(inside.min()), float(inside.max())
    tissue = peaks.between(AIRLESS_HU, DENSE_HU, 0)
    if low != -high or high % 100 not in (0, 24) or _piled(inside, high, -1) or not tissue:
        return ""
    near = inside[np.abs(inside - tissue[0]) < 100]
    counts = np.histogram(near, np.arange(np.floor(near.min()), near.max() + 2))[0].astype(float)
    even = np.maximum(ndimage.uniform_filter1d(counts, 11), 1)
    beyond = float(((counts - even) ** 2 / even).mean() - 1) / max(counts.mean(), 1)
    if beyond < STEPS:
        return ""
    return f"was it rescaled to end at {low:g} and {high:g}? Give the scan before that"


def _shifted(every: np.ndarray) -> str:
    """Return what a scan looks like that lies far below itself, or "": padding is no image."""
    deep = every[every <= PADDING_HU]
    if deep.size < SPREAD * every.size:
        return ""
    values, counts = np.unique(np.rint(deep / BIN), return_counts=True)
    apart = np.abs(deep - BIN * values[counts.argmax()]) > PADDING_NOISE_HU
    if np.count_nonzero(apart) < SPREAD * every.size:
        return ""
    return "much of it lies below -1500: was an intercept applied twice? Give the scan before that"
