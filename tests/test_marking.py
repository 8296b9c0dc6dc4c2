"""Masks of stated findings: readers first, then boxes, then what a detector sees, or none."""

import json

import numpy as np
import pytest

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_xray.marking import (
    Evidence,
    Normality,
    confidence,
    findings_map,
    marked,
    marks,
    normality,
)
from radfoundry.data import reader_boxes
from radfoundry.data.gate.source import Raw
from radfoundry.data.preprocess import radiograph

SIDE = 32
CUTS = {"quantile": 0.9, "least_area": 0.02, "least_confidence": 0.8}
OPTIONS = {**CUTS, "names": ["opacity", "consolidation"]}
NORMAL = {"lungs": Normality(0.5, [0.0] * 9)}


def lungs():
    """Return an anatomy map with two lungs, 200 pixels each."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[6:26, 4:14] = regions.label_id("lung_right")
    labels[6:26, 18:28] = regions.label_id("lung_left")
    return labels


def patch(rows, columns):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


def seen(*places):
    return Evidence(lungs(), score=np.sum([1.0 * patch(*one) for one in places], axis=0))


def asked(evidence, *stated):
    return {one.finding: one for one in marks(stated, evidence, NORMAL, OPTIONS)}


def test_the_detectors_mask_is_named_by_the_report_and_stays_in_the_allowed_region():
    found = asked(seen(((8, 14), (10, 22))), "consolidation")["consolidation"]
    assert (found.by, found.status, found.confidence) == ("detector", "present", 0.9)
    np.testing.assert_array_equal(found.mask, patch((8, 14), (10, 22)) & (lungs() > 0))


def test_a_film_whose_finding_the_detector_does_not_see_gets_no_mask_and_says_why():
    found = asked(seen(), "opacity")["opacity"]
    assert (found.by, found.status, found.mask.any()) == ("detector", "absent", False)
    assert "healthy films show less" in found.message


def test_what_most_healthy_films_show_too_is_not_seen():
    evidence, normal = seen(((8, 14), (6, 12))), {"lungs": Normality(0.5, [2.0] * 9)}
    (found,) = marks(["opacity"], evidence, normal, OPTIONS)
    assert (found.status, found.mask.any()) == ("absent", False)


def test_two_findings_of_one_region_are_not_told_apart_by_a_detector():
    found = asked(seen(((8, 14), (6, 12))), "opacity", "consolidation")
    assert {one.status for one in found.values()} == {"unknown"}
    assert "cannot tell" in found["opacity"].message


def test_the_detector_is_asked_for_nothing_that_it_was_not_taught():
    found = asked(seen(((8, 14), (6, 12))), "cardiomegaly")["cardiomegaly"]
    assert (found.by, found.status, found.mask.any()) == ("", "unknown", False)


def test_a_readers_mask_wins_over_box_and_detector():
    outlined = np.where(patch((20, 24), (20, 24)), regions.label_id("opacity"), 0).astype(np.uint8)
    score, box = 1.0 * patch((8, 14), (6, 12)), {"opacity": patch((8, 20), (5, 13))}
    evidence = Evidence(lungs(), outlined, boxes=box, score=score)
    found = marks(["opacity"], evidence, NORMAL, OPTIONS)
    assert [(one.by, one.confidence) for one in found] == [("reader", 1.0)]
    np.testing.assert_array_equal(findings_map(found, evidence), outlined)


def test_a_reader_who_marked_findings_and_not_this_one_saw_none():
    evidence = Evidence(lungs(), np.zeros((SIDE, SIDE), np.uint8), score=np.ones((SIDE, SIDE)))
    assert asked(evidence, "opacity")["opacity"].by == "reader"
    assert asked(evidence, "opacity")["opacity"].status == "absent"


def test_of_a_finding_whose_mask_is_missing_the_detector_is_asked_and_the_readers_pixels_stay():
    outlined = np.where(patch((8, 12), (6, 10)), regions.label_id("nodule"), 0).astype(np.uint8)
    score = 1.0 * patch((8, 14), (6, 12))
    evidence = Evidence(lungs(), outlined, ["opacity"], score=score)
    found = marks(["opacity", "nodule"], evidence, NORMAL, OPTIONS)
    assert [one.by for one in found] == ["detector", "reader"]
    drawn = findings_map(found, evidence)
    assert (drawn == regions.label_id("nodule")).sum() == 16
    assert (drawn == regions.label_id("opacity")).sum() == 36 - 16


def test_a_box_wins_over_the_detector_and_is_cut_to_the_region():
    box = {"opacity": patch((8, 20), (10, 16))}
    evidence = Evidence(lungs(), boxes=box, score=np.ones((SIDE, SIDE)))
    found = asked(evidence, "opacity")["opacity"]
    assert (found.by, found.mask.sum()) == ("box", 12 * 4)
    assert found.confidence == pytest.approx(4 / 6)


def test_a_box_outside_the_region_is_no_mask():
    evidence = Evidence(lungs(), boxes={"opacity": patch((28, 31), (0, 9))})
    found = asked(evidence, "opacity")["opacity"]
    assert (found.by, found.status) == ("box", "absent")
    assert "outside" in found.message


def test_where_the_detector_is_not_to_be_asked_the_table_says_why():
    evidence = Evidence(lungs(), why_not="test split")
    assert asked(evidence, "opacity")["opacity"].message == "test split"


def test_what_a_reader_ignored_stays_ignored():
    ignored = np.where(patch((8, 12), (6, 10)), 255, 0).astype(np.uint8)
    evidence = Evidence(lungs(), ignored)
    np.testing.assert_array_equal(findings_map(asked(evidence).values(), evidence), ignored)


def test_the_threshold_marks_a_tenth_of_healthy_pixels_and_few_films_make_nothing_sure():
    rng = np.random.default_rng(0)
    films, inside = rng.random((4, SIDE, SIDE)), lungs() > 0
    normal = normality(films, [inside] * 4, CUTS | {"least_area": 0.0})
    assert np.mean([(film > normal.threshold)[inside].mean() for film in films]) == pytest.approx(
        0.1, abs=0.005
    )
    assert confidence(1.0, normal) == 4 / 5


def test_without_a_healthy_film_that_shows_the_region_nothing_is_normal():
    with pytest.raises(ValueError, match="none of 1 healthy films"):
        normality([np.ones((4, 4))], [np.zeros((4, 4), bool)], CUTS)


def test_an_untrained_detector_that_changes_nothing_marks_nothing():
    flat, inside = np.zeros((SIDE, SIDE)), lungs() > 0
    normal = normality([flat], [inside], CUTS)
    assert not marked(flat, inside, normal.threshold, CUTS).any()


def test_boxes_follow_their_film_onto_the_canvas():
    film = np.random.default_rng(0).random((60, 120)).astype(np.float32)
    _, record = radiograph(Raw(volume.radiograph(film), "", False), {"size": 60})
    drawn = reader_boxes.masks(
        "opacity:20,10,40,30|nodule:-5,-5,9,9", json.loads(json.dumps(record))
    )
    rows, columns = np.nonzero(drawn["opacity"])
    assert (rows.min(), rows.max() + 1) == (15 + 5, 15 + 20)
    assert (columns.min(), columns.max() + 1) == (10, 30)
    assert drawn["nodule"].sum() == 4
