"""Several drawings of one request: the one that measures nearest to what is asked for is taken.

What a network draws from one condition varies; a lesion can be measured as it is drawn, so that
what is off need not be kept. Of one candidate nothing is measured.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from radfoundry.generators.tscr import features
from radfoundry.generators.tscr.features import Table

Values = Mapping[str, float]


def nearest_first(
    lesions: Sequence[tuple[np.ndarray, np.ndarray]],
    spacing_mm: Sequence[float],
    asked: Values,
    table: Table,
    options: Mapping[str, Any],
) -> Sequence[int]:
    """Return the places of drawn lesions, that nearest to what is asked for first.

    Args:
        lesions: Intensities and regions of each; where no texture is asked for any intensities do.
        spacing_mm: Length of a voxel along each axis.
        asked: Values by full name, all of the table's.
        table: In whose scores distances are: the root of the mean square over what is asked for. A
            lesion that lacks one of these is as far off as can be.
        options: Of the engine, see `radiomics.settings`.
    """
    if len(lesions) < 2 or not asked:
        return range(len(lesions))
    goal, known = features.encode(asked, table)
    away = []
    for picture, regions in lesions:
        found = features.measured(picture, regions, spacing_mm, asked, options)
        scores, has = features.encode(found, table)
        off = np.sqrt(((scores - goal)[known] ** 2).mean())
        away.append(float(off) if has[known].all() else np.inf)
    return [int(at) for at in np.argsort(away, kind="stable")]
