"""A detection experiment's figures, from tables small enough to know them by heart."""

import numpy as np
import pandas as pd
import pytest

from radfoundry import tables
from radfoundry.case import Case
from radfoundry.evaluation.metrics import comparison
from radfoundry.volume import Volume

NO_TRUTH = comparison.pixel_row(np.zeros((4, 4)), None, 0.5)
SCORES = {"good": (0, 1, 8, 9), "bad": (9, 8, 1, 0)}


def marked(columns, diseased):
    """Return the pixel figures of a 4 x 4 case whose disease, if any, is its left half."""
    found, labels = np.zeros((4, 4)), np.zeros((4, 4), np.uint8)
    found[:, :columns] = 0.9
    labels[:, : 2 * diseased] = 40
    return comparison.pixel_row(found, labels, 0.5)


def cases(arm="good", seed=0, scores=None, cohort="own", pixels=None):
    """Return two healthy and two diseased cases as one arm and seed saw them."""
    findings = ("", "", "opacity", "nodule|emphysema")
    known = pixels or [marked(0, 0), marked(0, 0), marked(2, 1), marked(1, 1)]
    rows = zip("abcd", findings, scores or SCORES[arm], known, strict=True)
    made = [
        {"case": c, "patient": f"p-{c}", "findings": f, "score": float(s), **k}
        for c, f, s, k in rows
    ]
    return pd.DataFrame(made).assign(arm=arm, seed=seed, cohort=cohort)


def compared(*parts, draws=50, seed=0):
    rng = np.random.default_rng(seed)
    found = comparison.summarised(pd.concat(parts), ("opacity",), draws, rng)
    return found.set_index(["metric", "arm", "test", "findings"]).sort_index()


def test_figures_are_a_valid_table_of_comparisons():
    rng = np.random.default_rng(0)
    found = comparison.summarised(pd.concat([cases(), cases("bad")]), ("opacity",), 9, rng)
    assert tuple(found.columns) == comparison.COLUMNS
    assert len(tables.checked(found, "comparison", "here")) == len(found)


def test_every_arm_has_every_metric_of_every_test_set():
    found = compared(cases(), cases("bad")).reset_index()
    sets = {"synthesized", "never_synthesized", "opacity", "nodule", "emphysema"}
    assert set(found["findings"]) == sets
    assert set(found["arm"]) == {"good", "bad", "good-bad"}
    assert len(found) == len(sets) * 3 * len(comparison.METRICS)


def test_a_perfect_arm_gains_all_on_one_that_is_always_wrong():
    found = compared(cases(), cases("bad"))["value"]
    where = ("own", "opacity")
    assert found[("image_auroc", "good", *where)] == 1
    assert found[("image_auroc", "bad", *where)] == 0
    assert found[("image_auroc_gain", "good-bad", *where)] == 1


def test_a_value_is_the_mean_over_training_seeds():
    found = compared(cases(), cases(seed=1, scores=SCORES["bad"]))
    assert found["value"][("image_auroc", "good", "own", "opacity")] == 0.5


def test_dice_over_all_pixels_and_the_mean_of_cases_are_told_apart():
    pixels = [marked(0, 0), marked(4, 0), marked(2, 1), marked(1, 1)]
    found = compared(cases(pixels=pixels))["value"].xs("synthesized", level="findings")
    assert found[("pixel_dice_mean", "good", "own")] == 1
    assert found[("pixel_dice", "good", "own")] == pytest.approx(2 * 8 / (2 * 8 + 16))


def test_limits_enclose_the_value_and_equal_generators_agree():
    mixed = {"scores": (0, 5, 4, 6)}
    first, again = (compared(cases(**mixed), seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    defined = first.dropna()
    assert (defined["low"] <= defined["value"]).all()
    assert (defined["value"] <= defined["high"]).all()


def test_an_arm_gains_exactly_nothing_on_its_twin():
    twin = cases(scores=SCORES["good"]).assign(arm="twin")
    found = compared(cases(), twin).loc[("image_auroc_gain", "good-twin", "own", "opacity")]
    assert (found["value"], found["low"], found["high"]) == (0, 0, 0)


def test_rows_say_how_many_cases_and_patients_stand_against_each_other():
    doubled = cases().assign(patient="one")
    found = compared(doubled).loc[("image_auroc", "good", "own", "opacity")]
    assert (found["n"], found["patients"]) == (3, 1)
    assert found["note"] == "1 diseased, 2 healthy"


def test_cases_without_a_truth_have_image_figures_alone():
    found = compared(cases(pixels=[NO_TRUTH] * 4))["value"].xs("opacity", level="findings")
    assert found[("image_auroc", "good", "own")] == 1
    assert found[["pixel_dice", "pixel_dice_mean", "pixel_ap"]].isna().all()


def test_a_test_set_without_healthy_cases_has_no_area_under_the_curve():
    found = compared(cases().iloc[2:])["value"]
    assert np.isnan(found[("image_auroc", "good", "own", "opacity")])


def test_a_cohort_without_healthy_cases_borrows_them_and_its_name_says_so():
    ill = cases(cohort="far").iloc[2:].assign(case=["x", "y"])
    found = comparison.with_healthy(pd.concat([cases(), ill]), "own")
    assert set(found["cohort"]) == {"own", "far_vs_own"}
    assert sorted(found[found["cohort"] == "far_vs_own"]["case"]) == ["own:a", "own:b", "x", "y"]
    assert len(found[found["cohort"] == "own"]) == 4


def test_a_cohort_with_healthy_cases_borrows_none():
    both = pd.concat([cases(), cases(cohort="far")])
    pd.testing.assert_frame_equal(comparison.with_healthy(both, "own"), both)


def test_borrowed_healthy_cases_are_measured_in_every_arm():
    parts = [cases(arm) for arm in SCORES]
    parts += [cases(arm, cohort="far").iloc[2:].assign(case=["x", "y"]) for arm in SCORES]
    found = compared(comparison.with_healthy(pd.concat(parts), "own"))
    row = found.loc[("image_auroc", "good", "far_vs_own", "opacity")]
    assert (row["value"], row["n"], row["note"]) == (1, 3, "1 diseased, 2 healthy")


def test_cohorts_may_call_their_cases_alike():
    far = cases(cohort="far").iloc[2:].assign(case=["a", "b"], patient=["q-a", "q-b"])
    found = compared(comparison.with_healthy(pd.concat([cases(), far]), "own"))
    row = found.loc[("image_auroc", "good", "far_vs_own", "opacity")]
    assert (row["value"], row["n"], row["patients"]) == (1, 3, 3)


def test_a_case_with_one_synthesized_finding_counts_as_synthesized():
    sets = comparison.subsets(pd.Series(["", "opacity|nodule", "nodule"]), ("opacity",))
    assert {name: chosen.tolist() for name, chosen in sets.items()} == {
        "synthesized": [False, True, False],
        "never_synthesized": [False, False, True],
        "nodule": [False, True, True],
        "opacity": [False, True, False],
    }


def test_healthy_cases_alone_make_no_test_set():
    assert comparison.subsets(pd.Series(["", ""]), ("opacity",)) == {}


def test_a_case_without_a_truth_has_no_pixel_figures():
    assert np.isnan([NO_TRUTH[name] for name in ("tp", "fp", "fn")]).all()
    assert NO_TRUTH["healthy_pixels"] == NO_TRUTH["diseased_pixels"] == ""


def test_a_case_with_a_truth_counts_its_pixels_but_the_ignored_ones():
    found, labels = np.zeros((2, 3)), np.array([[40, 41, 0], [255, 0, 0]], np.uint8)
    found[:, 0] = 0.5
    row = comparison.pixel_row(found, labels, 0.5)
    assert (row["tp"], row["fp"], row["fn"]) == (1, 0, 1)
    bins = [row[f"{kind}_pixels"].split(",") for kind in ("healthy", "diseased")]
    assert [sum(map(int, counts)) for counts in bins] == [3, 2]


def test_findings_that_nobody_outlined_have_no_dice_beside_healthy_cases():
    pixels = [marked(1, 0), marked(1, 0), NO_TRUTH, NO_TRUTH]
    found = compared(cases(pixels=pixels))["value"].xs("opacity", level="findings")
    assert np.isnan(found[("pixel_dice", "good", "own")])


def test_figures_that_are_not_defined_say_why():
    pixels = [marked(1, 0), marked(0, 0), NO_TRUTH, NO_TRUTH]
    notes = compared(cases(pixels=pixels))["note"].xs("opacity", level="findings")
    assert notes[("pixel_dice", "good", "own")].endswith("not defined: nobody outlined a finding")
    assert notes[("image_auroc", "good", "own")] == "1 diseased, 2 healthy"
    alone = compared(cases().iloc[2:])["note"].xs("opacity", level="findings")
    assert alone[("image_ap", "good", "own")].endswith("not defined: no healthy case")


def test_pixel_figures_say_how_many_of_the_diseased_are_outlined():
    ill = cases(pixels=[marked(0, 0), marked(0, 0), marked(2, 1), NO_TRUTH])
    notes = compared(ill.assign(findings=["", "", "opacity", "opacity"]))["note"]
    found = notes[("pixel_dice", "good", "own", "opacity")]
    assert found == "2 diseased, 2 healthy; findings outlined in 1"


def test_what_is_outlined_in_healthy_cases_alone_gives_no_dice():
    pixels = [marked(1, 1), marked(1, 0), NO_TRUTH, NO_TRUTH]
    found = compared(cases(pixels=pixels))["value"].xs("opacity", level="findings")
    assert found[["pixel_dice", "pixel_dice_mean", "pixel_ap"]].isna().all()


@pytest.mark.parametrize(("findings", "known"), [("opacity", False), ("", True)])
def test_an_empty_map_is_the_truth_of_a_healthy_case_alone(findings, known):
    nothing = np.zeros((4, 1, 4), np.uint8)
    nothing[0] = 255  # ignored by the reader
    facts = {"patient": "p", "cohort": "own", "findings": findings}
    case = Case("a", Volume(nothing.astype(np.float32), np.eye(4)), nothing, nothing, facts)
    row = comparison.case_row(case, np.ones((4, 4)), 0.5, has_truth=True)
    assert np.isfinite(row["fp"]) == known
    assert bool(row["healthy_pixels"]) == known
