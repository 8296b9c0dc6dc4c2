"""The whole factory, run once on small phantoms, and what it does with bad input."""

import hashlib
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from factory import Factory, small_config

TOY = Path(__file__).with_name("toy_generator")


def table(factory, name, recipe="artasyn"):
    path = factory.folder / f"results/recipes/{recipe}/{name}.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False)


def test_every_sample_gets_a_verdict(factory):
    assert set(table(factory, "verdicts")["sample"]) == set(table(factory, "samples")["sample"])


def test_the_release_holds_the_kept_samples_and_no_others(factory):
    verdicts = table(factory, "verdicts")
    kept = set(verdicts.loc[verdicts["verdict"] == "kept", "sample"])
    called = table(factory, "pseudonyms").set_index("released")["id"]
    images = (factory.folder / "results/release/artasyn/images").iterdir()
    assert {called[path.stem] for path in images} == kept


def test_the_checksums_of_the_release_are_those_of_its_files(factory):
    folder = factory.folder / "results/release/artasyn"
    mark, *lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert mark == "# synthetic: true"
    files = {str(p.relative_to(folder)) for p in folder.rglob("[!.]*") if p.is_file()}
    assert {line.split("  ")[1] for line in lines} == files - {"SHA256SUMS"}
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_report_needs_nothing_from_outside(factory):
    page = (factory.folder / "results/report.html").read_text()
    assert "PHANTOM DATA" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_snakemakes_own_report_can_be_made(factory, tmp_path):
    factory.run("--report", tmp_path / "own.html")
    assert "verdicts.tsv" in (tmp_path / "own.html").read_text()


def test_the_scorecard_tells_labels_filter_and_downstream(factory):
    card = pd.read_csv(factory.folder / "results/scorecard.tsv", sep="\t")
    assert {"label_dice", "accepted_fraction", "image_auroc", "pixel_dice"} <= set(card["metric"])


def test_other_batches_draw_the_same_bytes(spare):
    before = table(spare, "samples").set_index("sample")["image_sha256"]
    with spare.configured("recipes/artasyn/batch", 12):
        spare.run("sample")
        after = table(spare, "samples").set_index("sample")["image_sha256"]
    pd.testing.assert_series_equal(before, after)


def test_a_generator_in_a_folder_of_its_own_is_all_it_takes(spare):
    """It trains, samples, is judged and stands in the scorecard beside its published figure."""
    folder = spare.folder / "src/radfoundry/generators/toy"
    shutil.copytree(TOY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    recipe = {"cohort": "site_a", "generator": "toy", "filter": {"realism": {"quantile": 0}}}
    recipe |= {"sample": {"count": 3}, "train": {"brightness": {"steps": 3, "batch": 4}}}
    with spare.configured("recipes", spare.config["recipes"] | {"toy": recipe}):
        _ask_for_all_of_the_toy(spare)


def _ask_for_all_of_the_toy(spare):
    spare.run("results/scorecard.tsv", "results/release/toy", "results/report.html")
    assert len(table(spare, "verdicts", "toy")) == 3
    card = pd.read_csv(spare.folder / "results/scorecard.tsv", sep="\t")
    row = card[(card["recipe"] == "toy") & (card["arm"] == "all")].iloc[0]
    assert (row["metric"], row["published"]) == ("accepted_fraction", 0.5)
    with spare.configured("recipes/toy/train/brightness/stps", 5):
        assert "did you mean 'steps'" in spare.run("--dry-run", "train", ok=False)


def test_training_without_a_gpu_stops_unless_the_config_allows_the_cpu(spare):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here, so nothing has to stop")
    with spare.configured("allow_cpu", False):
        said = spare.run("--forcerun", "fit_arm", "--", "evaluate", ok=False)
    assert "gpu.missing" in said


def test_a_file_that_vanished_is_told_by_name(spare):
    sample = table(spare, "samples").iloc[0]
    image = spare.folder / sample["folder"] / "image.nii.gz"
    image.unlink()
    said = spare.run("--forcerun", "judge_samples", "--", "filter", ok=False)
    assert f"{sample['sample']}/image.nii.gz is named in its table and gone" in said


@pytest.fixture
def clinic(tmp_path, factory):
    """Return a cohort of PNG files, ready to run its preprocess."""
    cases = pd.read_csv(factory.folder / "results/cohorts/site_a/cases.tsv", sep="\t", dtype=str)
    cases = cases.head(12)
    (tmp_path / "images").mkdir()
    for case, batch in zip(cases["case"], cases["batch"], strict=True):
        drawn = factory.folder / f"results/cohorts/site_a/phantoms/{batch}/{case}/image.png"
        shutil.copy(drawn, tmp_path / "images" / f"{case}.png")
    rows = cases[["case", "patient"]].assign(image="images/" + cases["case"] + ".png")
    rows.to_csv(tmp_path / "cases.tsv", sep="\t", index=False)
    cohort = {"table": "cases.tsv", "preprocess": {"size": 64}, "splits": {"duplicates": "ignore"}}
    config = {"cohorts": {"clinic": cohort}, "recipes": {}}
    return Factory(tmp_path, small_config() | config | {"evaluate": {}})


def test_one_broken_image_is_a_rejected_row_and_the_run_goes_on(clinic):
    broken = next((clinic.folder / "images").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    clinic.run("preprocess")
    rows = pd.read_csv(
        clinic.folder / "results/cohorts/clinic/batches/b0000.tsv", sep="\t", dtype=str
    )
    rejected = rows[rows["status"] == "rejected"]
    assert rejected[["case", "code"]].to_numpy().tolist() == [[broken.stem, "io.truncated"]]


def test_too_many_broken_images_stop_the_run_with_the_reasons(clinic):
    for broken in sorted((clinic.folder / "images").iterdir())[:3]:
        broken.write_bytes(b"")
    said = clinic.run("preprocess", ok=False)
    assert "3 of 12 cases were rejected" in said
    assert "io.empty: 3" in said


def test_a_faulty_table_stops_before_any_job(clinic):
    text = (clinic.folder / "cases.tsv").read_text()
    (clinic.folder / "cases.tsv").write_text(text.replace("patient", "pateint", 1))
    said = clinic.run("preprocess", ok=False)
    assert "pateint" in said
    assert "patient" in said
    assert "rule plan_cohort" not in said
