"""Whether drawn lesions, and the tissue around them, measure as real ones do."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from tumour_stand_ins import brain

from radfoundry import radiomics, tables
from radfoundry.case import Case
from radfoundry.evaluation.realism import lesions
from radfoundry.radiomics.surroundings import close_up, rim_gradient
from radfoundry.report.scorecard import lesion_realism
from radfoundry.report.scorecard.card import build
from radfoundry.volume import Volume


def seen(case, voxels, findings=None):
    marks = case.findings if findings is None else findings
    return Case(case.name, case.image.holding(voxels), case.anatomy, marks, case.facts)


def ball(size=24, radius=6, plane=None):
    """Return a ball of 1 on 0 in a volume; its middle slice alone, along an axis, with `plane`."""
    grid = np.indices((size,) * 3) - size // 2
    lesion = (grid**2).sum(0) < radius**2
    if plane is not None:
        lesion = np.take(lesion, [size // 2], axis=plane)
    affine = np.diag([1.0, 1, 1, 1])
    return Volume(lesion.astype(np.float32), affine), lesion


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


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_the_rim_of_a_slice_is_as_steep_as_that_of_the_volume_whatever_its_plane(plane):
    whole, flat = (rim_gradient(close_up(*one, one[1])) for one in (ball(), ball(plane=plane)))
    assert flat == pytest.approx(whole, rel=0.15)
    wide = ball(40, 12, plane)
    assert rim_gradient(close_up(*wide, wide[1])) == pytest.approx(flat, rel=0.1)


def test_the_edge_of_the_image_is_no_border_of_a_lesion():
    image, lesion = ball()
    assert np.isnan(rim_gradient(close_up(image, np.ones_like(lesion), lesion)))
    whole = rim_gradient(close_up(image, lesion, lesion))
    half = Volume(image.voxels[12:], image.affine)
    cut = close_up(half, lesion[12:], lesion[12:])
    assert rim_gradient(cut) == pytest.approx(whole, rel=0.1)


def added(source, at, value):
    """Return a sample: its source with a lesion in a place."""
    drawn = np.zeros_like(source.findings)
    drawn[at] = 47
    voxels = np.where(drawn > 0, value, source.image.voxels).astype(np.float32)
    return seen(source, voxels, np.maximum(source.findings, drawn))


@pytest.mark.parametrize("start", [22, 14], ids=["apart", "touching the old one"])
def test_the_lesion_that_was_drawn_is_measured_and_one_that_was_there_before_is_not(start):
    source = brain()
    sample = added(source, (slice(start, start + 6), slice(14, 20), slice(14, 20)), 0.7)
    (row,) = lesions.of_drawn(sample, source, "add", "tumour", "MR")
    assert row["lesion_firstorder_Mean"] == pytest.approx(0.7)
    assert (row["patient"], row["operation"]) == ("p-one", "add")
    assert not list(lesions.of_drawn(source, source, "edit", "tumour", "MR"))


def test_of_an_edited_lesion_voxels_that_kept_their_value_are_a_part():
    source = brain()
    voxels = source.image.voxels.copy()
    voxels[source.findings == 48] = 0.7
    (row,) = lesions.of_drawn(seen(source, voxels), source, "edit", "tumour", "MR")
    (whole,) = lesions.of_real([source], "tumour", "MR", {"one": "train"})
    assert row["lesion_shape_MeshVolume"] == whole["lesion_shape_MeshVolume"]


def test_a_lesion_in_the_corner_or_of_one_voxel_has_a_row_without_what_is_not_defined():
    source = brain(radius=0)
    for at in ((slice(0, 4),) * 3, (20, 20, 20)):
        (row,) = lesions.of_drawn(added(source, at, 0.7), source, "add", "tumour", "MR")
        assert np.isfinite(row[lesions.RIM])
    assert np.isnan(row["lesion_glcm_Contrast"])


def test_of_real_cases_each_with_a_lesion_has_a_row_of_the_set_its_split_puts_it_in():
    cases, splits = [brain("a"), brain("b", 0), brain("c", 3)], {"a": "tune", "c": "train"}
    rows = list(lesions.of_real(cases, "tumour", "MR", splits))
    assert [(row["set"], row["case"]) for row in rows] == [("real", "a"), ("real_floor", "c")]
    names = radiomics.vector_names(3, False)
    assert len(lesions.columns_of(pd.DataFrame(rows), lesions.LESION)) == len(names)
    tables.checked(pd.DataFrame(rows), "lesions", "rows")


def table(kind, count, shift=0.0, seed=0, each=1):
    """Return rows of as many lesions, `each` of them of one patient, with what was added."""
    rng = np.random.default_rng(seed)
    names = ["lesion_a", "lesion_b", "shell_a", "shell_rim_gradient"]
    rows = pd.DataFrame(rng.normal(size=(count, 4)), columns=names)
    rows["shell_a"] += shift
    known = {"set": kind, "case": [f"{kind}{i}" for i in range(count)]}
    patients = [f"{'c' if kind == 'synthetic' else kind}{i // each}" for i in range(count)]
    return rows.assign(**known, patient=patients, operation="add" if kind == "synthetic" else "")


def figures(shift, null=5.0, own=None):
    tables_ = [table("real", 20), table("real_floor", 30, seed=1), table("synthetic", 24, shift, 2)]
    whole = pd.concat(tables_ if own is None else own)
    rows = lesion_realism.rows(
        whole, table("synthetic", 24, null, 3), "tscr", 50, np.random.default_rng(0)
    )
    return build(rows).set_index(["metric", "arm"])


def test_tissue_that_is_off_around_lesions_is_told_from_that_around_real_ones():
    same, off = figures(0.0), figures(3.0)
    assert off.loc[("shell_frd", "all"), "value"] > same.loc[("shell_frd", "all"), "value"] + 1
    assert off.loc[("lesion_frd", "all"), "value"] == same.loc[("lesion_frd", "all"), "value"]
    assert off.loc[("shell_shift", "a/all"), "low"] > 1.5
    held = same.loc[("shell_shift", "a/all")]
    assert held["low"] < 0 < held["high"]


def test_each_figure_stands_beside_real_lesions_of_other_patients_and_its_null_arm():
    found = figures(0.0)["value"]
    assert found["shell_frd", "all/untrained"] > found["shell_frd", "all/real_floor"] + 1
    kinds = [f"{kind}{end}" for kind in ("all", "add") for end in ("", "/real_floor", "/untrained")]
    assert set(found["lesion_frd"].index) == set(kinds)
    names = ("a", "rim_gradient")
    assert set(found["shell_shift"].index) == {f"{name}/{kind}" for name in names for kind in kinds}


def test_one_lesion_whose_shell_cannot_be_measured_changes_no_figure_of_the_others():
    drawn = table("synthetic", 25, 0.0, 2)
    drawn.loc[24, "shell_a"] = np.nan
    own = [table("real", 20), table("real_floor", 30, seed=1)]
    lost, whole = figures(0, own=[*own, drawn]), figures(0, own=[*own, drawn.iloc[:24]])
    pair = [found.loc[("shell_frd", "all"), "value"] for found in (lost, whole)]
    assert pair[0] == pytest.approx(pair[1], abs=0.1)  # other subsets are drawn
    assert lost.loc[("shell_shift", "a/all"), "n"] == 24


def test_several_lesions_of_a_patient_count_as_one_in_distances():
    own = [table("real", 60, each=3), table("real_floor", 30), table("synthetic", 24, 0.0, 2)]
    assert figures(0.0, own=own).loc[("lesion_frd", "all"), "n"] == 20


def test_arms_are_compared_at_one_n_and_one_that_is_too_small_takes_no_figure_of_the_others():
    own = [table("real", 20), table("real_floor", 30), table("synthetic", 12, 0.0, 2)]
    found = figures(0.0, own=own)["n"]["lesion_frd"]
    assert found.to_dict() == dict.fromkeys(found.index, 12)
    own = [table("real", 20), table("real_floor", 30), table("synthetic", 5, 0.0, 2)]
    found = figures(0.0, own=own).loc["lesion_frd"]
    assert np.isnan(found.loc["all", "value"])
    assert (found.loc[["all/real_floor", "all/untrained"], "n"] == 20).all()


def test_lesions_drawn_for_a_patient_that_is_compared_with_are_left_out():
    drawn = table("synthetic", 24, 0.0, 2).assign(patient="real0")
    found = figures(0.0, own=[table("real", 20), table("real_floor", 30), drawn])
    assert found.loc[("lesion_frd", "all"), "n"] == 0
    assert np.isnan(found.loc[("lesion_frd", "all"), "value"])
    assert np.isfinite(found.loc[("lesion_frd", "all/real_floor"), "value"])


def test_lesions_of_few_patients_have_no_interval():
    drawn = table("synthetic", 24, 0.0, 2, each=12)
    found = figures(0.0, own=[table("real", 20), table("real_floor", 30), drawn])
    assert np.isnan(found.loc[("shell_shift", "a/all"), "low"])


def test_too_few_real_lesions_or_none_are_said_to_be_too_few():
    for count in (3, 0):
        own = pd.concat([table("real", count), table("synthetic", 24)])
        rows = lesion_realism.rows(own, pd.DataFrame(), "tscr", 50, np.random.default_rng(0))
        found = build(rows).set_index(["metric", "arm"])
        assert np.isnan(found.loc[("lesion_frd", "all"), "value"])
        assert "fewer than" in found.loc[("lesion_frd", "all"), "note"]
