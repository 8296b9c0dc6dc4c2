"""From drawn volumes to a release: the scripts after drawing, on a few phantoms."""

import logging
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pandas as pd
import pytest
from drawn_volumes import as_sample, phantoms
from PIL import Image

from radfoundry import tables

ROOT = Path(__file__).resolve().parents[1]
COHORT, RECIPE = "results/cohorts/c/batches/b0000", "results/recipes/r"
SPLITS, NAMES = "results/cohorts/c/splits.tsv", f"{RECIPE}/pseudonyms.tsv"
OPTIONS = {"anatomy": {"segmenter": "threshold", "repeats": 1}, "novelty": {}}
DIGEST = "0" * 64
MEASURED = {"groups": "acceptance_by_group", "alone": "leave_one_out", "coverage": "coverage"}
KINDS, DECIDED = ("experts", "scores"), ("verdicts", "thresholds", "acceptance")


class Inputs(SimpleNamespace):
    """Named files of a job, as snakemake hands them over."""

    def get(self, name):
        return getattr(self, name, None)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder in which four samples were drawn, scored and released."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("factory")
    patch.chdir(folder)
    patch.syspath_prepend(ROOT / "scripts")
    patch.setattr(sys, "excepthook", sys.excepthook)
    before = logging.getLogger().handlers[:]
    drawn(*cohort())
    for name in OPTIONS:
        scored(name)
    scores = {kind: [f"{RECIPE}/{kind}/{name}.tsv" for name in OPTIONS] for kind in KINDS}
    files = {name: f"{RECIPE}/{name}.tsv" for name in DECIDED}
    common = Inputs(samples=f"{RECIPE}/samples.tsv", requests=f"{RECIPE}/requests.tsv")
    common.real, common.scores, common.memorisation = scores["experts"], scores["scores"], []
    quantiles = dict.fromkeys(OPTIONS, 0.05)
    run("decide_verdicts", common, files, SimpleNamespace(quantiles=quantiles, accept_real=None))
    common = Inputs(**vars(common), **files)
    common.cases, common.splits = ["cases.tsv"], [SPLITS]
    asked = SimpleNamespace(quantiles=quantiles, accept_real=None)
    run("measure_acceptance", common, {k: f"{k}.tsv" for k in MEASURED}, asked)
    run("draw_thumbnails", common, {"sprite": "small.webp"}, SimpleNamespace(modality="CT"))
    params = SimpleNamespace(settings=settings(), made_by="digest", code="other", phantom=True)
    params.most_copied = 0.0
    common.images, common.networks, common.scorecard = [f"{COHORT}.tsv"], [], []
    common.leakage = f"{RECIPE}/leakage.tsv"
    proof = pd.DataFrame({"check": ["patients of one split only"], "cases": 10, "leaks": 0})
    tables.write(proof, common.leakage, "leakage")
    run("write_release", common, {"folder": "results/release/r", "names": NAMES}, params)
    yield folder
    logging.getLogger().handlers[:] = before
    patch.undo()


def settings():
    """Return what a release of the recipe follows from, as the config says it."""
    recipe = {"generator": "medsyn", "cohort": "c", "seed": 1, "networks": {}, "sample": {}}
    publish = {"licence": "CC0", "authors": [], "formats": [], "case_ids": "pseudonyms"}
    return {
        "cohorts": {"c": {"modality": "CT", "pseudolabel": "none"}},
        "pseudolabel": {},
        "recipes": {"r": recipe | {"filter": OPTIONS}},
        "publish": publish | {"max_shortfall": 0.95, "burned_in": "block"},
    }


def cohort():
    """Store real cases with their tables; return one of the train split and its name."""
    from _images import store

    cases = phantoms(10, seed=1)
    known = {"status": "ok", "findings": "", "volume_scale": 1.0, "source_sha256": DIGEST}
    rows = [
        {"case": case.name, "patient": case.name} | known | store(case, Path(COHORT) / case.name)
        for case in cases
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("images")))
    tables.write(frame.fillna({"message": "", "code": ""}), f"{COHORT}.tsv", "images")
    splits = ["train"] * 7 + ["tune"] * 3
    named = {"case": frame["case"], "patient": frame["patient"], "split": splits}
    table = pd.DataFrame(named).reindex(columns=list(tables.columns("splits"))).fillna("")
    tables.write(table, SPLITS, "splits")
    said = frame[["case", "patient"]].assign(report="Small left nodule.", site="a")
    tables.write(said, "cases.tsv", "cases")
    return cases[0], frame.loc[0, "case"]


def drawn(known, source):
    """Store two new samples, a copy of their source, and one whose labels are another's."""
    from _images import store

    fresh = [as_sample(case) for case in phantoms(2, seed=2)]
    moved = replace(fresh[1], anatomy=np.roll(fresh[1].anatomy, 6, axis=2))
    moved = replace(moved, image=moved.image.holding(moved.image.voxels[:, ::-1].copy()))
    samples = {"new": fresh[0], "other": fresh[1], "copy": as_sample(known), "moved": moved}
    rows, asked = [], []
    for seed, (name, case) in enumerate(samples.items()):
        place = f"{RECIPE}/samples/{name}"
        row = {"sample": name, "source": source, "patient": source, "split": "train", "seed": seed}
        row |= {"status": "ok", "message": "", "folder": place, "findings": "nodule", "shape": ""}
        rows.append(row | store(case, Path(place)))
        parameters = '{"prompt": "A nodule.", "given": []}'
        asked.append((name, source, "train", seed, parameters, "b0000"))
    columns = list(tables.columns("samples"))
    tables.write(pd.DataFrame(rows).reindex(columns=columns), f"{RECIPE}/samples.tsv", "samples")
    names = ["request", "source", "split", "seed", "parameters", "batch"]
    tables.write(pd.DataFrame(asked, columns=names), f"{RECIPE}/requests.tsv", "requests")


def scored(name):
    files = {"reference": f"{RECIPE}/{name}.json", "scores": f"{RECIPE}/experts/{name}.tsv"}
    inputs = Inputs(images=[f"{COHORT}.tsv"], labels=[], splits=[SPLITS], cases=["cases.tsv"])
    params = SimpleNamespace(options=OPTIONS[name])
    run("calibrate_expert", inputs, files, params, expert=name)
    inputs.reference, inputs.samples = files["reference"], f"{RECIPE}/samples.tsv"
    inputs.requests = f"{RECIPE}/requests.tsv"
    scores = {"scores": f"{RECIPE}/scores/{name}.tsv"}
    run("judge_samples", inputs, scores, params, expert=name)


def run(script, inputs, files, params, **wildcards):
    wildcards = SimpleNamespace(recipe="r", **wildcards)
    job = SimpleNamespace(input=inputs, output=SimpleNamespace(**files), params=params)
    job.wildcards, job.log, job.config = wildcards, ["log.txt"], {}
    job.resources = SimpleNamespace(gpu=0)
    runpy.run_path(str(ROOT / f"scripts/{script}.py"), {"snakemake": job})


def verdicts(place):
    return tables.read(place / RECIPE / "verdicts.tsv", "verdicts").set_index("sample")


def test_a_copy_of_its_own_source_and_labels_of_another_chest_are_rejected(place):
    decided = verdicts(place)
    assert decided.loc[["new", "other"], "verdict"].tolist() == ["kept", "kept"]
    assert decided.loc["copy", "reason"].startswith("novelty")
    assert decided.loc["moved", "reason"].startswith("anatomy")


def test_acceptance_is_measured_by_group_and_without_each_expert(place):
    found = {name: tables.read(place / f"{name}.tsv", kind) for name, kind in MEASURED.items()}
    every = found["groups"].query("group == 'all'").set_index("images")
    assert (every.loc["samples", "accepted"], every.loc["samples", "n"]) == (2, 4)
    assert every.loc[["real", "real_held_out"], "n"].tolist() == [3, 3]
    alone = found["alone"].query("images == 'samples'").set_index("expert")["refused_alone"]
    assert alone["novelty"] >= 1
    assert found["coverage"].set_index("possible").loc[True, "real"].sum() == 7
    assert Image.open(place / "small.webp").size == (128, 128)


def test_the_release_holds_the_kept_volumes_with_labels_and_prompts(place):
    released = place / "results/release/r"
    table = pd.read_csv(released / "dataset.tsv", sep="\t")
    known = tables.read(place / NAMES, "pseudonyms").set_index("released")["id"]
    assert sorted(known[table["sample"]]) == ["new", "other"]
    assert set(table["prompt"]) == {"A nodule."}
    for row in table.to_dict("records"):
        image, labels = (nibabel.load(released / row[what]) for what in ("image", "labels"))
        stored = nibabel.load(place / RECIPE / "samples" / known[row["sample"]] / "image.nii.gz")
        np.testing.assert_array_equal(image.dataobj, stored.dataobj)
        np.testing.assert_array_equal(image.affine, stored.affine)
        assert labels.get_data_dtype() == np.uint8
        assert image.get_data_dtype() == np.int16
    assert "radiograph" not in (released / "README.md").read_text()


def test_checksums_of_a_release_of_volumes_hold(place):
    folder = place / "results/release/r"
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder)
    assert done.returncode == 0
    assert "labels.json" in (folder / "SHA256SUMS").read_text()


def test_the_report_shows_drawn_volumes_by_what_was_asked_for(place):
    from _exhibits import by_verdict

    samples = tables.read(place / RECIPE / "samples.tsv", "samples")
    rows = samples.merge(verdicts(place).reset_index(), on="sample")
    shown = by_verdict(rows, [], "CT")
    assert shown["kept"][0].caption.startswith("2 of 2 kept samples")
    assert "nodule" in shown["kept"][0].alt
    assert "copy: nodule (novelty" in shown["rejected"][0].alt
