"""Tables of cases are read, checked and divided into batches."""

from pathlib import Path

import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.config import cohorts
from radfoundry.config.cohorts import CohortError

HEADER = "case,patient,image"


@pytest.fixture
def table(tmp_path):
    """Return a function that writes a table of cases and returns its path."""

    def write(*lines, name="cases.csv", header=HEADER):
        path = tmp_path / name
        path.write_text("\n".join([header, *lines, ""]))
        return path

    return write


def refused(path, root=None):
    """Return the faults of a table that must have some."""
    with pytest.raises(CohortError) as error:
        cohorts.read(path, root)
    return error.value.faults[str(path)]


def test_rows_come_in_the_order_of_the_file_with_all_columns(table):
    rows = cohorts.read(table("b,p1,b.png", "a,p2,a.png"))
    assert [row["case"] for row in rows] == ["b", "a"]
    assert set(rows[0]) == {*cohorts.columns(), "warnings"}


def test_rows_are_a_table_of_cases(table):
    header = f"{HEADER},age,findings,spacing_mm"
    rows = cohorts.read(table("001,p1,a.png,54,opacity|nodule,0.14", header=header))
    checked = tables.checked(pd.DataFrame(rows), "cases", "test")
    assert checked.loc[0, "age"] == 54
    assert checked.loc[0, "case"] == "001"


def test_all_faults_are_listed_at_once_in_the_order_of_lines(table):
    path = table("a,p1,a.png,200,F", "b b,p2,b.png,1,G", header=f"{HEADER},age,sex")
    found = [(fault.line, fault.column) for fault in refused(path)]
    assert found == [(2, "age"), (3, "case"), (3, "sex")]


def test_a_message_does_not_run_on_for_ever(table):
    path = table(*(f"a b{n},p,{n}.png" for n in range(1000)))
    assert len(refused(path)) == 1000
    with pytest.raises(CohortError, match="and 800 more faults"):
        cohorts.read(path)


def test_a_table_that_is_not_there_is_named(tmp_path):
    (fault,) = refused(tmp_path / "no.tsv")
    assert fault.code == "table.missing"


def test_paths_come_back_relative_to_the_root(table, tmp_path):
    lines = ("a,p1,images/a.png", "b,p2,images/../b.png", f"c,p3,{tmp_path / 'c.png'}")
    rows = cohorts.read(table(*lines))
    assert [row["image"] for row in rows] == ["images/a.png", "b.png", "c.png"]


def test_a_root_of_its_own_replaces_the_folder_of_the_table(table, tmp_path):
    (tmp_path / "store").mkdir()
    assert cohorts.read(table("a,p,a.png"), tmp_path / "store")[0]["image"] == "a.png"
    (fault,) = refused(table(f"a,p,{tmp_path / 'a.png'}"), tmp_path / "store")
    assert fault.code == "path.escape"


def test_missing_images_are_listed_and_no_fault_of_the_table(table, tmp_path):
    (tmp_path / "a.png").touch()
    rows = cohorts.read(table("a,p1,a.png", "b,p2,b.png"))
    assert cohorts.missing(rows, tmp_path) == ["b"]


def test_missing_labels_are_a_warning(table):
    rows = cohorts.read(table("a,p1,a.png,a_mask.png", header=f"{HEADER},labels"))
    assert rows[0]["warnings"].startswith("labels.missing")


def test_folders_are_resolved_once_however_many_images_they_hold(table, monkeypatch):
    path = table(*(f"c{n},p{n},images/{n}.png" for n in range(300)))
    resolved, resolve = [], Path.resolve
    monkeypatch.setattr(Path, "resolve", lambda p, *a: resolved.append(p) or resolve(p, *a))
    cohorts.read(path)
    assert len(resolved) < 5


def test_all_tables_are_checked_before_any_is_complained_of(table):
    entries = {
        "one": {"table": str(table("a,p,a.png,200", name="one.csv", header=f"{HEADER},age"))},
        "two": {"table": str(table("a b,p,a.png", name="two.csv"))},
        "drawn": {"phantom": {"kind": "chest_xray"}},
    }
    with pytest.raises(CohortError) as error:
        cohorts.read_all(entries)
    assert [where.split(".")[1] for where in error.value.faults] == ["one", "two"]


def test_cohorts_of_phantoms_have_no_table(table):
    entries = {"drawn": {"phantom": {}}, "real": {"table": str(table("a,p,a.png"))}}
    assert list(cohorts.read_all(entries)) == ["real"]


def test_every_case_is_in_exactly_one_batch(table, tmp_path):
    names = [f"c{n}" for n in range(7)]
    for name in names:
        (tmp_path / f"{name}.png").touch()
    rows = cohorts.read(table(*(f"{name},p,{name}.png" for name in names)))
    cohort = {"table": str(tmp_path / "cases.csv"), "batch": 3}
    batches = cohorts.batch_names(cohort, rows)
    files = [file for batch in batches for file in cohorts.files_of_batch(cohort, rows, batch)]
    assert batches == ["b0000", "b0001", "b0002"]
    assert files == [str(tmp_path / f"{name}.png") for name in names]


def test_a_batch_of_phantoms_is_counted_in_patients():
    cohort = {"phantom": {"patients": 10}, "batch": 4}
    assert cohorts.batch_names(cohort) == ["b0000", "b0001", "b0002"]


@pytest.mark.parametrize(("count", "size"), [(0, 4), (1, 4), (8, 4), (9, 4), (10, 1)])
def test_things_fill_batches_of_a_size_in_order(count, size):
    each = cohorts.batch_of_each(count, size)
    assert list(dict.fromkeys(each)) == cohorts.names_of_batches(count, size)
    assert each == sorted(each)
    assert len(each) == count
    assert all(each.count(name) == size for name in each[:-size])


@pytest.mark.parametrize(("count", "jobs"), [(0, 3), (2, 3), (7, 3), (9, 3), (5, 4)])
def test_things_are_shared_among_so_many_jobs_whatever_the_size(count, jobs):
    each = cohorts.batch_of_each(count, 1, jobs)
    assert each == cohorts.batch_of_each(count, 100, jobs)
    assert len(each) == count
    assert set(each) <= set(cohorts.names_of_batches(jobs, 1))


def test_a_batch_reads_only_files_that_exist(table, tmp_path):
    rows = cohorts.read(table("a,p1,a.png", "b,p2,b.png"))
    (tmp_path / "b.png").touch()
    cohort = {"table": str(tmp_path / "cases.csv"), "batch": 2}
    assert cohorts.files_of_batch(cohort, rows, "b0000") == [str(tmp_path / "b.png")]
