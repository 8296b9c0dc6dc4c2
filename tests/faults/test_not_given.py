"""A structure whose mask file is missing is not given: it is not absent, and enters no Dice."""

import numpy as np
import pytest
from files import BODY_AFFINE, body, nifti, zipped

from radfoundry.anatomy import regions
from radfoundry.data import gate
from radfoundry.evaluation.metrics import overlap

SIDES = {"right": "lung_right", "left": "lung_left", "heart": "heart", "spot": "nodule"}
PARTS = {"right": body() < -750, "left": (body() > -700) & (body() < -500), "heart": body() > -400}
CLAIMED = ("lung_right", "lung_left", "heart")


@pytest.fixture
def image(put):
    return gate.read(put(nifti(body(), BODY_AFFINE), "image.nii"), modality="CT").image


@pytest.fixture
def given(put, image):
    """Return a function that reads a folder with masks of these names."""

    def read(*names, mapping=SIDES):
        for name in names:
            path = put(zipped(nifti(PARTS[name].astype(np.uint8), BODY_AFFINE)), f"m/{name}.nii.gz")
        return gate.read_masks(path.parent, mapping, image)

    return read


def dices(masks, truth):
    return overlap.of_regions(truth, masks.structures, CLAIMED, masks.not_given)


def test_what_has_a_file_is_given_and_what_has_none_is_not(given):
    masks = given("right", "heart")
    assert masks.not_given == ("lung_left", "nodule")
    assert not regions.mask(masks.structures, "lung_left").any()


def test_a_structure_without_a_file_enters_no_dice_nor_does_what_it_is_part_of(given):
    whole = given("right", "left", "heart")
    assert dices(whole, whole.structures) == dict.fromkeys([*CLAIMED, "lungs"], 1)


def test_lungs_of_which_one_has_no_file_are_not_compared(given):
    masks = given("right", "heart")
    assert dices(masks, masks.structures) == {"lung_right": 1, "heart": 1}


def test_an_empty_file_says_that_a_structure_is_absent(given, monkeypatch):
    monkeypatch.setitem(PARTS, "left", body() > 9999)
    assert given("right", "left", "heart").not_given == ("nodule",)


def test_a_map_of_which_no_file_is_there_is_no_truth(given):
    masks = given("right", mapping={"right": "nodule", "heart": "heart"})
    assert (masks.structures, masks.not_given) == (None, ("heart",))


def test_a_part_of_what_has_a_file_needs_none_of_its_own(given):
    mapping = {"left": "lung_left", "right": "lung_right", "lobe": "lung_upper_lobe_left"}
    masks = given("left", "right", mapping=mapping | {"both": "lungs"})
    assert masks.not_given == ()
