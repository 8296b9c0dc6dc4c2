"""How a case comes in from outside: where it lies, who reads it, what is done to it."""

from pathlib import Path

import numpy as np

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct import coarse_lungs
from radfoundry.data import gate, preprocess


def raw_case(row, root: str, phantoms: str, modality: str):
    """Return what the gate reads of a case, where its masks would lie, and who drew them.

    Args:
        row: Of the table of cases.
        root: Folder of the cohort's table; "" for phantoms.
        phantoms: Folder of the batch, for phantoms.
        modality: What the image must be.
    """
    if row["parameters"]:
        folder = Path(phantoms) / row["case"]
        image = folder / ("image.png" if modality == "CXR" else "image.nii.gz")
        return gate.read(image, None, modality), folder / "labels", "phantom"
    labels = Path(root) / (row["labels"] or "no labels")
    return gate.read(Path(root) / row["image"], root or None, modality), labels, "reader"


def reader_masks(labels: Path, raw, root: str, meaning) -> gate.Masks:
    """Return what was marked in an image before anything is done to it."""
    if not labels.exists():
        return gate.Masks(None, None)
    return gate.read_masks(labels, meaning or None, raw.image, root or None)


def carried(masks: gate.Masks, record) -> tuple[list, tuple[str, ...]]:
    """Return anatomy and findings on the new grid of their case, and what there is to warn of."""
    maps = {"structures": masks.structures, "findings": masks.findings}
    brought, told = preprocess.carried(maps, record)
    return [brought["structures"], brought["findings"]], (*masks.warnings, *told)


def outlined(masks: gate.Masks):
    """Return where anything is marked, which no crop may cut off; None where nothing is."""
    given = [part for part in (masks.structures, masks.findings) if part is not None]
    ignore = regions.vocabulary().ignore
    return np.any([(part > 0) & (part != ignore) for part in given], axis=0) if given else None


def prepared(raw, row, params, atlas, masks: gate.Masks):
    """Return an image on the cohort's canvas or grid, and the record of how it came there."""
    options = params.preprocess
    policy = options.get("contradictions", "reject")
    raw = preprocess.agreeing(raw, row, params.modality, policy)
    if params.modality == "CXR":
        return preprocess.radiograph(preprocess.with_spacing(raw, row["spacing_mm"]), options)
    marked, lungs = outlined(masks), coarse_lungs.lungs
    ready, record = preprocess.volumetric(raw, params.modality, options, atlas, lungs, marked)
    voxels = volume.to_int16(ready.voxels) if params.modality == "CT" else ready.voxels
    return ready.holding(voxels), record
