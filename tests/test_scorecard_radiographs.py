"""Rows of drawn radiographs, from small tables with known answers."""

import math

import numpy as np
import pandas as pd
import pytest

from radfoundry.report.scorecard import films, radiographs, untrained
from radfoundry.report.scorecard.card import build

PROBES = ["sample", "patient", "probe", "arm", "measurement", "value"]
NAN = math.nan


def table(probe="dataset", arm="-", **measured):
    """Return rows of the table `probes`: one sample for each value of the measurements."""
    rows = [
        (f"{probe}-{n}", f"p{n}", probe, arm, name, value)
        for name, values in measured.items()
        for n, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=PROBES).astype({"value": float})


NONE = table()
ASKED = [1.0] * 6 + [0.0] * 6


def rows(drawn, real=NONE, null=NONE, paper=None):
    """Return the rows of the scorecard by metric and arm; it must not contradict itself."""
    given = radiographs.Tables(drawn, real, null)
    found = radiographs.rows(given, "mine", 100, np.random.default_rng(0), paper or {})
    build(found)
    return {(row.metric, row.arm): row for row in found}


def scored(scores, asked=ASKED):
    return table(asked_opacity=asked, score_opacity=scores)


SEPARATE = [0.9, 0.8, 0.9, 0.7, 0.9, 0.8] + [0.1, 0.2, 0.3, 0.1, 0.2, 0.1]
ALIKE = [0.5] * 12
SOME = [0.9, 0.8, 0.1, 0.7, 0.9, 0.2] + [0.1, 0.8, 0.3, 0.1, 0.2, 0.1]


def test_organs_stand_beside_real_films_and_the_organs_of_another_film():
    drawn = table(anatomy_dice_lungs=[0.8, 0.9, 1.0], shuffled_dice_lungs=[0.5, 0.5, NAN])
    found = rows(drawn, table("real", "test", anatomy_dice_lungs=[0.95] * 3))
    values = {arm: row.value for (_, arm), row in found.items()}
    assert values == pytest.approx({"lungs": 0.9, "lungs/shuffled": 0.5, "lungs/real": 0.95})
    assert found["anatomy_dice", "lungs/shuffled"].n == 2


def test_a_reader_that_tells_samples_apart_stands_beside_itself_on_real_films():
    found = rows(scored(SEPARATE), scored(SOME))
    own, real = (found["prompt_auroc", arm] for arm in ("opacity", "opacity/real"))
    assert own.value == 1
    assert 0.5 < real.value < 1
    ratio = found["prompt_auroc_ratio", "opacity"]
    assert ratio.value == pytest.approx(1 / real.value)
    assert ratio.low <= ratio.value <= ratio.high
    assert own.note == "6 with it against 6 without"


def several(**scores):
    """Return films of several findings, each with its scores; no scores: no film shows it."""
    none = {"asked": [0.0] * 12, "score": ALIKE}
    named = {n: {"asked": ASKED, "score": s} if s else none for n, s in scores.items()}
    return table(**{f"{k}_{n}": v for n, part in named.items() for k, v in part.items()})


def test_the_mean_of_findings_is_over_those_that_samples_and_real_films_both_show():
    drawn = several(opacity=SOME, nodule=SOME, cardiomegaly=SEPARATE)
    found = rows(drawn, several(opacity=SOME, nodule=SOME, cardiomegaly=[]))
    assert found["prompt_auroc_ratio", "opacity"].value == pytest.approx(1)
    assert found["prompt_auroc_ratio", "all"].value == pytest.approx(1)
    assert found["prompt_auroc", "all"].note == "mean of nodule, opacity"
    assert found["prompt_auroc", "cardiomegaly"].value == 1


def test_a_null_arm_that_lacks_a_finding_has_no_mean_and_takes_none_from_the_recipe():
    drawn, null = several(opacity=SOME, nodule=SEPARATE), several(opacity=SOME, nodule=[])
    found = rows(drawn, drawn, null)
    assert found["prompt_auroc", "all"].note == "mean of nodule, opacity"
    assert ("prompt_auroc", "opacity/untrained") in found
    assert ("prompt_auroc", "all/untrained") not in found


def test_probes_are_no_part_of_what_is_told_apart():
    probe = table("prompt", "opacity", asked_opacity=ASKED, score_opacity=SEPARATE)
    found = rows(pd.concat([scored(ALIKE), probe]), scored(SOME))
    assert (found["prompt_auroc", "opacity"].value, found["prompt_auroc", "opacity"].n) == (0.5, 12)


def test_samples_that_are_all_asked_to_show_a_finding_have_no_area_and_say_so():
    found = rows(scored(SEPARATE, [1.0] * 12), scored(SOME))
    row = found["prompt_auroc_ratio", "opacity"]
    assert math.isnan(row.value)
    assert "12 with it against 0 without: none" in row.note


def test_without_both_kinds_of_real_films_there_is_no_ratio():
    found = rows(scored(SEPARATE), scored(SOME, [0.0] * 12))
    assert radiographs.NO_PARTNER in found["prompt_auroc_ratio", "opacity"].note


def test_the_null_arm_states_which_share_of_what_is_beyond_chance_it_has():
    found = rows(scored(SEPARATE), NONE, scored(ALIKE))
    assert found["prompt_auroc", "opacity/untrained"].value == 0.5
    assert found["prompt_auroc_share", "opacity/untrained"].value == 0
    card = build(list(found.values()))
    assert "Untrained, the same pipeline has at most a fifth" in untrained.sentence(card, "mine")


PLACED = {
    "asked_opacity": [1.0] * 6, "pointing_opacity": [1, 1, 1, 0, 1, 1],
    "finding_dice_opacity": [0.6] * 6, "area_opacity": [0.01, 0.01, 0.05, 0.05, 0.2, 0.2],
    "right_opacity": [1, 1, 0, 0, NAN, NAN], "side_opacity": [1, 0, 1, 1, NAN, NAN],
}  # fmt: skip


def test_places_are_told_by_finding_side_and_size_of_the_mask():
    found = rows(table(**PLACED), table("real", "test", **PLACED))
    pointed = {arm: row.value for (name, arm), row in found.items() if name == "pointing_accuracy"}
    assert pointed["opacity"] == pytest.approx(5 / 6)
    assert (pointed["opacity/right"], pointed["opacity/left"]) == (1, 0.5)
    assert (pointed["opacity/small"], pointed["opacity/medium"]) == (1, 0.5)
    assert found["finding_dice", "opacity/large/real"].value == pytest.approx(0.6)


def test_sides_count_where_one_was_asked_for_and_a_failed_draw_is_wrong():
    failed = {"failed_draw": [1.0], "asked_opacity": [1.0], "right_opacity": [1.0]}
    found = rows(pd.concat([table(**PLACED), table("side", "right", **failed)]))
    row = found["laterality_accuracy", "opacity"]
    assert (row.value, row.n) == (pytest.approx(3 / 5), 5)
    assert row.note == "1 not drawn, counted as wrong"
    assert found["laterality_accuracy", "opacity/left"].value == 1
    assert found["pointing_accuracy", "opacity"].n == 7


def test_severity_is_followed_where_more_of_it_covers_more_of_the_film():
    asked = {"asked_opacity": [1.0] * 6, "severity_opacity": [1.0, 1, 2, 2, 3, 3]}
    grows = rows(table(**asked, extent_opacity=[0.1, 0.1, 0.2, 0.2, 0.3, 0.3]))
    flat = rows(table(**asked, extent_opacity=[0.1] * 6))
    key = "requested_measured_spearman", "opacity/severity"
    assert grows[key].value == pytest.approx(1)
    assert math.isnan(flat[key].value)


def test_findings_that_occur_together_as_in_real_films_have_no_error():
    both = {"asked_opacity": [1.0] * 8, "asked_nodule": [1.0] * 8}
    together = [0.9] * 4 + [0.1] * 4
    real = table("real", "test", **both, score_opacity=together, score_nodule=together)
    never = table(**both, score_opacity=together, score_nodule=together[::-1])
    same = rows(real.assign(probe="dataset"), real)
    assert same["cooccurrence_error", "read"].value == 0
    assert rows(never, real)["cooccurrence_error", "read"].value == pytest.approx(0.5)
    assert ("cooccurrence_error", "read/real") in same
    assert ("cooccurrence_error", "masks") not in same  # no mask came with any film


def test_samples_and_their_floor_are_compared_with_the_same_half_of_real_films():
    asked = {"asked_opacity": [1.0] * 8, "asked_nodule": [1.0] * 8, "score_opacity": [0.9] * 8}
    real = table("real", "test", **asked, score_nodule=[0.9, 0.1] * 4)  # every other patient
    found = rows(table(**asked, score_nodule=[0.1] * 8), real)
    own, floor = (found["cooccurrence_error", arm] for arm in ("read", "read/real"))
    assert (own.value, floor.value) == (0, 1)
    assert (own.note, floor.note) == ("8 against 4 films", "4 against 4 films")


def test_what_is_given_of_a_case_is_no_answer_to_a_prompt():
    found = rows(pd.concat([scored(SEPARATE), table("segment", "with_text", asked_opacity=[1.0])]))
    assert found["prompt_auroc", "opacity"].n == 12


def test_organs_that_are_given_as_they_are_and_moved_stand_apart_too():
    dice = {"case": [0.9, 0.9], "warp": [0.7, 0.7]}
    given = [table("given", arm, anatomy_dice_heart=own) for arm, own in dice.items()]
    given = pd.concat(
        [one.assign(sample=one["sample"] + name) for one, name in zip(given, "ab", strict=True)]
    )
    found = rows(pd.concat([given, table(anatomy_dice_heart=[0.8])]))
    values = {arm: row.value for (_, arm), row in found.items()}
    assert values["heart"] == pytest.approx(0.8)
    assert (values["heart/given_case"], values["heart/given_warp"]) == (0.9, 0.7)


def test_the_papers_figure_stands_beside_ours_and_no_real_film():
    paper = {"anatomy_dice": {"lungs": 0.93}}
    organs = table(anatomy_dice_lungs=[0.8, 0.9])
    found = rows(organs, organs, paper=paper)
    assert found["anatomy_dice", "lungs"].published == 0.93
    assert math.isnan(found["anatomy_dice", "lungs/real"].published)


def test_nothing_that_was_measured_gives_no_row():
    assert rows(NONE, NONE) == {}


def test_ranks_that_are_all_alike_have_no_correlation():
    assert math.isnan(films.spearman(np.ones(4), np.arange(4.0)))
    assert films.spearman(np.arange(4.0), -np.arange(4.0)) == pytest.approx(-1)
