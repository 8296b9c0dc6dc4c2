"""A run says what differs from an old release: samples, networks, config, figures."""

import json
from types import SimpleNamespace

import _differences
import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.config import releases
from radfoundry.release import differences
from radfoundry.release.differences import Release
from radfoundry.report import page

RECORD = {
    "recipe": "r",
    "networks": {"gan": {"sha256": "a" * 64}},
    "config": {"recipes": {"r": {"seed": 7, "sample": {"count": 3}}}},
    "versions": {"torch": "2.13.0"},
    "facts": {"Code digest of sampling": "x"},
}
DIGESTS = {"image_sha256": ["1" * 64, "2" * 64], "mask_sha256": ["3" * 64, ""]}
TABLE = pd.DataFrame({"sample": ["syn-1", "syn-2"], **DIGESTS})
FIGURES = pd.DataFrame({
    "metric": ["fid", "image_auroc"], "arm": "-", "value": [3.5, 0.8], "low": [None, 0.75],
    "high": [None, 0.85],
})  # fmt: skip
OLD = Release(RECORD, TABLE, FIGURES)


def found(new, old=OLD):
    return differences.table({"r": old}, {"r": new}).set_index(["kind", "name"])


def test_equal_releases_differ_in_nothing_and_their_figures_stand_side_by_side():
    rows = found(OLD)
    assert set(rows["change"]) == {"same"}
    row = rows.loc[("figure", "image_auroc/-")]
    assert row["old"] == row["new"] == "0.8 (0.75 to 0.85)"
    assert row[["old_low", "new_high"]].tolist() == [0.75, 0.85]
    assert rows.loc[("figure", "fid/-"), "new"] == "3.5 (no interval)"


def test_samples_that_came_went_or_have_other_bytes_are_named():
    changed = TABLE.assign(sample=["syn-1", "syn-3"], image_sha256=["9" * 64, "2" * 64])
    rows = found(OLD._replace(table=changed)).loc["sample"]
    assert rows["change"].to_dict() == {"syn-1": "changed", "syn-2": "removed", "syn-3": "added"}
    assert rows.loc["syn-1", ["old", "new"]].tolist() == ["image " + "1" * 12, "image " + "9" * 12]


def test_config_networks_versions_and_code_that_differ_are_named_by_key():
    record = json.loads(json.dumps(RECORD))
    record["networks"]["gan"]["sha256"] = "b" * 64
    record["config"]["recipes"]["r"] = {"seed": 8, "sample": {"count": 3, "steps": 5}}
    record["versions"]["torch"], record["facts"] = "2.14.0", {"Code digest of sampling": "y"}
    rows = found(OLD._replace(record=record))
    told = rows[rows["change"] != "same"]["change"].to_dict()
    assert told == {
        ("network", "gan"): "changed",
        ("config", "recipes.r.seed"): "changed",
        ("config", "recipes.r.sample.steps"): "added",
        ("code", "Code digest of sampling"): "changed",
        ("version", "torch"): "changed",
    }
    assert rows.loc[("config", "recipes.r.seed"), ["old", "new"]].tolist() == ["7", "8"]


def test_a_figure_that_is_gone_or_could_not_be_measured_is_no_zero():
    figures = FIGURES.head(1).assign(value=float("nan"))
    rows = found(OLD._replace(figures=figures))
    assert rows.loc[("figure", "fid/-"), "new"] == "not available"
    assert rows.loc[("figure", "image_auroc/-"), "change"] == "removed"
    assert pd.isna(rows.loc[("figure", "image_auroc/-"), "new_value"])


def test_recipes_that_came_or_went_and_releases_without_a_record_are_told():
    both = differences.table({"a": OLD, "r": OLD._replace(record={})}, {"b": OLD, "r": OLD})
    told = both.set_index(["recipe", "name"])
    assert told.loc[("a", "a"), "change"] == "removed"
    assert told.loc[("b", "b"), "change"] == "added"
    assert told.loc[("r", "provenance.json"), "old"].startswith("not known")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return the job of a run that is compared with an old release; both lie in a folder."""
    monkeypatch.chdir(tmp_path)
    for place, seed in (("old/r", 7), ("results/release/r", 8)):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        record = RECORD | {"config": {"recipes": {"r": {"seed": seed}}}}
        (folder / "provenance.json").write_text(json.dumps(record))
        (folder / "SHA256SUMS").write_text("# synthetic: true\n")
        for name, frame in (("dataset", TABLE), ("figures", FIGURES.assign(recipe="r"))):
            frame.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    FIGURES.assign(recipe="r", value=0.9).to_csv("results/scorecard.tsv", sep="\t", index=False)
    config = {"compare": "old", "publish": {}}
    given = SimpleNamespace(releases=["results/release/r"], scorecard="results/scorecard.tsv")
    output = SimpleNamespace(differences=releases.differences(config))
    return SimpleNamespace(input=given, output=output, params=SimpleNamespace(settings=config))


def test_the_script_writes_the_table_and_the_page_shows_it(run):
    rows = _differences.compared(run)
    stored = tables.read("results/differences.tsv", "differences").set_index("name")
    assert stored.loc["recipes.r.seed", "new"] == "8"
    assert stored.loc["image_auroc/-", ["old_value", "new_value"]].tolist() == [0.8, 0.9]
    html = page.render({"differences": rows})
    assert "What changed since the old release" in html
    assert "Config: 1 of 1 rows differ" in html
    assert "Samples: 0 added, 0 removed, 0 changed." in html


def test_without_an_old_release_nothing_is_written_and_the_page_has_no_such_part(run):
    run.params.settings = {"publish": {}}
    assert _differences.compared(run) is None
    assert 'id="differences"' not in page.render({})
    assert releases.files(run.params.settings) == releases.differences(run.params.settings) == []


def test_old_releases_are_found_one_by_one_or_together_with_their_scorecard(run):
    assert releases.old({"publish": {"compare": "old"}}) == {"r": "old/r"}
    assert releases.old({"compare": "old/r", "publish": {}}) == {"r": "old/r"}
    assert releases.scorecard({"compare": "old", "publish": {}}) == []
    pd.DataFrame().to_csv("old/scorecard.tsv")
    assert "old/scorecard.tsv" in releases.files({"compare": "old", "publish": {}})


@pytest.mark.parametrize(("folder", "message"), [
    ("results", "results holds no release; allowed: a folder with SHA256SUMS"),
    ("results/release", "where this run writes: copy the old release aside"),
    ("results/release/r", "where this run writes"), ("nowhere", "nowhere holds no release"),
])  # fmt: skip
def test_what_is_no_old_release_is_refused(run, folder, message):
    with pytest.raises(ValueError, match=message):
        releases.old({"compare": folder, "publish": {}})


def test_names_in_a_difference_cannot_break_the_page():
    record = RECORD | {"versions": {"<script>alert(1)</script>": "1"}}
    html = page.render(
        {"differences": differences.table({"r": OLD}, {"r": Release(record, TABLE, FIGURES)})}
    )
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
