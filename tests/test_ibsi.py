"""The counts of docs/ibsi.md hold: what IBSI-1 has a value for is met, or it is said why not."""

import shutil

import nibabel
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, benchmark
from factory import Factory

from radfoundry import radiomics
from radfoundry.anatomy import regions


@pytest.fixture(scope="module")
def ibsi():
    """Return the benchmark as a module."""
    return benchmark("ibsi")


@pytest.fixture(scope="module")
def compared(ibsi, shared_data):
    """Return every reference value with ours."""
    return ibsi.compared(shared_data)


def test_no_value_is_outside_its_tolerance_without_a_reason(compared):
    assert (compared["verdict"] != "UNEXPLAINED").all()


@pytest.mark.parametrize(
    ("config", "values", "met", "explained"),
    [
        ("dig_phantom", 487, 397, 2),
        ("chest_config_a", 411, 338, 4),
        ("chest_config_b", 411, 338, 4),
    ],
)
def test_the_values_met_are_as_many_as_stated(ibsi, compared, config, values, met, explained):
    verdicts = compared.loc[compared["config"] == config, "verdict"]
    assert len(verdicts) == values
    assert (verdicts == "in tolerance").sum() == met
    assert verdicts.isin([ibsi.AXES, ibsi.LEVELS]).sum() == explained


@pytest.mark.parametrize("family", ["cm_", "rlm_", "szm_", "ngt_"])
def test_texture_of_the_digital_phantom_is_exact_to_the_digits_given(compared, family):
    digital = compared[compared["config"] == "dig_phantom"]
    chosen = digital[digital["tag"].str.startswith(family)]
    assert len(chosen) > 10
    assert (chosen["verdict"] == "in tolerance").all()


def test_image_and_mask_are_those_of_ibsi_at_every_step(compared):
    steps = compared[compared["family"] == "image and mask"]
    assert len(steps) == 96
    assert (steps["verdict"] == "in tolerance").all()


def test_the_page_is_what_the_benchmark_writes(ibsi, compared):
    page = (ROOT / "docs/ibsi.md").read_text()
    assert ibsi.INTRODUCTION.strip() in page
    assert ibsi.summary(compared) in page


def test_a_value_is_judged_by_the_digits_and_the_tolerance_of_its_reference(ibsi):
    nan = float("nan")
    assert ibsi.verdict("cm_contrast_3D_avg", 5.3249, 5.32, 0.0) == "in tolerance"
    assert ibsi.verdict("cm_contrast_3D_avg", 5.3251, 5.32, 0.0) == "UNEXPLAINED"
    assert ibsi.verdict("cm_contrast_3D_avg", 5.4, 5.32, 0.1) == "in tolerance"
    assert ibsi.verdict("ivh_v10", nan, 0.3, 0.0) == ibsi.NO_FEATURE
    assert ibsi.verdict("ivh_auc", nan, nan, nan) == ibsi.NO_REFERENCE


BOTH = {"regions": ["nodule"], "deprecated_shapes": True}
RANGE = {"resegmentRange": [-500, 400]}
COARSE = {"resampledPixelSpacing": [2, 2, 0], "interpolator": "sitkLinear", "rounding": 1}
CONFIGURATIONS = {
    "a": BOTH | {"bin_width": 25, "settings": RANGE | {"force2D": True}},
    "b": BOTH | {"bin_count": 32, "settings": RANGE | COARSE | {"resampling": "centered"}},
}
MESH = ("MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity", "Compactness", "Spheric")


@pytest.fixture(scope="module")
def by_workflow(shared_data, tmp_path_factory):
    """Return the radiomics of the CT phantom out of the workflow, by configuration."""
    folder = tmp_path_factory.mktemp("ibsi") / "factory"
    whole = {"crop_body": False, "window_hu": [-1024, 3071]}
    cohort = {"modality": "CT", "table": "cases.tsv", "pseudolabel": "none", "preprocess": whole}
    cohort |= {"splits": {"train": 1, "tune": 0, "test": 0}}
    made = Factory(
        folder, {"cohorts": {n: cohort | {"radiomics": r} for n, r in CONFIGURATIONS.items()}}
    )
    phantom = shared_data / "ibsi1_ct_phantom_NC"
    mask = nibabel.load(phantom / "mask.nii.gz")
    marks = (np.asarray(mask.dataobj) > 0) * np.uint8(regions.label_id("nodule"))
    (folder / "labels").mkdir()
    nibabel.save(nibabel.Nifti1Image(marks, mask.affine), folder / "labels/findings.nii.gz")
    shutil.copy(phantom / "phantom.nii.gz", folder)
    row = {"case": "phantom", "patient": "p1", "image": "phantom.nii.gz", "labels": "labels"}
    pd.DataFrame([row]).to_csv(folder / "cases.tsv", sep="\t", index=False)
    made.run("radiomics")
    table = "results/cohorts/{}/radiomics.parquet"
    return {name: pd.read_parquet(folder / table.format(name)).iloc[0] for name in CONFIGURATIONS}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_workflow_gives_the_values_of_this_page(by_workflow, ibsi, shared_data, name):
    case, found = ibsi.cases(shared_data)[f"chest_config_{name}"], by_workflow[name]
    planes = {"force2D": True} if name == "a" else {}
    expected = radiomics.extract(case.image, case.mask, case.options | planes)
    meshed = np.array([any(word in feature for word in MESH) for feature in expected.index])
    ours = found[expected.index].astype(float)
    np.testing.assert_allclose(ours[~meshed], expected[~meshed], rtol=1e-6)
    # The workflow turns images to one orientation, and the mesh depends on it a little.
    np.testing.assert_allclose(ours[meshed], expected[meshed], rtol=5e-3)
