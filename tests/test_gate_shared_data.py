"""Every real CT and MR, and every mask drawn on one, comes through the read gate."""

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.data import gate

TOTAL = {10: "lung_upper_lobe_left", 11: "lung_lower_lobe_left", 12: "lung_upper_lobe_right"}
TOTAL |= {13: "lung_middle_lobe_right", 14: "lung_lower_lobe_right", "*": "background"}
AORTA = {52: "aorta", "*": "background"}
NODULE = {"*": "nodule", 1: "background"}  # at least two of four readers
TUMOUR = {1: "tumour_core"}
LIDC, TOTALSEG, STS = "ct_lidc_0001_slab", "ct_totalseg_example", "radiomics_sts_tumours"
PYRADIOMICS = "radiomics_pyradiomics"
REAL = [
    ("ct_cip_64/ct-64.nrrd", "CT", ()),
    (f"{LIDC}/ct.nii.gz", "CT", ("int.padding",)),
    ("ct_lidc_0314/ct_1.25mm.nii.gz", "CT", ()),
    (f"{TOTALSEG}/ct_3mm.nii.gz", "CT", ("int.below_air",)),
    (f"{TOTALSEG}/ct_small.nii.gz", "CT", ("int.below_air",)),
    (f"{TOTALSEG}/mr_small.nii.gz", "MR", ()),
    ("mr_breast_dce_06/dce_post1.nii.gz", "MR", ()),
    ("ibsi1_ct_phantom_NC/phantom.nii.gz", "CT", ()),
    ("ibsi1_digital_phantom/phantom.nii.gz", "MR", ()),
    (f"{PYRADIOMICS}/brain1_image.nrrd", "MR", ()),
    (f"{PYRADIOMICS}/prostate_phantom_subvolume.nrrd", "MR", ()),
]


@pytest.mark.parametrize(("name", "modality", "warnings"), REAL, ids=[row[0] for row in REAL])
def test_every_real_volume_comes_through(shared_data, name, modality, warnings):
    raw = gate.read(shared_data / name, shared_data, modality)
    assert raw.warnings == warnings
    assert (np.diag(raw.image.affine)[:3] > 0).all()
    assert raw.image.voxels.min() >= (-1024 if modality == "CT" else -1000)


MASKED = [
    (f"{LIDC}/ct.nii.gz", f"{LIDC}/nodule_reader_count.nii.gz", NODULE, "nodule", ()),
    (f"{TOTALSEG}/ct_3mm.nii.gz", f"{TOTALSEG}/totalseg_117_fast.nii.gz", TOTAL, "lungs", ()),
    (f"{TOTALSEG}/ct_small.nii.gz", f"{TOTALSEG}/ct_small_totalseg_117.nii.gz", AORTA, "aorta", ()),
    (f"{TOTALSEG}/mr_small.nii.gz", f"{TOTALSEG}/mr_small_totalseg_mr.nii.gz",
     {2: "kidney", 3: "kidney", "*": "background"}, "kidney", ()),
    ("mr_breast_dce_06/dce_post1.nii.gz", "mr_breast_dce_06/breast_voi.nii.gz", {1: "breast"},
     "breast", ()),
    ("ibsi1_ct_phantom_NC/phantom.nii.gz", "ibsi1_ct_phantom_NC/mask.nii.gz", TUMOUR, "tumour", ()),
    ("ibsi1_digital_phantom/phantom.nii.gz", "ibsi1_digital_phantom/mask.nii.gz", TUMOUR, "tumour",
     ()),
    (f"{PYRADIOMICS}/brain1_image.nrrd", f"{PYRADIOMICS}/brain1_label.nrrd", TUMOUR, "tumour", ()),
    (f"{PYRADIOMICS}/prostate_phantom_subvolume.nrrd",
     f"{PYRADIOMICS}/prostate_phantom_subvolume-label.nrrd", {"*": "tumour_core"}, "tumour", ()),
    ("ct_cip_64/ct-64.nrrd", "ct_cip_64/wholeLung-64.nrrd", {1: "lungs"}, "lungs", ()),
]  # fmt: skip


@pytest.mark.parametrize("row", MASKED, ids=[row[1] for row in MASKED])
def test_every_real_mask_fits_its_image(shared_data, row):
    image, mask, mapping, region, warnings = row
    modality = next(kind for name, kind, _ in REAL if name == image)
    grid = gate.read(shared_data / image, shared_data, modality).image
    masks = gate.read_masks(shared_data / mask, mapping, grid, shared_data)
    labels = masks.findings if masks.structures is None else masks.structures
    assert labels.shape == grid.voxels.shape
    assert masks.warnings == warnings
    assert regions.mask(labels, region).any()


def test_every_real_sarcoma_keeps_its_tumour_volume(shared_data):
    table = np.genfromtxt(
        shared_data / f"{STS}/cases.csv", delimiter=",", names=True, dtype=None, encoding="utf-8"
    )
    for row in table:
        start = shared_data / STS / f"{row['case']}_{row['modality']}"
        raw = gate.read(f"{start}_image.nii.gz", modality=row["modality"][:2])
        masks = gate.read_masks(f"{start}_mask.nii.gz", TUMOUR, raw.image)
        volume = regions.mask(masks.findings, "tumour").sum() * np.prod(raw.image.spacing_mm) / 1e3
        assert volume == pytest.approx(row["gtv_ml"], abs=0.06)


def test_the_real_nodule_keeps_the_volumes_of_its_four_readers(shared_data):
    grid = gate.read(shared_data / f"{LIDC}/ct.nii.gz", modality="CT").image
    counted = shared_data / f"{LIDC}/nodule_reader_count.nii.gz"
    volumes = []
    for least in (1, 2, 3, 4):
        mapping = {n: "nodule" if n >= least else "background" for n in (1, 2, 3, 4)}
        findings = gate.read_labels(counted, mapping, grid)[1]
        volumes.append(regions.mask(findings, "nodule").sum() * np.prod(grid.spacing_mm) / 1e3)
    assert sum(volumes) == pytest.approx(8.46 + 6.61 + 7.09 + 7.92, rel=0.02)


THIRDS = {"lung_left": (9, 10, 11), "lung_right": (12, 13, 14)}
TYPES = {0: [], 2: ["airway"], 3: ["lung_vessel"]}  # the mask holds third + 256 * type
REGION_AND_TYPE = {512: "airway", 768: "background"} | {
    third + 256 * number: [side, *inside]
    for side, thirds in THIRDS.items()
    for third in thirds
    for number, inside in TYPES.items()
}


def test_real_thirds_of_lungs_with_their_vessels_become_one_map(shared_data):
    grid = gate.read(shared_data / "ct_cip_64/ct-64.nrrd", modality="CT").image
    path = shared_data / "ct_cip_64/lm-64.nrrd"
    structures, _ = gate.read_labels(path, REGION_AND_TYPE, grid)
    lungs = regions.mask(structures, "lungs")
    assert lungs.sum() * np.prod(grid.spacing_mm) / 1e6 == pytest.approx(4.55416, abs=1e-4)
    assert 100 * (grid.voxels[lungs] < -950).mean() == pytest.approx(19.662, abs=1e-3)
    right, left = (
        np.argwhere(regions.mask(structures, side))[:, 0] for side in sorted(THIRDS)[::-1]
    )
    assert right.mean() > left.mean()
