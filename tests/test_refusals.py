"""What the page says of refusals: steps, experts alone, coverage, errors; every sample small."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_report import EVIL, NAN, Page, context, words

from radfoundry.case import Case
from radfoundry.report import page, refusals, strip, thumbnails
from radfoundry.report.scorecard import stages
from radfoundry.text.cells import Cell
from radfoundry.verdicts import covered
from radfoundry.volume import Volume


def recipe(evil=""):
    """Return what the report of `test_report` shows, with all tables of the filter."""
    whole = context(evil)
    one = whole["recipes"][0]
    names = list(one["verdicts"]["sample"])
    one["samples"] = pd.DataFrame({
        "sample": [*names, "s5"], "status": ["ok"] * 4 + ["failed"],
        "message": [""] * 4 + ["no lungs in 12 slices" + evil],
    })  # fmt: skip
    undrawn = {"sample": ["s5"], "verdict": "rejected", "reason": "no lungs in 12 slices"}
    one["verdicts"] = pd.concat([one["verdicts"], pd.DataFrame(undrawn)])
    share = {"accepted": 2, "undecided": 1, "n": 4, "fraction": 0.5, "low": 0.15, "high": 0.85}
    groups = [("samples", "all", "all"), ("real", "all", "all"), ("real_held_out", "all", "all")]
    groups += [("samples", "finding", "nodule" + evil), ("real", "finding", "nodule" + evil)]
    one["accepted"] = pd.DataFrame([
        {"images": i, "group": g, "value": v, **share, "note": "asked for 0.9" + evil}
        for i, g, v in groups
    ])  # fmt: skip
    alone = {"expert": "anatomy", "accepted_without": 3, "refused_alone": 1, "undecided_alone": 0}
    one["alone"] = pd.DataFrame([{"images": i, **alone, **share} for i in ("samples", "real")])
    cell = Cell("nodule", "left", "mild")
    asked = [{Cell("nodule", "right", "mild")}] * 3
    one["coverage"] = covered.table([{cell}, {cell}], asked, asked[:1])
    pictures = [np.full((64, 64), level, np.uint8) for level in (0, 80, 160, 240)]
    one["thumbnails"] = thumbnails.sheet(pictures)
    return whole


def test_the_page_says_what_all_experts_accept_of_real_cases_with_n_and_interval():
    text = words(page.render(recipe()))
    said = "All experts together accept 50 % (15 % to 85 %) of 4 real tuning cases"
    assert f"{said}, 1 of which lack evidence; judged by limits" in text
    assert "Asked for 0.9." in text


def test_the_page_counts_each_sample_at_the_step_where_it_is_lost():
    rows = refusals.part(recipe()["recipes"][0])["waterfall"]
    steps = [(row["step"], row["lost"], row["left"]) for row in rows]
    assert steps == [
        ("asked for", 0, 5), ("could not be drawn", 1, 4), ("refused by anatomy", 1, 3),
        ("lacks evidence", 1, 2), ("kept", 0, 2),
    ]  # fmt: skip


def test_the_page_says_what_only_one_expert_refuses_and_what_is_covered():
    text = words(page.render(recipe()))
    assert "Without each expert" in text
    assert (
        "Of 6 cells of finding, side and severity, real cases of the training split fill 1" in text
    )
    assert "0 + 1 (3)" in text


def test_every_kind_of_refusal_is_in_the_error_summary_with_its_count():
    whole = recipe()
    rows = refusals.errors(whole["cases"], whole["recipes"])
    assert [(row["stage"], row["kind"], row["count"]) for row in rows] == [
        ("preprocess", "io.crc", 1),
        ("sample", "no lungs in # slices", 1),
        ("filter", "anatomy has no evidence", 1),
        ("filter", "anatomy refuses", 1),
    ]


def test_nothing_of_these_tables_is_run():
    html = page.render(recipe(EVIL))
    seen = Page(html)
    assert seen.open == []
    assert not seen.all("script")
    assert not [attrs for _, attrs in seen.tags if "style" in attrs]
    assert not any(name.startswith("on") for _, attrs in seen.tags for name in attrs)


def test_every_sample_is_shown_small_and_has_a_place_in_each_order():
    whole = recipe()["recipes"][0]
    whole["scores"] = pd.DataFrame({
        "sample": ["s1", "s2", "s3", "s4"], "expert": "anatomy", "score": [0.9, NAN, 0.1, 0.5],
    })  # fmt: skip
    found = page._strip(whole, 3)
    assert found["keys"] == ["as drawn", "verdict", "anatomy"]
    assert found["orders"] == [[0, 1, 2, 3], [3, 4, 1, 2], [3, 4, 1, 2]]
    assert [item["view"] for item in found["items"]][:3] == [
        "0 0 64 64",
        "64 0 64 64",
        "0 64 64 64",
    ]
    style = strip.css([found])
    assert "#s3-2:checked~ol>#t3-2{order:1}" in style
    assert "<" not in style


def test_a_sheet_holds_each_picture_in_its_place():
    pictures = [np.full((32, 32), level, np.uint8) for level in (0, 50, 100, 150, 200)]
    whole = np.asarray(Image.open(io.BytesIO(thumbnails.sheet(pictures))).convert("L")).astype(int)
    assert whole.shape == (64, 96)
    assert abs(whole[16, 80] - 100) < 4
    assert abs(whole[48, 48] - 200) < 4


def test_a_sheet_of_many_noisy_pictures_stays_within_its_bytes(monkeypatch):
    monkeypatch.setattr(thumbnails, "MOST_BYTES", 30_000)
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 256, (36, 48, 48), dtype=np.uint8))
    assert len(thumbnails.sheet(pictures)) <= 30_000


@pytest.mark.parametrize(("n", "side"), [(1, 64), (1_001, 48), (9_000, 32)])
def test_more_samples_are_shown_smaller(n, side):
    assert thumbnails.side_of(n) == side


def case(shape, spacing, modality):
    voxels = np.full(shape, 1.0 if modality == "CXR" else 400.0, np.float32)
    zeros = np.zeros(shape, np.uint8)
    return Case("c", Volume(voxels, np.diag([*spacing, 1.0])), zeros, zeros, {})


@pytest.mark.parametrize(
    ("shape", "modality", "lit"),
    [((40, 1, 20), "CXR", (16, 32)), ((20, 40, 9), "CT", (32, 16))],
)
def test_a_small_picture_keeps_the_proportions_of_the_body(shape, modality, lit):
    seen = thumbnails.thumbnail(case(shape, (1.0, 1.0, 1.0), modality), modality, 32)
    assert seen.shape == (32, 32)
    assert ((seen > 128).any(1).sum(), (seen > 128).any(0).sum()) == lit


def test_the_scorecard_states_joint_acceptance_of_real_cases_and_coverage_before_and_after():
    one = recipe()["recipes"][0]
    real, apart = stages.of_joint_acceptance(one["accepted"], "r")
    assert (real.arm, real.value, real.low, real.n) == ("real", 0.5, 0.15, 4)
    assert apart.arm == "real_held_out"
    before, after = stages.of_coverage(one["coverage"], "r")
    assert (before.arm, after.arm, after.n) == ("real", "real_and_kept", 6)
    assert (before.value, after.value) == pytest.approx((1 / 6, 2 / 6))


def test_without_requests_for_findings_nothing_is_said_of_coverage():
    table = covered.table([{Cell("nodule", "left", "mild")}], [{Cell("nodule")}], [])
    assert list(stages.of_coverage(table, "r")) == []
    assert refusals.part({"coverage": table})["coverage"] == {}
