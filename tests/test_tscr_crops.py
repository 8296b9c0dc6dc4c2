"""Crops around lesions: what TSCR's networks see."""

import numpy as np
import pytest

from radfoundry.case import Case
from radfoundry.generators.tscr import crops
from radfoundry.volume import Volume

CORE, RIM, BRAIN = 47, 48, 27


def case(shape=(20, 20, 20), boxes=(((5, 5, 5), 6),)):
    """Return a brain with cubic tumours whose cores are two voxels smaller on every side."""
    findings = np.zeros(shape, np.uint8)
    for start, width in boxes:
        for skin, number in ((0, RIM), (2, CORE)):
            box = [
                slice(at + skin, at + width - skin) if n > 1 else slice(None)
                for at, n in zip(start, shape, strict=True)
            ]
            findings[tuple(box)] = number
    voxels = np.linspace(0, 1, findings.size, dtype=np.float32).reshape(shape)
    anatomy = np.full(shape, BRAIN, np.uint8)
    return Case("one", Volume(voxels, np.diag([1, 2, 3, 1.0])), anatomy, findings)


def test_a_crop_shows_the_case_around_its_lesion_and_where_it_begins():
    whole = case()
    (crop,) = crops.centered(whole, 12)
    box = tuple(slice(at, at + 12) for at in crop.start)
    np.testing.assert_allclose(crop.intensities(crop.image), whole.image.voxels[box], atol=1e-6)
    assert np.bincount(crop.regions.ravel()).tolist() == [12**3 - 216, 216 - 8, 8]
    assert crop.padded == ((0, 0),) * 3


def test_beyond_the_image_edge_values_are_repeated_and_no_lesion_is():
    whole = case(boxes=(((0, 8, 8), 5),))
    (crop,) = crops.centered(whole, 16)
    assert crop.padded[0] == (6, 0)
    np.testing.assert_array_equal(crop.image[0], crop.image[6])
    assert not crop.regions[:6].any()
    assert (crop.regions > 0).sum() == 125


def test_a_case_of_one_plane_gives_pictures_with_their_two_spacings():
    (crop,) = crops.centered(case((20, 20, 1), (((5, 5, 0), 6),)), 12)
    assert (crop.image.shape, crop.plane, crop.spacing_mm) == ((12, 12), 2, (1.0, 2.0))


def test_each_lesion_has_a_crop_of_its_own_the_largest_first():
    two = case(boxes=(((1, 1, 1), 5), ((10, 10, 10), 6)))
    sizes = [int((crop.regions > 0).sum()) for crop in crops.centered(two, 16)]
    assert sizes == [216, 125]


def test_a_lesion_that_reaches_over_the_crop_is_left_out():
    assert crops.centered(case(), 4) == []


def test_a_whole_without_rim_is_one_region():
    findings = np.where(case().findings > 0, CORE, 0).astype(np.uint8)
    assert set(np.unique(crops.regions_of(findings))) == {0, crops.RIM}


def test_a_healthy_place_holds_the_mask_without_touching_a_lesion():
    whole = case()
    (crop,) = crops.centered(whole, 12)
    found = crops.healthy(whole, crop.regions, np.random.default_rng(0))
    ill = crops.around(whole, tuple(n + 6 for n in found.start), 12, regions=whole.findings)
    np.testing.assert_array_equal(found.regions, crop.regions)
    assert not ill.regions[found.regions > 0].any()


def test_an_organ_that_is_all_lesion_has_no_healthy_place():
    full = case(boxes=(((0, 0, 0), 20),))
    assert crops.healthy(full, np.ones((8, 8, 8), np.uint8), np.random.default_rng(0)) is None


def test_a_center_outside_of_the_case_is_named():
    with pytest.raises(ValueError, match="one: the center"):
        crops.around(case(), (30, 0, 0), 8)
