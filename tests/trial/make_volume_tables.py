"""Write the cohort tables and the config of the trial on volumes: real CT and MR, read to measured.

Usage: make_volume_tables.py DATA FOLDER. DATA holds the collections, FOLDER gets config.yaml,
tables/ and masks/, the collections' labels in our vocabulary.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import SimpleITK
import yaml

from radfoundry.anatomy import regions

READERS = 4
PATHS = ("image", "labels")
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def stored(labels: np.ndarray, affine: np.ndarray, path: Path) -> Path:
    """Write an anatomy or findings map into its folder and return the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.uint8), affine), path)
    return path.parent


def cip(data: Path, masks: Path) -> list[dict]:
    """Chest Imaging Platform: region of the lung in the low byte, airway or vessel in the high."""
    image = SimpleITK.ReadImage(str(data / "ct_cip_64/lm-64.nrrd"))
    values = SimpleITK.GetArrayFromImage(image).T.astype(int)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    region, kind = values & 255, values >> 8
    parts = {
        "lung_right": np.isin(region, (12, 13, 14)),
        "lung_left": np.isin(region, (9, 10, 11)),
        "lung": region > 0,
        "airway": kind == 2,
        "lung_vessel": kind == 3,
    }
    folder = stored(regions.compose(parts), LPS_TO_RAS @ affine, masks / "cip/anatomy.nii.gz")
    return [{"case": "cip-64", "image": "ct_cip_64/ct-64.nrrd", "labels": folder}]


def lidc_slab(data: Path, masks: Path) -> list[dict]:
    """LIDC-0001: voxels that at least one, two, three or four readers counted to the nodule."""
    counts = nibabel.load(data / "ct_lidc_0001_slab/nodule_reader_count.nii.gz")
    rows = []
    for least in range(1, READERS + 1):
        marks = (np.asarray(counts.dataobj) >= least) * regions.label_id("nodule")
        path = masks / f"lidc/least-{least}/findings.nii.gz"
        folder = stored(marks, counts.affine, path)
        image = folder.parent / f"ct-{least}.nii.gz"  # a case has an image of its own
        shutil.copy(data / "ct_lidc_0001_slab/ct.nii.gz", image)
        rows.append({"case": f"lidc-0001-least-{least}", "patient": "lidc-0001"})
        rows[-1] |= {"image": image, "labels": folder, "findings": "nodule"}
    return rows


def abdomen(data: Path, masks: Path) -> list[dict]:
    """TotalSegmentator's example with its own output: no human truth, but its class numbers."""
    folder = data / "ct_totalseg_example"
    classes = json.loads((folder / "class_names.json").read_text())
    classes = classes.get("total", classes.get("class_map", classes))
    found = nibabel.load(folder / "totalseg_117_fast.nii.gz")
    values = np.asarray(found.dataobj)
    known = {label.name for label in regions.vocabulary().structures}
    parts = {"kidney": np.zeros(values.shape, bool)}
    for number, name in classes.items():
        name = "kidney" if name.startswith("kidney") else name
        if str(number).isdigit() and name in known:
            parts[name] = parts.get(name, False) | (values == int(number))
    labels = stored(regions.compose(parts), found.affine, masks / "abdomen/anatomy.nii.gz")
    return [{"case": "abdomen", "image": "ct_totalseg_example/ct_3mm.nii.gz", "labels": labels}]


def sarcomas(data: Path, kind: str) -> list[dict]:
    """Sarcomas outlined in MR or CT: one region, taken as the tumour's core."""
    folder = data / "radiomics_sts_tumours"
    rows = []
    for image in sorted(folder.glob(f"*{kind}*_image.nii.gz")):
        name = image.name.removesuffix("_image.nii.gz")
        mask = image.with_name(f"{name}_mask.nii.gz")
        row = {"case": name, "patient": name[:7], "image": image, "labels": mask}
        rows.append(row | {"findings": "tumour_core"})
    return rows


def cohorts(data: Path, masks: Path) -> dict[str, tuple[list[dict], dict]]:
    """Return each cohort's rows and what its config says beyond the common."""
    whole = {"image": "ct_lidc_0314/ct_1.25mm.nii.gz", "case": "lidc-0314"}
    breast = {"image": "mr_breast_dce_06/dce_post1.nii.gz", "case": "breast-06"}
    breast["labels"] = "mr_breast_dce_06/breast_voi.nii.gz"
    as_is = {"preprocess": {"crop_body": False, "window_hu": [-1024, 3071]}}
    outlined = {"pseudolabel": "none", "preprocess": {"crop_body": False}}
    tumour = {"reader_labels": {1: "tumour_core"}, "radiomics": {"regions": ["tumour_core"]}}
    nodule = {"radiomics": {"regions": ["nodule"]}}
    kidneys = {"radiomics": {"regions": ["kidney"]}}
    return {
        "cip": (cip(data, masks), {"modality": "CT", **as_is}),
        "lidc_0314": ([whole], {"modality": "CT"}),
        "lidc_0001": (
            lidc_slab(data, masks),
            {"modality": "CT", **as_is, **nodule, "pseudolabel": "none"},
        ),
        "abdomen": (abdomen(data, masks), {"modality": "CT", "pseudolabel": "none", **kidneys}),
        "breast": (
            [breast],
            {"modality": "MR", **outlined, "reader_labels": {1: "breast"}}
            | {"radiomics": {"regions": ["breast"]}},
        ),
        "sarcoma_mr": (sarcomas(data, "MR"), {"modality": "MR", **outlined, **tumour}),
        "sarcoma_ct": (
            sarcomas(data, "CT"),
            {"modality": "CT", **as_is, "pseudolabel": "none", **tumour},
        ),
    }


def completed(row: dict, data: Path, root: Path) -> dict[str, str]:
    """Return a row with every column, its paths as seen from the root."""
    full = {"patient": row["case"], "labels": "", "findings": ""} | row
    paths = {name: full[name] and str((data / full[name]).relative_to(root)) for name in PATHS}
    return full | paths


def main(data: Path, folder: Path) -> None:
    """Write tables, masks and config."""
    data, folder = data.resolve(), folder.resolve()
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    root = Path(os.path.commonpath([data, folder]))
    common = {"root": os.path.relpath(root, folder), "batch": 4}
    common["splits"] = {"train": 0.0, "tune": 0.0, "test": 1.0, "duplicates": "ignore"}
    entries = {}
    for name, (rows, own) in cohorts(data, folder / "masks").items():
        table = pd.DataFrame([completed(row, data, root) for row in rows])
        table.to_csv(folder / "tables" / f"{name}.tsv", sep="\t", index=False)
        entries[name] = {"table": f"tables/{name}.tsv", **common, **own}
    config = {
        "cohorts": entries,
        "pseudolabel": {"threshold": {"segmenter": "threshold"}},
        "evaluate": {"labels": {"methods": ["threshold"]}},
        "publish": {"title": "Real CT and MR, read, labelled and measured"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
