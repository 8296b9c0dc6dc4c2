"""Subgroups of patients: who belongs where, what arms reach there, and what is left open."""

import logging
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.evaluation.metrics import subgroups
from radfoundry.evaluation.metrics.subgroups import Question

ROOT = Path(__file__).resolve().parents[1]
PREDICTED, BANDS = "predictions", [18, 40, 65]
BASE, CLAIMED = "real_repeated", "synthetic_added"
GAIN = f"{CLAIMED}-{BASE}"
QUESTION = Question(["few_shot_auroc"], BASE, 10)


def stated(count=80, **columns):
    """Return a table of cases, a patient each: every other a woman."""
    cases = pd.DataFrame({"cohort": "own", "case": [f"c{i:03d}" for i in range(count)]})
    return cases.assign(**({"sex": ["F", "M"] * (count // 2)} | columns))


def scored(cases, arm, sharp, seed=0):
    """Return predictions that tell findings where `sharp` says so, and guess elsewhere."""
    rng = np.random.default_rng(seed)
    truth = np.arange(len(cases)) // 2 % 2
    score = np.where(sharp, truth, 0.5) + 0.2 * rng.normal(size=len(cases))
    more = {"patient": cases["case"], "finding": "nodule/k4", "threshold": 0.5, "note": ""}
    made = cases[["cohort", "case"]].assign(**more, samples=0, extra=0)
    return made.assign(truth=truth.astype(float), score=score, arm=arm, seed=seed)


def both(cases, sharp, base=False, trainings=5):
    """Return what two arms predict, of which the first tells nothing anywhere."""
    return pd.concat(
        scored(cases, arm, where, seed)
        for arm, where in ((BASE, base), (CLAIMED, sharp))
        for seed in range(trainings)
    )


def found_of(predictions, cases, question=QUESTION, by=("sex", "age", "view", "site")):
    groups = subgroups.groups_of(cases, by, BANDS)
    table = subgroups.compared(predictions, groups, question, (200, np.random.default_rng(0)))
    checked = tables.checked(table, "subgroups", "here")
    return checked.set_index(["metric", "arm", "attribute", "group"]).sort_index()


@pytest.fixture(scope="module")
def planted():
    """Return the figures of an arm that tells findings in men alone."""
    cases = stated()
    return found_of(both(cases, cases["sex"] == "M"), cases)


def test_a_planted_gap_is_found_and_named_with_its_direction(planted):
    gap = planted.loc["few_shot_auroc_gap", CLAIMED, "sex", "M minus F"]
    assert gap["value"] > 0.3
    assert 0 < gap["low"] < gap["value"] < gap["high"]
    assert (gap["n"], gap["patients"], gap["positives"]) == (80, 80, 40)
    men, women = (planted.loc["few_shot_auroc", CLAIMED, "sex", name] for name in "MF")
    assert men["value"] > 0.95
    assert women["low"] < 0.5 < women["high"]
    assert gap["value"] == pytest.approx(men["value"] - women["value"])


def test_where_no_gap_was_planted_the_interval_holds_0(planted):
    (group,) = planted.loc["few_shot_auroc_gap", BASE, "sex"].index
    none = planted.loc["few_shot_auroc_gap", BASE, "sex", group]
    assert none["low"] < 0 < none["high"]


def test_a_gain_is_paired_within_each_group(planted):
    men = planted.loc["few_shot_auroc_gain", GAIN, "sex", "M"]
    assert men["low"] > 0.2
    assert planted.loc["few_shot_auroc_gain_gap", GAIN, "sex", "M minus F"]["value"] > 0.2
    same = stated()
    equal = both(same, False)
    equal["score"] = np.tile(equal.loc[equal["arm"] == BASE, "score"], 2)
    gains = found_of(equal, same).loc["few_shot_auroc_gain", GAIN, "sex"]
    assert (gains[["value", "low", "high"]] == 0).all(axis=None)


def test_who_states_no_sex_is_a_group_of_its_own_and_of_no_gap():
    cases = stated(120, sex=["F", "M", ""] * 40)
    found = found_of(both(cases.head(90), True), cases.drop(index=89))  # the last is in no table
    group = found.loc["few_shot_auroc", CLAIMED, "sex"]
    assert list(group.index) == ["F", "M", "unknown"]
    assert group["n"].to_dict() == {"F": 30, "M": 30, "unknown": 30}
    gaps = found.loc["few_shot_auroc_gap"].reset_index()
    assert not gaps["group"].str.contains("unknown").any()


def test_a_small_group_and_one_of_a_single_kind_have_their_size_and_no_value():
    cases = stated(80, view=["AP"] * 8 + ["PA"] * 72, site=["a"] * 60 + ["b"] * 20)
    rows = both(cases, True)
    rows.loc[rows["case"] >= "c060", "truth"] = 0.0
    found = found_of(rows, cases)
    few = found.loc["few_shot_auroc", CLAIMED, "view", "AP"]
    assert few[["value", "low", "high"]].isna().all()
    assert (few["n"], few["positives"], few["note"]) == (8, 4, "fewer than 10 patients")
    healthy = found.loc["few_shot_auroc", CLAIMED, "site", "b"]
    assert np.isnan(healthy["value"])
    assert (healthy["positives"], healthy["note"]) == (0, "not defined: one kind only")
    gaps = found.loc["few_shot_auroc_gap"].reset_index("attribute")
    assert set(gaps["attribute"]) == {"sex"}  # one group alone is no gap


def test_patients_are_counted_and_not_their_examinations():
    cases = stated(80, view=["AP"] * 16 + ["PA"] * 64)
    rows = both(cases, True)
    rows["patient"] = rows["case"].str.removeprefix("c").astype(int) // 4
    few = found_of(rows, cases).loc["few_shot_auroc", CLAIMED, "view", "AP"]
    assert (few["n"], few["patients"], few["note"]) == (16, 4, "fewer than 10 patients")


def test_a_band_begins_with_its_age_and_ends_before_the_next():
    ages = [17.9, 18.0, 39.9, 40.0, 64.9, 65.0, np.nan]
    found = subgroups.groups_of(stated(8)[:7].assign(age=ages), ["age"], BANDS)["age"]
    young, old = "18 to 39", "40 to 64"
    names = ["under 18", young, young, old, old, "65 and over", "unknown"]
    assert list(found) == names
    assert list(found.cat.categories) == list(dict.fromkeys(names))


def test_the_gap_of_many_groups_has_an_interval_for_all_their_pairs():
    cases = stated(80, sex="F", site=["a", "a", "b", "b", "c", "c", "d", "d"] * 10)
    rows = both(cases, True, True)
    rows["truth"] = (rows["case"].str.removeprefix("c").astype(int) % 2).astype(float)
    rows["score"] = rows["truth"] + np.random.default_rng(1).normal(size=len(rows))
    found = found_of(rows, cases)
    (gap,) = found.loc["few_shot_auroc_gap", CLAIMED, "site"].to_dict("records")
    assert gap["note"] == "interval wide enough for all 6 pairs of 4 groups"
    assert gap["low"] < 0 < gap["high"]
    assert "F" not in found.index.get_level_values("group")  # all are women: nothing to compare


def test_what_no_case_states_makes_no_groups():
    bare = stated(80, sex="", age=np.nan).drop(columns="sex")
    found = found_of(both(bare, True), bare)
    assert len(found) == 0


def test_few_draws_of_the_k_patients_give_no_interval_and_few_seeds_of_one_arm_do():
    cases = stated()
    rows = both(cases, True, trainings=2)
    figures = ["few_shot_auroc", "image_auroc"]
    found = found_of(rows, cases, Question(figures, BASE, 10))
    few_shot, image = (found.loc[name, CLAIMED, "sex", "F"] for name in figures)
    assert few_shot["value"] == image["value"]
    assert np.isnan(few_shot["low"])
    assert image["low"] <= image["value"] <= image["high"]


def test_an_arm_that_learned_nothing_has_no_figure_and_says_why():
    cases = stated()
    rows = both(cases, True)
    silent = rows["arm"] == CLAIMED
    rows.loc[silent, ["score", "note"]] = [np.nan, "no kept samples of both kinds"]
    found = found_of(rows, cases)
    for metric, arm in (("few_shot_auroc", CLAIMED), ("few_shot_auroc_gain", GAIN)):
        row = found.loc[metric, arm, "sex", "F"]
        assert np.isnan(row["value"])
        assert row["note"] == "no kept samples of both kinds"
    assert CLAIMED not in found.loc["few_shot_auroc_gap"].index


def test_dice_is_that_of_cases_with_the_finding_and_so_are_its_numbers():
    cases = stated()
    rows = both(cases, True)
    rows = rows.assign(tp=np.where(rows["truth"] == 1, 3.0, 0.0), fp=0.0, fn=2.0)
    rows.loc[rows["truth"] == 0, ["fp", "fn"]] = [5.0, 0.0]
    found = found_of(rows, cases, Question(["few_shot_dice"], BASE, 10))
    row = found.loc["few_shot_dice", CLAIMED, "sex", "F"]
    assert row["value"] == pytest.approx(0.75)
    assert (row["n"], row["positives"]) == (20, 20)


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Return what a job of the script is given: a task without truths, and a cohort never seen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "scripts")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    plans = {}
    for cohort, sexes in (("own", ["F", "M"] * 15), ("away", ["F", ""] * 15)):
        cases = stated(30, cohort=cohort, sex=sexes)
        plans[cohort] = f"results/cohorts/{cohort}/cases.tsv"
        written = cases.assign(patient=cases["case"]).drop(columns="cohort")
        tables.write(written, plans[cohort], "cases")
        asked = cases.assign(findings=["nodule", "nodule", ""] * 10, patient=cases["case"])
        for arm in ("first", "second"):
            rows = asked.assign(score=np.arange(30) % 7 / 7, threshold=0.5, finding="", seed=0)
            tables.write(rows.drop(columns="sex").assign(arm=arm), f"{cohort}.{arm}.tsv", PREDICTED)
    return plans, [f"{cohort}.{arm}.tsv" for cohort in plans for arm in ("first", "second")]


def test_the_script_joins_every_cohorts_table_of_cases_to_its_predictions(job):
    plans, predictions = job
    asked = {"by": ["sex", "age"], "age_bands": BANDS, "fewest": 5}
    measured = {"figures": ["image_auroc"], "baseline": "second"}
    params = {"own": "own", "unseen": ["away"], "bootstrap": 20, "seed": [0]}
    given = {"predictions": predictions, "cases": [plans["own"]], "unseen": [plans["away"]]}
    snakemake = SimpleNamespace(input=SimpleNamespace(**given), log=["log.txt"])
    snakemake.output = SimpleNamespace(table="found.tsv")
    snakemake.params = SimpleNamespace(**params, asked=asked, measured=measured)
    runpy.run_path(str(ROOT / "scripts/compare_subgroups.py"), {"snakemake": snakemake})
    found = tables.read("found.tsv", "subgroups")
    own = found[(found["metric"] == "image_auroc") & (found["arm"] == "first")]
    counts = own.set_index(["test", "group"])["positives"].to_dict()
    assert counts == {
        ("own", "F"): 10, ("own", "M"): 10, ("away", "F"): 10, ("away", "unknown"): 10,
    }  # fmt: skip
    assert set(found["findings"]) == {"any"}
