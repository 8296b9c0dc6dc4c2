"""Which samples the report shows on their sources, to be wiped across."""

from functools import partial
from pathlib import Path

import pandas as pd
from _cases import joined
from _images import checked_volume, drawn_cases

from radfoundry.report import samples, sliders
from radfoundry.verdicts import KEPT


def slider_pictures(rows: pd.DataFrame, images: list[str], modality: str) -> list[sliders.Slider]:
    """Return a slider for each of a few accepted samples.

    Args:
        rows: Samples with their verdicts.
        images: Tables of the cohort's cases.
        modality: "CXR", "CT" or "MR".
    """
    kept = rows[(rows["verdict"] == KEPT) & (rows["image_sha256"] != "")].sort_values("seed")
    shown = drawn_cases(samples.fair_samples(kept).head(sliders.SHOWN))
    source = partial(source_of, joined(images, "images").set_index("case"))
    if modality == "CXR":
        return sliders.of_radiographs(shown, source)
    return sliders.of_volumes(shown, source, modality)


def source_of(images: pd.DataFrame, sample):
    """Return the image of a sample's source."""
    row = images.loc[sample.facts["source"]]
    return checked_volume(Path(row["folder"]) / row.name / "image.nii.gz", row["image_sha256"])
