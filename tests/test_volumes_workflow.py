"""CT and MR through the workflow: files in, grids, labels, second opinions, radiomics, report."""

import json
import time

import nibabel
import numpy as np
import pandas as pd
import pytest
from factory import Factory

from radfoundry import volume
from radfoundry.config import weight_files
from radfoundry.data import preprocess

FINDINGS = {"pleural_effusion": 0.5, "emphysema": 0.5}


def drawn(patients, size=32, **own):
    """Return a cohort of chest CT phantoms."""
    phantom = {"kind": "chest_ct", "patients": patients, "exams": [1, 1], "size": size}
    phantom["findings"] = FINDINGS
    cohort = {"modality": "CT", "phantom": phantom, "batch": patients}
    splits = {"train": 1, "tune": 0, "test": 0, "duplicates": "ignore"}
    return cohort | {"splits": splits} | own


def factory_of(folder, cohorts, **own):
    config = {"allow_cpu": True, "cohorts": cohorts, "evaluate": {"bootstrap": 200}}
    return Factory(folder, config | own)


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """Return a factory that brought a cohort onto its own atlas and labeled it."""
    grid = {"grid": [36, 36, 36], "atlas": True, "atlas_cases": 2}
    ways = {"threshold": {"segmenter": "threshold"}}
    ways["plain"] = {"segmenter": "threshold", "options": {"lobes": False}}
    own = {
        "pseudolabel": ways,
        "evaluate": {"labels": {"methods": ["threshold"]}, "bootstrap": 200},
    }
    asked = {"regions": ["lungs", "nodule"], "lesions": True}
    cohort = drawn(3, 48, preprocess=grid, second_opinion="plain", radiomics=asked)
    cohort["phantom"]["findings"] = FINDINGS | {"nodule": 1.0}
    one = factory_of(tmp_path_factory.mktemp("registered"), {"ct": cohort}, **own)
    one.run("all")
    return one


def table(one, name):
    path = one.folder / "results" / name
    return pd.read_csv(path, sep="\t", keep_default_na=False)


def test_every_case_of_an_atlas_has_its_grid_and_its_change_of_scale(registered):
    atlas = volume.read(registered.folder / "results/cohorts/ct/atlas.nii.gz")
    rows = table(registered, "cohorts/ct/batches/b0000.tsv")
    assert set(rows["status"]) == {"ok"}
    assert rows["volume_scale"].astype(float).between(0.4, 2.5).all()
    for case in rows["case"]:
        image = volume.read(
            registered.folder / f"results/cohorts/ct/batches/b0000/{case}/image.nii.gz"
        )
        np.testing.assert_allclose(image.affine, atlas.affine, atol=1e-4)


def test_labels_can_be_put_back_on_the_grid_of_the_source(registered):
    folder = registered.folder / "results/cohorts/ct"
    row = table(registered, "cohorts/ct/batches/b0000.tsv").iloc[0]
    labels = volume.read(folder / f"labels/threshold/b0000/{row['case']}.nii.gz").voxels
    source = nibabel.load(folder / f"phantoms/b0000/{row['case']}/image.nii.gz")
    restored = preprocess.restore(labels, json.loads(row["record"]))
    assert restored.shape == source.shape
    assert set(np.unique(restored)) <= set(np.unique(labels))


def test_volumes_of_the_patient_are_measured_whatever_the_atlas_made_of_them(registered):
    rows = table(registered, "cohorts/ct/evaluate/clinical/threshold.tsv").set_index("case")
    own = rows[rows["measurement"] == "lung_volume_l"]
    truth = pd.to_numeric(own["truth"])
    assert truth.between(1, 9).all()
    assert np.allclose(pd.to_numeric(own["value"]), truth, rtol=0.15)


def test_a_second_opinion_tells_of_every_shared_region(registered):
    rows = table(registered, "cohorts/ct/second_opinion.tsv")
    assert {"lung_right", "lung_left", "lungs", "airway", "heart"} <= set(rows["region"])
    assert set(rows["status"]) <= {"agree", "disagree", "both absent"}


def test_the_report_shows_volumes_and_their_measurements(registered):
    page = (registered.folder / "results/report.html").read_text()
    assert "Volumes and their anatomy" in page
    assert "Second opinion" in page
    assert "volume of both lungs" in page


def test_outlined_lesions_are_measured_beside_the_findings_of_a_segmenter(registered):
    rows = pd.read_parquet(registered.folder / "results/cohorts/ct/radiomics.parquet")
    nodules = rows[rows["region"] == "nodule"]
    assert (nodules["lesion"] == 1).any()
    assert not nodules["code"].isin(["rad.empty"]).any()


def test_lobes_say_how_they_were_found(registered):
    rows = table(registered, "cohorts/ct/labels/threshold/b0000.tsv").set_index("structure")
    assert rows.loc["lung_upper_lobe_left", "how"].ne("").all()
    assert rows.loc["heart", "how"].eq("").all()


def test_another_limit_of_agreement_labels_nothing_again(registered):
    with registered.configured("evaluate/labels", {"methods": ["threshold"], "agree_dice": 0.5}):
        assert registered.planned("all") == {"compare_ways", "write_report"}


def test_a_cohort_of_outlined_tumours_needs_no_segmenter(factory):
    vectors = pd.read_parquet(factory.folder / "results/cohorts/tumours/vectors.parquet")
    settings = json.loads((factory.folder / "results/cohorts/tumours/radiomics.json").read_text())
    kept, dropped = settings["scaling"]["names"], settings["scaling"]["dropped"]
    assert len(kept) + len(dropped) == 34 + 148
    train = vectors[vectors["split"] == "train"]
    np.testing.assert_allclose(train[kept].mean(), 0, atol=1e-9)


def test_missing_weights_stop_everything_in_seconds_and_are_all_named(tmp_path):
    options = {"weights": str(tmp_path / "nowhere"), "mode": "fast"}
    ways = {
        "totalseg": {"segmenter": "totalsegmentator", "options": options},
        "lungs": {"segmenter": "lungmask", "options": {"weights": str(tmp_path / "nor here")}},
    }
    cohort = drawn(2, pseudolabel="totalseg", second_opinion="lungs")
    one = factory_of(tmp_path / "run", {"ct": cohort}, pseudolabel=ways)
    begun = time.monotonic()
    said = one.run("all", ok=False)
    assert time.monotonic() - begun < 30  # seconds; the machine of the tests may be busy
    for word in ("pseudolabel.totalseg", "pseudolabel.lungs", "nowhere", "unet_r231", "297"):
        assert word in said
    assert not (one.folder / "results").exists()


def test_other_weights_under_the_same_names_label_again(tmp_path):
    options = {"weights": str(tmp_path / "networks"), "structures": ["heart"]}
    way = {"segmenter": "totalsegmentator", "options": options}
    for row in weight_files.inventory(way):
        (tmp_path / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / row["file"]).write_text("first")
    cohort = drawn(2, pseudolabel="totalseg")
    one = factory_of(tmp_path / "run", {"ct": cohort}, pseudolabel={"totalseg": way})
    target = "results/pseudolabel/totalseg/weights.tsv"
    one.run(target)
    assert one.planned(target) == set()
    time.sleep(1.1)
    (tmp_path / row["file"]).write_text("another network")
    assert one.planned(target) == {"check_weights"}


def test_files_of_a_hospital_come_in_and_bad_ones_are_rows(tmp_path):
    rng = np.random.default_rng(0)
    hu = rng.normal(40, 10, (24, 24, 24)).astype(np.int16)
    hu[4:20, 4:20, 4:20] = -800
    rows = []
    for name, scale in (("good", 1.0), ("far", 1.0), ("unscaled", 1 / 4096)):
        scaled = hu.astype(np.float32) * np.float32(scale)
        nibabel.save(
            nibabel.Nifti1Image(scaled, np.diag([9, 9, 9, 1])), tmp_path / f"{name}.nii.gz"
        )
        rows.append({"case": name, "patient": name, "image": f"{name}.nii.gz"})
    (tmp_path / "far.nii.gz").write_bytes((tmp_path / "far.nii.gz").read_bytes()[:-900])
    run = tmp_path / "run"
    cohort = {"modality": "CT", "table": "../cases.tsv", "pseudolabel": "none"}
    one = factory_of(run, {"ct": cohort}, max_rejected=1.0)
    pd.DataFrame(rows).to_csv(tmp_path / "cases.tsv", sep="\t", index=False)
    one.run("results/cohorts/ct/batches/b0000.tsv")
    rows = table(one, "cohorts/ct/batches/b0000.tsv").set_index("case")
    assert rows["status"].to_dict() == {"good": "ok", "far": "rejected", "unscaled": "rejected"}
    assert rows.loc["far", "code"] == "io.truncated"
    assert rows.loc["unscaled", "code"] == "int.hu_range"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """Return a factory that labeled two cases with both real tools, networks trained here."""
    short = {"weights": "phantoms", "cases": 4, "steps": 12}
    ways = {
        "totalseg": {"segmenter": "totalsegmentator", "options": short},
        "lungs": {"segmenter": "lungmask", "options": short},
    }
    cohort = drawn(2, pseudolabel="totalseg", second_opinion="lungs")
    methods = {"labels": {"methods": ["totalseg", "lungs"]}, "bootstrap": 200}
    one = factory_of(
        tmp_path_factory.mktemp("tools"), {"ct": cohort}, pseudolabel=ways, evaluate=methods
    )
    one.run("evaluate", "pseudolabel")
    return one


@pytest.mark.parametrize("way", ["totalseg", "lungs"])
def test_the_real_tools_label_inside_the_workflow_with_networks_trained_here(tools, way):
    rows = table(tools, f"cohorts/ct/labels/{way}/b0000.tsv")
    assert rows["case"].nunique() == 2
    folder = tools.folder / f"results/cohorts/ct/labels/{way}/b0000"
    for case in set(rows["case"]):
        assert volume.read(folder / f"{case}.nii.gz").voxels.any()


def test_the_dice_of_networks_trained_here_is_reported(tools):
    for way in ("totalseg", "lungs"):
        rows = table(tools, f"cohorts/ct/evaluate/labels/{way}.tsv")
        assert set(rows["method"]) == {way}
        assert "lungs" in set(rows["region"])
    assert {"lungs"} <= set(table(tools, "cohorts/ct/second_opinion.tsv")["region"])
