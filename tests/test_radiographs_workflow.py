"""From real and drawn radiographs to rows of the scorecard: the scripts, on a few phantoms."""

import json
import logging
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from drawn_films import films

from radfoundry import tables, weights
from radfoundry.text import labeler

ROOT = Path(__file__).resolve().parents[1]
OWN, RECIPE, NULL = "results/cohorts/c", "results/recipes/r", "results/recipes/r.untrained"
DIGEST = "0" * 64
READER, FILMS = f"{OWN}/finding_reader", f"{OWN}/evaluate/films.tsv"
BATCH = f"{OWN}/batches/b0000"
KNOWN = {"cases": f"{OWN}/cases.tsv", "splits": f"{OWN}/splits.tsv", "images": [f"{BATCH}.tsv"]}
READING = {**KNOWN, "labels": [], "reader": READER, "segmenter": []}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder in which samples of a recipe and of its null arm were measured."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("factory")
    patch.chdir(folder)
    patch.syspath_prepend(ROOT / "scripts")
    patch.setattr(sys, "excepthook", sys.excepthook)
    before = logging.getLogger().handlers[:]
    sources = cohort()
    options = {"steps": 6, "side": 32, "widths": [8, 8]}
    run("fit_finding_reader", KNOWN, {"network": READER}, seed=0, options=options)
    segmenter = {"segmenter": "pbtseg", "options": {}}
    run("read_films", READING, {"table": FILMS}, segmenter=segmenter, most=100, seed=0)
    for recipe, blank in ((RECIPE, False), (NULL, True)):
        measured(recipe, samples(recipe, sources, blank), segmenter)
    summed()
    yield folder
    logging.getLogger().handlers[:] = before
    patch.undo()


def cohort():
    """Store real films with their tables; return the names of those of the train split."""
    from _images import store

    cases = [replace(c, name=f"f{n:02d}") for n, c in enumerate(films(18, 3))]
    known = {"status": "ok", "volume_scale": 1.0, "source_sha256": DIGEST, "truth_by": "phantom"}
    rows = [
        {"case": c.name, "patient": c.name, "findings": c.facts["findings"]} | known
        | store(c, Path(BATCH) / c.name) for c in cases
    ]  # fmt: skip
    frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("images")))
    text = ("message", "code", "not_given")
    tables.write(frame.fillna(dict.fromkeys(text, "")), f"{BATCH}.tsv", "images")
    splits = ["train"] * 2 + ["tune"] * 8 + ["test"] * 8
    named = {"case": frame["case"], "patient": frame["patient"], "split": splits}
    written(named, f"{OWN}/splits.tsv", "splits")
    reports = {"report": [c.facts["report"] for c in cases], "findings": frame["findings"]}
    written(named | reports, f"{OWN}/cases.tsv", "cases")
    return [case.name for case in cases[:2]]


def written(columns, path, kind):
    table = pd.DataFrame(columns).reindex(columns=list(tables.columns(kind)))
    tables.write(table.fillna(dict.fromkeys(table.columns[table.isna().all()], "")), path, kind)


def samples(recipe, sources, blank):
    """Store other films as samples that ask for what they show, or without any image in them."""
    from _images import store

    rows, asked = [], []
    for seed, film in enumerate(films(8, 4)):
        name, source = f"syn-{seed}", sources[seed // 4]
        image = film.image.holding(film.image.voxels * (0 if blank else 1))
        split = "tune" if seed == 7 else "train"  # one that starts from a film of the reader's
        row = {"sample": name, "source": source, "patient": source, "split": split, "seed": seed}
        row |= {"status": "ok", "folder": f"{recipe}/samples/{name}", "findings": ""}
        rows.append(row | store(replace(film, image=image), Path(row["folder"])))
        told = labeler.structured(film.facts["report"])
        asked.append((name, source, split, seed, json.dumps({"findings": told}), "b0000"))
    rows[6] |= {"status": "failed", "message": "no"}
    written(rows, f"{recipe}/samples.tsv", "samples")
    names = ["request", "source", "split", "seed", "parameters", "batch"]
    tables.write(pd.DataFrame(asked, columns=names), f"{recipe}/requests.tsv", "requests")
    return {"dataset": f"{recipe}/samples.tsv", "dataset_requests": f"{recipe}/requests.tsv"}


def measured(recipe, drawn, segmenter):
    given = {"reader": [READER], "segmenter": [], "requests": [], "samples": []}
    files = {"table": f"{recipe}/evaluate/probes.tsv"}
    inputs = given | drawn | {"images": [f"{BATCH}.tsv"]}
    run("measure_radiographs", inputs, files, segmenter=segmenter)
    real = {"splits": [f"{OWN}/splits.tsv"], "images": [f"{BATCH}.tsv"], "labels": []}
    described = {"table": f"{recipe}/evaluate/masks.tsv"}
    run("measure_masks", real | {"samples": f"{recipe}/samples.tsv"}, described)


def summed():
    far = {"metric": ["fid"], "arm": ["synthetic"], "value": [1.0], "low": [0.5], "high": [2.0]}
    for recipe in (RECIPE, NULL):
        written(far | {"n": [8], "note": ["here"]}, f"{recipe}/evaluate/distances.tsv", "distances")
    given = {
        "probes": f"{RECIPE}/evaluate/probes.tsv", "films": [FILMS], "tuned": [], "channels": [],
        "distances": f"{RECIPE}/evaluate/distances.tsv",
        "untrained_probes": [f"{NULL}/evaluate/probes.tsv"],
        "untrained_distances": [f"{NULL}/evaluate/distances.tsv"],
        "masks": f"{RECIPE}/evaluate/masks.tsv",
        "untrained_masks": [f"{NULL}/evaluate/masks.tsv"],
    }  # fmt: skip
    files = {"table": f"{RECIPE}/evaluate/synthesis.tsv"}
    run("summarize_radiographs", given, files, published={}, bootstrap=20, seed=0)


def run(script, inputs, files, **params):
    job = SimpleNamespace(input=SimpleNamespace(**inputs), output=SimpleNamespace(**files))
    job.params, job.wildcards = SimpleNamespace(**params), SimpleNamespace(recipe="r")
    job.log, job.config, job.rule = ["log.txt"], {"allow_cpu": True}, script
    runpy.run_path(str(ROOT / f"scripts/{script}.py"), {"snakemake": job})


def probes(place, path):
    return tables.read(place / path, "probes").set_index(["sample", "measurement"])["value"]


def test_the_reader_learns_from_the_tune_split_alone(place):
    card = weights.read(place / READER).card
    assert card["cases"] == 8
    assert set(card["findings"]) <= {"opacity", "pleural_effusion"}
    assert card["findings"]


def test_real_films_of_the_test_split_are_read_as_samples_are(place):
    table = tables.read(place / FILMS, "probes")
    assert table["sample"].unique().tolist() == [f"f{n:02d}" for n in range(10, 18)]
    names = set(table["measurement"])
    assert {"anatomy_dice_lungs", "score_opacity", "outside_fraction"} <= names


def test_films_that_the_segmenter_labeled_itself_are_read_for_findings_alone(place):
    run("read_films", READING, {"table": "own.tsv"}, segmenter={}, most=2, seed=0)
    names = set(tables.read(place / "own.tsv", "probes")["measurement"])
    assert "score_opacity" in names
    assert not any("_dice_lung" in name for name in names)


def test_a_failed_draw_and_a_film_of_the_readers_are_told_apart_from_the_rest(place):
    found = probes(place, f"{RECIPE}/evaluate/probes.tsv")
    assert found["syn-6", "failed_draw"] == 1
    assert ("syn-6", "score_opacity") not in found.index
    assert ("syn-7", "score_opacity") not in found.index
    assert ("syn-7", "anatomy_dice_lungs") in found.index
    assert 0 <= found["syn-0", "score_opacity"] <= 1


def test_a_sample_is_compared_with_the_organs_of_another_patient(place):
    found = probes(place, f"{RECIPE}/evaluate/probes.tsv")
    have = [(f"syn-{n}", "shuffled_dice_lungs") in found.index for n in range(8)]
    assert have == [False] * 4 + [True, True, False, True]  # four of one patient; one not drawn


def test_every_figure_stands_beside_its_ceiling_and_its_null_arm(place):
    card = tables.read(place / RECIPE / "evaluate/synthesis.tsv", "scorecard")
    found = card.set_index(["metric", "arm"])["value"]
    for arm in ("lungs", "lungs/shuffled", "lungs/real", "lungs/untrained"):
        assert ("anatomy_dice", arm) in found.index
    assert found["anatomy_dice", "lungs"] > found["anatomy_dice", "lungs/untrained"]
    assert ("prompt_auroc", "opacity") in found.index
    assert np.isfinite(found["fid", "synthetic/untrained"])
    for arm in ("opacity", "opacity/real", "opacity/untrained"):
        assert ("mask_distance", arm) in found.index
        assert found["inside_region_fraction", arm] > 0.5
