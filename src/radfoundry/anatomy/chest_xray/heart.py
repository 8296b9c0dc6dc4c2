"""Heart and mediastinum of a radiograph, once the lungs are known: the bright shadow between them.

Each side's border is looked for in that lung's own frame, row by row, where bright turns to dark;
where an opacity hides it, the usual border stands in.
"""

from collections.abc import Mapping

import numpy as np

from radfoundry.anatomy.chest_xray import lung_shape
from radfoundry.anatomy.chest_xray.contrast import Field

# The usual border of the shadow: v (apex to base of the lung), then u of the right and of
# the left border: great vessels, aortic knob, waist, heart, cardiophrenic angle.
USUAL_BORDER = np.array(
    [
        (0.05, 0.03, 0.04),
        (0.22, 0.05, 0.12),
        (0.34, 0.06, 0.14),
        (0.44, 0.09, 0.16),
        (0.56, 0.16, 0.28),
        (0.7, 0.21, 0.44),
        (0.84, 0.2, 0.56),
        (0.95, 0.12, 0.6),
    ]
)
HEART_FROM = 0.42  # v where the great vessels end and the heart begins
ROWS = np.linspace(0.05, 0.95, 40)
COLUMNS = np.linspace(0.0, 0.9, 46)
SAG = 0.06  # how far the apex of the heart dips under its borders' ends, of the lung's height
BAND = 0.1  # width in u of the strips compared on either side of a border


def silhouette(
    field: Field, pose: np.ndarray, lungs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return masks `heart` and `mediastinum` on the grid of the lungs' masks.

    Args:
        field: The radiograph with its contrast normalized locally.
        pose: (1, 11), how the pair of lungs lies.
        lungs: Masks `lung_right` and `lung_left`, one square shape.
    """
    size = len(lungs["lung_left"])
    view = lung_shape.views(field, sigma=1.0)[0]
    borders = [
        lung_shape.place(pose, border(view, pose, side, column), side)
        for side, column in ((-1, 1), (1, 2))
    ]
    (right_x, right_y), (left_x, left_y) = ((x[0], y[0]) for x, y in borders)
    under = np.sin(np.linspace(0, np.pi, 9)) * SAG * (right_y[-1] - right_y[0])
    x = np.r_[right_x, np.linspace(right_x[-1], left_x[-1], 9), left_x[::-1]]
    y = np.r_[right_y, np.linspace(right_y[-1], left_y[-1], 9) + under, left_y[::-1]]
    shadow = lung_shape.fill(x, y, size)
    begin = np.interp(HEART_FROM, ROWS, left_y)
    below = (np.arange(size)[:, None] + 0.5) / size >= begin
    return {"heart": shadow & below, "mediastinum": shadow & ~below}


def border(view: np.ndarray, pose: np.ndarray, side: int, column: int) -> np.ndarray:
    """Return the shadow's border on one side as points (rows, 2) u, v of that lung's frame."""
    u, v = np.meshgrid(COLUMNS, ROWS)

    def strip(first: float, last: float) -> np.ndarray:
        offsets = np.linspace(first, last, 4)
        points = np.stack([np.ravel(u + o) for o in offsets] + [np.ravel(v)] * 4)
        pairs = points.reshape(2, 4, -1)
        flat = np.stack([pairs[0].ravel(), pairs[1].ravel()], axis=1)
        values = lung_shape.look_up(view, *lung_shape.place(pose, flat, side))
        return values.reshape(4, *u.shape).mean(0)

    gain = np.clip(strip(-BAND, -0.02) - strip(0.02, BAND), -0.5, 1.2)
    usual = np.interp(ROWS, USUAL_BORDER[:, 0], USUAL_BORDER[:, column])
    cost = 12 * (COLUMNS - usual[:, None]) ** 2 - 0.6 * gain
    bend = 250 * (COLUMNS[:, None] - COLUMNS) ** 2
    chain = lung_shape.cheapest_chain(cost, bend)
    return np.stack([COLUMNS[chain], ROWS], axis=1)
