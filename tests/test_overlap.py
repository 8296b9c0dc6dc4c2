"""Overlap of masks: what is empty, what is ignored, what a method claims."""

import math

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.evaluation.metrics import overlap

EVERYTHING = ("lung_right", "lung_left", "heart", "mediastinum")


def block(*columns, shape=(4, 8)):
    mask = np.zeros(shape, bool)
    mask[:, list(columns)] = True
    return mask


def radiograph(**masks):
    return regions.compose(masks)


def test_two_empty_masks_have_no_overlap():
    assert math.isnan(overlap.dice(block(), block()))


def test_a_mask_missed_altogether_has_dice_0():
    assert overlap.dice(block(), block(1)) == 0
    assert overlap.dice(block(1), block()) == 0


def test_half_of_a_mask_has_two_thirds_of_dice():
    assert overlap.dice(block(1), block(1, 2)) == pytest.approx(2 / 3)


def test_counts_are_true_positive_false_positive_false_negative():
    assert overlap.counts(block(0, 1, 2), block(2, 3)).tolist() == [4, 8, 4]


def test_ignored_pixels_count_neither_for_nor_against():
    found, truth = block(1, 5), block(1, 6)
    assert overlap.dice(found, truth, ignored=block(5, 6)) == 1
    assert math.isnan(overlap.dice(found, truth, ignored=block(1, 5, 6)))


def test_masks_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 8\) and \(3, 8\)"):
        overlap.dice(block(), block(shape=(3, 8)))


def test_a_region_of_several_ids_is_compared_as_one():
    truth, found = np.array([[1, 2, 255, 0]]), np.array([[2, 1, 0, 0]])
    dices = overlap.label_dice(found, truth, {"both": (1, 2), "one": (1,), "none": (9,)})
    assert (dices["both"], dices["one"]) == (1, 0)
    assert math.isnan(dices["none"])


def test_perfect_labels_have_dice_1_in_every_region_of_the_truth():
    truth = radiograph(lung_right=block(0, 1), lung_left=block(5, 6), heart=block(4))
    found = overlap.of_regions(truth, truth, EVERYTHING)
    assert found == dict.fromkeys(["lung_right", "lung_left", "lungs", "cardiomediastinum"], 1)


def test_heart_and_mediastinum_are_told_apart_only_by_a_truth_that_shows_both():
    truth = radiograph(lung_right=block(0), heart=block(4), mediastinum=block(3))
    assert {"heart", "mediastinum"} <= set(overlap.of_regions(truth, truth, EVERYTHING))
    as_one = radiograph(lung_right=block(0), mediastinum=block(3, 4))
    found = overlap.of_regions(truth, as_one, EVERYTHING)
    assert "heart" not in found
    assert found["cardiomediastinum"] == 1


def test_a_region_that_a_method_does_not_claim_is_not_held_against_it():
    truth = radiograph(lung_right=block(0), lung_left=block(6), heart=block(4))
    assert set(overlap.of_regions(truth, truth, ("lung_right",))) == {"lung_right"}
    lungs = overlap.of_regions(truth, truth, ("lung_right", "lung_left", "heart"))
    assert "cardiomediastinum" not in lungs


def test_a_claimed_region_that_the_labels_lack_has_dice_0():
    truth = radiograph(lung_right=block(0), lung_left=block(6))
    found = overlap.of_regions(np.zeros_like(truth), truth, ("lung_right", "lung_left"))
    assert found == {"lung_right": 0, "lung_left": 0, "lungs": 0}


def test_a_region_that_the_truth_does_not_show_has_no_figure():
    truth = radiograph(lung_right=block(0))
    assert "lung_left" not in overlap.of_regions(truth, truth, EVERYTHING)


def test_lung_behind_the_heart_belongs_to_lung_and_heart():
    truth = radiograph(lung_left=block(4, 5), heart=block(3, 4), mediastinum=block(2))
    found = overlap.of_regions(radiograph(lung_left=block(4, 5)), truth, EVERYTHING)
    assert (found["lung_left"], found["heart"]) == (1, 0)


def test_pixels_that_a_reader_ignored_do_not_count_in_any_region():
    truth = radiograph(lung_right=block(0, 1))
    found = truth.copy()
    truth[:, 1] = regions.vocabulary().ignore
    assert overlap.of_regions(found, truth, EVERYTHING)["lung_right"] == 1


def test_lobes_that_are_all_claimed_make_lungs():
    labels = np.zeros((2, 3, 5), np.uint8)
    for place, name in enumerate([*regions.LOBES["lung_right"], *regions.LOBES["lung_left"]]):
        labels[:, :, place] = regions.label_id(name)
    found = overlap.of_regions(labels, labels, [n for own in regions.LOBES.values() for n in own])
    assert {"lungs", "lung_right", "lung_left", "lung_middle_lobe_right"} <= set(found)


def test_a_heart_outlined_in_a_volume_counts_without_a_mediastinum():
    labels = np.full((2, 3, 4), regions.label_id("heart"), np.uint8)
    assert overlap.of_regions(labels, labels, ["heart"]) == {"heart": 1}


def test_a_body_that_no_reader_outlined_is_not_compared():
    truth = np.full((2, 3, 4), regions.label_id("heart"), np.uint8)
    assert "body" not in overlap.of_regions(truth, truth, ["heart", "body"])
