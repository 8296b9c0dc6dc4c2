"""What is read off a drawn volume, with maps whose overlaps are known."""

import numpy as np
import pytest

from radfoundry.anatomy import regions
from radfoundry.case import Case
from radfoundry.evaluation import synthesis
from radfoundry.volume import Volume

SHAPE = (12, 8, 8)
AFFINE = np.diag([5.0, 5.0, 5.0, 1.0])
LEFT, RIGHT = slice(0, 4), slice(8, 12)


def labels(*boxes):
    """Return a map of (structure, slice along x, slice along z) painted in order."""
    found = np.zeros(SHAPE, np.uint8)
    for name, x, z in boxes:
        found[x, :, z] = regions.label_id(name)
    return found


LUNGS = labels(
    ("lung_lower_lobe_left", LEFT, slice(0, 4)),
    ("lung_upper_lobe_left", LEFT, slice(4, 8)),
    ("lung_lower_lobe_right", RIGHT, slice(0, 4)),
    ("lung_upper_lobe_right", RIGHT, slice(4, 8)),
    ("airway", slice(5, 7), slice(4, 8)),
)


def case(shapes, name="sample", hu=-800.0, **facts):
    image = Volume(np.full(SHAPE, hu, np.float32), AFFINE)
    return Case(name, image, shapes, np.zeros(SHAPE, np.uint8), facts)


def measured(sample, found, source=None, truth=None, **asked):
    return synthesis.measured(sample, source, truth, asked, lambda image: found)


def test_the_image_is_measured_by_what_the_segmenter_sees_not_by_what_was_drawn():
    values = measured(case(labels(("heart", RIGHT, slice(0, 2)))), LUNGS)
    voxel_cm3 = 0.125
    assert values["airway_volume_cm3"] == pytest.approx(2 * 8 * 4 * voxel_cm3)
    assert values["lung_volume_l"] == pytest.approx(2 * 4 * 8 * 8 * voxel_cm3 / 1000)
    assert values["joint_dice_lungs"] == 0


def test_fluid_and_emphysema_that_are_looked_for_and_lacking_are_zero():
    values = measured(case(LUNGS), LUNGS)
    assert (values["effusion_volume_ml"], values["effusion_left_volume_ml"]) == (0, 0)
    assert values["emphysema_volume_ml"] == 0


def test_fluid_is_measured_on_its_side():
    wet = LUNGS.copy()
    wet[RIGHT, :4, :4] = regions.label_id("pleural_space")
    values = measured(case(LUNGS), wet)
    assert values["effusion_right_volume_ml"] == pytest.approx(4 * 4 * 4 * 0.125)
    assert values["effusion_left_volume_ml"] == 0


def test_drawn_shapes_are_compared_with_what_is_seen():
    half = LUNGS.copy()
    half[LEFT, :4] = 0
    values = measured(case(half), LUNGS)
    assert values["joint_dice_lung_lower_lobe_right"] == 1
    assert values["joint_dice_lung_lower_lobe_left"] == pytest.approx(2 / 3)
    assert values["joint_dice_airway"] == 1
    assert np.isnan(values["joint_dice_lung_vessel"])  # neither shows any


def test_a_shape_that_only_the_drawing_has_does_not_agree():
    extra = LUNGS.copy()
    extra[RIGHT, 0, 0] = regions.label_id("lung_lower_lobe_right_vessel")
    assert measured(case(extra), LUNGS)["joint_dice_lung_vessel"] == 0


def test_a_generator_that_draws_no_labels_is_not_judged_on_them():
    bare = case(np.zeros(SHAPE, np.uint8))
    values = measured(bare, LUNGS, case(LUNGS), case(LUNGS), probe="segment", given=["image"])
    drawn = [name for name in values if name.startswith(("joint", "truth"))]
    assert {"joint_dice_lungs", "truth_dice_airway"} < set(drawn)
    assert np.isnan([values[name] for name in drawn]).all()
    assert values["lung_volume_l"] > 0


def test_given_lobes_are_compared_only_where_lobes_were_given():
    source = case(LUNGS, "source")
    without = measured(case(LUNGS), LUNGS, source, given=["airway"])
    assert not any(name.startswith(("given", "ceiling")) for name in without)
    half = LUNGS.copy()
    half[:, :4] = 0
    values = measured(case(LUNGS), half, source, given=["lobes"])
    assert values["given_dice_lungs"] == pytest.approx(2 / 3)
    assert np.isnan(values["given_dice_lung_middle_lobe_right"])  # it was not given


def test_the_ceiling_is_what_the_segmenter_makes_of_the_sources_own_image():
    source, sample = case(LUNGS, "source", hu=-801.0), case(LUNGS)
    half = LUNGS.copy()
    half[:, :4] = 0
    values = synthesis.measured(
        sample, source, None, {"given": ["lobes"]},
        lambda image: LUNGS if image is source.image else half,
    )  # fmt: skip
    assert values["ceiling_dice_lungs"] == 1
    assert values["given_dice_lungs"] == pytest.approx(2 / 3)


def test_a_segmentation_is_compared_with_the_truth_before_the_labels():
    half = LUNGS.copy()
    half[LEFT, :4] = 0
    asked = {"probe": "segment", "given": ["image"]}
    against_truth = measured(case(half), LUNGS, case(half), case(LUNGS), **asked)
    against_labels = measured(case(half), LUNGS, case(half), None, **asked)
    assert against_truth["truth_dice_lobes"] == pytest.approx((1 + 1 + 2 / 3 + 2 / 3) / 4)
    assert against_labels["truth_dice_lobes"] == 1
    unlabeled = measured(case(half), LUNGS, case(half), case(np.zeros_like(half)), **asked)
    assert unlabeled["truth_dice_airway"] == 1  # a truth that shows nothing is none


def test_a_structure_that_was_not_drawn_is_wrong_and_one_without_truth_undefined():
    bare = LUNGS.copy()
    bare[regions.mask(LUNGS, "airway")] = 0
    asked = {"probe": "segment"}
    assert measured(case(bare), LUNGS, None, case(LUNGS), **asked)["truth_dice_airway"] == 0
    assert np.isnan(measured(case(LUNGS), LUNGS, None, case(bare), **asked)["truth_dice_airway"])
    assert np.isnan(measured(case(LUNGS), LUNGS, **asked)["truth_dice_lobes"])
    assert "truth_dice_lobes" not in measured(case(LUNGS), LUNGS, case(LUNGS), probe="prompt")


def test_volumes_are_those_of_the_patient_when_the_source_was_registered():
    source = case(LUNGS, "source", volume_scale="2.0")
    halved = measured(case(LUNGS), LUNGS, source)["airway_volume_cm3"]
    assert halved == pytest.approx(2 * 8 * 4 * 0.125 / 2)


def test_a_drawing_that_cannot_be_segmented_is_no_chest():
    def refuse(image):
        raise ValueError("no body")

    values = synthesis.measured(case(LUNGS), None, None, {}, refuse)
    assert np.isnan(values["lung_volume_l"])
    assert values["joint_dice_lungs"] == 0


def test_nothing_that_is_handed_in_is_changed():
    sample, found = case(LUNGS.copy()), LUNGS.copy()
    measured(sample, found, case(LUNGS), case(LUNGS), probe="segment", given=["lobes"])
    assert (found == LUNGS).all()
    assert (sample.anatomy == LUNGS).all()
