"""From films to pseudo-masks: the detector, and the scripts that train and ask it."""

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

from radfoundry import tables, volume, weights
from radfoundry.anatomy import regions
from radfoundry.config.catalogue import load
from radfoundry.evaluation import finding_detector
from radfoundry.report.scorecard import card, pseudo_masks

ROOT = Path(__file__).resolve().parents[1]
OWN = "results/cohorts/c"
BATCH, LABELS = f"{OWN}/batches/b0000", f"{OWN}/labels/shape/b0000"
MARKED = f"{OWN}/labels/marked/b0000"
NETWORK = "results/pseudolabel/marked/detector"
ASKED = {
    "detector": "anomaly", "generator": "artasyn", "arm": "artasyn", "per_case": 1, "seed": 0,
    "names": ["opacity"], "quantile": 0.9, "least_area": 0.0, "least_confidence": 0.0,
    "options": {"steps": 2, "batch": 2, "side": 64},
}  # fmt: skip
DIGEST = "0" * 64
BOX = "opacity:5,10,12,20"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder in which the findings of some films were marked."""
    patch = pytest.MonkeyPatch()
    patch.chdir(folder := tmp_path_factory.mktemp("factory"))
    patch.syspath_prepend(ROOT / "scripts")
    patch.setattr(sys, "excepthook", sys.excepthook)
    before = logging.getLogger().handlers[:]
    stored()
    known = {"splits": [f"{OWN}/splits.tsv"], "images": [f"{BATCH}.tsv"]}
    known |= {"labels": [f"{LABELS}.tsv"]}
    run("fit_detector", known, {"network": NETWORK})
    known |= {"cases": f"{OWN}/cases.tsv", "splits": f"{OWN}/splits.tsv", "network": NETWORK}
    known["images"] = f"{BATCH}.tsv"
    files = {"folder": MARKED, "table": f"{MARKED}.tsv", "findings": f"{OWN}/findings.tsv"}
    run("mark_findings", known, files)
    known |= {"images": [f"{BATCH}.tsv"]}
    run("measure_findings", known, {"table": f"{OWN}/measured.tsv"})
    yield folder
    logging.getLogger().handlers[:] = before
    patch.undo()


def cases():
    """Return healthy films of two splits, and the same film ill five times over."""
    drawn = films(24, 5)
    well = [c for c in drawn if not c.facts["findings"]][:5]
    ill = next(c for c in drawn if c.facts["findings"] == "opacity")
    named = {f"well{n}": c for n, c in enumerate(well)}
    return named | dict.fromkeys(("plain", "outlined", "boxed", "held", "phantom"), ill)


def stored():
    """Store the films with their tables and organs, as preprocess and a segmenter leave them."""
    from _images import store

    rows, labels = [], []
    for name, case in cases().items():
        own = case if name in ("outlined", "phantom") else replace(case, findings=None)
        by = {"outlined": "reader", "phantom": "phantom"}.get(name, "")
        row = {"case": name, "patient": name, "findings": case.facts["findings"], "status": "ok"}
        row |= {"truth_by": by, "volume_scale": 1.0, "source_sha256": DIGEST, "record": record()}
        rows.append(row | store(replace(own, name=name), Path(BATCH) / name))
        sha = volume.write(case.image.holding(case.anatomy), Path(LABELS) / f"{name}.nii.gz")
        labels += [
            {"case": name, "by": "shape", "structure": s, "status": "present", "sha256": sha}
            for s in ("lung_right", "lung_left")
        ]
    names = pd.DataFrame({"case": list(cases()), "patient": list(cases())})
    split = ["train", "train", "train", "tune", "tune", "train", "train", "train", "test", "train"]
    boxes = [BOX if name == "boxed" else "" for name in names["case"]]
    written(names.assign(boxes=boxes), f"{OWN}/cases.tsv", "cases")
    written(names.assign(split=split), f"{OWN}/splits.tsv", "splits")
    written(rows, f"{BATCH}.tsv", "images")
    written(labels, f"{LABELS}.tsv", "labels")


def record():
    """Return the record of a film that came as it is."""
    return (
        '{"shape": [48, 48], "crop": [0, 0, 48, 48], "quarter_turns": 0, "resized": [48, 48], '
        '"offset": [0, 0], "size": 48}'
    )


def written(rows, path, kind):
    table = pd.DataFrame(rows).reindex(columns=list(tables.columns(kind)))
    kept = [name for name in table if table[name].dtype == object]
    tables.write(table.fillna(dict.fromkeys(kept, "")), path, kind)


def run(script, inputs, files):
    job = SimpleNamespace(input=SimpleNamespace(**inputs), output=SimpleNamespace(**files))
    job.params = SimpleNamespace(findings=ASKED, by="cohort")
    job.wildcards = SimpleNamespace(method="marked", cohort="c")
    job.log, job.config, job.rule = ["log.txt"], {"allow_cpu": True}, script
    runpy.run_path(str(ROOT / f"scripts/{script}.py"), {"snakemake": job})


def outcome(place, name):
    return tables.read(place / OWN / "findings.tsv", "marked_findings").set_index("case").loc[name]


def marks(name):
    from _cohort import Cases

    return volume.picture(Cases([f"{BATCH}.tsv"], [f"{MARKED}.tsv"]).named(name).findings)


def test_the_detector_learns_from_train_films_and_what_is_normal_from_tune_films(place):
    card = weights.read(place / NETWORK).card
    assert (card["films"], card["pairs"]) == (5, 3)
    assert len(card["normal"]["lungs"]["strengths"]) == 2


def test_healthy_films_have_no_row_and_no_mask(place):
    named = set(tables.read(place / OWN / "findings.tsv", "marked_findings")["case"])
    assert named == {"plain", "outlined", "boxed", "held", "phantom"}
    assert not marks("well0").any()


def test_what_every_later_stage_reads_is_the_readers_mask_where_there_is_one(place):
    assert outcome(place, "outlined")["by"] == "reader"
    np.testing.assert_array_equal(marks("outlined"), volume.picture(cases()["outlined"].findings))


def test_a_readers_box_of_the_table_becomes_a_mask_inside_the_lungs(place):
    row, shown = outcome(place, "boxed"), marks("boxed") == regions.label_id("opacity")
    assert (row["by"], row["status"]) == ("box", "present")
    box = np.zeros((48, 48), bool)
    box[10:30, 5:17] = True
    lungs = regions.mask(volume.picture(cases()["boxed"].anatomy), "lungs")
    np.testing.assert_array_equal(shown, box & lungs)


def test_the_detector_is_not_asked_in_the_test_split(place):
    assert (outcome(place, "held")["status"], marks("held").any()) == ("unknown", False)


def test_a_phantoms_truth_is_no_readers_mask(place):
    assert outcome(place, "phantom")["by"] == outcome(place, "plain")["by"] == "detector"
    np.testing.assert_array_equal(marks("phantom"), marks("plain"))


def test_the_anatomy_stays_that_of_its_own_method(place):
    first, second = (tables.read(f"{path}.tsv", "labels") for path in (LABELS, MARKED))
    pd.testing.assert_frame_equal(
        first.drop(columns="findings_sha256"), second.drop(columns="findings_sha256")
    )


def test_masks_are_measured_where_somebody_drew_the_truth_beside_arms_that_know_nothing(place):
    found = tables.read(place / OWN / "measured.tsv", "finding_masks")
    assert dict(zip(found["case"], found["truth_by"], strict=True)) == {
        "outlined": "reader", "boxed": "box", "phantom": "phantom"
    }  # fmt: skip
    assert sorted(found["arm"].unique()) == ["detector", "gray", "region"]
    assert (found.loc[found["arm"] == "region", "seen"] == 1).all()


def test_the_scorecard_shows_the_lead_of_the_detector_over_each_of_them(place):
    found = tables.read(place / OWN / "measured.tsv", "finding_masks")
    rows = card.build(pseudo_masks.rows(found, 20, np.random.default_rng(0)))
    arms = set(rows.loc[rows["metric"] == "finding_mask_dice", "arm"])
    assert {"lungs/marked/reader", "lungs/marked/gray/box"} <= arms
    leads = rows[rows["metric"] == "finding_mask_pointing_lead"]["arm"]
    assert "lungs/marked/detector-region/phantom" in set(leads)


def test_without_unseen_healthy_films_there_is_no_detector():
    plugins = finding_detector.Plugins(load("tasks", "anomaly"), load("generators", "artasyn"))
    plan = pd.DataFrame({"case": ["a"], "split": ["train"], "findings": [""]})
    with pytest.raises(ValueError, match="no healthy film in tune"):
        finding_detector.fit(plugins, [], plan, ASKED, np.random.default_rng(0))
