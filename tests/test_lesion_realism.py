"""Whether drawn lesions, and the tissue around them, measure as real ones do."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from tumour_stand_ins import brain

from radfoundry import radiomics
from radfoundry.case import Case
from radfoundry.evaluation.realism import lesions
from radfoundry.radiomics.surroundings import close_up, rim_gradient
from radfoundry.report.scorecard import lesion_realism
from radfoundry.report.scorecard.card import build


def seen(case, voxels, findings=None):
    marks = case.findings if findings is None else findings
    return Case(case.name, case.image.holding(voxels), case.anatomy, marks, case.facts)


def near(case):
    return close_up(case.image, case.findings > 0, case.findings)


def test_the_shell_is_tissue_up_to_5_mm_around_that_belongs_to_no_other_lesion():
    case = brain()
    assert not (near(case).shell & near(case).lesion).any()
    away = ndimage.distance_transform_edt(~near(case).lesion, sampling=(2, 2, 2))
    assert away[near(case).shell].max() <= 5
    assert (near(case).shell == ((away > 0) & (away <= 5))).all()
    other = np.roll(case.findings, 8, 0)
    both = close_up(case.image, case.findings > 0, np.maximum(case.findings, other))
    assert both.shell.sum() < near(case).shell.sum()


def test_a_border_is_as_steep_as_the_gray_levels_along_it():
    case = brain()
    blurred = seen(case, ndimage.gaussian_filter(case.image.voxels, 2))
    flat = seen(case, np.full_like(case.image.voxels, 0.5))
    assert rim_gradient(near(case)) > 1.5 * rim_gradient(near(blurred)) > 0
    assert rim_gradient(near(flat)) == 0


def test_the_lesion_that_changed_is_measured_and_one_that_was_there_before_is_not():
    source = brain()
    added = np.zeros_like(source.findings)
    added[22:28, 14:20, 14:20] = 47
    voxels = np.where(added > 0, 0.7, source.image.voxels).astype(np.float32)
    sample = seen(source, voxels, np.maximum(source.findings, added))
    (row,) = lesions.of_drawn(sample, source, "tumour", "MR")
    assert row["lesion_firstorder_Mean"] == pytest.approx(0.7)
    assert row["patient"] == "p-one"
    assert not list(lesions.of_drawn(source, source, "tumour", "MR"))


def test_of_real_cases_each_with_a_lesion_has_a_row_of_the_set_its_split_puts_it_in():
    cases = [brain("a"), brain("b", 0), brain("c", 3)]
    rows = list(lesions.of_real(cases, "tumour", "MR", ["a", "b"]))
    assert [(row["set"], row["case"]) for row in rows] == [("real", "a"), ("real_floor", "c")]
    names = radiomics.vector_names(3, False)
    assert len(lesions.columns_of(pd.DataFrame(rows), lesions.LESION)) == len(names)


def table(kind, count, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(count, 4)), columns=["lesion_a", "lesion_b", "shell_a",
                                                              "shell_rim_gradient"])  # fmt: skip
    rows["shell_a"] += shift
    known = {"set": kind, "case": [f"{kind}{i}" for i in range(count)]}
    return rows.assign(**known, patient=rows.index.astype(str))


def figures(shift, null=5.0):
    own = pd.concat([table("real", 20), table("real_floor", 30, seed=1),
                     table("synthetic", 24, shift, 2)])  # fmt: skip
    rows = lesion_realism.rows(
        own, table("synthetic", 24, null, 3), "tscr", 50, np.random.default_rng(0)
    )
    return build(rows).set_index(["metric", "arm"])


def test_tissue_that_is_off_around_lesions_is_told_from_that_around_real_ones():
    same, off = figures(0.0), figures(3.0)
    assert off.loc[("shell_frd", "all"), "value"] > same.loc[("shell_frd", "all"), "value"] + 1
    assert off.loc[("lesion_frd", "all"), "value"] == same.loc[("lesion_frd", "all"), "value"]
    assert off.loc[("shell_shift", "a"), "low"] > 1.5
    held = same.loc[("shell_shift", "a")]
    assert held["low"] < 0 < held["high"]


def test_each_figure_stands_beside_real_lesions_of_other_patients_and_its_null_arm():
    found = figures(0.0)["value"]
    assert found["shell_frd", "all/untrained"] > found["shell_frd", "all/real_floor"] + 1
    assert {"a", "a/real_floor", "a/untrained", "rim_gradient"} <= set(found["shell_shift"].index)


def test_too_few_real_lesions_are_said_to_be_too_few():
    own = pd.concat([table("real", 3), table("synthetic", 24)])
    rows = build(
        lesion_realism.rows(own, pd.DataFrame(), "tscr", 50, np.random.default_rng(0))
    ).set_index(["metric", "arm"])
    assert np.isnan(rows.loc[("lesion_frd", "all"), "value"])
    assert "fewer than" in rows.loc[("lesion_frd", "all"), "note"]
