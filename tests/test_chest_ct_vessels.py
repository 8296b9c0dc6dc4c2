"""Vessels of the lungs: drawn tubes, walls and fillings, phantoms and real scans."""

import json

import numpy as np
import pytest
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct.vessels import parenchyma, vessels
from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics.overlap import dice

SPACING_MM = (1.5, 1.5, 1.5)
SHAPE = (64, 64, 64)


@pytest.fixture
def lungs():
    """Return a lung that fills the grid but for a wall of 8 voxels."""
    inside = np.zeros(SHAPE, bool)
    inside[8:-8, 8:-8, 8:-8] = True
    return inside


@pytest.fixture
def empty(lungs):
    """Return the HU of that lung without vessels, with noise."""
    rng = np.random.default_rng(5)
    image = np.where(lungs, -860, 40) + rng.normal(0, 20, SHAPE)
    return ndimage.gaussian_filter(image, 0.6).astype(np.float32)


def tube(radius, center=(32, 32)):
    """Return a round bar along z inside the lung."""
    x, y, z = np.indices(SHAPE)
    near = np.hypot(x - center[0], y - center[1]) <= radius
    return near & (z > 14) & (z < 50)


def put(image, mask, hu=40):
    """Return the image with the mask filled, blurred as a scanner does."""
    share = ndimage.gaussian_filter(mask.astype(np.float32), 0.6)
    return image + share * (np.float32(hu) - image)


@pytest.mark.parametrize("radius", [1.0, 2.0, 4.0])
def test_thin_and_thick_vessels_are_found_with_their_width(empty, lungs, radius):
    truth = tube(radius)
    assert dice(vessels(put(empty, truth), lungs, SPACING_MM), truth) > 0.8


def test_a_lung_without_vessels_has_none_not_even_at_its_wall(empty, lungs):
    assert not vessels(empty, lungs, SPACING_MM).any()


def test_a_consolidation_is_not_a_vessel(empty, lungs):
    filled = np.linalg.norm((np.indices(SHAPE).T - [32, 28, 36]) / [14, 12, 16], axis=-1).T < 1
    found = vessels(put(empty, filled), lungs, SPACING_MM)
    assert (found & filled).sum() < 0.02 * filled.sum()


def test_a_round_nodule_is_not_a_vessel(empty, lungs):
    ball = np.linalg.norm(np.indices(SHAPE) - 32.0, axis=0) < 4
    assert not vessels(put(empty, ball), lungs, SPACING_MM).any()


def test_a_fissure_is_not_a_vessel(empty, lungs):
    sheet = np.zeros(SHAPE, bool)
    sheet[8:-8, 8:-8, 32] = True
    assert not vessels(put(empty, sheet), lungs, SPACING_MM).any()


def test_a_vessel_stays_within_the_lungs_and_the_image_unchanged(empty, lungs):
    image = put(empty, tube(2))
    before = image.copy()
    assert not (vessels(image, lungs, SPACING_MM) & ~lungs).any()
    np.testing.assert_array_equal(image, before)


def test_the_parenchyma_around_a_vessel_is_the_lungs_not_the_vessels(empty, lungs):
    level = parenchyma(put(empty, tube(3)), lungs, SPACING_MM)
    assert abs(level[32, 32, 32] + 860) < 40


def test_lungs_outside_the_field_have_no_vessels(empty, lungs):
    assert not vessels(empty, np.zeros_like(lungs), SPACING_MM).any()


def test_an_image_and_lungs_of_two_grids_are_refused(empty, lungs):
    with pytest.raises(ValueError, match="one 3D grid"):
        vessels(empty, lungs[:-1], SPACING_MM)
    with pytest.raises(ValueError, match="three positive"):
        vessels(empty, lungs, (1.0, 0.0, 1.0))


def test_the_vessels_of_a_phantom_are_found():
    phantom = load("phantoms", "chest_ct")
    options = {"patients": 2, "exams": [1, 1], "size": 96, "findings": {}}
    for text in phantom.plan(options, np.random.default_rng(2))["parameters"]:
        case = phantom.draw(json.loads(text))
        lungs, truth = (regions.mask(case.anatomy, name) for name in ("lungs", "lung_vessel"))
        spacing_mm = np.linalg.norm(case.image.affine[:3, :3], axis=0)
        assert dice(vessels(case.image.voxels, lungs, spacing_mm), truth & lungs) > 0.55
