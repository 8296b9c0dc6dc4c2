"""Prompts that fill a cohort's empty cells of finding, side, severity and site; what they cover."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from radfoundry import seeds
from radfoundry.generators._radiographs import requests
from radfoundry.generators._requests import coverage, text_guided
from radfoundry.text import cells, composer
from radfoundry.text.cells import Cell
from radfoundry.verdicts import covered

LEFT = {"name": "nodule", "side": "left", "severity": "mild"}


def report(*findings):
    return composer.compose(findings, np.random.default_rng(3))


def cases(*said, **changes):
    """Return cases of the train split with these findings, and a healthy one of each other."""
    stated = [(f"c{n}", "train", report(*some)) for n, some in enumerate(said)]
    stated += [("t0", "tune", report()), ("t1", "test", report(LEFT | {"severity": "severe"}))]
    table = pd.DataFrame(stated, columns=["case", "split", "report"])
    return table.assign(patient=table["case"], findings="", **changes)


def planned(table, count=12, **options):
    found = text_guided.plan(table, {"prompts": "coverage", "count": count, **options}, 5)
    return found.assign(asked=[json.loads(text)["findings"] for text in found["parameters"]])


def asked(found, places=None):
    return Counter(
        cell for row in found.to_dict("records")
        for cell in cells.of_findings(row["asked"], (places or {}).get(row["source"], ""))
    )  # fmt: skip


def test_empty_cells_are_asked_for_before_those_that_real_cases_fill():
    found = asked(planned(cases((LEFT,), (LEFT,), ()), 5))
    assert Cell("nodule", "left", "mild") not in found
    assert set(found.values()) == {1}
    assert {cell.finding for cell in found} == {"nodule"}


def test_with_more_requests_all_cells_come_to_hold_as_many():
    found = asked(planned(cases((LEFT,), (LEFT,), ()), 16))
    assert found[Cell("nodule", "left", "mild")] == 1  # beside two real ones
    assert found.total() == 16
    assert {found[cell] for cell in cells.grid(found)} == {1, 3}


def test_more_requests_begin_with_the_same_ones():
    few, more = (planned(cases((LEFT,)), n) for n in (4, 30))
    pd.testing.assert_frame_equal(few, more.head(4))


def test_what_no_case_of_the_train_split_shows_is_not_asked_for():
    effusion = {"name": "pleural_effusion", "side": "right", "severity": "mild"}
    found = asked(planned(cases((effusion,), ()), 20))
    assert {cell.finding for cell in found} == {"pleural_effusion"}


def test_findings_that_are_listed_count_as_those_that_a_report_states():
    table = cases(()).assign(findings=["cardiomegaly", "", ""])
    found = asked(planned(table, 3))
    assert set(found) == {Cell("cardiomegaly", "", degree) for degree in composer.DEGREES}


def test_sites_are_told_apart_and_a_sample_has_the_site_of_its_source():
    table = cases((LEFT,), (), (), ()).assign(site=["a", "a", "b", "b", "b", "b"])
    places = dict(zip(table["case"], table["site"], strict=True))
    found = asked(planned(table, 11), places)
    assert len(found) == 11
    assert Cell("nodule", "left", "mild", "a") not in found


def test_every_request_states_in_words_what_it_asks_for():
    for text, findings in planned(cases((LEFT,)), 6)[["parameters", "asked"]].to_numpy():
        assert cells.of_case({"report": json.loads(text)["prompt"]}) == cells.of_findings(findings)


def test_a_cohort_without_findings_cannot_be_covered():
    with pytest.raises(ValueError, match=r"no case of the train split .* it has: none"):
        planned(cases((), ()))


def test_radiographs_count_ill_cases_where_only_healthy_ones_may_be_sources():
    table = cases((LEFT,), (LEFT,), (), ()).assign(lung_right="present", lung_left="present")
    options = {"prompts": "coverage", "count": 5, "splits": ["train"], "given": ["image"]}
    options |= {"masks": "shapes", "warp": 0.0}
    found = requests.plan(table, options, 5, ())
    assert set(found["source"]) <= {"c2", "c3"}
    asked = [json.loads(text)["findings"][0] for text in found["parameters"]]
    assert ("left", "mild") not in {(one["side"], one["severity"]) for one in asked}


def test_what_a_generator_cannot_draw_is_not_asked_for():
    emphysema = {"name": "emphysema", "side": "right", "severity": "mild"}
    table, options = cases((LEFT, emphysema), ()), {"prompts": "coverage", "count": 12}
    found = text_guided.plan(table, options, 5, drawn=["nodule"])
    names = {one["name"] for t in found["parameters"] for one in json.loads(t)["findings"]}
    assert names == {"nodule"}


def test_masks_of_the_sources_own_findings_cannot_be_asked_for_by_coverage():
    table = cases((LEFT,)).assign(lung_right="present", lung_left="present")
    options = {"prompts": "coverage", "count": 2, "splits": ["train"], "given": []}
    with pytest.raises(ValueError, match="masks: case, and coverage; allowed: prompts: reports"):
        requests.plan(table, options | {"masks": "case", "warp": 0.0}, 5, ())


def test_other_requests_are_what_they_were():
    table = cases((LEFT,), ())
    found = text_guided.plan(table, {"prompts": "reports", "count": 3}, 5)
    rng = np.random.default_rng([seeds.seed(5, "sample", 0), 1])
    assert found["source"][0] == ["c0", "c1"][int(rng.integers(2))]


def test_a_bilateral_finding_lies_in_the_cells_of_both_sides():
    found = cells.of_findings([LEFT | {"side": "bilateral"}], "x")
    assert found == {Cell("nodule", side, "mild", "x") for side in ("left", "right")}


def test_turns_do_not_depend_on_what_is_outside_the_grid():
    grid = [Cell("nodule", "left", "mild"), Cell("nodule", "right", "mild")]
    real = {grid[0]: 1, Cell("nodule"): 50}
    assert list(coverage.turns(real, grid, 3)) == [grid[1], grid[0], grid[1]]


def test_the_table_counts_real_cases_requests_and_kept_samples_in_every_cell():
    cell, other = Cell("nodule", "left", "mild"), Cell("nodule", "right", "mild")
    found = covered.table([{cell}, {cell}, {Cell("nodule")}], [{other}, {other}], [{other}])
    counts = {tuple(row[:4]): tuple(row[4:8]) for row in found.to_numpy()}
    assert len(found) == 6 + 1  # the cell without side and severity is no empty one
    assert counts[tuple(cell)] == (True, 2, 0, 0)
    assert counts[tuple(other)] == (True, 0, 2, 1)
    assert counts["nodule", "", "", ""] == (False, 1, 0, 0)


def test_coverage_before_and_after_is_of_the_cells_that_can_be_asked_for():
    cell, other = Cell("nodule", "left", "mild"), Cell("nodule", "right", "mild")
    found = covered.table([{cell}, {Cell("nodule")}], [{other}], [{other}])
    assert covered.counts(found) == covered.Coverage(cells=6, real=1, real_and_kept=2)
