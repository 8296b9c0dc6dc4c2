"""Every file in the folder of segmenters keeps the contract, from the day it appears."""

import json

import drawn_chest
import numpy as np
import pytest

from radfoundry import volume
from radfoundry.anatomy import regions
from radfoundry.config import catalogue
from radfoundry.phantoms import chest_ct
from radfoundry.volume import Volume

FITTED = {"steps": 2}


@pytest.fixture(scope="module", params=catalogue.names("segmenters"))
def segmenter(request):
    """Return each segmenter in turn."""
    return catalogue.load("segmenters", request.param)


@pytest.fixture(scope="module")
def modality(segmenter):
    """Return the kind of image that a segmenter is tested on."""
    return next(kind for kind in ("CXR", "CT") if kind in segmenter.MODALITIES)


@pytest.fixture(scope="module")
def weights(segmenter, modality):
    """Return weights if the segmenter needs them."""
    if not segmenter.NEEDS_WEIGHTS:
        return None
    draw = {"CXR": drawn_chest.case, "CT": phantom}[modality]
    cases = [draw(seed=i) for i in range(2)]
    return segmenter.fit(FITTED, np.random.default_rng(0), cases=cases)


def phantom(seed: int = 0, size: int = 32):
    """Return a small phantom CT of a chest."""
    options = {"patients": 1, "exams": [1, 1], "size": size}
    table = chest_ct.plan(options, np.random.default_rng(seed))
    return chest_ct.draw(json.loads(table.parameters[0]))


@pytest.fixture(scope="module")
def label(segmenter, weights):
    """Return the function that labels, with default options."""
    return segmenter.prepare({}, weights)


@pytest.fixture(scope="module")
def chest(modality):
    """Return a drawn chest of the segmenter's modality."""
    return {"CXR": drawn_chest.case, "CT": phantom}[modality]()


@pytest.fixture(scope="module")
def labels(label, chest):
    """Return the labels of that chest; the image may not be written to meanwhile."""
    voxels = chest.image.voxels.copy()
    voxels.flags.writeable = False
    return label(Volume(voxels, chest.image.affine))


@pytest.fixture(scope="module")
def nothing(modality):
    """Return an image that shows no body."""
    if modality == "CXR":
        return volume.radiograph(np.zeros((96, 96), np.float32))
    return Volume(np.full((24, 24, 24), -1000, np.float32), np.diag([6.0, 6.0, 6.0, 1.0]))


def test_its_structures_are_in_the_vocabulary(segmenter):
    assert segmenter.STRUCTURES
    for structure in segmenter.STRUCTURES:
        assert regions.ids(structure)


def test_it_labels_on_the_grid_of_an_image_that_it_cannot_write_to(labels, chest):
    assert labels.shape == chest.image.voxels.shape
    assert labels.dtype == np.uint8
    regions.check(labels)


def test_it_labels_nothing_that_is_not_on_its_card(segmenter, labels):
    allowed = {0, *(i for name in segmenter.STRUCTURES for i in regions.ids(name))}
    assert set(np.unique(labels).tolist()) <= allowed


def test_what_it_labels_by_default_is_on_its_card(segmenter):
    assert set(segmenter.structures({})) <= set(segmenter.STRUCTURES)


def test_equal_images_have_equal_labels_and_are_left_alone(label, labels, chest):
    before = chest.image.voxels.copy()
    np.testing.assert_array_equal(label(chest.image), labels)
    np.testing.assert_array_equal(chest.image.voxels, before)


def test_an_image_of_nothing_has_no_labels(segmenter, label, nothing):
    if segmenter.NEEDS_WEIGHTS and "CT" in segmenter.MODALITIES:
        pytest.skip("a network of two steps knows nothing yet")
    assert not label(nothing).any()


def test_an_image_that_is_not_square_keeps_its_shape(label, chest):
    high = chest.image.voxels.shape[2]
    wide = Volume(chest.image.voxels[:, :, high // 6 : -1], chest.image.affine)
    assert label(wide).shape == wide.voxels.shape


def test_an_unknown_option_is_refused_by_name(segmenter, weights):
    with pytest.raises(ValueError, match="no_such_option"):
        segmenter.prepare({"no_such_option": 1}, weights)
