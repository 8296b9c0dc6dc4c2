"""A pseudo-label says of each structure how far it can be trusted, and never a silent zero."""

import math

import numpy as np
import pytest

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.anatomy.quality import assess, status

STRUCTURES = ("lung_right", "lung_left", "heart")


def boxes(**places):
    """Return an anatomy map of rectangles: name=(top, bottom, left, right) on 100 x 100."""
    masks = {}
    for name, (top, bottom, left, right) in places.items():
        masks[name] = np.zeros((100, 100), bool)
        masks[name][top:bottom, left:right] = True
    return volume.plane(regions.compose(masks))


WHOLE = {
    "lung_right": (15, 75, 10, 40),
    "lung_left": (15, 75, 60, 90),
    "heart": (50, 75, 40, 70),
}


def statuses(labels, **options):
    """Return each structure's status."""
    found = assess.assess(labels, STRUCTURES, **options)
    return {name: one.status for name, one in found.items()}


def test_a_plausible_chest_is_present():
    assert set(statuses(boxes(**WHOLE)).values()) == {"present"}


def test_lung_behind_the_heart_counts_as_lung():
    found = assess.assess(boxes(**WHOLE), STRUCTURES)
    assert found["lung_left"].area_fraction == pytest.approx(0.18)


def test_an_absent_heart_has_no_measurements():
    without = {name: place for name, place in WHOLE.items() if name != "heart"}
    heart = assess.assess(boxes(**without), STRUCTURES)["heart"]
    assert heart.status == "absent"
    assert math.isnan(heart.area_fraction)


def test_one_missing_lung_is_absent_and_the_other_present():
    one = {name: place for name, place in WHOLE.items() if name != "lung_left"}
    assert statuses(boxes(**one))["lung_left"] == "absent"
    assert statuses(boxes(**one))["lung_right"] == "present"


def test_no_lung_at_all_is_a_failure():
    nothing = volume.plane(np.zeros((100, 100), np.uint8))
    assert statuses(nothing)["lung_right"] == "failed"
    assert statuses(nothing)["lung_left"] == "failed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lung_left": (40, 41, 70, 71)}, "area"),
        ({"lung_left": (5, 95, 45, 99)}, "area"),
        ({"lung_right": (15, 75, 60, 90), "lung_left": (15, 75, 10, 40)}, "viewer's right"),
        ({"lung_left": (15, 27, 60, 80)}, "times as large"),
        ({"lung_right": (15, 75, 10, 50), "lung_left": (15, 75, 50, 90)}, "into each other"),
    ],
)
def test_an_implausible_lung_fails_and_says_why(change, words):
    found = assess.assess(boxes(**WHOLE | change), STRUCTURES)["lung_left"]
    assert found.status == "failed"
    assert words in found.reason


def test_a_lung_in_pieces_fails():
    labels = boxes(**WHOLE, lung=(0, 1, 0, 1))
    labels[10:40, 0, 50:60] = 0
    labels[60:90, 0, 50:60] = 0
    assert "parts" in assess.assess(labels, STRUCTURES)["lung_right"].reason


def test_a_lung_that_runs_off_the_film_is_cropped():
    cut = WHOLE | {"lung_right": (15, 75, 0, 30)}
    assert statuses(boxes(**cut))["lung_right"] == "cropped"


def test_the_film_ends_where_the_image_is_black():
    picture = np.zeros((100, 100), np.float32)
    picture[:, 10:] = 0.5
    image = volume.radiograph(picture)
    assert statuses(boxes(**WHOLE), image=image)["lung_right"] == "cropped"


def test_labels_outside_the_vocabulary_are_refused():
    labels = volume.plane(np.full((10, 10), 99, np.uint8))
    with pytest.raises(ValueError, match="99"):
        assess.assess(labels, STRUCTURES)


def test_an_image_of_another_size_is_refused():
    image = volume.radiograph(np.ones((50, 50), np.float32))
    with pytest.raises(ValueError, match="the image is"):
        assess.assess(boxes(**WHOLE), STRUCTURES, image=image)


@pytest.mark.parametrize(
    ("region", "structure", "on_film", "in_volume"),
    [
        ("lungs", "heart", True, False),
        ("heart", "lung_left", True, False),
        ("cardiomediastinum", "heart", True, True),
        ("lung_right", "lung_right", True, True),
        ("lungs", "lung_right", True, True),
        ("lung_left", "lung_right", False, False),
        ("lung_right", "lung_middle_lobe_right", True, False),
        ("lung_left", "lung_middle_lobe_right", False, False),
        ("pleural_effusion", "pleural_space", True, True),
        ("pleural_effusion", "lungs", False, False),
        ("emphysema", "lung_left", True, True),
        ("emphysema", "heart", True, False),
        ("nodule", "lungs", False, False),
        ("kidney", "lungs", False, False),
    ],
)
def test_what_is_read_off_a_region_depends_on(region, structure, on_film, in_volume):
    assert status.depends(region, structure, film=True) == on_film
    assert status.depends(region, structure, film=False) == in_volume


def test_a_region_that_does_not_exist_depends_on_nothing_but_is_refused():
    for names in (("liver", "heart"), ("heart", "liver")):
        with pytest.raises(ValueError, match="liver"):
            status.depends(*names, film=False)


@pytest.mark.parametrize("tree", ["airway", "lung_vessel"])
def test_a_bad_tree_does_not_take_the_lungs_of_a_volume_with_it(tree):
    assert status.depends(tree, tree, film=False)
    assert not status.depends("lungs", tree, film=False)
    assert not status.depends(tree, "lung_upper_lobe_left", film=False)
    assert status.depends("lung_upper_lobe_left", "lung_left", film=False)


def test_a_lung_falls_with_all_of_its_lobes_and_not_with_one():
    lobes = regions.LOBES["lung_left"]
    assert not status.depends("lungs", lobes[0], film=False)
    assert status.spread(lobes[:1]) == {lobes[0]}
    assert "lung_left" in status.spread(lobes)
    assert status.depends("lungs", "lung_left", film=False)


def test_nothing_but_the_body_rests_on_the_body():
    assert status.depends("body", "body", film=False)
    assert not status.depends("heart", "body", film=False)
