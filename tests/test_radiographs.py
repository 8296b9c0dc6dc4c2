"""What is read off one radiograph, with maps and readings whose agreement is known."""

from dataclasses import replace

import numpy as np
import pytest

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation import radiographs
from radfoundry.evaluation.readers import stated
from radfoundry.evaluation.readers.finding_reader import Reader, Reading

NAMES = ("cardiomegaly", "opacity")
SIDE = 20
MARK = (slice(4, 8), slice(2, 6))  # on the patient's right
NOWHERE = (slice(0, 0), slice(0, 0))


def lungs(wide=6):
    masks = {name: np.zeros((SIDE, SIDE), bool) for name in ("lung_right", "lung_left")}
    masks["lung_right"][2:16, 2 : 2 + wide] = True
    masks["lung_left"][2:16, 12:18] = True
    return volume.plane(regions.compose(masks))


def film(anatomy=None, mark=MARK, **facts):
    """Return a film with an opacity on the right, or elsewhere."""
    marks = np.zeros((SIDE, SIDE), np.uint8)
    marks[mark] = regions.label_id("opacity")
    labels = lungs() if anatomy is None else anatomy
    known = {"findings": "opacity", "split": "train", **facts}
    image = volume.radiograph(np.full((SIDE, SIDE), 0.5, np.float32))
    return Case("syn-1", image, labels, volume.plane(marks), known)


def reading(place=MARK, present=0.9, sides=(0.8, 0.1)):
    """Return a reader that sees an opacity in one place, whatever the image."""
    maps = np.zeros((2, SIDE, SIDE), np.float32)
    maps[1][place] = 0.9
    found = Reading(np.array([0.2, present]), np.array([[0.1, 0.1], sides]), maps)
    return Reader(NAMES, lambda image: found)


def measured(sample, reader, other=None, found=None, **asked):
    known = stated.of_sample(sample, asked, NAMES)
    labels = lungs() if found is None else found
    return radiographs.measured(sample, other, known, lambda image: labels, reader)


OPACITY = {"findings": [{"name": "opacity", "side": "right", "severity": "severe"}]}


def test_organs_that_are_found_are_compared_with_the_map_that_came_with_the_image():
    values = measured(film(), None, found=lungs(3))
    assert values["anatomy_dice_lung_left"] == 1
    assert values["anatomy_dice_lung_right"] == pytest.approx(2 / 3)
    assert np.isnan(values["anatomy_dice_heart"])  # nobody drew one
    assert not any(name.startswith("score") for name in values)


def test_organs_of_another_film_are_the_floor():
    values = measured(film(), None, other=film(lungs(3)))
    assert values["anatomy_dice_lung_right"] == 1
    assert values["shuffled_dice_lung_right"] == pytest.approx(2 / 3)


def test_a_segmenter_is_not_compared_with_its_own_labels():
    values = radiographs.measured(film(), film(), stated.of_film(film(), NAMES), None, reading())
    assert values["score_opacity"] == pytest.approx(0.9)
    assert not any("anatomy" in name or "shuffled" in name for name in values)


def test_the_organs_of_another_film_are_never_those_of_the_same_patient():
    one = film()
    shown = [replace(one, name=n, facts={"patient": n[0]}) for n in ("a1", "a2", "b1", "b2", "a3")]
    pairs = [(f.name, other and other.name) for f, other in radiographs.with_another(shown)]
    others = [None, None, "a2", "a2", "b2"]
    assert pairs == list(zip(("a1", "a2", "b1", "b2", "a3"), others, strict=True))


def test_a_drawing_that_cannot_be_segmented_has_no_organ():
    def refuse(image):
        raise ValueError("no chest")

    known = stated.of_sample(film(), {}, NAMES)
    values = radiographs.measured(film(), None, known, refuse, None)
    assert values["anatomy_dice_lungs"] == 0


def test_a_finding_that_is_drawn_as_asked_is_right_in_everything():
    values = measured(film(), reading(), **OPACITY)
    right = {"asked_opacity": 1, "asked_cardiomegaly": 0, "side_opacity": 1, "pointing_opacity": 1}
    right |= {"right_opacity": 1, "severity_opacity": 3, "finding_dice_opacity": 1}
    assert {name: values[name] for name in right} == right
    assert values["score_opacity"] == pytest.approx(0.9)
    assert values["area_opacity"] == pytest.approx(16 / 400)
    assert values["outside_fraction"] == 0


def test_a_finding_elsewhere_is_wrong_in_place_and_side():
    left = (slice(4, 8), slice(14, 18))
    values = measured(film(), reading(left, sides=(0.1, 0.8)), **OPACITY)
    wrong = ("side_opacity", "pointing_opacity", "finding_dice_opacity")
    assert [values[name] for name in wrong] == [0, 0, 0]
    assert values["outside_fraction"] == 1


def test_half_of_what_is_marked_outside_is_one_half():
    wider = (slice(4, 8), slice(2, 10))
    values = measured(film(), reading(wider), **OPACITY)
    assert values["outside_fraction"] == pytest.approx(0.5)
    assert values["finding_dice_opacity"] == pytest.approx(2 / 3)


def test_no_side_is_right_where_both_are_asked_for_and_a_mask_tells_it_where_words_do_not():
    both, unsaid = [{"name": "opacity", "side": "bilateral"}], [{"name": "opacity"}]
    assert np.isnan(measured(film(), reading(), findings=both)["side_opacity"])
    assert measured(film(), reading(), findings=unsaid)["side_opacity"] == 1
    bare = film(mark=NOWHERE)
    assert np.isnan(measured(bare, reading(), findings=unsaid)["side_opacity"])


def test_where_no_mask_is_known_nothing_is_said_of_the_place():
    values = measured(film(mark=NOWHERE), reading(), **OPACITY)
    assert np.isnan(values["outside_fraction"])
    assert "finding_dice_opacity" not in values
    assert values["score_opacity"] == pytest.approx(0.9)


def test_what_is_marked_where_nothing_was_asked_for_is_all_outside():
    values = measured(film(mark=NOWHERE, findings=""), reading(), findings=[])
    assert values["asked_opacity"] == 0
    assert values["outside_fraction"] == 1


def test_of_a_failed_draw_it_is_known_what_was_asked():
    values = radiographs.failed(OPACITY, NAMES)
    assert values["failed_draw"] == 1
    assert (values["asked_opacity"], values["right_opacity"]) == (1, 1)
    assert np.isnan(values["severity_cardiomegaly"])
