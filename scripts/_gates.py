"""The gates of a release, judged from what the stages before it wrote."""

from pathlib import Path

import nibabel
import pandas as pd
from _cases import joined

from radfoundry import tables
from radfoundry.release import gates


def passed(job, requests: pd.DataFrame, kept: pd.DataFrame) -> dict[str, str]:
    """Return what the card says of each gate; refuse a release while one is open.

    Args:
        job: Of `write_release`.
        requests: All that were asked for.
        kept: Rows of the table `samples` that would be released.

    Raises:
        gates.Blocked: It names every open gate with its reasons.
    """
    proof = tables.read(job.input.leakage, "leakage")
    publish = job.params.settings["publish"]
    asked = kept[["sample", "source"]].merge(
        requests[["request", "parameters"]], left_on="sample", right_on="request"
    )
    images = joined(job.input.images, "images")
    found = [
        gates.leakage(proof),
        memorisation(job),
        gates.geometry({row.sample: grids(Path(row.folder)) for row in kept.itertuples()}),
        gates.burned_in(asked, images, publish["burned_in"] == "allow"),
        gates.shortfall(len(requests), len(kept), publish["max_shortfall"]),
    ]
    return gates.check(job.wildcards.recipe, found)


def memorisation(job) -> gates.Gate:
    """Return what a recipe's audit says, if it has one."""
    audits = [tables.read(path, "memorisation") for path in job.input.memorisation]
    return gates.memorisation(audits[0] if audits else None, job.params.most_copied)


def grids(folder: Path) -> dict[str, gates.Grid]:
    """Return where a sample's image and maps lie, from their headers alone."""
    images = {what: nibabel.load(folder / f"{what}.nii.gz") for what in PARTS}
    return {what: (image.shape, image.affine) for what, image in images.items()}


PARTS = ("image", "anatomy", "findings")
