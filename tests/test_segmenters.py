"""Every file in the folder of segmenters keeps the contract, from the day it appears."""

import drawn_chest
import numpy as np
import pytest

from radfoundry import anatomy, catalogue, volume
from radfoundry.volume import Volume

FITTED = {"steps": 2}


@pytest.fixture(scope="module", params=catalogue.names("segmenters"))
def segmenter(request):
    """Return each segmenter of radiographs in turn."""
    module = catalogue.load("segmenters", request.param)
    if "CXR" not in module.MODALITIES:
        pytest.skip(f"{request.param} does not read radiographs")
    return module


@pytest.fixture(scope="module")
def weights(segmenter):
    """Return weights if the segmenter needs them."""
    if not segmenter.NEEDS_WEIGHTS:
        return None
    cases = [drawn_chest.case(seed=i) for i in range(2)]
    return segmenter.fit(FITTED, np.random.default_rng(0), cases=cases)


@pytest.fixture(scope="module")
def label(segmenter, weights):
    """Return the function that labels, with default options."""
    return segmenter.prepare({}, weights)


@pytest.fixture(scope="module")
def chest():
    """Return a drawn chest."""
    return drawn_chest.case()


def test_its_structures_are_in_the_vocabulary(segmenter):
    assert segmenter.STRUCTURES
    for structure in segmenter.STRUCTURES:
        assert anatomy.ids(structure)


def test_it_labels_on_the_grid_of_the_image(label, chest):
    labels = label(chest.image)
    assert labels.shape == chest.image.voxels.shape
    assert labels.dtype == np.uint8
    anatomy.check(labels)


def test_it_labels_nothing_that_is_not_on_its_card(segmenter, label, chest):
    allowed = {0, *(i for name in segmenter.STRUCTURES for i in anatomy.ids(name))}
    assert set(np.unique(label(chest.image)).tolist()) <= allowed


def test_equal_images_have_equal_labels(label, chest):
    np.testing.assert_array_equal(label(chest.image), label(chest.image))


def test_the_image_is_left_alone(label, chest):
    before = chest.image.voxels.copy()
    label(chest.image)
    np.testing.assert_array_equal(chest.image.voxels, before)


def test_a_black_image_has_no_labels(label):
    assert not label(volume.radiograph(np.zeros((96, 96), np.float32))).any()


def test_a_film_that_is_not_square_keeps_its_shape(label, chest):
    wide = Volume(chest.image.voxels[:, :, 20:120], chest.image.affine)
    assert label(wide).shape == wide.voxels.shape


def test_an_unknown_option_is_refused_by_name(segmenter, weights):
    with pytest.raises(ValueError, match="no_such_option"):
        segmenter.prepare({"no_such_option": 1}, weights)


def test_a_read_only_image_can_be_labeled(label, chest):
    voxels = chest.image.voxels.copy()
    voxels.flags.writeable = False
    assert label(Volume(voxels, chest.image.affine)).shape == voxels.shape
