"""The vocabulary is one, and every map is checked against it."""

import numpy as np
import pytest

from radfoundry.anatomy import regions


def test_ids_and_names_are_unique():
    words = regions.vocabulary()
    labels = (*words.structures, *words.findings)
    assert len({label.id for label in labels}) == len(labels)
    assert len({label.name for label in labels}) == len(labels)
    assert words.ignore not in {label.id for label in labels}


def test_every_region_is_made_of_structures_that_exist():
    words = regions.vocabulary()
    known = {label.id for label in (*words.structures, *words.findings)}
    assert all(set(ids) <= known for ids in words.regions.values())


def test_a_finding_lies_within_a_region_that_exists():
    words = regions.vocabulary()
    assert all(label.within in words.regions for label in words.findings)


def test_lung_behind_the_heart_belongs_to_both():
    masks = {name: np.zeros((3, 1, 3), bool) for name in ("lung_left", "heart")}
    masks["lung_left"][:2], masks["heart"][1:] = True, True
    labels = regions.compose(masks)
    np.testing.assert_array_equal(regions.mask(labels, "lung_left"), masks["lung_left"])
    np.testing.assert_array_equal(regions.mask(labels, "heart"), masks["heart"])


def test_an_unknown_value_is_refused():
    with pytest.raises(ValueError, match=r"\[77\]"):
        regions.check(np.array([0, 77], np.uint8))


def test_a_finding_is_no_structure():
    with pytest.raises(ValueError, match="structures"):
        regions.check(np.array([regions.label_id("nodule")], np.uint8))


def test_labels_with_fractions_are_refused():
    with pytest.raises(ValueError, match="integers"):
        regions.check(np.array([0.1, 2.7]))


def test_an_unknown_region_names_those_there_are():
    with pytest.raises(ValueError, match="lung_left"):
        regions.ids("lungz")


def test_vessels_and_bronchi_in_a_lobe_belong_to_both():
    names = ("lung_upper_lobe_left", "lung_vessel", "airway")
    masks = {name: np.zeros(5, bool) for name in names}
    masks["lung_upper_lobe_left"][:3], masks["lung_vessel"][1:], masks["airway"][2:4] = 1, 1, 1
    labels = regions.compose(masks)
    np.testing.assert_array_equal(regions.mask(labels, names[0]), masks[names[0]])
    np.testing.assert_array_equal(regions.mask(labels, "airway"), masks["airway"])
    # where both trees claim a voxel the airway has it
    np.testing.assert_array_equal(regions.mask(labels, "lung_vessel"), [0, 1, 0, 0, 1])


def test_pleural_fluid_is_no_lung():
    labels = regions.compose({"pleural_space": np.ones(2, bool)})
    assert not regions.mask(labels, "lungs").any()
    assert regions.mask(labels, "pleural_cavity").all()


def test_a_mask_is_the_same_whatever_the_type_of_the_labels():
    labels = np.arange(0, 75, dtype=np.uint8)
    for region in regions.vocabulary().regions:
        wide = regions.mask(labels.astype(np.int32), region)
        np.testing.assert_array_equal(regions.mask(labels, region), wide)
