"""What scripts hand the library of a user's cases: images, and the reports of the user's table."""

import logging
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.case import Case
from radfoundry.volume import Volume

ROOT = Path(__file__).resolve().parents[1]
DIGEST = "0" * 64
REPORTS = ("Large left pleural effusion.", "Clear lungs.", "COMPARISON: CT of 2019.")
OPTIONS = {"findings": ["pleural_effusion"], "steps": 1, "batch": 2, "folds": 2}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Work in an empty folder, as a job of the workflow does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = logging.getLogger().handlers[:]
    yield tmp_path
    logging.getLogger().handlers[:] = before


def admit(cohort, reports):
    """Store tiny cases as preprocess does with those of a table; return their batch."""
    from _images import store

    batch, rows = f"results/cohorts/{cohort}/batches/b0000", []
    known = {"status": "ok", "findings": "", "volume_scale": 1.0, "source_sha256": DIGEST}
    for at in range(len(reports)):
        voxels = np.random.default_rng(at).normal(-800, 40, (8, 8, 8)).astype(np.int16)
        empty = np.zeros(voxels.shape, np.uint8)
        case = Case(f"c{at}", Volume(voxels, np.eye(4)), empty, empty)
        row = {"case": case.name, "patient": f"p{at}"} | known
        rows.append(row | store(case, Path(batch) / case.name))
    frame = pd.DataFrame(rows).reindex(columns=list(tables.columns("images")))
    tables.write(frame.fillna({"message": "", "code": ""}), f"{batch}.tsv", "images")
    plan = frame[["case", "patient"]].assign(image="i.nii.gz", report=reports, findings="")
    tables.write(plan, f"results/cohorts/{cohort}/cases.tsv", "cases")
    splits = frame[["case", "patient"]].assign(split=["tune", "test", "test", "test"][: len(plan)])
    splits = splits.reindex(columns=list(tables.columns("splits"))).fillna("")
    tables.write(splits, f"results/cohorts/{cohort}/splits.tsv", "splits")
    return f"{batch}.tsv"


def test_cases_bring_the_report_that_their_own_cohort_gives_them():
    from _cases import reports_of
    from _cohort import real_cases

    batches = {"a": admit("a", REPORTS[:2]), "b": admit("b", REPORTS[1:])}
    for cohort, reports in (("a", REPORTS[:2]), ("b", REPORTS[1:])):
        known = reports_of([f"results/cohorts/{cohort}/cases.tsv"])
        cases = list(real_cases([batches[cohort]], reports=known, cohort=cohort))
        assert [case.facts["report"] for case in cases] == list(reports)
        assert {case.facts["cohort"] for case in cases} == {cohort}
    assert all("report" not in case.facts for case in real_cases([batches["a"]]))


def test_a_table_without_reports_gives_none():
    from _cases import reports_of
    from _cohort import real_cases

    batch, plan = admit("a", REPORTS), "results/cohorts/a/cases.tsv"
    tables.write(tables.read(plan, "cases").drop(columns="report"), plan, "cases")
    cases = real_cases([batch], reports=reports_of([plan]))
    assert [case.facts["report"] for case in cases] == ["", "", ""]


class Inputs(SimpleNamespace):
    """Named files of a job, which can be walked through as well."""

    def __iter__(self):
        for paths in vars(self).values():
            yield from [paths] if isinstance(paths, str) else paths


def test_the_reports_of_a_users_table_are_the_labels_of_the_classifiers():
    batch, unseen = admit("a", [*REPORTS, REPORTS[0]]), admit("b", REPORTS[:1])
    for kind in ("samples", "verdicts", "requests"):
        tables.write(pd.DataFrame(columns=list(tables.columns(kind))), f"{kind}.tsv", kind)
    given = {"images": [batch], "labels": [], "unseen": [unseen], "unseen_labels": []}
    given |= {name: [f"results/cohorts/a/{name}.tsv"] for name in ("splits", "cases")}
    given |= {"unseen_cases": ["results/cohorts/b/cases.tsv"]}
    given |= {"untrained": [], "untrained_requests": []}
    given |= {name: f"{name}.tsv" for name in ("samples", "verdicts", "requests")}
    wildcards = SimpleNamespace(recipe="r", task="classification", arm="real", seed="0")
    job = SimpleNamespace(input=Inputs(**given), wildcards=wildcards, log=["log.txt"])
    job.params, job.config = (
        SimpleNamespace(task=OPTIONS, own="a", unseen=["b"], code="c"),
        {"allow_cpu": True},
    )
    job.output = SimpleNamespace(predictions="found.tsv")
    runpy.run_path(str(ROOT / "scripts/fit_arm.py"), {"snakemake": job})
    found = tables.read("found.tsv", "predictions")
    truth = found.set_index(["cohort", "case"])["truth"]
    np.testing.assert_array_equal(truth["a"].sort_index(), [1, 0, np.nan, 1])
    assert truth["b"].tolist() == [1]


def test_a_sample_brings_the_prompt_of_its_request():
    from _cases import prompted

    texts = {"s1": '{"prompt": "Small left effusion."}', "s2": "{}"}
    rows = [{"request": name, "source": "c", "split": "train", "seed": 1, "parameters": text}
            for name, text in texts.items()]  # fmt: skip
    tables.write(pd.DataFrame(rows), "requests.tsv", "requests")
    samples = pd.DataFrame({"sample": ["s2", "s1"]})
    assert list(prompted(samples, "requests.tsv")["prompt"]) == ["", "Small left effusion."]


def test_samples_that_may_teach_are_kept_ones_or_all_and_those_of_the_null_arm(monkeypatch):
    import _cases

    one = {"source": "c", "split": "train", "seed": 0, "status": "ok"}
    names = {"own": ["s1", "s2", "s3"], "null": ["n1"]}
    read = {f"{k}.tsv": pd.DataFrame([one | {"sample": n} for n in v]) for k, v in names.items()}
    read["own.tsv"].loc[2, "status"] = "failed"
    read["verdicts.tsv"] = pd.DataFrame({"sample": ["s1", "s2"], "verdict": ["kept", "rejected"]})
    read["asked.tsv"] = pd.DataFrame({"request": sum(names.values(), []), "parameters": "{}"})
    monkeypatch.setattr(_cases.tables, "read", lambda path, _: read[path])
    given = {"samples": "own.tsv", "verdicts": "verdicts.tsv", "requests": "asked.tsv"}
    null = {"untrained": ["null.tsv"], "untrained_requests": ["asked.tsv"]}
    found = _cases.samples_of(SimpleNamespace(**given, **null))
    assert found["unfiltered"]["kept"].tolist() == [True, False]
    found = {name: list(rows["sample"]) for name, rows in found.items()}
    assert found == {"samples": ["s1"], "unfiltered": ["s1", "s2"], "untrained": ["n1"]}
