"""Which volumes the report lets a reader leaf through."""

import pandas as pd
from _cohort import real_cases
from _images import drawn_cases

from radfoundry.report import samples, sliders, viewer
from radfoundry.verdicts import KEPT


def viewed_volumes(
    rows: pd.DataFrame, images: list[str], labels: list[str], modality: str
) -> list[viewer.Viewed]:
    """Return a few accepted samples and the source of the first, whole; [] of radiographs.

    Args:
        rows: Samples with their verdicts.
        images: Tables of the cohort's cases.
        labels: Tables of their labels.
        modality: "CXR", "CT" or "MR".
    """
    kept = rows[(rows["verdict"] == KEPT) & (rows["image_sha256"] != "")].sort_values("seed")
    if modality == "CXR" or kept.empty:
        return []
    shown = samples.fair_samples(kept).head(sliders.SHOWN)
    cases = [(case.name, case) for case in drawn_cases(shown)]
    source = shown["source"].iloc[0]
    cases += [(f"source {case.name}", case) for case in real_cases(images, labels, only=[source])]
    return viewer.of_cases(cases, modality)
