"""Several drawings of one request: the one that measures nearest to what is asked for is taken.

What a network draws from one condition varies; a lesion can be measured as it is drawn, so that
what is off need not be kept.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from radfoundry.generators.tscr import features
from radfoundry.generators.tscr.features import Table

Values = Mapping[str, float]


def nearest_first(lesions: Sequence[Values], asked: Values, table: Table) -> list[int]:
    """Return the places of drawn lesions, that nearest to what is asked for first.

    Args:
        lesions: What each measures, by full name.
        asked: Values by full name, all of the table's.
        table: In whose scores distances are: the root of the mean square over what is asked for.
            One that lacks more of these than another is farther, whatever the rest measures.
    """
    goal, known = features.encode(asked, table)
    ranks = []
    for found in lesions:
        own = {name: value for name, value in found.items() if name in asked}
        scores, there = features.encode(own, table)
        both = known & there
        off = float(np.square(scores - goal)[both].mean()) if both.any() else np.inf
        ranks.append((int((known & ~there).sum()), off))
    return sorted(range(len(lesions)), key=lambda at: ranks[at])
