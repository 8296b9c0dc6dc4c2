"""Read the samples that lie nearest to training images, with these."""

from pathlib import Path

import pandas as pd
from _cases import joined, of
from _images import checked_volume, drawn_cases

from radfoundry import tables
from radfoundry.report import samples


def nearest_pictures(recipe: str, drawn: pd.DataFrame, images: list[str], paths, modality: str):
    """Return pictures of the samples nearest to training images beside these; [] without an audit.

    Args:
        recipe: Whose samples they are.
        drawn: Rows of the table `samples`.
        images: Batch tables of preprocess of the recipe's cohort.
        paths: Inputs of the report, with `nearest`.
        modality: "CXR", "CT" or "MR".
    """
    if not (audited := of(recipe, paths.nearest)):
        return []
    shown = samples.most_alike(tables.read(audited[0], "nearest"))
    cases = drawn_cases(drawn.set_index("sample", drop=False).loc[list(shown["sample"])])
    rows = joined(images, "images").set_index("case")
    real = [
        checked_volume(Path(rows.loc[name, "folder"]) / name / "image.nii.gz", sha256)
        for name, sha256 in rows.loc[list(shown["nearest"]), "image_sha256"].items()
    ]
    return samples.beside_nearest(list(cases), real, shown, modality)
