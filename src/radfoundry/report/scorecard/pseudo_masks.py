"""Turn measurements of pseudo-masks into rows of the scorecard: how near to readers they are.

Beside the detector's figures stand those of two arms that know nothing: the gray of the film cut in
the same way (`/gray`), and the whole region as the mask (`/region`), with the paired difference.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radfoundry.evaluation.metrics import finding_masks
from radfoundry.report.scorecard.card import Row

FIRST = "detector"
METRIC, LEAD = "finding_mask_{}", "finding_mask_{}_lead"


def rows(measured: pd.DataFrame, draws: int, rng: np.random.Generator) -> Iterator[Row]:
    """Yield every figure of every collection, region, method and kind of truth.

    Args:
        measured: Rows of the table `finding_masks`.
        draws: Bootstrap samples of patients.
        rng: Source of chance.
    """
    keys = ["collection", "region", "method", "truth_by"]
    for (collection, region, method, truth), own in measured.groupby(keys):
        where = f"{region}/{method}"
        for row in finding_masks.summarised(own, FIRST, draws, rng).to_dict("records"):
            leads = row["arm"].startswith(f"{FIRST}-")
            name = (LEAD if leads else METRIC).format(row["metric"])
            arm = where if row["arm"] == FIRST else f"{where}/{row['arm']}"
            yield Row(
                f"cohort:{collection}", name, row["value"], f"{arm}/{truth}", row["low"],
                row["high"], int(row["n"]), unit="1", higher_is_better=True,
                note=f"truth: {truth}",
            )  # fmt: skip
