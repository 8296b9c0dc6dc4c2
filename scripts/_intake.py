"""How a case comes in from outside: where it lies, who reads it, what is done to it."""

from pathlib import Path

from radfoundry import volume
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


def kept_maps(labels: Path, raw, record, root: str, meaning) -> tuple[list, tuple[str, ...]]:
    """Return anatomy and findings that came with a case, on its new grid, and what was mended."""
    if not labels.exists():
        return [None, None], ()
    masks = gate.read_masks(labels, meaning or None, raw.image, root or None)
    maps = (masks.structures, masks.findings)
    brought = [part if part is None else preprocess.like(part, record) for part in maps]
    return brought, masks.warnings


def prepared(raw, row, params, atlas):
    """Return an image on the cohort's canvas or grid, and the record of how it came there."""
    options = params.preprocess
    policy = options.get("contradictions", "reject")
    raw = preprocess.agreeing(raw, row, params.modality, policy)
    if params.modality == "CXR":
        return preprocess.radiograph(preprocess.with_spacing(raw, row["spacing_mm"]), options)
    ready, record = preprocess.volumetric(raw, params.modality, options, atlas, coarse_lungs.lungs)
    voxels = volume.to_int16(ready.voxels) if params.modality == "CT" else ready.voxels
    return ready.holding(voxels), record
