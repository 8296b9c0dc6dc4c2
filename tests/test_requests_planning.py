"""Requests: seeds, ids and which cases may be edited."""

import hashlib
import json

import pandas as pd
import pytest

from radfoundry import seeds
from radfoundry.generators._requests import planning

LUNGS = ("lung_right", "lung_left")


def cases(n=3, **changes):
    row = {"split": "train", "findings": "", "lung_right": "present", "lung_left": "present"}
    return pd.DataFrame([{"case": f"c{i}", **row, **changes} for i in range(n)])


def numbers(rng):
    return {"x": float(rng.random())}


def test_a_seed_is_the_sha256_of_recipe_stage_and_index():
    digest = hashlib.sha256(b"7/sample/c1/0").hexdigest()
    assert seeds.seed(7, "sample", "c1/0") == int(digest[:16], 16) >> 1


def test_seeds_fit_a_signed_table_column():
    assert all(0 <= seeds.seed(s, "sample", i) < 2**63 for s in range(9) for i in range(9))


@pytest.mark.parametrize("other", [(8, "sample", 1), (7, "train", 1), (7, "sample", 2)])
def test_recipe_stage_and_index_each_change_the_seed(other):
    assert seeds.seed(7, "sample", 1) != seeds.seed(*other)


def test_long_ids_stay_distinct_and_valid():
    ids = [planning.request_id("a" * 63 + end, 2) for end in "xy"]
    assert len(set(ids)) == 2
    assert all(len(name) <= 64 for name in ids)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"split": "test"}, "'test' is not among those asked for: train, tune"),
        ({"findings": "nodule"}, "shows findings"),
        ({"lung_left": "cropped"}, "lung_left is 'cropped'"),
    ],
)
def test_an_excluded_case_is_told_with_its_reason(change, reason):
    table = pd.concat([cases(2), cases(1, **change).assign(case="odd")])
    excluded = planning.exclusions(table, ("train", "tune"), LUNGS)
    assert excluded["case"].tolist() == ["odd"]
    assert reason in excluded["reason"][0]


def test_an_unknown_label_status_is_no_evidence_of_a_lung():
    excluded = planning.exclusions(cases(1).drop(columns="lung_left"), ("train",), LUNGS)
    assert "'unknown'" in excluded["reason"][0]


def test_the_number_per_case_may_be_a_range():
    counts = planning.per_source(cases(40), (1, 3), 5, numbers)["source"].value_counts()
    assert set(counts) == {1, 2, 3}


@pytest.mark.parametrize("counts", [0, (2, 1), (0, 3)])
def test_an_empty_range_of_samples_is_refused(counts):
    with pytest.raises(ValueError, match="samples per case"):
        planning.per_source(cases(), counts, 5, numbers)


def test_parameters_depend_on_the_request_alone():
    one = planning.per_source(cases(1), 2, 5, numbers)
    many = planning.per_source(cases(3), 3, 5, numbers).set_index("request")
    assert one["parameters"].tolist() == many.loc[one["request"], "parameters"].tolist()
    assert len({json.loads(text)["x"] for text in many["parameters"]}) == 9


def test_fewer_samples_are_a_subset_of_more():
    planned = planning.per_source(cases(20), 2, 5, numbers)
    few, more = (set(planning.first(planned, n)["request"]) for n in (4, 29))
    assert len(few) == 4
    assert few < more


def test_samples_are_spread_evenly_over_the_sources():
    planned = planning.per_source(cases(10), 5, 5, numbers)
    assert set(planning.first(planned, 25)["source"].value_counts()) == {2, 3}


def test_a_shortfall_returns_what_there_is():
    assert len(planning.first(planning.per_source(cases(), 1, 5, numbers), 7)) == 3


def test_no_sources_give_an_empty_table_with_all_columns():
    assert planning.per_source(cases(1).head(0), 1, 5, numbers).columns.tolist() == list(
        planning.COLUMNS
    )
