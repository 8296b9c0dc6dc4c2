"""What is shipped of drawn volumes: CT as NIfTI in HU, label maps beside, and the words for both.

Every file says in its header that it is synthetic, so that any viewer that shows headers says so.
This module returns values; it opens no file.
"""

import gzip
import json
from collections.abc import Mapping

import nibabel
import numpy as np
import pandas as pd
from nibabel.nifti1 import Nifti1Extension

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.volume import Volume, to_int16

DESCRIPTION = "SYNTHETIC (Radfoundry): no patient, not for diagnosis"  # `descrip` holds 79 letters
SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT: millimeters in the patient, RAS+
COMPRESSION = 6
ENDING = ".nii.gz"
COLUMNS = ("image", "labels", "image_sha256", "labels_sha256", "findings", "prompt")
COMMENT = 6  # NIFTI_ECODE_COMMENT: a header extension that holds plain text


def nifti(volume: Volume, marks: Mapping[str, str], *, labels: bool = False) -> bytes:
    """Return a volume as the bytes of a .nii.gz that says it is synthetic.

    Equal inputs give equal bytes. Intensities become int16, as scanners store them. A reader of
    NIfTI finds the affine in sform and, less any shear, in qform, both with code 1.

    Args:
        volume: HU, or label ids in 0 to 255.
        marks: Further texts, such as sample and recipe, put into a header extension as JSON.
        labels: Whether voxels are label ids, to be stored as uint8.

    Raises:
        ValueError: Intensities that are not finite, or ids that do not fit.
    """
    image = nibabel.Nifti1Image(_stored(volume.voxels, labels), volume.affine)
    image.set_sform(volume.affine, SCANNER)
    image.set_qform(volume.affine, SCANNER)
    header = image.header
    header.set_xyzt_units("mm")
    header["descrip"] = DESCRIPTION.encode()
    if labels:
        header.set_intent("label")
    text = json.dumps({**marks, "synthetic": "true"}, sort_keys=True)
    header.extensions.append(Nifti1Extension(COMMENT, text.encode()))
    return gzip.compress(image.to_bytes(), COMPRESSION, mtime=0)


def _stored(voxels: np.ndarray, labels: bool) -> np.ndarray:
    if not labels:
        if not np.isfinite(voxels).all():
            raise ValueError("intensities must be finite")
        return to_int16(voxels)
    if voxels.min(initial=0) < 0 or voxels.max(initial=0) > 255:
        raise ValueError("label ids must lie in 0 to 255")
    return voxels.astype(np.uint8)


def files(sample: Case, marks: Mapping[str, str]) -> dict[str, bytes]:
    """Return what is shipped of one volume: file name to content.

    A sample without any label, of a generator that draws none, has no label map: a map of zeros
    would say that nothing is there.
    """
    found = {f"images/{sample.name}{ENDING}": nifti(sample.image, marks)}
    if sample.anatomy.any():
        labels = nifti(sample.image.holding(sample.anatomy), marks, labels=True)
        found[f"labels/{sample.name}{ENDING}"] = labels
    return found


def label_table(marks: Mapping[str, bool] | None = None) -> str:
    """Return labels.json: what each id of a label map is, and which ids make up each region.

    Args:
        marks: Further keys, as of what is synthetic; a bundle of networks has none.
    """
    words = regions.vocabulary()
    table = {
        "labels": {"background": 0} | {label.name: label.id for label in words.structures},
        "colours": {label.name: label.colour for label in words.structures},
        "regions": {name: list(ids) for name, ids in words.regions.items()},
        "ignore": words.ignore,
    } | dict(marks or {})
    return json.dumps(table, indent=1) + "\n"


def with_files(table: pd.DataFrame, digests: Mapping[str, str]) -> pd.DataFrame:
    """Return a table of samples with the names of their files and the sha256 of each.

    Columns labels and labels_sha256 are "" where no label map was made; image_sha256 is missing
    where there is no image.
    """
    for what, folder in (("image", "images"), ("labels", "labels")):
        names = f"{folder}/" + table["sample"] + ENDING
        table = table.assign(**{what: names, f"{what}_sha256": names.map(digests.get)})
    table.loc[table["labels_sha256"].isna(), ["labels", "labels_sha256"]] = ""
    return table


def prompts(parameters: pd.Series) -> pd.Series:
    """Return the text that each sample was asked for, of requests' JSON; "" where there is none.

    >>> prompts(pd.Series(['{"prompt": "No  effusion."}', "{}"])).tolist()
    ['No effusion.', '']
    """
    asked = [json.loads(text).get("prompt", "") for text in parameters]
    return pd.Series([" ".join(str(text).split()) for text in asked], parameters.index, dtype=str)
