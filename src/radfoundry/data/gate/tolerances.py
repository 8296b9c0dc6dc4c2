"""How far what a file says may be off and still be meant: each limit relative, in one place.

What lies within a limit is mended with a warning; what lies beyond is refused.
"""

import numpy as np

VALUE = 1e-3  # of a value: a label that is off by less is the whole number beside it
MOST = 0.1  # of one: however large a label is, it is never moved further
PLACE = 0.1  # of a voxel: places that differ by less are the same place
UNTOLD = 1e-4  # of a voxel: rounding of places kept in 32 bit, no news to anybody
AMBIGUOUS = 0.5  # of a voxel, between what two affines of one file say: nearer, the first is taken
SPACING = 1e-3  # of a voxel's size, between slices of one series
ANGLE = 1e-3  # between directions: cosine of what is at right angles, sine of what is parallel
STRAIGHT = 1e-5  # the same, of which nothing is said


def apart(value: np.ndarray, whole: np.ndarray) -> float:
    """Return how much of the tolerance the values use that are furthest off; above 1 is too far.

    >>> apart(np.array([0.9995, 300.0]), np.array([1.0, 300.0])) < 1
    True
    """
    allowed = np.minimum(VALUE * np.maximum(np.abs(whole), 1.0), MOST)
    return float((np.abs(value - whole) / allowed).max(initial=0.0))
